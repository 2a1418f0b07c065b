"""Replica file: opening replica.db for writing, in the schema of this build.

A missing file is made whole in one transaction. A newer one is refused. A copy of a file, be it a
restored backup, a cloned home or another machine, must not go on writing the chains of the
original: the file notes where it lies, and says when it lies elsewhere. A number that was handed
out in a commit that power loss may have taken is not handed out again after the next boot.

Specification: docs/spec/store.md, Opening.
"""

from __future__ import annotations

import os
from typing import Final

from envoy.core.crypto.sign import sha256
from envoy.errors import IntegrityError
from envoy.storage import schema
from envoy.storage.home import Paths
from envoy.system import db, host
from envoy.system.db import Connection

FULL: Final = "full"


def open_file(where: Paths) -> Connection:
    """Return a connection for writing; the file is made if it is missing.

    Raises IntegrityError (schema_too_new, state_corrupt, state_access_denied), InternalError
    (storage_failed).
    """
    connection = db.connect(where.replica, create=True)
    version = _version(connection)
    if version > schema.VERSION:
        raise IntegrityError("schema_too_new", path=where.replica, version=version)
    if version == 0:
        _make(connection, where)
    return connection


def _version(connection: Connection) -> int:
    """Return the version of the schema, 0 for a database without one."""
    return connection.find(int, "PRAGMA user_version") or 0


def _make(connection: Connection, where: Paths) -> None:
    """Make the tables, unless another process just did."""
    with connection.write_transaction(where.replica_lock, sync=FULL):
        if _version(connection) != 0:
            return
        connection.run(schema.LOG)
        connection.run(schema.PROJECTIONS)
        put_meta(connection, "projection", schema.PROJECTION)
        put_meta(connection, "origin", origin(where))
        put_meta(connection, "boot", host.boot_id())
        connection.run(f"PRAGMA user_version={schema.VERSION}")


def settle(connection: Connection, where: Paths) -> None:
    """Notice that the file lies elsewhere, or that the machine was started again.

    Elsewhere: every space starts a new chain at its next write. Started again: arrival numbers go
    on behind the block that was reserved.
    """
    here, boot = origin(where), host.boot_id()
    if meta(connection, "origin") == here and meta(connection, "boot") == boot:
        return
    with connection.write_transaction(where.replica_lock, sync=FULL):
        if meta(connection, "origin") != here:
            connection.run("UPDATE space SET chain = NULL, tip = NULL, tip_seq = -1")
            put_meta(connection, "origin", here)
        if meta(connection, "boot") != boot:
            connection.run("UPDATE space SET next_n = max(next_n, reserved_n + 1)")
            put_meta(connection, "boot", boot)


def is_outdated(connection: Connection) -> bool:
    """Say whether the projections were made by other rules than those of this build."""
    return meta(connection, "projection") != schema.PROJECTION


def origin(where: Paths) -> str:
    """Return what tells this file, in this place, on this machine from every copy of it."""
    found = os.stat(where.replica)
    parts = f"{found.st_dev}:{found.st_ino}:{host.machine_id()}"
    return sha256(parts.encode()).hex()


def meta(connection: Connection, key: str) -> str | int | None:
    """Return a note of the file itself."""
    return connection.find(_same, "SELECT v FROM meta WHERE k = ?", (key,))


def put_meta(connection: Connection, key: str, value: str | int) -> None:
    """Write a note of the file itself."""
    connection.run("INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)", (key, value))


def _same(value: str | int) -> str | int:
    return value
