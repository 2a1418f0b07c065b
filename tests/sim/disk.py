"""Disks of the simulator: the real SQLite behind the real connection, in memory, with faults.

A seed can end a process at any statement, fail one as a bad or full disk would, take the power away
(what was committed NORMAL since the last FULL commit is gone) and put an older image in the place
of a newer one. Above it all is real: ``EventStore``, ``RowStore`` and the ``LogStore`` of a hub.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import apsw

from envoy.core.kinds import KINDS
from envoy.hub import sqlite
from envoy.storage import schema
from envoy.system import db, host
from sim import drives

Trace = Callable[[object, str, object], bool]


class Killed(BaseException):
    """The process is no more; nothing that runs in it may notice."""


class Disk(db.Connection):
    """A database in memory, that of a replica or a hub: ``blank`` is what it began as.

    ``keeps``: what each FULL commit left is remembered.
    """

    __slots__ = ("_blank", "_drive", "_undone", "armed", "durable", "keeps")

    def __init__(self, image: bytes = b"", blank: bytes = b"") -> None:
        self._blank = blank
        self._drive: drives.Drive | None = drives.take(image, blank)
        super().__init__(self._drive.raw, drives.MEMORY)
        self._undone = 0
        self.armed = False
        self.keeps = False
        self.durable = b""

    @property
    def moment(self) -> tuple[int, int]:
        """Return what has changed whenever any row has."""
        return self._raw.total_changes(), self._undone

    def close(self) -> None:
        """Give the drive to others. May be called twice."""
        drive, self._drive, self._raw = self._drive, None, drives.CLOSED
        if drive is not None:
            drives.give_back(drive, self._blank)

    def part(self) -> None:
        """Go on with a drive of one's own: what is to be done would spoil it for others."""
        image, blank = self.image(), self._blank
        assert self._drive is not None, "it is open"
        drives.give_back(self._drive, blank)
        self._blank, self._drive = b"", drives.take(image, b"")
        self._raw = self._drive.raw

    def image(self) -> bytes:
        """Return all that the disk holds; not while something is written."""
        assert self._drive is not None, "it is open"
        assert not self._raw.in_transaction, "between two transactions"
        return self._drive.image()

    def keep(self) -> None:
        """Remember from here on what a loss of power would leave."""
        self.keeps, self.durable = True, self.image()

    def _end(self, sync: str) -> None:
        """Commit; a FULL one is where a loss of power goes back to."""
        super()._end(sync)
        if self.keeps and sync == "full":
            self.durable = self.image()

    def _undo(self) -> None:
        """Roll back."""
        self._undone += 1
        super()._undo()

    def arm(self, statements: int, error: Callable[[], BaseException]) -> None:
        """Raise ``error`` at the n-th statement from here on, once."""
        left = [statements]

        def trace(_cursor: object, sql: str, _bound: object) -> bool:
            left[0] -= 1
            if left[0] > 0 or sql == "ROLLBACK":  # to go back always works, as it does in SQLite
                return True
            self.disarm()
            raise error()

        self.armed = True
        self._raw.exec_trace = trace

    def fill(self, pages: int) -> None:
        """Leave room for so many pages more."""
        count = self.find(int, "PRAGMA page_count") or 0
        self.run(f"PRAGMA max_page_count={count + pages}")
        self.armed = True

    def disarm(self) -> None:
        """Be a sound disk again."""
        if self.armed:
            self._raw.exec_trace = None
            self._raw.execute(f"PRAGMA max_page_count={drives.NO_LIMIT}").fetchall()
            self.armed = False


def broken() -> BaseException:
    """Return what SQLite raises where a disk fails."""
    return apsw.IOError("disk I/O error")


@cache
def blank_replica() -> bytes:
    """Return a new replica.db, as ``replica_file`` makes one."""
    disk = Disk()
    disk.run(schema.LOG)
    disk.run(schema.PROJECTIONS)
    notes: dict[str, int | str] = {
        "schema": schema.VERSION,
        "projection": schema.PROJECTION,
        "kinds": " ".join(sorted(KINDS)),
        "boot": host.boot_id(),
        "type": "agent",
    }
    disk.run_many(
        "INSERT INTO meta(k, v) VALUES(?, ?)", [(key, value) for key, value in notes.items()]
    )
    disk.run(f"PRAGMA user_version={schema.VERSION}")
    return _taken(disk)


def _taken(disk: Disk) -> bytes:
    """Return what a disk holds, and close it."""
    with disk:
        return disk.image()


def of_replica(image: bytes) -> Disk:
    """Return a disk with a replica.db on it."""
    return Disk(image, blank_replica())


def of_hub(image: bytes) -> Disk:
    """Return a disk with a hub.db on it."""
    return Disk(image, _tables_of_a_hub())


@cache
def _tables_of_a_hub() -> bytes:
    disk = Disk()
    disk.run(sqlite.SCHEMA)
    disk.run(f"PRAGMA user_version={sqlite.VERSION}")
    return _taken(disk)


def blank_hub(instance: bytes, seed: bytes) -> bytes:
    """Return a new hub.db with what tells it from others."""
    disk = of_hub(_tables_of_a_hub())
    disk.run_many("INSERT INTO meta VALUES(?, ?)", [("instance", instance), ("key", seed)])
    return _taken(disk)
