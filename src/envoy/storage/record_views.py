"""Record views: typed records and what verdicts rest on, read from replica.db without a key.

Asked for by few commands, so no hot read of a space without records loads it.

Laws: read only; SQL is constant text with bound parameters.

Specification: docs/spec/records.md; docs/spec/store.md.
"""

from __future__ import annotations

from typing import Final

from envoy.storage.views import select
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.pages import Key
from envoy.views.records import Beside, Look, Shown, of_objects, shown

_NEWEST: Final = (2**63 - 1, b"\xff" * 33)
_ORDER: Final = "AND (lam, id) < (?, ?) ORDER BY lam DESC, id DESC LIMIT ?"
_PAGE: Final = select("record", rows.Record._fields, "WHERE sn = ?", _ORDER)
_TASK_PAGE: Final = select("record", rows.Record._fields, "WHERE sn = ? AND task = ?", _ORDER)
_RECORD: Final = select("record", rows.Record._fields, "WHERE sn = ? AND id = ?")
# What can make another one stale: the rest of a task's records speaks of nothing.
_OF_TASK: Final = select(
    "record",
    rows.Record._fields,
    "WHERE sn = ? AND task = ? AND subject IS NOT NULL ORDER BY lam, id",
)
_OBJECTS: Final = select(
    "object", rows.Object._fields, "WHERE sn = ? AND task = ? ORDER BY lam, id"
)
_BESIDE: Final = " ".join(
    (
        "SELECT record_ref.rel,",
        ", ".join(f"record.{name}" for name in rows.Record._fields),
        "FROM record_ref JOIN record ON record.sn = record_ref.sn",
        "AND record.id = record_ref.record WHERE record_ref.sn = ? AND record_ref.target = ?",
        "ORDER BY record.lam, record.id, record_ref.at",
    )
)
_OF_KIND: Final = select(
    "record",
    rows.Record._fields,
    "WHERE sn = ? AND kind = ? AND retracted IS NULL ORDER BY lam, id",
)
_IDS: Final = "SELECT id FROM record WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
_ITEM: Final = select(
    "item",
    rows.Item._fields,
    "JOIN event ON event.rid = item.rid WHERE event.sn = ? AND event.id = ?",
)
_TENURES: Final = select(
    "item",
    rows.Item._fields,
    "WHERE sn = ? AND task = ? AND kind IN ('task.claim', 'task.assign')",
    "AND status IN ('ok', 'ok*') AND refused IS NULL ORDER BY lam, id",
)


class RecordViews:
    """The answers of one replica.db about records, and about the acts behind verdicts."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._of_task: dict[tuple[int, bytes], list[rows.Record]] = {}

    def page(
        self, sn: int, *, task: bytes | None, after: Key | None, limit: int
    ) -> list[rows.Record]:
        """Return records behind ``after``, the last in the order first."""
        start = (*(after or _NEWEST), limit)
        if task is None:
            return self._db.rows(rows.Record, _PAGE, (sn, *start))
        return self._db.rows(rows.Record, _TASK_PAGE, (sn, task, *start))

    def record(self, sn: int, record: bytes) -> rows.Record | None:
        """Return a record that counts."""
        return self._db.find(rows.Record, _RECORD, (sn, record))

    def of_kind(self, sn: int, kind: str) -> list[rows.Record]:
        """Return the records of a kind that nobody took back, those first that sort first."""
        return self._db.rows(rows.Record, _OF_KIND, (sn, kind))

    def ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three records between ``low`` and ``high``."""
        return self._db.rows(bytes, _IDS, (sn, low, high))

    def shown(self, row: rows.Record) -> Shown:
        """Return a record with what those around it make of it."""

        def beside(one: rows.Record) -> list[Beside]:
            return self._db.rows(_beside, _BESIDE, (one.sn, one.id))

        def find(ident: bytes) -> rows.Record | None:
            return self.record(row.sn, ident)

        return shown(row, Look(beside, find), of_task=self._others(row))

    def item(self, sn: int, event: bytes) -> rows.Item | None:
        """Return the line of an event in the history of its space."""
        return self._db.find(rows.Item, _ITEM, (sn, event))

    def tenures(self, sn: int, task: bytes) -> list[rows.Item]:
        """Return the acts that gave a task to somebody, its creation apart."""
        return self._db.rows(rows.Item, _TENURES, (sn, task))

    def _others(self, row: rows.Record) -> list[rows.Record]:
        """Return the records of a task that speak of something, read once for all of them."""
        if row.task is None or row.subject is None:
            return []
        key = row.sn, row.task
        if key not in self._of_task:
            shared = of_objects(self._db.rows(rows.Object, _OBJECTS, key))
            self._of_task[key] = self._db.rows(rows.Record, _OF_TASK, key) + shared
        return self._of_task[key]


def _beside(rel: str | None, *values: int | str | bytes | None) -> Beside:
    return Beside(rel, rows.Record._make(values))
