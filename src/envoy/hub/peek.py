"""Peek: has the hub anything new? The one question of a read, answered without the hub.

A command that only reads must not load what signs, encrypts or judges. It compares the newest
number of a space at the local hub with its own cursor, and loads the rest only if they differ. One
query on a read-only connection, no lock, nothing written.

Who waits watches ``wake_path``: every commit of any process is appended there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from envoy.system import db, files


def newest(hub_db: str, spaces: Iterable[bytes]) -> dict[bytes, int]:
    """Return the newest number of each of ``spaces`` that the hub in ``hub_db`` has.

    Empty if there is no such file. Raises IntegrityError and the other errors of ``db.connect``.
    """
    if not files.exists(hub_db) or os.path.getsize(hub_db) == 0:  # or being made this moment
        return {}
    with db.connect(hub_db, read_only=True) as connection, connection.snapshot():
        if not connection.find(int, "PRAGMA user_version"):  # its tables are being made
            return {}
        sql = "SELECT head FROM space WHERE space = ?"
        heads = {space: connection.find(int, sql, (space,)) for space in spaces}
    return {space: head for space, head in heads.items() if head is not None}


def wake_path(hub_db: str) -> str:
    """Return the file that changes with every commit to ``hub_db``, for ``system.watch``."""
    return hub_db + "-wal"
