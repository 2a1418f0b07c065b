"""Shrinking: fewer and fewer actions that still break the same thing; and keeping what is left.

Each action has its own die, so one can go without changing what the others draw. What is found is
kept as a file in `tests/regress`, with its actions: one day a seed may draw another plan.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sim.plan import Action, Plan

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests/regress"
RUNS_MAX = 150


def shrunk(plan: Plan, fails: Callable[[Plan], bool], *, runs_max: int = RUNS_MAX) -> Plan:
    """Return a plan with as few actions as were found to fail still, in so many runs at most."""
    left, runs = list(plan.actions), 0
    size = max(1, len(left) // 2)
    while runs < runs_max:
        at, before = len(left), len(left)
        while at > 0 and runs < runs_max:
            at = max(0, at - size)
            tried = left[:at] + left[at + size :]
            runs += 1
            if fails(plan._replace(actions=tuple(tried))):
                left = tried
        if size == 1 and len(left) == before:
            break
        size = max(1, size // 2)
    return plan._replace(actions=tuple(left))


def write(plan: Plan, name: str, what: str, *, folder: Path = KEPT) -> Path:
    """Keep a plan under a name, with what it broke."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    shown = {"seed": plan.seed, "base": plan.base, "broke": what}
    lines = ",\n  ".join(json.dumps(list(one)) for one in plan.actions)
    head = json.dumps(shown)[:-1]
    path.write_text(f'{head}, "actions": [\n  {lines}\n]}}\n', "utf-8")
    return path


def read(path: Path) -> Plan:
    """Return a plan that was kept."""
    kept = json.loads(path.read_text("utf-8"))
    actions = tuple(Action(*one) for one in kept["actions"])
    return Plan(kept["seed"], kept["base"], actions)
