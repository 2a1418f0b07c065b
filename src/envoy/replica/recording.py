"""Recording: writes the rows of typed records, as their fold says.

Beside the projector, which it is a part of. A record that does not count has no row; its line in
the history says why.

Law: a row is a function of the accepted acts on the record alone.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids, jsontext
from envoy.core.codec import encode
from envoy.core.crypto.sign import tagged
from envoy.core.records import Record
from envoy.core.structs import replace
from envoy.lean import NamedTuple, Protocol
from envoy.replica import ancestry
from envoy.replica.ports import EventStore, RowStore
from envoy.state import project, records
from envoy.state.registers import Conflict, Op
from envoy.state.transitions import RANK_CREATOR
from envoy.views import rows
from envoy.views.records import may_replace, plain
from envoy.views.tasks import listed


class Done(NamedTuple):
    """What folding a record came to: what is refused, and the rows before and after."""

    refused: dict[bytes, str]
    before: rows.Record | None
    after: rows.Record | None

    @property
    def tasks(self) -> list[bytes]:
        """Return the tasks that may stand elsewhere now."""
        if self.before == self.after:
            return []
        found = {row.task for row in (self.before, self.after) if row is not None}
        return sorted(task for task in found if task is not None)


class Acts(Protocol):
    """Gives the acts on an entity as folds take them."""

    def ops(self, entity: bytes, /) -> list[Op]:
        """Return the acts on an entity."""


class Place(NamedTuple):
    """One space of a replica while it is folded."""

    events: EventStore
    rows: RowStore
    sn: int
    acts: Acts


def fold(place: Place, record: bytes, ops: Sequence[Op]) -> Done:
    """Write the row of ``record`` and of its references."""
    events, store, sn = place.events, place.rows, place.sn
    found = records.reduce(record, ops)
    before, after = store.record(sn, record), None
    made = next((op for op in ops if op.id == record), None)
    if found.body is not None and made is not None:
        after = _row(sn, made, found, found.body, events.actor(made.author))
    if before is not None and after is None:
        store.delete(before)
        for old in store.record_refs(sn, record):
            store.delete(old)
    if after is not None and after != before:
        store.save(after)
        for at, ref in enumerate(found.body.refs if found.body is not None else ()):
            store.save(rows.RecordRef(sn, record, at, ref.rel, ref.id))
    return Done(dict(found.refused), before, after)


def rivals(place: Place, record: bytes, done: Done) -> list[tuple[bytes, tuple[Conflict, ...]]]:
    """Return the conflicts of successors of ``record``, and of all that it takes the place of."""
    named = set[bytes]()
    for row in (done.before, done.after):
        if row is not None and row.refs != "[]":
            named.update(_superseded(row))
    return [(one, _rivals(place, one)) for one in (record, *sorted(named))]


def _superseded(row: rows.Record) -> list[bytes]:
    """Return what a record takes the place of."""
    return [
        ids.from_text(str(ref["id"]), *ids.EVENT_PREFIXES)
        for ref in listed(row.refs)
        if isinstance(ref, dict) and ref["rel"] == records.SUPERSEDES
    ]


def _rivals(place: Place, record: bytes) -> tuple[Conflict, ...]:
    """Return the conflicts between records that take the place of ``record``, none knowing all."""
    known, refs = place.rows.record(place.sn, record), place.rows.refs_to(place.sn, record)
    if known is None:
        return ()
    found = {ref.record for ref in refs if _replaces(place, ref, known)}
    if len(found) < 2:
        return ()
    creator, every = place.events.did(known.an), list[Op]()
    for ident in found:
        op = next(op for op in place.acts.ops(ident) if op.id == ident)
        own = RANK_CREATOR if op.author == creator else 1
        rho = op.rho if op.rho >= records.RANK_ADMIN else own
        every.append(replace(op, rho=rho, basis=()))
    walk = ancestry.Place(place.events, place.sn)
    seen = [
        replace(op, basis=tuple(one.id for one in every if ancestry.has_seen(walk, op, one)))
        for op in every
    ]
    return records.rivals(record, seen)


def _replaces(place: Place, ref: rows.RecordRef, older: rows.Record) -> bool:
    """Say whether a reference is that of a successor that ends ``older`` and was not taken back."""
    row = place.rows.record(place.sn, ref.record)
    if ref.rel != records.SUPERSEDES or row is None or row.retracted is not None:
        return False
    return may_replace(older, row)


def _row(sn: int, made: Op, found: records.Fold, body: Record, an: int) -> rows.Record:
    """Return the row of a record that counts."""
    content = (body.kind, body.type, body.task, body.text, body.fields, body.subject)
    digest = tagged("state", b"\2", encode((made.id, *content, found.retracted)))
    return rows.Record(
        sn=sn,
        id=made.id,
        lam=made.lam,
        created_ms=made.ts,
        an=an,
        kind=body.kind,
        type=body.type,
        task=body.task,
        text=body.text,
        fields=jsontext.dumps(plain(body.fields)),
        subject=body.subject,
        refs=project.refs_text(body.refs),
        ranked=int(found.is_ranked),
        retracted=found.retracted,
        digest=digest,
    )
