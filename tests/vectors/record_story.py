"""A story of records: what is said in it, and what each record comes to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from oracle.scene import fixed

Json = dict[str, object]

TASK, OTHER_TASK = fixed("a task").hex(), fixed("another task").hex()
# Of two equal ranks the one with the smaller SHA-256(older || author) wins.
BEFORE, AFTER = sorted(
    ("ada", "bo"),
    key=lambda who: hashlib.sha256(fixed("old") + fixed(who)).digest(),
)


def said(name: str, lam: int, kind: str, **more: object) -> Json:
    """Return a record; what is not named is that of a plain one by ada."""
    known: Json = {
        "author": "ada", "rho": 1, "type": None, "task": TASK, "text": "words", "fields": {},
        "subject": None, "refs": [], "sees": [],
    }  # fmt: skip
    made = {"id": name, "lam": lam, "kind": kind, **known, **more}
    made["author"] = fixed(str(made["author"])).hex()
    made["id"] = fixed(name).hex()
    refs, sees = made["refs"], made["sees"]
    assert isinstance(refs, list) and isinstance(sees, list)
    made["refs"] = [[rel, fixed(target).hex()] for rel, target in refs]
    made["sees"] = [fixed(one).hex() for one in sees]
    return made


def taken_back(name: str, *, by: str = "ada", rho: int = 2, seen: bool = True) -> Json:
    """Return a retraction of the record ``name``."""
    return {"record": fixed(name).hex(), "author": fixed(by).hex(), "rho": rho, "saw_it": seen}


def proof(name: str, lam: int, digest: str, **more: object) -> Json:
    """Return evidence about one thing of a version."""
    known: Json = {"type": "test", "subject": f"git:hull@{digest}", "fields": {"result": "pass"}}
    return said(name, lam, "evidence", **{**known, **more})


def story(name: str, records: list[Json], *acts: Json, **expect: Sequence[object]) -> Json:
    """Return a vector; ``expect`` has by record [refused, state, grade, stale]."""
    conflicts = expect.pop("conflicts", [])
    return {
        "name": name,
        "input": {"records": records, "retractions": list(acts)},
        "expect": {
            "records": {fixed(one).hex(): found for one, found in expect.items()},
            "conflicts": [
                [fixed(str(winner)).hex(), fixed(str(loser)).hex(), rule, status]
                for winner, loser, rule, status in map(_four, conflicts)
            ],
        },
    }


def _four(found: object) -> tuple[object, object, object, object]:
    assert isinstance(found, tuple) and len(found) == 4
    return found


REFUSED: list[object] = ["field_invalid", None, None, None]
IN_FORCE: list[object] = [None, "in_force", None, False]
OPEN: list[object] = [None, "open", None, False]
CURRENT: list[object] = [None, "current", "self_reported", False]
MAJOR = {"severity": "major"}
RAN = {
    "argv": ["make"], "cwd": ".", "exit": 0, "grade": "recorded", "output_bytes": 3,
    "output_sha256": "4f" * 32, "output_tail": "ok\n", "result": "pass",
    "started_at": "2026-01-01T00:00:00.000Z", "took_ms": 7,
}  # fmt: skip
