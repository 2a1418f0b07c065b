"""Stories of records: who takes one out of force, closes a risk, accepts a repair.

Shapes: docs/spec/records.md, section Vectors.
"""

from __future__ import annotations

from oracle.scene import fixed
from vectors.record_story import IN_FORCE, MAJOR, OPEN, Json, said, story, taken_back

CONTESTED: list[object] = [None, "contested", None, False]
OVER: list[object] = [None, "superseded", None, False]


def ranks() -> list[Json]:
    """Return who takes a record out of force."""
    charter = said("c", 1, "charter", rho=3)
    decided = said("d", 1, "decision", rho=3)
    instead = said("n", 2, "decision", author="bo", refs=[["supersedes", "d"]], sees=["d"])
    of_charter = {**instead, "refs": [["supersedes", fixed("c").hex()]]}
    own = {**of_charter, "author": fixed("ada").hex()}
    blocking = said(
        "o", 2, "objection", author="bo", fields={"severity": "blocking"},
        refs=[["contradicts", "c"]],
    )  # fmt: skip
    return [
        story("a writer in the place of an admin", [decided, instead], d=CONTESTED, n=IN_FORCE),
        story(
            "an admin in the place of another",
            [decided, {**instead, "rho": 3}],
            d=OVER,
            n=IN_FORCE,
        ),
        story(
            "a writer in the place of another",
            [{**decided, "rho": 2}, instead],
            d=OVER,
            n=IN_FORCE,
        ),
        story("a writer in the place of a charter", [charter, of_charter], c=CONTESTED, n=IN_FORCE),
        story(
            "an admin's charter replaced", [charter, {**of_charter, "rho": 3}], c=OVER, n=IN_FORCE
        ),
        story("one's own charter replaced", [charter, own], c=OVER, n=IN_FORCE),
        story(
            "a claim on a charter that was taken back",
            [charter, of_charter],
            taken_back("n", by="bo"),
            c=IN_FORCE,
            n=[None, "retracted", None, False],
        ),
        story("a blocking objection to a charter", [charter, blocking], c=CONTESTED, o=OPEN),
        story(
            "two claims on a charter are no conflict",
            [
                charter,
                of_charter,
                {**of_charter, "id": fixed("m").hex(), "author": fixed("cy").hex()},
            ],
            c=CONTESTED,
            n=IN_FORCE,
            m=IN_FORCE,
        ),
    ]


CLOSED: list[object] = [None, "closed", None, False]
ACCEPTED: list[object] = [None, "accepted", None, False]
PROPOSED: list[object] = [None, "proposed", None, False]


def answered_risks() -> list[Json]:
    """Return who says that a risk is none any more."""
    risk = said("k", 1, "risk", fields=MAJOR)
    return [
        story(
            "a risk that its author answers",
            [risk, said("w", 2, "decision", refs=[["answers", "k"]])],
            k=CLOSED,
            w=IN_FORCE,
        ),
        story(
            "a risk that an admin answers",
            [risk, said("w", 2, "decision", author="cy", rho=3, refs=[["answers", "k"]])],
            k=CLOSED,
            w=IN_FORCE,
        ),
        story(
            "a risk that anybody else answers",
            [risk, said("w", 2, "decision", author="bo", refs=[["answers", "k"]])],
            k=OPEN,
            w=IN_FORCE,
        ),
    ]


def answered_repairs() -> list[Json]:
    """Return who accepts a repair."""
    wrong = said("x", 1, "decision", author="bo")
    repair = said("r", 2, "repair", refs=[["repairs", "x"]])
    answer = said("w", 3, "decision", author="bo", refs=[["answers", "r"]])
    return [
        story(
            "a repair that who was wronged answers",
            [wrong, repair, answer],
            x=IN_FORCE,
            r=ACCEPTED,
            w=IN_FORCE,
        ),
        story(
            "a repair that an admin answers",
            [wrong, repair, {**answer, "author": fixed("cy").hex(), "rho": 3}],
            x=IN_FORCE,
            r=ACCEPTED,
            w=IN_FORCE,
        ),
        story(
            "a repair that anybody else answers",
            [wrong, repair, {**answer, "author": fixed("cy").hex()}],
            x=IN_FORCE,
            r=PROPOSED,
            w=IN_FORCE,
        ),
        story(
            "a repair that its author answers, as an admin",
            [wrong, repair, {**answer, "author": fixed("ada").hex(), "rho": 3}],
            x=IN_FORCE,
            r=PROPOSED,
            w=IN_FORCE,
        ),
        story(
            "a repair of what is one's own",
            [
                {**wrong, "author": fixed("ada").hex()},
                repair,
                {**answer, "author": fixed("ada").hex()},
            ],
            x=IN_FORCE,
            r=PROPOSED,
            w=IN_FORCE,
        ),
    ]
