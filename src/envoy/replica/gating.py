"""Gating: what an honest client tells an author before a completion that its gate would not take.

Every replica computes whether a gate is met; this only spares everybody a completion that shows
less than it was asked for. Loaded only where a gate asks for evidence.

Specification: docs/spec/tasks.md, Gates.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import TaskCreate
from envoy.core.records import APPROVE, TaskGate
from envoy.errors import ConflictError
from envoy.ids import to_text
from envoy.jsontext import loads
from envoy.lean import Protocol
from envoy.replica.ports import EventStore, RowStore
from envoy.state import gates
from envoy.state.gates import Approval, Gate
from envoy.state.registers import Graph, Op
from envoy.state.tasks import Task
from envoy.views import records, rows


def check(
    store: RowStore,
    space: rows.Space,
    task: bytes,
    named: Sequence[bytes],
    *,
    judged: bool = False,
) -> None:
    """Refuse a completion that names less than is asked for.

    ``judged``: it is about to be approved. Then only what binds it is asked for, by what is known
    now: it may be stale by now.
    Raises ConflictError: evidence_stale where what it names of a type is stale, else
    evidence_missing.
    """
    row = store.task(space.sn, task)
    wanted = _asked(row.gate if row else "{}", "evidence")
    if not judged:
        wanted |= _asked(space.policy, "gate.evidence")
    if not wanted:
        return
    every = speakers(store, space.sn, task)
    given = [one for one in every if one.id in named]
    completer = None if row is None else row.completed_by if judged else row.assignee
    fresh = {
        one.type
        for one in given
        if records.shows(one, stale=records.is_stale(one, every, completer=completer))
    }
    old = {one.type for one in given if records.shows(one, stale=False)}
    missing = sorted(wanted - fresh)
    if missing:
        code = "evidence_stale" if set(missing) <= old else "evidence_missing"
        raise ConflictError(code, task_id=to_text("task", task), missing=missing)


class Asking(Protocol):
    """The part of a projector that is asked here."""

    def ops(self, entity: bytes, /) -> list[Op]:
        """Return the acts on an entity."""


def speakers(store: RowStore, sn: int, task: bytes) -> list[rows.Record]:
    """Return all that can make a record of a task stale: its records, and objects as such."""
    return store.records_of(sn, task) + records.of_objects(store.objects_of(sn, task))


def own(acts: Asking, task: Task) -> Gate:
    """Return what a task asks of its next completion by itself."""
    graph, refused = Graph(task.id, acts.ops(task.id)), {ident for ident, _ in task.refused}
    writes = {
        number: op.body.gate
        for number, op in enumerate(graph.ops)
        if op.counts and op.id not in refused and isinstance(op.body, TaskCreate | TaskGate)
    }
    return gates.strictest(gates.read(writes[one]) for one in graph.newest(sorted(writes)))


def missing_reviews(events: EventStore, store: RowStore, sn: int, task: Task) -> int:
    """Return how many approvals the completion that a task stands by still wants."""
    holders = {task.completed_by, *(who for _, who in task.held)}
    approvals, members = list[Approval](), store.members(sn)
    humans = {did for did, row in members.items() if row.type == gates.HUMAN}
    for one in task.reviews:
        entry = events.entry(sn, one.id)
        item = None if entry is None else store.item(entry.rid)
        if one.verdict == APPROVE and entry is not None and item is not None:
            approvals.append(Approval(one.author, item.role, one.author in holders))
    return gates.missing_reviews(gates.read(task.gate), approvals, humans)


def _asked(text: str, field: str) -> set[str]:
    """Return the types of evidence that a gate or policy in JSON asks for."""
    found = loads(text)
    asked = found.get(field) if isinstance(found, dict) else None
    return {str(one) for one in asked} if isinstance(asked, list) else set()
