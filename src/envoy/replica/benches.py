"""Benches: what is known beside the acts on a task, gathered for the fold of a reviewed one.

The role that a reviewer acted with, who declares to be human, which records show something, what
the policy asks: all of it comes from accepted events, so every replica gathers the same. Beside the
projector, which it is a part of, and loaded only where a task has a gate, a verdict or a policy.

Law: a function of the accepted events; rows are asked only for what is folded again when they
change.

Specification: docs/spec/tasks.md, Gates.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import Genesis, TaskComplete
from envoy.core.codec import Open
from envoy.core.records import TaskReview
from envoy.lean import NamedTuple, Protocol
from envoy.replica import ancestry, gating
from envoy.replica.ancestry import has_seen
from envoy.replica.ports import EventStore, RowStore
from envoy.state import content, gates
from envoy.state import records as fold
from envoy.state.authority import Judgement
from envoy.state.gates import Around, Gate
from envoy.state.registers import Graph, Op
from envoy.state.reviews import Panel
from envoy.views import records, rows


class Ops(Protocol):
    """Gives the acts on an entity as folds take them."""

    def ops(self, entity: bytes, /) -> list[Op]:
        """Return the acts on an entity."""


class Place(NamedTuple):
    """One space of a replica while it is folded."""

    events: EventStore
    rows: RowStore
    space: rows.Space
    judgement: Judgement
    ops: Ops


def panel(place: Place, task: bytes, acts: Sequence[Op]) -> Panel:
    """Return the bench for a task with these acts."""
    done = [op for op in acts if isinstance(op.body, TaskComplete)]
    reviews = [op for op in acts if isinstance(op.body, TaskReview)]
    return Panel(
        Around(
            policy=_policy(place, done) if "gate." in place.space.policy else {},
            roles={op.id: _role(place, op) for op in reviews},
            humans=frozenset({op.author for op in reviews if _is_human(place, op.author)}),
            evidence=_evidence(place, task, done),
        )
    )


def _role(place: Place, review: Op) -> str | None:
    """Return the role of the grant that an act cites."""
    entry = place.events.entry(place.space.sn, review.id)
    grant = None if entry is None else place.judgement.ledger.grants.get(entry.auth)
    return None if grant is None else grant.role


def _is_human(place: Place, did: bytes) -> bool:
    """Say whether a member declares to be human."""
    return content.reduce_member(did, place.ops.ops(did)).type == gates.HUMAN


def _evidence(place: Place, task: bytes, done: Sequence[Op]) -> dict[bytes, dict[bytes, str]]:
    """Return by completion the types of the records it names that show something for it.

    What came after a completion does not undo it: of records and retractions that had seen it none
    makes its evidence stale or takes it back.
    """
    if not any(isinstance(op.body, TaskComplete) and op.body.evidence for op in done):
        return {}
    every = gating.speakers(place.rows, place.space.sn, task)
    return {op.id: _shown(place, op, every) for op in done}


def _shown(place: Place, done: Op, every: Sequence[rows.Record]) -> dict[bytes, str]:
    """Return the types of the records that show something for a completion."""
    assert isinstance(done.body, TaskComplete)
    named, log, by = {*done.body.evidence}, _log(place), place.events.actor(done.author)
    found = dict[bytes, str]()
    for row in every:
        if row.id not in named:
            continue
        taken_back = row.retracted is not None and _retraction(place, row.id, done) is not None
        standing = row._replace(retracted=row.retracted if taken_back else None)
        beside = [one for one in records.versions(row, every) if not has_seen(log, one, done)]
        if records.shows(standing, stale=records.is_stale(row, beside, completer=by)):
            found[row.id] = row.type or ""
    return found


def _retraction(place: Place, record: bytes, earlier: Op) -> bytes | None:
    """Return what took a record back, leaving out all that had seen an act; None for nothing."""
    log = _log(place)
    ops = [op for op in place.ops.ops(record) if not has_seen(log, op, earlier)]
    return fold.reduce(record, ops).retracted


def _log(place: Place) -> ancestry.Place:
    """Return the log of the space."""
    return ancestry.Place(place.events, place.space.sn)


def _policy(place: Place, done: Sequence[Op]) -> dict[bytes, Gate]:
    """Return what the policy asks of each completion."""
    founded: Open = ()
    for event in place.judgement.ledger.by_kind["genesis"]:
        if isinstance(event.body, Genesis):
            founded = content.sound_policy(event.body.policy)
    graph = Graph(place.space.id, place.ops.ops(place.space.id))
    return {op.id: gates.of_policy(founded, graph, Seen(place, op).by) for op in done}


class Seen(NamedTuple):
    """One act of a space, to be asked who had seen it."""

    place: Place
    earlier: Op

    def by(self, later: Op) -> bool:
        """Say whether ``later`` had seen it."""
        return has_seen(_log(self.place), later, self.earlier)
