"""Parking: frames that are no event yet, and those that never will be one, in replica.db.

A frame waits here for a key or a parent, within bounds. What goes over a bound loses its bytes and
never its id, nor what it lacked: it is fetched again by id once that is here. A frame that no door
lets in leaves a row of evidence, the newest of each source.

Laws: whatever becomes of its bytes, the id of a frame that was seen stays known, so that sums with
a hub match. The bounds hold per epoch id and per author, so nobody's flood pushes out another's.

Specification: docs/spec/store.md, Parking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.log import Parked
from envoy.system.db import Connection
from envoy.views import rows

SEALED: Final = "sealed"
WAITING: Final = "waiting"
_PARKED: Final = "SELECT id, state, why, author, at, bytes FROM parked WHERE sn = ? AND state = ?"
_BY_EPOCH: Final = (
    "SELECT why, count(*), sum(length(bytes)) FROM parked WHERE sn = ? AND state = ? GROUP BY why"
)
_BY_AUTHOR: Final = (
    "SELECT author, count(*), sum(length(bytes)) FROM parked WHERE sn = ? AND state = ?"
    " GROUP BY author"
)
# Of one source: what stands behind the newest rows that fit the bounds.
_SURPLUS: Final = (
    "SELECT sn, id FROM (SELECT sn, id, row_number() OVER w AS place, sum(size) OVER w AS total"
    " FROM quarantine WHERE sn = ? AND source = ? WINDOW w AS (ORDER BY first_ms DESC, id DESC))"
    " WHERE place > ? OR total > ?"
)
_FETCHABLE: Final = (
    "SELECT id FROM dropped AS d WHERE sn = ?1 AND why IS NOT NULL AND id > ?2 AND ("
    "EXISTS(SELECT 1 FROM event WHERE sn = ?1 AND id = d.why) OR EXISTS("
    "SELECT 1 FROM epoch WHERE sn = ?1 AND id = d.why AND secret IS NOT NULL))"
    " ORDER BY id LIMIT ?3"
)


class Room:
    """How many frames of one state are parked, and how large they are: in all and by group."""

    def __init__(self) -> None:
        self.count = self.size = 0
        self._groups = dict[bytes | None, tuple[int, int]]()

    def add(self, group: bytes | None, count: int, size: int) -> None:
        """Count ``count`` frames of ``size`` bytes in, or out where they are negative."""
        self.count, self.size = self.count + count, self.size + size
        known = self._groups.get(group, (0, 0))
        self._groups[group] = known[0] + count, known[1] + size

    def of(self, group: bytes | None) -> tuple[int, int]:
        """Return count and size of a group."""
        return self._groups.get(group, (0, 0))


class Parking:
    """What waits and what was refused, of every space of one profile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rooms = dict[tuple[int, str], Room]()
        self._sources = set[tuple[int, str]]()

    def forget(self) -> None:
        """Begin anew: another process may have parked something since."""
        self._rooms.clear()
        self._sources.clear()

    def flush(self) -> None:
        """Drop the evidence that is over the bounds of its source; its ids stay known."""
        bounds = (limits.QUARANTINE_ROWS_MAX, limits.QUARANTINE_BYTES_MAX)
        run = self._connection.run
        for sn, source in sorted(self._sources):
            surplus = f"INSERT OR IGNORE INTO dropped(sn, id) {_SURPLUS}"
            run(surplus, (sn, source, *bounds))
            run(
                "DELETE FROM quarantine WHERE sn = ? AND EXISTS(SELECT 1 FROM dropped AS d"
                " WHERE d.sn = quarantine.sn AND d.id = quarantine.id)",
                (sn,),
            )
        self._sources.clear()

    # -- waiting ----------------------------------------------------------------------------

    def park(self, sn: int, row: Parked) -> None:
        """Keep a frame until what it lacks arrives, within the bounds of limits.

        What goes over a bound is dropped, its id and what it lacked are kept: it is fetched by id.
        """
        room = self._room(sn, row.state, row.at)
        group = _group(row)
        if _is_full(room, group, row):
            sql = "INSERT OR IGNORE INTO dropped(sn, id, why) VALUES(?, ?, ?)"
            self._connection.run(sql, (sn, row.id, row.why))
            return
        sql = "INSERT OR REPLACE INTO parked(sn, id, state, why, author, at, bytes)"
        self._connection.run(f"{sql} VALUES(?, ?, ?, ?, ?, ?, ?)", (sn, *row))
        room.add(group, 1, len(row.bytes))

    def _room(self, sn: int, state: str, now: int) -> Room:
        """Return what is parked in ``state``, measured once in a transaction."""
        found = self._rooms.get((sn, state))
        if found is None:
            found = self._rooms[sn, state] = Room()
            if state == WAITING:
                self._expire(sn, now - limits.WAITING_SECONDS_MAX * 1000)
            sql = _BY_EPOCH if state == SEALED else _BY_AUTHOR
            for group, count, size in self._connection.rows(_sums, sql, (sn, state)):
                found.add(group, count, size)
        return found

    def _expire(self, sn: int, before: int) -> None:
        """Drop what has waited too long; it is fetched by id if what it lacks comes after all."""
        old = "FROM parked WHERE sn = ? AND state = ? AND at < ?"
        insert = f"INSERT OR IGNORE INTO dropped(sn, id, why) SELECT sn, id, why {old}"
        self._connection.run(insert, (sn, WAITING, before))
        self._connection.run(f"DELETE {old}", (sn, WAITING, before))

    def parked(self, sn: int, state: str, why: bytes) -> list[Parked]:
        """Return what waits for ``why``."""
        return self._connection.rows(Parked, f"{_PARKED} AND why = ? ORDER BY id", (sn, state, why))

    def page(self, sn: int, *, after: bytes, limit: int) -> list[Parked]:
        """Return parked frames behind the id ``after``, ascending."""
        sql = (
            "SELECT id, state, why, author, at, bytes FROM parked WHERE sn = ? AND id > ?"
            " ORDER BY id LIMIT ?"
        )
        return self._connection.rows(Parked, sql, (sn, after, limit))

    def wanted(self, sn: int, state: str) -> list[bytes]:
        """Return what parked frames wait for, ascending."""
        sql = "SELECT DISTINCT why FROM parked WHERE sn = ? AND state = ? AND why IS NOT NULL"
        return self._connection.rows(bytes, f"{sql} ORDER BY why", (sn, state))

    def since(self, sn: int, state: str) -> list[tuple[bytes, int]]:
        """Return what parked frames wait for, with when the first of them came, oldest first."""
        sql = (
            "SELECT why, min(at) FROM parked WHERE sn = ? AND state = ? AND why IS NOT NULL"
            " GROUP BY why ORDER BY min(at), why"
        )
        return self._connection.rows(_since, sql, (sn, state))

    def accused(self, sn: int, code: str) -> list[str]:
        """Return, ascending, the sources of evidence with a code."""
        sql = "SELECT DISTINCT source FROM quarantine WHERE sn = ? AND code = ? ORDER BY source"
        return self._connection.rows(str, sql, (sn, code))

    def code_of(self, sn: int, frame: bytes) -> str | None:
        """Return why a frame was refused; None for one that was not."""
        sql = "SELECT code FROM quarantine WHERE sn = ? AND id = ?"
        return self._connection.find(str, sql, (sn, frame))

    def unpark(self, sn: int, frame: bytes) -> bool:
        """Forget that a frame waited or was dropped while it did; say whether it was so."""
        run, changes = self._connection.run, self._connection.changes
        sql = f"{_PARKED.partition('WHERE')[0]} WHERE sn = ? AND id = ?"
        row = self._connection.find(Parked, sql, (sn, frame))
        if row is None:
            run("DELETE FROM dropped WHERE sn = ? AND id = ? AND why IS NOT NULL", (sn, frame))
            return changes() > 0
        run("DELETE FROM parked WHERE sn = ? AND id = ?", (sn, frame))
        room = self._rooms.get((sn, row.state))
        if room is not None:
            room.add(_group(row), -1, -len(row.bytes))
        return True

    def fetchable(self, sn: int, *, after: bytes, limit: int) -> list[bytes]:
        """Return dropped frames behind the id ``after`` that lack nothing any more."""
        return self._connection.rows(bytes, _FETCHABLE, (sn, after, limit))

    def dropped(self, sn: int, frames: Sequence[bytes]) -> set[bytes]:
        """Return those frame ids that were dropped while they waited."""
        marks = ", ".join("?" * len(frames))
        sql = "SELECT id FROM dropped WHERE sn = ? AND why IS NOT NULL AND id IN"
        return set(self._connection.rows(bytes, f"{sql} ({marks})", (sn, *frames)))

    # -- refused ----------------------------------------------------------------------------

    def refuse(self, row: rows.Quarantined) -> None:
        """Keep a row of evidence; ``flush`` holds each source to its bounds."""
        sql = "INSERT OR IGNORE INTO quarantine(sn, id, code, source, size, first_ms)"
        self._connection.run(f"{sql} VALUES(?, ?, ?, ?, ?, ?)", row)
        self._sources.add((row.sn, row.source))


def _group(row: Parked) -> bytes | None:
    """Return what a frame shares its bound with: its epoch, or its author."""
    return row.why if row.state == SEALED else row.author


def _is_full(room: Room, group: bytes | None, row: Parked) -> bool:
    """Say whether one more frame would break a bound."""
    count, size = room.of(group)
    new = len(row.bytes)
    if row.state == SEALED:
        return (
            count >= limits.SEALED_PER_EPOCH_FRAMES_MAX
            or size + new > limits.SEALED_PER_EPOCH_BYTES_MAX
            or room.size + new > limits.SEALED_BYTES_MAX
        )
    return (
        count >= limits.WAITING_PER_AUTHOR_MAX
        or room.count >= limits.WAITING_FRAMES_MAX
        or room.size + new > limits.WAITING_BYTES_MAX
    )


def _since(why: bytes, at: int) -> tuple[bytes, int]:
    return why, at


def _sums(group: bytes | None, count: int, size: int) -> tuple[bytes | None, int, int]:
    return group, count, size
