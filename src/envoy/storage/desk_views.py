"""Desk views: what explains a verdict, read from replica.db without a key.

Asked for by `why`, `can` and the quarantine desk only, so no hot read loads it. Verdicts and what
is behind them stand in the log, grants and invites in the projections.

Laws: read only; SQL is constant text with bound parameters.

Specification: docs/spec/authority.md, Explaining verdicts; docs/spec/store.md.
"""

from __future__ import annotations

from envoy.storage.views import select
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.desk import Frame, Judged, Node

_JUDGED = select("event", Judged._fields, "WHERE sn = ?")
_PAGE = (
    "AND status IN ('held', 'void', 'invalid') AND (lam, id) < (?, ?)"
    " ORDER BY lam DESC, id DESC LIMIT ?"
)
_NEWEST = (2**63 - 1, b"\xff" * 33)
_IN_RANGE = "WHERE sn = ?1 AND id BETWEEN ?2 AND ?3 LIMIT 3"
_PARKED = "SELECT id, state, NULL, why, NULL, length(bytes), at FROM parked WHERE sn = ? AND id = ?"
_REFUSED = (
    "SELECT id, 'quarantined', code, NULL, source, size, first_ms FROM quarantine"
    " WHERE sn = ? AND id = ?"
)
_DROPPED = "SELECT id, 'dropped', NULL, why, NULL, NULL, NULL FROM dropped WHERE sn = ? AND id = ?"
_QUARANTINED = select(
    "quarantine",
    rows.Quarantined._fields,
    "WHERE sn = ? ORDER BY first_ms DESC, id DESC LIMIT ?",
)
_GRAPH = "SELECT id, an, prev, deps, ts FROM event WHERE sn = ? ORDER BY rid"
# The first fields of an envelope are of fixed length: its suite, then the epoch (event.md).
_EPOCH = "SELECT substr(bytes, 5, 32) FROM frame WHERE rid = ?"
_CHANGES = (
    "SELECT ix FROM event WHERE sn = ? AND ix IS NOT NULL"
    " AND kind IN ('epoch.create', 'remove', 'revoke', 'leave', 'role')"
)
_BEHIND = (
    "SELECT cause_by, cause, status, count(*) FROM event WHERE sn = ? AND cause_by IS NOT NULL"
    " AND status IN ('held', 'void', 'invalid') GROUP BY cause_by, cause, status"
)


class Desk:
    """The answers of one replica.db about its verdicts."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def event(self, sn: int, event: bytes) -> Judged | None:
        """Return an accepted event with its verdict."""
        return self._db.find(Judged, f"{_JUDGED} AND id = ?", (sn, event))

    def not_counting(self, sn: int, *, after: tuple[int, bytes] | None, limit: int) -> list[Judged]:
        """Return what is held, void or invalid behind ``after``, the last in the order first."""
        return self._db.rows(Judged, f"{_JUDGED} {_PAGE}", (sn, *(after or _NEWEST), limit))

    def counts(self, sn: int) -> dict[str, int]:
        """Return how many events are held, void and invalid, by that word."""
        sql = (
            "SELECT status, count(*) FROM event WHERE sn = ?"
            " AND status IN ('held', 'void', 'invalid') GROUP BY status"
        )
        return dict(self._db.rows(_pair, sql, (sn,)))

    def behind(self, sn: int) -> list[tuple[bytes, str, str, int]]:
        """Return (event, rule, status, how many): what is named behind what does not count."""
        return self._db.rows(_behind, _BEHIND, (sn,))

    def grant(self, sn: int, grant: bytes) -> rows.Grant | None:
        """Return a grant by its id."""
        sql = select("grant_", rows.Grant._fields, "WHERE sn = ? AND id = ?")
        return self._db.find(rows.Grant, sql, (sn, grant))

    def invite(self, sn: int, invite: bytes) -> rows.Invite | None:
        """Return an invite by its id."""
        sql = select("invite", rows.Invite._fields, "WHERE sn = ? AND id = ?")
        return self._db.find(rows.Invite, sql, (sn, invite))

    def chains(self, sn: int, an: int) -> tuple[int, int]:
        """Return how many chains somebody has written, and how many of them are forked."""
        sql = "SELECT count(*), coalesce(sum(forked), 0) FROM chain WHERE sn = ? AND an = ?"
        return self._db.find(_two, sql, (sn, an)) or (0, 0)

    def closes(self, sn: int) -> list[bytes]:
        """Return the acts that closed the space."""
        sql = "SELECT id FROM event WHERE sn = ? AND ix IS NOT NULL AND kind = 'close'"
        return self._db.rows(bytes, f"{sql} AND status = 'ok' ORDER BY lam, id", (sn,))

    def written_under(self, event: Judged) -> bytes:
        """Return the epoch that an event is sealed under, as its envelope says."""
        found = self._db.find(bytes, _EPOCH, (event.rid,))
        assert found is not None, "an event is stored with its frame"
        return found

    def first_epoch(self, sn: int) -> bytes | None:
        """Return the epoch of the genesis."""
        sql = "SELECT epoch FROM authority WHERE sn = ? AND ix = 0"
        return self._db.find(bytes, sql, (sn,))

    def saw_change(self, event: Judged) -> bool:
        """Say whether an event saw an act that makes an epoch or may end somebody's reading."""
        sql = "SELECT s.bits FROM event e JOIN seen s ON s.k = e.seen WHERE e.rid = ?"
        saw = int.from_bytes(self._db.find(bytes, sql, (event.rid,)) or b"", "little")
        return any(saw >> ix & 1 for ix in self._db.rows(int, _CHANGES, (event.sn,)))

    def is_forked(self, event: Judged) -> bool:
        """Say whether another event has the place of this one in its chain."""
        sql = "SELECT 1 FROM fork WHERE sn = ? AND cn = ? AND seq = ? LIMIT 1"
        return self._db.find(int, sql, (event.sn, event.cn, event.seq)) is not None

    def graph(self, sn: int) -> list[Node]:
        """Return every accepted event in the order of arrival, hence after what it names."""
        return self._db.rows(Node, _GRAPH, (sn,))

    # -- what is no event -----------------------------------------------------------------------

    def frames(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of a few frames between ``low`` and ``high`` that are no events."""
        found: list[bytes] = []
        for table in ("parked", "quarantine", "dropped"):
            sql = " ".join(("SELECT id FROM", table, _IN_RANGE))
            found += self._db.rows(bytes, sql, (sn, low, high))
        return found

    def frame(self, sn: int, frame: bytes) -> Frame | None:
        """Return what is known of a frame that is no event."""
        for sql in (_PARKED, _REFUSED, _DROPPED):
            found = self._db.find(Frame, sql, (sn, frame))
            if found is not None:
                return found
        return None

    def dropped(self, sn: int) -> int:
        """Count what went over a bound while it waited; it is fetched once it may come in."""
        sql = "SELECT count(*) FROM dropped WHERE sn = ? AND why IS NOT NULL"
        return self._db.find(int, sql, (sn,)) or 0

    def quarantined(self, sn: int, limit: int) -> list[rows.Quarantined]:
        """Return the newest frames that failed at the door."""
        return self._db.rows(rows.Quarantined, _QUARANTINED, (sn, limit))


def _pair(name: str, count: int) -> tuple[str, int]:
    return name, count


def _two(first: int, second: int) -> tuple[int, int]:
    return first, second


def _behind(event: bytes, rule: str, status: str, count: int) -> tuple[bytes, str, str, int]:
    return event, rule, status, count
