"""Plans: what a seed lets happen, when, to whom, drawn before anything runs.

Each action has a die of its own and chooses among what is there when its time comes. So an action
can be taken out and all others still mean something: that is what shrinking rests on.
"""

from __future__ import annotations

import random
from typing import NamedTuple

STEPS = 60
STEPS_LONG = 240
MINUTE_MS = 60_000


class Action(NamedTuple):
    """Something that is to happen at ``at`` ms after the beginning."""

    n: int
    at: int
    kind: str
    who: int
    seed: int


class Plan(NamedTuple):
    """All that makes a run: which beginning, and the actions in the order of their time."""

    seed: int
    base: int
    actions: tuple[Action, ...]


# What honest members do, and how often.
HONEST: dict[str, int] = {
    "say": 12,
    "make": 7,
    "claim": 9,
    "work": 9,
    "give": 3,
    "review": 3,
    "edit": 3,
    "gate": 2,
    "hand_over": 2,
    "record": 2,
    "redact": 2,
    "rename": 2,
    "policy": 1,
    "invite": 3,
    "uninvite": 2,
    "join": 5,
    "role": 3,
    "remove": 4,
    "leave": 1,
    "admit": 4,
    "delegate": 2,
    "revoke": 2,
    "rotate": 2,
    "close": 1,
    "sync": 14,
    "pull": 3,
    "ack": 2,
}
# What goes wrong: groups, of which a seed has some, so that each is met with and without others.
FAULTS: dict[str, dict[str, int]] = {
    "net": {"storm": 5, "part": 6},
    "hands": {"hand": 9},
    "crash": {"kill": 8, "restart": 3},
    "power": {"cut": 6},
    "disk": {"fail": 5, "full": 3},
    "copies": {"backup": 3, "restore": 3, "clone": 2},
    "clocks": {"skew": 3, "sleep": 1},
    "lies": {"wipe": 1, "roll_back": 2, "fork": 2, "omit": 2, "garble": 3, "heal": 4, "unbox": 2},
    "evil": {"backdate": 6, "equivocate": 3, "junk": 3, "defy": 6, "launder": 3},
}


def draw(seed: int, *, steps: int = STEPS, bases: int = 8) -> Plan:
    """Return the plan of a seed."""
    dice = random.Random(seed)
    weights = {kind: weight * dice.choice((0, 1, 1, 1, 3)) for kind, weight in HONEST.items()}
    weights["sync"] = max(weights["sync"], 8)
    weights["say"] = max(weights["say"], 6)
    for group in FAULTS.values():
        if dice.random() < 0.4:
            weights.update(
                {kind: weight * dice.choice((1, 1, 2)) for kind, weight in group.items()}
            )
    kinds, shares = list(weights), list(weights.values())
    at, actions = 0, list[Action]()
    for n in range(steps):
        at += int(dice.expovariate(1 / MINUTE_MS))
        kind = dice.choices(kinds, shares)[0]
        actions.append(Action(n, at, kind, dice.randrange(60), dice.getrandbits(48)))
    return Plan(seed, seed % bases, tuple(actions))
