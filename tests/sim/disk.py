"""Disks of the simulator: the real SQLite behind the real connection, in memory, with faults.

A seed can end a process at any statement, fail one as a bad or full disk would, take the power away
(what was committed NORMAL since the last FULL commit is gone) and put an older image in the place
of a newer one. Above it all is real: ``EventStore``, ``RowStore`` and the ``LogStore`` of a hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import apsw

from envoy.core.kinds import KINDS
from envoy.hub import sqlite
from envoy.storage import schema
from envoy.system import db, host

MEMORY = ":memory:"
NO_LIMIT = 1_073_741_823  # pages
STATEMENTS_MAX = 400  # that a connection remembers: all of a seed
# As `system.db` opens a file: without the first a statement is prepared anew for other values.
SETTINGS = {
    apsw.SQLITE_DBCONFIG_ENABLE_QPSG: 1,
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_VIEW: 0,
    apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA: 0,
}
Trace = Callable[[object, str, object], bool]


class Killed(BaseException):
    """The process is no more; nothing that runs in it may notice."""


class Disk(db.Connection):
    """A database in memory. ``keeps``: what each FULL commit left is remembered."""

    __slots__ = ("armed", "durable", "keeps")

    def __init__(self, image: bytes | None = None) -> None:
        raw = apsw.Connection(MEMORY, statementcachesize=STATEMENTS_MAX)
        for setting, value in SETTINGS.items():
            raw.config(setting, value)
        if image is not None:
            raw.deserialize("main", image)
        super().__init__(raw, MEMORY)
        self.run("PRAGMA temp_store=MEMORY; PRAGMA journal_mode=MEMORY")
        self.armed = False
        self.keeps = False
        self.durable = b""

    def _check_owner(self) -> None:
        """Let anybody in: a seed is one thread of one process, and to ask is a system call."""

    def image(self) -> bytes:
        """Return all that the disk holds."""
        found = self._raw.serialize("main")
        assert found is not None, "there is a database"
        return bytes(found)

    def keep(self) -> None:
        """Remember from here on what a loss of power would leave."""
        self.keeps, self.durable = True, self.image()

    def _end(self, sync: str) -> None:
        """Commit; a FULL one is where a loss of power goes back to."""
        super()._end(sync)
        if self.keeps and sync == "full":
            self.durable = self.image()

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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be sound for a while: what goes wrong happens to its own process, not to who looks."""
        trace, self._raw.exec_trace = self._raw.exec_trace, None
        pages = self.find(int, "PRAGMA max_page_count") or NO_LIMIT
        self.run(f"PRAGMA max_page_count={NO_LIMIT}")
        try:
            yield
        finally:
            self.run(f"PRAGMA max_page_count={pages}")
            self._raw.exec_trace = trace

    def disarm(self) -> None:
        """Be a sound disk again."""
        self._raw.exec_trace = None
        self.run(f"PRAGMA max_page_count={NO_LIMIT}")
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
    return disk.image()


@cache
def _tables_of_a_hub() -> bytes:
    disk = Disk()
    disk.run(sqlite.SCHEMA)
    disk.run(f"PRAGMA user_version={sqlite.VERSION}")
    return disk.image()


def blank_hub(instance: bytes, seed: bytes) -> bytes:
    """Return a new hub.db with what tells it from others."""
    disk = Disk(_tables_of_a_hub())
    disk.run_many("INSERT INTO meta VALUES(?, ?)", [("instance", instance), ("key", seed)])
    return disk.image()
