"""Write tests/vectors/records.json: small stories of records, and what each of them comes to.

Expected values are written by hand beside each story, from docs/spec/records.md. Nothing of envoy
is used: a slip in the source cannot agree with itself. What breaks a rule breaks one only, which
the story before it keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from oracle.scene import fixed

TARGET = Path(__file__).with_name("records.json")
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
    "argv": ["make"], "cwd": ".", "exit": 0, "grade": "recorded", "output_sha256": "00",
    "result": "pass",
}  # fmt: skip


def kinds() -> list[Json]:
    """Return what each kind must have, and the same without one thing."""
    decided = said("d", 1, "decision")
    against = said("o", 2, "objection", fields=MAJOR, refs=[["contradicts", "d"]])
    return [
        story("a decision", [decided], d=IN_FORCE),
        story("a decision without a text", [said("d", 1, "decision", text="")], d=REFUSED),
        story("a charter of an admin", [said("c", 1, "charter", rho=3)], c=IN_FORCE),
        story(
            "a charter of its creator",
            [said("c", 1, "charter", rho=2)],
            c=["record_without_rank", None, None, None],
        ),
        story("evidence", [proof("e", 1, "1")], e=CURRENT),
        story("evidence of no type", [proof("e", 1, "1", type=None)], e=REFUSED),
        story("evidence of nothing", [proof("e", 1, "1", subject=None)], e=REFUSED),
        story("evidence without a digest", [proof("e", 1, "1", subject="git:hull")], e=REFUSED),
        story("evidence without a scheme", [proof("e", 1, "1", subject=":hull@1")], e=REFUSED),
        story("evidence of no name", [proof("e", 1, "1", subject="git:@1")], e=CURRENT),
        story("evidence of no result", [proof("e", 1, "1", fields={})], e=REFUSED),
        story(
            "evidence of another result", [proof("e", 1, "1", fields={"result": "ok"})], e=REFUSED
        ),
        story("an objection", [decided, against], d=IN_FORCE, o=OPEN),
        story("an objection to nothing", [said("o", 1, "objection", fields=MAJOR)], o=REFUSED),
        story(
            "an objection of no severity",
            [decided, said("o", 2, "objection", refs=[["contradicts", "d"]])],
            d=IN_FORCE,
            o=REFUSED,
        ),
        story(
            "a repair",
            [said("r", 1, "repair", refs=[["repairs", "x"]])],
            r=[None, "proposed", None, False],
        ),
        story("a repair of nothing", [said("r", 1, "repair")], r=REFUSED),
        story(
            "an approval",
            [said("a", 1, "approval", text="", subject="git:hull@1", fields={"verdict": "defer"})],
            a=[None, "stands", None, False],
        ),
        story(
            "an approval of nothing",
            [said("a", 1, "approval", text="", fields={"verdict": "defer"})],
            a=REFUSED,
        ),
        story("a risk", [said("k", 1, "risk", fields={"severity": "note"})], k=OPEN),
        story("a risk of no severity", [said("k", 1, "risk")], k=REFUSED),
        story(
            "a correction", [said("c", 1, "correction", refs=[["contradicts", "x"]])], c=IN_FORCE
        ),
        story("a correction of nothing", [said("c", 1, "correction")], c=REFUSED),
        story("a record of a kind that is none", [said("v", 1, "vote")], v=REFUSED),
        story("a handoff by hand", [said("h", 1, "handoff", rho=3)], h=REFUSED),
    ]


def states() -> list[Json]:
    """Return what records come to beside each other."""
    decided = said("d", 1, "decision")
    newer = said("n", 2, "decision", refs=[["supersedes", "d"]], sees=["d"])
    blocking = said(
        "o", 2, "objection", author="bo", fields={"severity": "blocking"},
        refs=[["contradicts", "d"]],
    )  # fmt: skip
    answer = said("w", 3, "decision", author="bo", refs=[["answers", "o"]])
    return [
        story("superseded", [decided, newer], d=[None, "superseded", None, False], n=IN_FORCE),
        story(
            "superseded by what was taken back",
            [decided, newer],
            taken_back("n"),
            d=IN_FORCE,
            n=[None, "retracted", None, False],
        ),
        story(
            "a blocking objection contests",
            [decided, blocking],
            d=[None, "contested", None, False],
            o=OPEN,
        ),
        story(
            "answered by who objected",
            [decided, blocking, answer],
            d=[None, "contested", None, False],
            o=[None, "repaired", None, False],
            w=IN_FORCE,
        ),
        story(
            "answered by an admin",
            [decided, blocking, {**answer, "author": fixed("cy").hex(), "rho": 3}],
            d=[None, "contested", None, False],
            o=[None, "overruled", None, False],
            w=IN_FORCE,
        ),
        story(
            "answered by anybody else",
            [decided, blocking, {**answer, "author": fixed("cy").hex()}],
            d=[None, "contested", None, False],
            o=OPEN,
            w=IN_FORCE,
        ),
    ]


def endings() -> list[Json]:
    """Return what is answered, withdrawn and taken back."""
    decided = said("d", 1, "decision")
    risk = said("k", 1, "risk", fields=MAJOR)
    repair = said("r", 1, "repair", refs=[["repairs", "x"]])
    blocking = said(
        "o",
        2,
        "objection",
        author="bo",
        fields={"severity": "blocking"},
        refs=[["contradicts", "d"]],
    )
    return [
        story(
            "withdrawn",
            [decided, blocking],
            taken_back("o", by="bo"),
            d=IN_FORCE,
            o=[None, "withdrawn", None, False],
        ),
        story(
            "an answered risk and repair",
            [
                risk,
                repair,
                said("w", 2, "decision", refs=[["answers", "k"], ["answers", "r"]]),
            ],
            k=[None, "closed", None, False],
            r=[None, "accepted", None, False],
            w=IN_FORCE,
        ),
        story(
            "taken back by whom it does not belong to", [decided], taken_back("d", by="bo", rho=1),
            d=IN_FORCE,
        ),
        story(
            "taken back by an admin", [decided], taken_back("d", by="cy", rho=3),
            d=[None, "retracted", None, False],
        ),
        story("taken back unseen", [decided], taken_back("d", seen=False), d=IN_FORCE),
    ]  # fmt: skip


def versions() -> list[Json]:
    """Return what makes a record stale."""
    first, stale = proof("e", 1, "1"), [None, "stale", "self_reported", True]
    return [
        story("a later version", [first, proof("f", 2, "2")], e=stale, f=CURRENT),
        story("the same version", [first, proof("f", 2, "1")], e=CURRENT, f=CURRENT),
        story(
            "a later version of another thing",
            [first, proof("f", 2, "2", subject="git:keel@2")],
            e=CURRENT,
            f=CURRENT,
        ),
        story(
            "a later version at another task",
            [first, proof("f", 2, "2", task=OTHER_TASK)],
            e=CURRENT,
            f=CURRENT,
        ),
        story(
            "a later version without a task",
            [proof("e", 1, "1", task=None), proof("f", 2, "2", task=None)],
            e=CURRENT,
            f=CURRENT,
        ),
        story(
            "a later version that was taken back",
            [first, proof("f", 2, "2")],
            taken_back("f"),
            e=CURRENT,
            f=[None, "retracted", "self_reported", False],
        ),
        story(
            "an approval of an older version",
            [
                said("a", 1, "approval", subject="git:hull@1", fields={"verdict": "approve"}),
                proof("f", 2, "2"),
            ],
            a=[None, "stale", None, True],
            f=CURRENT,
        ),
    ]


def grades() -> list[Json]:
    """Return how well evidence is backed."""
    return [
        story(
            "recorded",
            [proof("e", 1, "1", fields=RAN)],
            e=[None, "current", "recorded", False],
        ),
        story(
            "claimed to be recorded, without a digest of the output",
            [
                proof(
                    "e", 1, "1",
                    fields={key: one for key, one in RAN.items() if key != "output_sha256"},
                )
            ],
            e=CURRENT,
        ),
        story(
            "backed, and not claimed to be",
            [proof("e", 1, "1", fields={**RAN, "grade": "self_reported"})],
            e=CURRENT,
        ),
    ]  # fmt: skip


OLD = said("old", 1, "decision", author="cy")
GONE: list[object] = [None, "superseded", None, False]


def successor(name: str, lam: int, who: str, **more: object) -> Json:
    """Return a record in the place of OLD."""
    known: Json = {"refs": [["supersedes", "old"]], "sees": ["old"], "author": who}
    return said(name, lam, "decision", **{**known, **more})


def rivals() -> list[Json]:
    """Return successors that met."""
    apart = [OLD, successor("a", 2, BEFORE), successor("b", 2, AFTER)]
    return [
        story(
            "two successors apart, by the hash",
            apart,
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
            conflicts=[("a", "b", "tie", "open")],
        ),
        story(
            "two successors apart, by rank",
            [OLD, successor("a", 2, BEFORE), successor("b", 2, AFTER, rho=3)],
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
            conflicts=[("b", "a", "rank", "open")],
        ),
        story(
            "two successors apart, one by the author of the old one",
            [OLD, successor("a", 2, BEFORE), successor("b", 2, "cy")],
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
            conflicts=[("b", "a", "rank", "open")],
        ),
        story(
            "two successors apart of one author",
            [OLD, successor("a", 2, "ada"), successor("b", 3, "ada")],
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
            conflicts=[("b", "a", "order", "open")],
        ),
    ]


def knowing() -> list[Json]:
    """Return successors that knew of each other, and one that was taken back."""
    apart = [OLD, successor("a", 2, BEFORE), successor("b", 2, AFTER)]
    both = [["supersedes", "old"], ["supersedes", "a"], ["supersedes", "b"]]
    return [
        story(
            "a successor that saw the other",
            [OLD, successor("a", 2, "ada"), successor("b", 3, "bo", sees=["old", "a"])],
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
        ),
        story(
            "a third one that saw both",
            [*apart, successor("c", 3, "cy", refs=both, sees=["old", "a", "b"])],
            old=GONE,
            a=GONE,
            b=GONE,
            c=IN_FORCE,
            conflicts=[("a", "b", "tie", "resolved")],
        ),
        story(
            "one of two that was taken back",
            apart,
            taken_back("b", by=AFTER),
            old=GONE,
            a=IN_FORCE,
            b=[None, "retracted", None, False],
        ),
    ]


def vectors() -> list[Json]:
    """Return all vectors."""
    return [*kinds(), *states(), *endings(), *versions(), *grades(), *rivals(), *knowing()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
