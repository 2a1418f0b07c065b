"""References: writes the rows of the references to objects, as their fold says.

Beside the projector, which it is a part of. A reference whose object id is not that of its chunks
is refused: it would show an object under a name that belongs to another one.

Law: nothing here asks which chunks this machine has; a row is the same at every replica.

Specification: docs/spec/object.md, References.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core.crypto.sign import sha256
from envoy.core.objects import ObjectPut, object_id
from envoy.lean import NamedTuple
from envoy.replica.ports import EventStore, RowStore
from envoy.state import content, project
from envoy.state.registers import Op
from envoy.views import rows

WRONG_OBJECT: Final = "wrong_object"


class Done(NamedTuple):
    """What folding a reference came to: what is refused, and the rows before and after."""

    refused: dict[bytes, str]
    before: rows.Object | None
    after: rows.Object | None

    @property
    def tasks(self) -> list[bytes | None]:
        """Return the tasks that may stand elsewhere now: objects make records stale."""
        if self.before == self.after:
            return []
        return [row.task for row in (self.before, self.after) if row is not None]


def fold(
    events: EventStore,
    store: RowStore,
    sn: int,
    *,
    space: bytes,
    reference: bytes,
    ops: Sequence[Op],
) -> Done:
    """Write the row of ``reference`` and what its line shows; return what is refused, and why."""
    found = content.reduce_object(reference, ops)
    refused = dict(found.refused)
    put = next(op for op in ops if op.id == reference)
    body = put.body
    assert isinstance(body, ObjectPut), "only its own event has the id of a reference"
    is_true = object_id(space, body.chunks) == body.object
    if not is_true and put.counts:
        refused[reference] = WRONG_OBJECT
    before, after = store.object(sn, reference), None
    if put.counts and is_true:
        after = project.object_row(sn, put, body, retracted=found.by, number=events.actor)
        if after != before:
            store.save(after)
    elif before is not None:
        store.delete(before)
    _show(events, store, sn, put=put, name=body.name, hides=found.by is not None)
    return Done(refused, before, after)


def _show(events: EventStore, store: RowStore, sn: int, *, put: Op, name: str, hides: bool) -> None:
    """Hide the name in the line of a reference, or show it again, there and in the search."""
    entry = events.entry(sn, put.id)
    item: rows.Item | None = None if entry is None else store.item(entry.rid)
    redacted = sha256(name.encode()) if hides else None
    if item is None or item.redacted == redacted:
        return
    store.save(item._replace(body=None if hides else name, redacted=redacted))
    store.index_words(item.rid, None if hides or not put.counts else name)
