"""Peek: has the hub anything new? The one question of a read, answered without the hub.

A command that only reads must not load what signs, encrypts or judges. It compares the newest
number of a space at the local hub with its own cursor, and loads the rest only if they differ. One
query on a read-only connection, no lock, nothing written.

Who waits watches ``wake_path``: every commit of any process is appended there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from envoy.lean import NamedTuple
from envoy.system import db, files


class Peek:
    """The hub in ``hub_db``, open from the first look on: who reads on looks again and again."""

    __slots__ = ("_connection", "_path")

    def __init__(self, hub_db: str) -> None:
        self._path = hub_db
        self._connection: db.Connection | None = None

    def newest(self, spaces: Iterable[bytes]) -> dict[bytes, int]:
        """Return the newest number of each of ``spaces`` that the hub has.

        Empty if there is no such file. Raises IntegrityError and the other errors of
        ``db.connect``.
        """
        connection = self._opened()
        if connection is None:
            return {}
        with connection.snapshot():
            if not connection.find(int, "PRAGMA user_version"):  # its tables are being made
                return {}
            sql = "SELECT head FROM space WHERE space = ?"
            heads = {space: connection.find(int, sql, (space,)) for space in spaces}
        return {space: head for space, head in heads.items() if head is not None}

    def _opened(self) -> db.Connection | None:
        """Return the hub's database, the one that is in its place now; None: there is none."""
        if self._connection is not None and self._connection.is_replaced():
            self.close()
        if self._connection is None:
            path = self._path
            if not files.exists(path) or os.path.getsize(path) == 0:  # or being made this moment
                return None
            self._connection = db.connect(path, read_only=True)
        return self._connection

    def adopt(self) -> None:
        """Serve the calling thread from here on: the one before is done."""
        if self._connection is not None:
            self._connection.adopt()

    def close(self) -> None:
        """Close the database. May be called twice, and asked again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def newest(hub_db: str, spaces: Iterable[bytes]) -> dict[bytes, int]:
    """Return what ``Peek.newest`` does, for who looks once."""
    once = Peek(hub_db)
    try:
        return once.newest(spaces)
    finally:
        once.close()


class Relay(NamedTuple):
    """What the links of this machine say of the relay of one space.

    ``waiting`` counts frames and calls that it does not have. ``asked_ms`` is when the end of its
    log was last reached, 0 never; ``tried_ms`` when that last failed, with the code ``trouble``.
    ``isolated``: it shares no connection with other spaces.
    """

    origin: str
    waiting: int
    asked_ms: int
    trouble: str
    tried_ms: int
    isolated: bool


def relays(links_db: str, heads: Mapping[bytes, int]) -> dict[bytes, Relay]:
    """Return the relays of the spaces of this machine that are connected, by space.

    ``heads`` are the newest numbers at the hub of this machine. Empty where there is no such file.
    """
    if not files.exists(links_db) or os.path.getsize(links_db) == 0:
        return {}
    with db.connect(links_db, read_only=True) as connection, connection.snapshot():
        version = connection.find(int, "PRAGMA user_version")
        if not version:  # its tables are being made
            return {}
        found = connection.rows(_Row, _RELAYS if version >= ISOLATES else _RELAYS_BEFORE)
    return {
        row.space: Relay(
            row.origin,
            max(0, heads.get(row.space, 0) - row.pushed) + row.errands,
            row.asked_ms,
            row.trouble,
            row.tried_ms,
            row.isolated == 1,
        )
        for row in found
    }


class _Row(NamedTuple):
    space: bytes
    origin: str
    pushed: int
    errands: int
    asked_ms: int
    trouble: str
    tried_ms: int
    isolated: int


_RELAYS = (
    "SELECT space, origin, pushed,"
    " (SELECT count(*) FROM errand WHERE errand.space = link.space),"
    " asked_ms, trouble, tried_ms, isolated FROM link ORDER BY space"
)
# Who only reads changes no table: the next command that writes brings an older file up.
ISOLATES = 3
_RELAYS_BEFORE = _RELAYS.replace("isolated", "0")


def wake_path(hub_db: str) -> str:
    """Return the file that changes with every commit to ``hub_db``, for ``system.watch``."""
    return hub_db + "-wal"
