"""Hooks: what each moment of a runtime costs, as a process of its own, at its most expensive.

An agent waits while a hook runs. So the session is unknown each time, everything is unread, a held
task has no note, and the session that ends holds some.

Specification: docs/MEASURES.md, section 3; docs/spec/hooks.md, Hooks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from bench import world, yardsticks
from bench.cases.start import shared
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, environment, spend
from envoy.replica.actions import tasks
from envoy.storage import home as homes

EVENTS = 10_000
MOST_MS = 100.0
HELD = 3  # tasks that a session gives back
STAYS, ENDS = "bench-stays", "bench-ends"
Good = Callable[[Json | None], bool]

HOOKS: dict[str, Good] = {
    "session-start": lambda said: said is not None and "unread" in told(said),
    "user-prompt": lambda said: said is not None and "unread" in told(said),
    "stop": lambda said: said is not None and said["decision"] == "block",
    "pre-compact": lambda said: said is None,
    "session-end": lambda said: said is None,
}


def told(said: Json) -> str:
    """Return the context that a hook gives."""
    return str(said["hookSpecificOutput"]["additionalContext"])


def play_hooks(setting: Setting) -> Race:
    """Measure the five hooks, and the end of a session that holds tasks."""
    made = shared(setting.shared, EVENTS)
    hold(made, STAYS, 1)
    found = [yardsticks.python(setting.scratch)]
    for name in HOOKS:
        found += [hook(name, unit, (setting, made)) for unit in ("cpu_ms", "wall_ms")]
    found += [ending(unit, (setting, made)) for unit in ("cpu_ms", "wall_ms")]
    bounds = [
        Target(one.name, None, MOST_MS, is_most=True) for one in found[1:] if one.unit == "cpu_ms"
    ]
    return Race(tuple(found), tuple(bounds))


def hold(made: world.World, session: str, count: int) -> None:
    """Let ``session`` of the reader claim tasks."""
    with world.opened(made, "reader") as replica:
        for task in task_ids(made, "open", count):
            tasks.claim(replica, task, session=session, require="confirmed")


def task_ids(made: world.World, state: str, count: int) -> list[bytes]:
    """Return the ids of tasks in a state."""
    with world.looking(made, "reader") as views:
        sn = views.spaces()[0].sn
        return [one.id for one in views.tasks(sn, states=(state,), after=None, limit=count)]


def hook(name: str, unit: str, where: tuple[Setting, world.World]) -> Contender:
    """Return a hook of a session that nothing is known of as a contender."""

    def once() -> float:
        session = ENDS if name == "session-end" else STAYS
        return run(name, session, unit, where)

    return Contender(f"{name} {unit[:-3]}", unit, once)


def ending(unit: str, where: tuple[Setting, world.World]) -> Contender:
    """Return the end of a session that holds tasks as a contender; they have to be free then."""
    _, made = where

    def once() -> float:
        hold(made, ENDS, HELD)
        before = len(task_ids(made, "claimed", 100))
        spent = run("session-end", ENDS, unit, where)
        if before - len(task_ids(made, "claimed", 100)) != HELD:
            raise Wrong("the session ended and holds tasks")
        return spent

    return Contender(f"session-end, {HELD} held {unit[:-3]}", unit, once)


def run(name: str, session: str, unit: str, where: tuple[Setting, world.World]) -> float:
    """Run a hook and return what it cost; raise Wrong for another answer than it has to give."""
    setting, made = where
    paths = homes.paths(str(made.home), "reader")
    shutil.rmtree(Path(paths.profile) / "sessions", ignore_errors=True)
    env = environment(made.home, "reader") | {"ENVOY_SESSION": session}
    spent = spend([setting.envoy, "hook", name], env, setting.scratch)
    said = json.loads(spent.out) if spent.out else None
    if spent.exit != 0 or spent.err or not HOOKS[name](said):
        raise Wrong(f"hook {name}: exit {spent.exit}: {spent.out[:200]}{spent.err[:200]}")
    return float(spent.cpu_ms if unit == "cpu_ms" else spent.wall_ms)


CASES = (Case("hooks", "each hook of a runtime, in 10,000 events", play_hooks),)
