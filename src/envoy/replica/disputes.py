"""Disputes: writes the rows of conflicts, as the folds of their entity and of their own acts say.

Beside the projector, which it is a part of, and loaded where two acts met at all.

Laws: a row is a function of the accepted acts on the entity and on the conflict. What becomes of
the acts on a conflict is written with it, whichever came first.

Specification: docs/spec/conflicts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from envoy.core.log import Entry
from envoy.core.structs import replace
from envoy.lean import NamedTuple, Protocol
from envoy.replica.digests import conflict_id
from envoy.replica.ports import EventStore, RowStore
from envoy.state import doubles, settling
from envoy.state.registers import Conflict, Op
from envoy.state.transitions import RANK_CREATOR
from envoy.views import rows

ADMINS: Final = ("owner", "admin")


class Asking(Protocol):
    """The part of a batch that is asked here."""

    events: EventStore
    sn: int
    me: bytes
    space: rows.Space


class Place(NamedTuple):
    """What settling needs of its projector: the stores, the acts on an entity, marking them."""

    batch: Asking
    store: RowStore
    ops: Callable[[bytes], list[Op]]
    refuse: Callable[[dict[bytes, str], dict[bytes, Entry]], None]


class News(NamedTuple):
    """A conflict that is not what it was, as the stream tells it; ``by`` is the event behind it."""

    by: Entry
    type: str
    about: bytes
    reason: str | None  # why it is in my inbox
    own: bool


class Told(NamedTuple):
    """What is new about the conflicts of an entity, and how many are open."""

    news: list[News]
    open: int


def settle(
    place: Place,
    entity: bytes,
    found: Sequence[Conflict],
    known: Mapping[bytes, rows.Conflict],
) -> Told:
    """Write the conflicts of an entity; ``known`` are the rows that it had."""
    creator = _author(place, entity)
    news, count, gone = list[News](), 0, dict(known)
    for one in found:
        row, entry = _row(place, one, creator)
        count += int(row.status == "open")
        if gone.pop(row.id, None) != row:
            place.store.save(row)
            news.append(_news(place, row, entry))
    for row in gone.values():
        place.store.delete(row)
        _judge(place, row.id, None, creator)
    return Told(news, count)


def _news(place: Place, row: rows.Conflict, by: Entry) -> News:
    """Return what is told of a conflict: both actors hear of it, of doubles the admins too."""
    me = place.batch.me
    mine = me in (_author(place, row.winner), _author(place, row.loser))
    mine = mine or (row.kind in doubles.KINDS and place.batch.space.role in ADMINS)
    type_ = "conflict_opened" if row.status == "open" else "conflict_resolved"
    own = by.id == row.act and by.author == me
    return News(by, type_, row.id, "conflict" if mine else None, own)


def _author(place: Place, event: bytes) -> bytes | None:
    """Return who wrote an event, None for what is none."""
    entry = place.batch.events.entry(place.batch.sn, event)
    return None if entry is None else entry.author


def _row(place: Place, found: Conflict, creator: bytes | None) -> tuple[rows.Conflict, Entry]:
    """Return the row of a conflict, and the event that speaks of it: its act, else who lost."""
    ident, loser = conflict_id(found), place.batch.events.entry(place.batch.sn, found.loser)
    assert loser is not None, "a conflict is between accepted events"
    is_fork = found.kind == doubles.FORK
    sides = settling.Sides(found.winner, found.loser, loser.author, is_fork)
    done = _judge(place, ident, sides, creator)
    act = None if done.by is None else place.batch.events.entry(place.batch.sn, done.by)
    row = rows.Conflict(
        sn=place.batch.sn,
        id=ident,
        entity=found.entity,
        kind=found.kind,
        winner=found.winner,
        loser=found.loser,
        rule=found.rule,
        status="open" if found.is_open and act is None else "resolved",
        kept=done.keep,
        act=done.by,
    )
    return row, act or loser


def _judge(
    place: Place, conflict: bytes, sides: settling.Sides | None, creator: bytes | None
) -> settling.Settled:
    """Fold the acts on a conflict, and mark those that were refused."""
    entries = {entry.id: entry for entry in place.batch.events.entity(place.batch.sn, conflict)}
    if not entries:
        return settling.Settled(None, None, ())
    ops = [_ranked(op, creator) for op in place.ops(conflict)]
    done = settling.reduce(conflict, ops, sides)
    place.refuse(dict(done.refused), entries)
    return done


def _ranked(op: Op, creator: bytes | None) -> Op:
    """Return an act with the rank that its author has on what the conflict is about."""
    made = op.author == creator
    return replace(op, rho=RANK_CREATOR) if made and op.rho < RANK_CREATOR else op
