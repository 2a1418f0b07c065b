"""Write tests/vectors/records.json: small stories of records, and what each of them comes to.

Expected values are written by hand beside each story, from docs/spec/records.md. Nothing of envoy
is used: a slip in the source cannot agree with itself. What breaks a rule breaks one only, which
the story before it keeps.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle.scene import fixed
from vectors.record_ranks import answered_repairs, answered_risks, ranks
from vectors.record_story import (
    AFTER,
    BEFORE,
    CURRENT,
    IN_FORCE,
    MAJOR,
    OPEN,
    OTHER_TASK,
    RAN,
    REFUSED,
    Json,
    proof,
    said,
    story,
    taken_back,
)

TARGET = Path(__file__).with_name("records.json")


def ended(result: str, status: int) -> Json:
    """Return the fields of a run."""
    return {"result": result, "exit": status}


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


def runs() -> list[Json]:
    """Return results and exits that agree, and that do not."""
    return [
        story("a run that passed", [proof("e", 1, "1", fields=ended("pass", 0))], e=CURRENT),
        story("a pass that failed", [proof("e", 1, "1", fields=ended("pass", 1))], e=REFUSED),
        story("a run that failed", [proof("e", 1, "1", fields=ended("fail", 1))], e=CURRENT),
        story("a fail that passed", [proof("e", 1, "1", fields=ended("fail", 0))], e=REFUSED),
        story(
            "an exit that says nothing", [proof("e", 1, "1", fields=ended("info", 1))], e=CURRENT
        ),
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
            d=IN_FORCE,
            o=[None, "repaired", None, False],
            w=IN_FORCE,
        ),
        story(
            "answered by an admin",
            [decided, blocking, {**answer, "author": fixed("cy").hex(), "rho": 3}],
            d=IN_FORCE,
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
    """Return what is withdrawn and taken back."""
    decided = said("d", 1, "decision")
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
            "taken back by whom it does not belong to", [decided], taken_back("d", by="bo", rho=1),
            d=IN_FORCE,
        ),
        story(
            "taken back by an admin", [decided], taken_back("d", by="cy", rho=3),
            d=[None, "retracted", None, False],
        ),
        story("taken back unseen", [decided], taken_back("d", seen=False), d=IN_FORCE),
    ]  # fmt: skip


STALE: list[object] = [None, "stale", "self_reported", True]


def versions() -> list[Json]:
    """Return what makes a record stale."""
    first = proof("e", 1, "1")
    return [
        story("a later version", [first, proof("f", 2, "2")], e=STALE, f=CURRENT),
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


def versions_of_others() -> list[Json]:
    """Return what others say of another version."""
    first = proof("e", 1, "1")
    return [
        story(
            "another's run at another version",
            [first, proof("f", 2, "2", author="bo")],
            e=CURRENT,
            f=CURRENT,
        ),
        story(
            "an admin's run at another version",
            [first, proof("f", 2, "2", author="bo", rho=3)],
            e=STALE,
            f=CURRENT,
        ),
        story(
            "the same version in other letters",
            [proof("e", 1, "ab1"), proof("f", 2, "AB1")],
            e=CURRENT,
            f=CURRENT,
        ),
        story(
            "an approval of an older version, by another's word",
            [
                said("a", 1, "approval", subject="git:hull@1", fields={"verdict": "approve"}),
                proof("f", 2, "2", author="bo"),
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
            "claimed to be recorded, typed by hand",
            [proof("e", 1, "1", fields={**RAN, "argv": "make", "exit": "0"})],
            e=CURRENT,
        ),
        story(
            "claimed to be recorded, of no command",
            [proof("e", 1, "1", fields={**RAN, "argv": []})],
            e=CURRENT,
        ),
        story(
            "claimed to be recorded, of a digest that is none",
            [proof("e", 1, "1", fields={**RAN, "output_sha256": "4F" * 32})],
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
            "two successors apart of an admin's, one by no admin",
            [{**OLD, "rho": 3}, successor("a", 2, BEFORE), successor("b", 2, AFTER, rho=3)],
            old=GONE,
            a=IN_FORCE,
            b=IN_FORCE,
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
    alone = [*kinds(), *runs(), *states(), *ranks(), *answered_risks(), *answered_repairs()]
    alone += [*endings(), *versions(), *versions_of_others(), *grades()]
    return [*alone, *rivals(), *knowing()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
