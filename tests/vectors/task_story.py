"""How a story about one task is written down: what happened, and what it has to come to.

Shapes: docs/spec/tasks.md, section Vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from envoy.core.bodies import TaskCreate
from envoy.core.records import TaskHandoff
from envoy.state.registers import Op
from histories import TASK, History, Vector, given, holder

Lost = tuple[str, Op, Op, str]  # kind, winner, loser, rule

STATUS = {
    **{"open": "assigned", "claimed": "assigned"},
    **{"submitted": "in_progress", "changes_requested": "in_progress"},
}


def names(state: str, claim_state: str, *, is_held: bool) -> list[str]:
    """Return status, lifecycle_state, assignment_state and claim_state."""
    return [
        STATUS.get(state, state),
        "unassigned" if state == "open" else state,
        "assigned" if is_held else "unassigned",
        claim_state,
    ]


class End(NamedTuple):
    """How a story ends: ``lost`` are open conflicts, ``settled`` those that a later act saw."""

    state: str
    tenure: Op | None = None
    done: Op | None = None
    refused: Mapping[str, Sequence[Op]] = MappingProxyType({})
    lost: Sequence[Lost] = ()
    settled: Sequence[Lost] = ()
    fields: Mapping[str, object] = MappingProxyType({})  # that are not as in the creation
    handoffs: Sequence[tuple[Op, str, Op | None]] = ()  # what became of each, and by which act


def story(name: str, history: History, end: End) -> Vector:
    """Return a vector."""
    reasons = {op.id: reason for reason, ops in end.refused.items() for op in ops}
    over = {one for one, reason in reasons.items() if reason == "over_limit"}
    heads = sorted(op.id for op in history.heads() if op.id not in over)
    state, tenure = end.state, end.tenure
    claimed = tenure.id if tenure is not None else None
    while claimed is not None and (passed := handed(history, claimed)) is not None:
        claimed = passed
    fences = [r for r in history.receipts if r.event == claimed]
    claim_state = "unclaimed"
    if tenure is not None and tenure.kind == "task.claim":
        claim_state = "confirmed" if fences else "provisional"
    expect = {
        "fields": fields(history, end.fields),
        "state": state,
        "names": None if state == "none" else names(state, claim_state, is_held=tenure is not None),
        "tenure": None if tenure is None else tenure.id.hex(),
        "holder": None if tenure is None else holder(tenure).hex(),
        "fence": fences[0].fence if fences else None,
        "completion": None if end.done is None else end.done.id.hex(),
        "refused": sorted([one.hex(), reason] for one, reason in reasons.items()),
        "conflicts": sorted(
            [kind, winner.id.hex(), loser.id.hex(), rule, status]
            for some, status in ((end.lost, "open"), (end.settled, "resolved"))
            for kind, winner, loser, rule in some
        ),
        "handoffs": [
            [op.id.hex(), standing, None if act is None else act.id.hex()]
            for op, standing, act in end.handoffs
        ],
        "heads": [one.hex() for one in heads],
        "version": hashlib.sha256(b"".join(heads)).hexdigest(),
    }
    return {"name": name, "input": given(history), "expect": expect}


def handed(history: History, act: bytes) -> bytes | None:
    """Return the tenure that a handoff passes on, None for another act."""
    body = next(op.body for op in history.ops if op.id == act)
    return body.tenure if isinstance(body, TaskHandoff) else None


def fields(history: History, changed: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a task: those of its creation, but for what is ``changed``."""
    creation = next((op.body for op in history.ops if op.id == TASK and op.counts), None)
    known: dict[str, object] = dict.fromkeys(("due_at", "parent")) | {
        "title": "",
        "body": "",
        "priority": 0,
        "labels": [],
        "needs": [],
    }
    if isinstance(creation, TaskCreate):
        known |= {"title": creation.title, "body": creation.body, "priority": creation.priority}
    assert changed.keys() <= known.keys()
    return {**known, **changed}
