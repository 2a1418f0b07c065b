"""Write tests/vectors/claims.json: tenure acts beside each other, and which one is effective.

Every act saw the creation alone, or what the story says. ``order`` is written by hand: the heads,
the effective one first. Shapes: docs/spec/claims.md, section Vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from envoy.state.registers import Op
from histories import ADMIN, CREATOR, FIRST, OTHER_ADMIN, SECOND, THIRD, History, Vector, given

TARGET = Path(__file__).with_name("claims.json")
Fence = tuple[int, int]


def case(
    name: str,
    history: History,
    order: Sequence[Op],
    *rules: str,
    fences: Sequence[tuple[Op, Fence]] = (),
    double: Sequence[tuple[Op, Op]] = (),
) -> Vector:
    """Return a vector: ``rules`` are those by which the first comes before each other head."""
    known = {op.id: fence for op, fence in fences}
    expect = {
        "order": [op.id.hex() for op in order],
        "rules": list(rules),
        "fences": {op.id.hex(): list(known[op.id]) for op in history.ops if op.id in known},
        "claim_state": shown(order[0], known),
        "double_fence": [[one.id.hex(), other.id.hex()] for one, other in double],
    }
    return {"name": name, "input": given(history), "expect": expect}


def shown(op: Op, known: dict[bytes, Fence]) -> str | None:
    """Return the claim_state that an effective act gives, None if nobody holds the task by it."""
    if op.kind == "task.release":
        return None
    if op.kind == "task.assign":
        return "unclaimed"
    return "confirmed" if op.id in known else "provisional"


def orders() -> Iterator[Vector]:
    """Yield the order of heads, rule by rule."""
    h = History()
    top = h.ops[:1]
    third, first, second = (h.claim(who, top) for who in (THIRD, FIRST, SECOND))
    yield case("the tie of task and holder", h, [first, second, third], "tie", "tie")
    h = History()
    top = h.ops[:1]
    two, nine = h.claim(SECOND, top, fence=2), h.claim(THIRD, top, fence=9)
    none = h.claim(FIRST, top)
    yield case(
        "the greater fence, none last",
        h,
        [nine, two, none],
        "fence",
        "fence",
        fences=[(two, (0, 2)), (nine, (0, 9))],
    )
    h = History()
    top = h.ops[:1]
    old, new = h.claim(FIRST, top, fence=9), h.claim(SECOND, top, fence=1, no=1)
    fences = [(old, (0, 9)), (new, (1, 1))]
    yield case("a later hub before a greater fence", h, [new, old], "fence", fences=fences)
    h = History()
    claim = h.claim(FIRST)
    ending, other = h.release(FIRST, [claim]), h.claim(SECOND, h.ops[:1])
    yield case("holding before ending", h, [other, ending], "holding")
    h = History()
    top = h.ops[:1]
    claim = h.claim(FIRST, top, fence=1)
    ours, admins = h.assign(CREATOR, FIRST, top), h.assign(ADMIN, THIRD, top)
    yield case(
        "an admin's assignment, another one, then claims",
        h,
        [admins, ours, claim],
        "assign",
        "assign",
        fences=[(claim, (0, 1))],
    )
    h = History()
    top = h.ops[:1]
    one, two = h.assign(ADMIN, SECOND, top), h.assign(OTHER_ADMIN, FIRST, top)
    yield case("two admins: the tie of whom they assign", h, [two, one], "tie")
    h = History()
    top = h.ops[:1]
    some = sorted((h.claim(FIRST, top) for _ in range(2)), key=lambda op: op.id)
    yield case("two copies of one holder: the smaller id", h, some, "id")
    h = History()
    claims = [h.claim(who, h.ops[:1]) for who in (FIRST, SECOND)]
    ends = [h.release(who, [claim]) for who, claim in zip((FIRST, SECOND), claims, strict=True)]
    yield case("two releases: the tie of their authors", h, ends, "tie")


def receipts() -> Iterator[Vector]:
    """Yield which receipts count."""
    h = History()
    claim = h.claim(FIRST)
    h.receipt(claim, 4)
    h.receipt(claim, 2)
    h.receipt(claim, 3)
    yield case("of several for one claim the least fence", h, [claim], fences=[(claim, (0, 2))])
    h = History()
    top = h.ops[:1]
    claim, other = h.claim(FIRST, top), h.claim(SECOND, top)
    h.receipt(claim, 1, holder=bytes(32))
    yield case("a receipt for another holder is none", h, [claim, other], "tie")
    h = History()
    claim = h.claim(FIRST)
    h.receipt(h.ops[0], 1)
    h.receipt(h.act(SECOND, claim.body, h.ops[:1], id=bytes(32)), 1, holder=bytes(32))
    unknown = h.ops.pop()
    h.receipt(unknown, 2)
    yield case("receipts for a creation and for an unknown event", h, [claim])
    h = History()
    claim, other = h.claim(FIRST), h.claim(SECOND, h.ops[:1], fence=7)
    h.receipt(h.claim(FIRST, h.ops[:1]), 7)
    h.ops.pop()
    yield case(
        "a claim that is not here yet proves nothing",
        h,
        [other, claim],
        "fence",
        fences=[(other, (0, 7))],
    )
    h = History()
    top = h.ops[:1]
    second, first = h.claim(SECOND, top, fence=5), h.claim(FIRST, top, fence=5)
    yield case(
        "one fence for two claims: the hub forked, the tie decides",
        h,
        [first, second],
        "tie",
        fences=[(second, (0, 5)), (first, (0, 5))],
        double=[(first, second)],
    )
    h = History()
    top = h.ops[:1]
    second, first = h.claim(SECOND, top, fence=5), h.claim(FIRST, top, fence=6)
    h.receipt(first, 5)
    h.receipt(second, 7)
    yield case(
        "proof of a fork lies in any receipt of a claim",
        h,
        [first, second],
        "tie",
        fences=[(second, (0, 5)), (first, (0, 5))],
        double=[(first, second)],
    )
    h = History()
    top = h.ops[:1]
    one, two = h.claim(FIRST, top, fence=5), h.claim(SECOND, top, fence=5, no=1)
    fences = [(one, (0, 5)), (two, (1, 5))]
    yield case("one fence of two hubs is no fork", h, [two, one], "fence", fences=fences)


def vectors() -> list[Vector]:
    """Return all vectors in the order of the page."""
    return [*orders(), *receipts()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
