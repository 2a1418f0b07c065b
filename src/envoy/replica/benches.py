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
from heapq import heappop, heappush

from envoy.core.bodies import Genesis, TaskComplete
from envoy.core.codec import Open
from envoy.core.log import Entry
from envoy.core.records import TaskReview
from envoy.lean import NamedTuple, Protocol
from envoy.replica import gating
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
    named, seen = {*done.body.evidence}, (done.lam, done.id)
    found = dict[bytes, str]()
    for row in every:
        if row.id not in named:
            continue
        taken_back = row.retracted is not None and _retraction(place, row.id, seen) is not None
        standing = row._replace(retracted=row.retracted if taken_back else None)
        beside = [one for one in records.makes_stale(row, every) if not _saw(place, one, seen)]
        if records.shows(standing, stale=bool(beside)):
            found[row.id] = row.type or ""
    return found


def _saw(place: Place, row: rows.Record, earlier: tuple[int, bytes]) -> bool:
    """Say whether the author of a record had seen an act."""
    return has_seen(place, (row.lam, row.id), earlier)


def _retraction(place: Place, record: bytes, earlier: tuple[int, bytes]) -> bytes | None:
    """Return what took a record back, leaving out all that had seen an act; None for nothing."""
    ops = [op for op in place.ops.ops(record) if not has_seen(place, (op.lam, op.id), earlier)]
    return fold.reduce(record, ops).retracted


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
        return has_seen(self.place, (later.lam, later.id), (self.earlier.lam, self.earlier.id))


def has_seen(place: Place, later: tuple[int, bytes], earlier: tuple[int, bytes]) -> bool:
    """Say whether ``earlier`` is in the ancestry of ``later``, of whatever entities they are.

    Both are (lam, id).

    What is not above it in lam cannot have seen it, so only what lies between is walked.
    """
    if later[0] <= earlier[0]:
        return False
    todo, known = list[tuple[int, bytes]](), {later[1]}
    _push(place, todo, known, later[1])
    while todo:
        lam, ident = heappop(todo)
        if ident == earlier[1]:
            return True
        if -lam > earlier[0]:
            _push(place, todo, known, ident)
    return False


def _push(place: Place, todo: list[tuple[int, bytes]], known: set[bytes], ident: bytes) -> None:
    """Queue the parents of an event that are not known yet, the greatest lam first."""
    for parent in _entry(place, ident).parents:
        if parent not in known:
            known.add(parent)
            heappush(todo, (-_entry(place, parent).lam, parent))


def _entry(place: Place, ident: bytes) -> Entry:
    """Return an accepted event."""
    entry = place.events.entry(place.space.sn, ident)
    assert entry is not None, "parents are accepted first"
    return entry
