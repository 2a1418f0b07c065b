"""Actions on typed records: say something of a kind, take it back.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import Ref
from envoy.core.codec import Open
from envoy.core.log import Entry
from envoy.core.records import Record, RecordRetract
from envoy.errors import AuthorityError, NotFoundError, UsageError
from envoy.lean import NamedTuple
from envoy.replica import gating, slots
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.fields import check_reason
from envoy.replica.actions.tasks import check_task
from envoy.replica.actions.work import usable
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Call, Replica, check_text
from envoy.state import records
from envoy.state.lines import HANDOFF
from envoy.state.transitions import RANK_CREATOR
from envoy.views import records as views
from envoy.views import rows
from envoy.views.records import Beside, Look, Shown


class Said(NamedTuple):
    """What a record says; ``refs`` pair a relation, or None, with an event."""

    kind: str
    text: str
    type: str | None = None
    task: bytes | None = None
    fields: Open = ()
    subject: str | None = None
    refs: Sequence[tuple[str | None, bytes]] = ()


def add(
    replica: Replica, said: Said, *, key: str | None = None, call: Call | None = None
) -> rows.Sent:
    """Add a record and return what was written.

    ``call`` is what was asked, in the place of ``key``, where that is not what the record says.

    Raises UsageError(field_invalid) for what its kind must have and it has not, NotFoundError,
    ConflictError(event_not_ok), AuthorityError(capability_missing).
    """
    check_text(said.text)
    refs = tuple(Ref(rel, ident, None) for rel, ident in said.refs)
    body = Record(said.kind, said.type, said.task, said.text, said.fields, said.subject, refs)
    check_fields(body)
    look(replica)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        if body.task is not None:
            check_task(batch, body.task)
        for ident in {ref.id for ref in refs}:
            usable(batch, ident)
        if records.refusal(body, rho=batch.rho(bytes(32))) is not None:
            raise AuthorityError("capability_missing", required_verb="admin", kind=body.kind)
        lease = None if body.task is None else slots.renewal(replica, batch, body.task)
        return [author.say(body, slot=lease)]

    asked = ("record add", *said[:4], str(said.fields), said.subject, [*map(list, said.refs)])
    written = replica.compose(work, call=call or Call(key, asked))
    assert written.event is not None, "a record always writes an event"
    return rows.Sent(written.event, written.n or 0, written.replayed, deliver(replica))


def shown(replica: Replica, record: bytes) -> Shown:
    """Return a record that counts, as it stands now. Raises NotFoundError(not_found)."""
    store, sn = replica.profile.rows, replica.sn
    row = store.record(sn, record)
    if row is None:  # its author was removed meanwhile
        raise NotFoundError("not_found", kind="record")

    def beside(one: rows.Record) -> list[Beside]:
        found = ((ref.rel, store.record(sn, ref.record)) for ref in store.refs_to(sn, one.id))
        return [Beside(rel, other) for rel, other in found if other is not None]

    def find(ident: bytes) -> rows.Record | None:
        return store.record(sn, ident)

    of_task = [] if row.task is None else gating.speakers(store, sn, row.task)
    return views.shown(row, Look(beside, find), of_task=of_task)


def check_fields(body: Record) -> None:
    """Refuse a record that every replica would refuse, and one that only calls itself recorded."""
    missing = records.lacking(body)
    known = views.plain(body.fields)
    if body.kind == "evidence" and known.get("grade") == views.RECORDED:
        missing += views.lacking_of_run(known)
    relations = records.misses_relation(body.kind, body.refs)
    if missing or relations:
        raise UsageError(
            "field_invalid", kind=body.kind, missing=missing, one_of=list(relations) or None
        )


def retract(
    replica: Replica, record: bytes, *, reason: str = "", key: str | None = None
) -> rows.Redacted:
    """Take back a record of one's own, or as an admin anybody's.

    Raises NotFoundError(not_found) for what is no record, AuthorityError(capability_missing).
    """
    check_reason(reason)
    look(replica)

    def plan(batch: Batch) -> list[RecordRetract]:
        row = batch.rows.record(batch.sn, record)
        if row is None or row.kind == HANDOFF:  # its giver claims the task back
            raise NotFoundError("not_found", kind="record")
        if batch.rho(record) < RANK_CREATOR:
            raise AuthorityError("capability_missing", required_verb="admin")
        return [] if row.retracted is not None else [RecordRetract(record, reason)]

    written = replica.write(plan, call=Call(key, ("record retract", record, reason)))
    delivery, changed = deliver(replica), bool(written.entries) or written.replayed
    return rows.Redacted(written.event, changed, written.replayed, delivery)
