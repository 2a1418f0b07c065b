"""Drives: what the disks of the simulator turn on, databases in memory that serve seed after seed.

To open a database means to read its schema, and every statement is prepared anew. So a connection is
kept when its disk is gone and gets the image of another one, as if another process had written it:
a second connection puts it in, page by page, and SQLite then reads anew what it remembered. What is
prepared stays true as long as the same tables are at the same places, which the schema cookie of
the image tells. Where it differs, as after a rebuild, the connection is not used again.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Final, NamedTuple

import apsw

MEMORY: Final = ":memory:"
STATEMENTS_MAX: Final = 512  # the most that are kept
NO_LIMIT: Final = 1_073_741_823  # pages
_OPEN: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
_COOKIE: Final = slice(40, 44)  # of the header: another one whenever a table is made or dropped


class Drive(NamedTuple):
    """A database in memory: the connection to work with, and the one that fills it."""

    raw: apsw.Connection
    filler: apsw.Connection

    def fill(self, image: bytes) -> None:
        """Put ``image`` in, with its schema cookie: a copy alone would get the next one."""
        source = _source()
        source.deserialize("main", image)
        with self.filler.backup("main", source, "main") as copying:
            copying.step()
        self.filler.execute(f"PRAGMA schema_version={int.from_bytes(image[_COOKIE])}")

    def image(self) -> bytes:
        """Return all that was committed.

        By the filler: it would expire every statement that the other connection has prepared.
        """
        found = self.filler.serialize("main")
        assert found is not None, "there is a database"
        return bytes(found)

    def calm(self) -> bool:
        """End what is under way; say whether nothing reads from it any more."""
        self.raw.exec_trace = None
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")
        self.raw.execute(f"PRAGMA max_page_count={NO_LIMIT}").fetchall()
        self.raw.set_last_insert_rowid(0)
        return self.raw.txn_state("main") == apsw.SQLITE_TXN_NONE

    def close(self) -> None:
        """Close both connections."""
        self.raw.close()
        self.filler.close()


_IDLE: Final = dict[bytes, list[Drive]]()  # by the blank image that all of it began as
_NUMBERS: Final = itertools.count()
CLOSED: Final = apsw.Connection(MEMORY)  # what a disk that was closed has
CLOSED.close()


@cache
def _source() -> apsw.Connection:
    """Return the connection that images are opened by."""
    return apsw.Connection(MEMORY)


def take(image: bytes, blank: bytes) -> Drive:
    """Return a drive that holds ``image``, which began as ``blank``; nothing, where it is empty."""
    idle = _IDLE.get(blank)
    drive = idle.pop() if idle and image[_COOKIE] == blank[_COOKIE] else _new()
    if image:
        drive.fill(image)
    return drive


def give_back(drive: Drive, blank: bytes) -> None:
    """Take a drive back; it is closed if it cannot serve another disk."""
    sound = drive.calm() and bool(blank)
    if sound and drive.image()[_COOKIE] == blank[_COOKIE]:
        _IDLE.setdefault(blank, []).append(drive)
    else:
        drive.close()


def _new() -> Drive:
    """Return a drive that nobody has used."""
    name = f"file:/sim{next(_NUMBERS)}?vfs=memdb"
    raw = apsw.Connection(name, flags=_OPEN, statementcachesize=STATEMENTS_MAX)
    raw.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    raw.execute("PRAGMA temp_store=MEMORY; PRAGMA journal_mode=MEMORY")
    return Drive(raw, apsw.Connection(name, flags=_OPEN))
