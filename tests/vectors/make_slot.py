"""Write tests/vectors/slot.json: what a hub answers to claims, renewals and releases of a slot.

Written by hand from docs/spec/frames.md, Slots: nothing computes what is expected. A case is a
list of steps on a fresh hub; all but the last succeed, the last one is expected or refused. Times
are seconds of the hub's clock. ``event`` names a frame, ``holder`` a secret, ``poster`` who pays;
``slots`` in a claim makes it one of as many on other slots.
"""

from __future__ import annotations

import json
from pathlib import Path

TARGET = Path(__file__).with_name("slot.json")
Vector = dict[str, object]
Step = dict[str, object]

LEASE = 60
GRACE = 30
FREE = LEASE + GRACE  # the second from which others may claim what was claimed at 0
FLOOR = 2**40


def claim(at: int, holder: str, seen: int, **more: object) -> Step:
    """Return a claim; its event is named by holder and time unless ``more`` names another."""
    event = f"claim of {holder} at {at}"
    step: Step = {"op": "claim", "at": at, "holder": holder, "seen": seen, "lease_s": LEASE}
    return {**step, "event": event, "poster": "p", **more}


def renew(at: int, holder: str, seen: int, **more: object) -> Step:
    """Return a renewal without an event."""
    step: Step = {"op": "renew", "at": at, "holder": holder, "seen": seen, "lease_s": LEASE}
    return {**step, "event": None, "poster": "p", **more}


def release(at: int, holder: str, seen: int, **more: object) -> Step:
    """Return a release without an event."""
    step: Step = {"op": "release", "at": at, "holder": holder, "seen": seen, "lease_s": 0}
    return {**step, "event": None, "poster": "p", **more}


FIRST = claim(0, "a", 0)
GOOD: list[tuple[str, list[Step], Step]] = [
    ("the first claim", [FIRST], {"fence": 1, "until": LEASE, "seqs": [1, 2]}),
    ("a claim after lease and grace", [FIRST, claim(FREE, "b", 1)],
     {"fence": 2, "until": FREE + LEASE, "seqs": [3, 4]}),
    ("the holder claims again after lease and grace", [FIRST, claim(FREE, "a", 1)],
     {"fence": 2, "until": FREE + LEASE, "seqs": [3, 4]}),
    ("the row's own event again gets the same receipt", [FIRST, {**FIRST, "at": 10}],
     {"fence": 1, "until": LEASE, "seqs": [1, 2]}),
    ("the row's own event again, by whoever uploads it",
     [FIRST, {**FIRST, "at": 10, "holder": "b", "seen": 5, "poster": "q"}],
     {"fence": 1, "until": LEASE, "seqs": [1, 2]}),
    ("the row's own event again after a renewal tells the lease as it is now",
     [FIRST, renew(50, "a", 1), {**FIRST, "at": 60}],
     {"fence": 1, "until": 50 + LEASE, "seqs": [1, 2]}),
    ("the floor of a slot without a row", [claim(0, "a", 7)],
     {"fence": 8, "until": LEASE, "seqs": [1, 2]}),
    ("the highest floor", [claim(0, "a", FLOOR)],
     {"fence": FLOOR + 1, "until": LEASE, "seqs": [1, 2]}),
    ("above the highest floor with a row", [claim(0, "a", FLOOR), claim(FREE, "b", FLOOR + 1)],
     {"fence": FLOOR + 2, "until": FREE + LEASE, "seqs": [3, 4]}),
    ("a renewal", [FIRST, renew(50, "a", 1)],
     {"fence": None, "until": 50 + LEASE, "seqs": []}),
    ("a renewal with an event", [FIRST, renew(50, "a", 1, event="progress")],
     {"fence": None, "until": 50 + LEASE, "seqs": [3]}),
    ("a renewal after the lease, before another claim", [FIRST, renew(1000, "a", 1)],
     {"fence": None, "until": 1000 + LEASE, "seqs": []}),
    ("a claim waits for a renewed lease", [FIRST, renew(50, "a", 1), claim(50 + FREE, "b", 1)],
     {"fence": 2, "until": 50 + FREE + LEASE, "seqs": [3, 4]}),
    ("a release", [FIRST, release(10, "a", 1)], {"fence": None, "until": 10, "seqs": []}),
    ("a release with an event", [FIRST, release(10, "a", 1, event="done")],
     {"fence": None, "until": 10, "seqs": [3]}),
    ("a release twice", [FIRST, release(10, "a", 1), release(20, "a", 1)],
     {"fence": None, "until": 20, "seqs": []}),
    ("a claim in the second of the release", [FIRST, release(10, "a", 1), claim(10, "b", 1)],
     {"fence": 2, "until": 10 + LEASE, "seqs": [3, 4]}),
    ("a clock that runs back does not end a lease, nor begin one earlier",
     [FIRST, renew(50, "a", 1), renew(20, "a", 1)],
     {"fence": None, "until": 50 + LEASE, "seqs": []}),
    ("fifty claims in a row",
     [claim(FREE * n, "ab"[n % 2], n) for n in range(50)],
     {"fence": 50, "until": FREE * 49 + LEASE, "seqs": [99, 100]}),
    ("a full share: the row whose lease ended longest ago goes",
     [claim(0, "a", 0, slots=256), claim(FREE, "a", 0)],
     {"fence": 1, "until": FREE + LEASE, "seqs": [513, 514]}),
    ("a full share of one poster is no other's",
     [claim(0, "a", 0, slots=256), claim(1, "b", 0, poster="q")],
     {"fence": 1, "until": 1 + LEASE, "seqs": [513, 514]}),
]  # fmt: skip
BAD: list[tuple[str, str, list[Step]]] = [
    ("seen too low", "slot_moved", [FIRST, claim(FREE, "b", 0)]),
    ("seen too high", "slot_moved", [FIRST, claim(FREE, "b", 2)]),
    ("above the highest floor without a row", "slot_moved", [claim(0, "a", FLOOR + 1)]),
    ("a live lease", "slot_taken", [FIRST, claim(LEASE - 1, "b", 1)]),
    ("the last second of the grace", "slot_taken", [FIRST, claim(FREE - 1, "b", 1)]),
    ("the holder's own live lease", "slot_taken", [FIRST, claim(10, "a", 1)]),
    ("a renewed lease", "slot_taken", [FIRST, renew(50, "a", 1), claim(FREE, "b", 1)]),
    ("an older event of the slot", "slot_moved",
     [FIRST, claim(FREE, "b", 1), {**FIRST, "at": FREE + 1}]),
    ("a renewal by another holder", "slot_taken", [FIRST, renew(50, "b", 1)]),
    ("a renewal under a lost fence", "slot_moved",
     [FIRST, claim(FREE, "b", 1), renew(FREE + 1, "a", 1)]),
    ("a renewal of a slot without a row", "slot_moved", [renew(0, "a", 1)]),
    ("a release by another holder", "slot_taken", [FIRST, release(10, "b", 1)]),
    ("a release under a lost fence", "slot_moved",
     [FIRST, claim(FREE, "b", 1), release(FREE + 1, "a", 1)]),
    ("a release of a slot without a row", "slot_moved", [release(0, "a", 1)]),
    ("a full share of live leases", "quota_exceeded",
     [claim(0, "a", 0, slots=256), claim(FREE - 1, "a", 0)]),
    ("a claim without its event", "malformed", [claim(0, "a", 0, event=None)]),
    ("a lease of 59 s", "malformed", [claim(0, "a", 0, lease_s=59)]),
    ("a lease of a day and a second", "malformed", [claim(0, "a", 0, lease_s=86_401)]),
    ("a release with a lease", "malformed", [FIRST, release(1, "a", 1, lease_s=60)]),
    ("another op", "malformed", [{**FIRST, "op": "take"}]),
]  # fmt: skip


def vectors() -> list[Vector]:
    """Return all vectors."""
    found: list[Vector] = [
        {"name": name, "input": {"steps": steps}, "expect": expect} for name, steps, expect in GOOD
    ]
    found += [{"name": name, "input": {"steps": steps}, "code": code} for name, code, steps in BAD]
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
