"""Trace views: conflicts and what events name, read from replica.db without a key.

Asked for by `conflicts` and `provenance` only, so no hot read loads it.

Laws: read only; SQL is constant text with bound parameters; every list is bounded, and what lies
beyond its bound is counted.

Specification: docs/spec/conflicts.md; docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from envoy.storage.views import select
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.conflicts import Act
from envoy.views.provenance import Step, Steps

_FIRST: Final = ("", b"")
_MINE: Final = (
    "(?4 IS NULL OR EXISTS(SELECT 1 FROM event WHERE event.sn = ?1"
    " AND event.id IN (winner, loser) AND event.an = ?4))"
)
_PAGE: Final = select(
    "conflict",
    rows.Conflict._fields,
    f"WHERE sn = ?1 AND (status, id) > (?2, ?3) AND {_MINE} ORDER BY status, id LIMIT ?5",
)
_CONFLICT: Final = select("conflict", rows.Conflict._fields, "WHERE sn = ? AND id = ?")
_ACT: Final = select("event", Act._fields, "WHERE sn = ? AND id = ?")
_OWN: Final = "SELECT reply_to, task, target, kind FROM item WHERE sn = ? AND rid = ?"
_BACK: Final = "SELECT rel, target FROM link WHERE sn = ?1 AND event = ?2 ORDER BY rel, target"
# Everything that names an event: by a reference, as what it answers, as the task it belongs to.
_NAMING: Final = (
    "SELECT rel, event AS id FROM link WHERE sn = ?1 AND target = ?2"
    " UNION SELECT 'reply_to', id FROM item WHERE sn = ?1 AND reply_to = ?2"
    " UNION SELECT 'on_task', id FROM item WHERE sn = ?1 AND task = ?2 AND id <> ?2"
)


class TraceViews:
    """The answers of one replica.db about conflicts and references."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- conflicts ------------------------------------------------------------------------------

    def conflict(self, sn: int, conflict: bytes) -> rows.Conflict | None:
        """Return a conflict by its id."""
        return self._db.find(rows.Conflict, _CONFLICT, (sn, conflict))

    def conflict_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three conflicts between ``low`` and ``high``."""
        sql = "SELECT id FROM conflict WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self._db.rows(bytes, sql, (sn, low, high))

    def conflicts(
        self, sn: int, *, after: tuple[str, bytes] | None, limit: int, actor: int | None = None
    ) -> list[rows.Conflict]:
        """Return conflicts by (status, id) behind ``after``, of all or of one who acted."""
        return self._db.rows(rows.Conflict, _PAGE, (sn, *(after or _FIRST), actor, limit))

    def counts(self, sn: int) -> dict[str, int]:
        """Return how many conflicts are open and resolved, by that word."""
        sql = "SELECT status, count(*) FROM conflict WHERE sn = ? GROUP BY status"
        return dict(self._db.rows(_pair, sql, (sn,)))

    def acts(self, sn: int, events: Iterable[bytes]) -> dict[bytes, Act]:
        """Return those of ``events`` that are here."""
        found = {one: self._db.find(Act, _ACT, (sn, one)) for one in events}
        return {one: act for one, act in found.items() if act is not None}

    # -- references -----------------------------------------------------------------------------

    def back(self, sn: int, event: bytes, limit: int) -> Steps:
        """Return what an event names; one that is not here names nothing."""
        named = self._db.rows(_step, _BACK, (sn, event))
        rid = self._db.find(int, "SELECT rid FROM event WHERE sn = ? AND id = ?", (sn, event))
        own = None if rid is None else self._db.find(_own, _OWN, (sn, rid))
        found = sorted({*named, *(own or ())})
        return Steps(found[:limit], max(0, len(found) - limit))

    def forward(self, sn: int, event: bytes, limit: int) -> Steps:
        """Return what names an event."""
        sql = " ".join((_NAMING, "ORDER BY 1, 2 LIMIT ?3"))
        found = self._db.rows(_step, sql, (sn, event, limit))
        more = 0
        if len(found) == limit:
            sql = " ".join(("SELECT count(*) FROM (", _NAMING, ")"))
            more = (self._db.find(int, sql, (sn, event)) or 0) - limit
        return Steps(found, more)


def _pair(word: str, count: int) -> tuple[str, int]:
    return word, count


def _step(rel: str, other: bytes) -> Step:
    return Step(rel, other)


def _own(reply_to: bytes | None, task: bytes | None, target: bytes | None, kind: str) -> list[Step]:
    """Return the edges that stand in the line of an event itself."""
    found = [] if reply_to is None else [Step("reply_to", reply_to)]
    if task is not None and kind != "task.create":
        found.append(Step("on_task", task))
    if target is not None and kind in ("task.assign", "task.create"):
        found.append(Step("tenure", target, True))
    return found
