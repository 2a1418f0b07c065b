"""Brief views: what a Work Record about one task, or since one moment, asks beside the whole one.

Laws: read only; SQL is constant text with bound parameters. What is asked since a moment is read
along the stream, whose key is the arrival number, and at most so many entries of it.

Specification: docs/spec/work-record.md, Points of view; docs/spec/store.md.
"""

from __future__ import annotations

from typing import Final

from envoy.storage.views import columns, select
from envoy.system.db import Connection
from envoy.views import rows

CHANGES_MAX: Final = 10_000
_SINCE: Final = " ".join(
    (
        "SELECT DISTINCT",
        columns("item", rows.Item._fields),
        "FROM stream JOIN item USING(rid) WHERE stream.sn = ?1 AND stream.n > ?2",
        "AND item.status IN ('ok', 'ok*', 'unsupported')",
        "ORDER BY item.lam DESC, item.id DESC LIMIT ?3",
    )
)
_CHANGED: Final = (
    "SELECT object FROM stream WHERE sn = ? AND n > ?"
    " AND object IS NOT NULL ORDER BY n DESC LIMIT ?"
)
_TOUCHED: Final = (
    "SELECT item.task FROM stream JOIN item USING(rid) WHERE stream.sn = ? AND stream.n > ?"
    " AND item.task IS NOT NULL ORDER BY stream.n DESC LIMIT ?"
)
_CHILDREN: Final = select(
    "task",
    rows.Task._fields,
    "WHERE sn = ?1 AND id IN (SELECT task FROM edge WHERE sn = ?1 AND target = ?2)",
    "ORDER BY lam, id LIMIT ?3",
)


class BriefViews:
    """The answers of one replica.db about one task, or since one moment."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def since(self, sn: int, after: int, limit: int) -> list[rows.Item]:
        """Return what counts and arrived above ``after``, the last in the order first."""
        return self._db.rows(rows.Item, _SINCE, (sn, after, limit))

    def changed(self, sn: int, after: int) -> set[bytes] | None:
        """Return what the stream above ``after`` is about; None: more than can be looked at."""
        asked = (sn, after, CHANGES_MAX)
        about = self._db.rows(bytes, _CHANGED, asked)
        touched = self._db.rows(bytes, _TOUCHED, asked)
        is_all = max(len(about), len(touched)) < CHANGES_MAX
        return {*about, *touched} if is_all else None

    def around(self, sn: int, task: bytes, limit: int) -> list[rows.Task]:
        """Return the tasks that name a task as their need or parent."""
        return self._db.rows(rows.Task, _CHILDREN, (sn, task, limit))
