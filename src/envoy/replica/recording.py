"""Recording: writes the rows of typed records, as their fold says.

Beside the projector, which it is a part of. A record that does not count has no row; its line in
the history says why.

Law: a row is a function of the accepted acts on the record alone.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import jsontext
from envoy.core.codec import encode
from envoy.core.crypto.sign import tagged
from envoy.core.records import Record
from envoy.lean import NamedTuple
from envoy.replica.ports import EventStore, RowStore
from envoy.state import project, records
from envoy.state.registers import Op
from envoy.views import rows


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


def fold(events: EventStore, store: RowStore, sn: int, *, record: bytes, ops: Sequence[Op]) -> Done:
    """Write the row of ``record`` and of its references."""
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
        fields=jsontext.dumps(
            {key: list(one) if isinstance(one, tuple) else one for key, one in body.fields}
        ),
        subject=body.subject,
        refs=project.refs_text(body.refs),
        ranked=int(found.is_ranked),
        retracted=found.retracted,
        digest=digest,
    )
