"""Replica file: opening replica.db for writing, in the schema of this build.

A missing file is made whole in one transaction, an older one is brought up to this version, a newer
one is refused. A copy of a file, be it a
restored backup, a cloned home or another machine, must not go on writing the chains of the
original: the file notes where it lies, and says when it lies elsewhere. A number that was handed
out in a commit that power loss may have taken is not handed out again after the next boot.

Specification: docs/spec/store.md, Opening.
"""

from __future__ import annotations

import os
from typing import Final

from envoy import limits
from envoy.core.crypto.sign import sha256
from envoy.core.kinds import KINDS
from envoy.storage import schema
from envoy.storage.home import Paths
from envoy.system import db, files, host, upgrade
from envoy.system.db import Connection

FULL: Final = "full"
# The origin of a file that was made for a profile which had lost its own.
NOWHERE: Final = ""
WITNESS_BYTES: Final = 32
DRAFT: Final = ".draft"
RENEWED: Final = ".renewed"
ASIDE: Final = ".damaged"


def open_file(where: Paths) -> Connection:
    """Return a connection for writing; the file is made if it is missing.

    Raises IntegrityError (schema_too_new, state_corrupt, state_access_denied), InternalError
    (storage_failed).
    """
    finish_renewal(where)
    connection = db.connect(where.replica, create=True, key=where.db_key)
    is_open = False
    try:
        if upgrade.version_of(connection) != schema.VERSION:
            _bring_up(connection, where)
        is_open = True
    finally:
        if not is_open:
            connection.close()
    return connection


def _bring_up(connection: Connection, where: Paths) -> None:
    """Make the tables, or bring them to this version."""
    if upgrade.checked_version(connection, schema.VERSION) == 0:
        _make(connection, where)
        return
    from envoy.storage import migrations

    upgrade.bring_up(connection, where.replica_lock, migrations.STEPS, _note)


def _note(connection: Connection, version: int) -> None:
    """Write the version of the tables a second time: one of them alone may be damage."""
    put_meta(connection, "schema", version)


def _make(connection: Connection, where: Paths) -> None:
    """Make the tables, unless another process just did.

    A profile whose file is gone gets one without an origin: its spaces have to be looked for.
    """
    is_lost = files.exists(where.identity)
    with connection.write_transaction(where.replica_lock, sync=FULL):
        if upgrade.version_of(connection) != 0:
            return
        connection.run(schema.LOG)
        connection.run(schema.PROJECTIONS)
        _note(connection, schema.VERSION)
        put_meta(connection, "projection", schema.PROJECTION)
        put_meta(connection, "kinds", " ".join(sorted(KINDS)))
        put_meta(connection, "origin", NOWHERE if is_lost else origin(where))
        put_meta(connection, "boot", host.boot_id())
        connection.run(f"PRAGMA user_version={schema.VERSION}")
    connection.fold()


# -- a file in the place of a damaged one ----------------------------------------------------------


def renewed(where: Paths) -> Paths:
    """Return where the file is made that takes the place of a damaged one."""
    draft = where.replica + DRAFT
    return where._replace(replica=draft, replica_lock=draft + ".lock")


def discard(where: Paths) -> None:
    """Remove what an earlier renewal left half made."""
    draft = renewed(where)
    for path in (*with_log(draft.replica), draft.replica_lock):
        files.remove(path)


def put_in_place(where: Paths) -> None:
    """Let the file that was made by ``renewed``, closed, take the place of the old one.

    The caller holds the lock of the old one. From the first renaming on, whoever opens the profile
    next finishes what a kill left undone.
    """
    draft = renewed(where)
    db.seal_off(draft.replica, where.db_key)
    files.rename(draft.replica, where.replica + RENEWED)
    discard(where)
    _swap(where)


def finish_renewal(where: Paths) -> None:
    """Put the renewed file in place, if a kill left that undone."""
    if files.exists(where.replica + RENEWED):
        with files.lock(where.replica_lock, timeout_s=limits.LOCK_SECONDS_MAX):
            _swap(where)


def _swap(where: Paths) -> None:
    """Put the renewed file in the place of the old one, which stays beside it.

    The log of the old one must not be read into the new one, so it goes first.
    """
    if not files.exists(where.replica + RENEWED):
        return
    for path in with_log(where.replica)[1:]:
        files.remove(path)
    if files.exists(where.replica):
        files.rename(where.replica, where.replica + ASIDE)
    files.rename(where.replica + RENEWED, where.replica)


def with_log(path: str) -> tuple[str, str, str]:
    """Return the names of a database and of what SQLite keeps beside it."""
    return path, path + "-wal", path + "-shm"


# -- copies ----------------------------------------------------------------------------------------


def settle(connection: Connection, where: Paths) -> bool:
    """Notice that the file lies elsewhere, was set back, or that the machine was started again.

    Elsewhere or set back: every space starts a new chain at its next write. Set back or started
    again: arrival numbers go on behind the block that was reserved. Returns whether the spaces of
    the profile have to be looked for: the file was lost, or is older than some of them may be.
    """
    here, boot = origin(where), host.boot_id()
    noted, back = meta(connection, "origin"), was_set_back(connection, where)
    if noted in (here, NOWHERE) and meta(connection, "boot") == boot and not back:
        return noted == NOWHERE
    with connection.write_transaction(where.replica_lock, sync=FULL):
        # Asked again under the lock: the witness of a commit stands before others can see it.
        back = was_set_back(connection, where)
        if back or meta(connection, "origin") not in (here, NOWHERE):
            connection.run("UPDATE space SET chain = NULL, tip = NULL, tip_seq = -1")
        if meta(connection, "origin") != NOWHERE:
            put_meta(connection, "origin", here)
        if back or meta(connection, "boot") != boot:
            connection.run("UPDATE space SET next_n = max(next_n, reserved_n + 1)")
            put_meta(connection, "boot", boot)
        connection.witness(bytes(WITNESS_BYTES))
    return back or noted == NOWHERE


def forgotten(connection: Connection) -> set[bytes]:
    """Return the spaces that the profile forgot: no repair brings them back."""
    return set(connection.rows(bytes, "SELECT id FROM forgotten"))


def forget(connection: Connection, space: bytes, at: int) -> None:
    """Note that the profile forgot a space, at ``at`` ms."""
    connection.run("INSERT OR REPLACE INTO forgotten(id, at) VALUES(?, ?)", (space, at))


def owners(connection: Connection) -> set[bytes]:
    """Return the dids that this copy writes as: one, or none before its first write."""
    sql = (
        "SELECT DISTINCT a.did FROM space s JOIN chain c ON c.sn = s.sn AND c.chain = s.chain"
        " JOIN actor a ON a.an = c.an"
    )
    return set(connection.rows(bytes, sql))


def leave_chains(connection: Connection, where: Paths) -> None:
    """Let every space start a new chain at its next write: another copy may go on with the old."""
    with connection.write_transaction(where.replica_lock, sync=FULL):
        connection.run("UPDATE space SET chain = NULL, tip = NULL, tip_seq = -1")


def was_set_back(connection: Connection, where: Paths) -> bool:
    """Say whether the lock file names an event that this database does not know.

    It is written with each page and each write. A lost ``-wal``, or an older file put in place,
    does not know the last of them.
    """
    note = files.glance(where.replica_lock, WITNESS_BYTES)
    if len(note) < WITNESS_BYTES or note == bytes(WITNESS_BYTES):
        return False
    sql = "SELECT 1 FROM event WHERE sn IN (SELECT sn FROM space) AND id = ?"
    return connection.find(int, sql, (note,)) is None


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
