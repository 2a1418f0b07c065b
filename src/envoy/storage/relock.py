"""Relock: the database of a profile, encrypted or decrypted whole, in one rename.

SQLite changes a key by writing every page again, which a kill would leave half done; so a copy is
changed that nobody else has open, and takes the place of the file when it is whole, checked and on
the disk. Before and after the rename there is one sound database under the name, with the old key
or the new one, and its first bytes say which (``db.is_plain``).

Laws: under the lock of the writers, and with the log emptied, so no commit can fall between copy
and rename. Who had the old file open to write finds it replaced and opens the new one. The copy
begins a new chain at its next write: it is another file.

Specification: docs/spec/identity.md, The lock and the database.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

from envoy import limits
from envoy.errors import IntegrityError, WaitTimeoutError
from envoy.storage.home import Paths
from envoy.system import db, files
from envoy.system.db import Connection

SUFFIX: Final = ".relocked"
_PIECE: Final = limits.MIB
WAIT_MS: Final = 5_000  # a reader holds its snapshot for less than a second


def rekey(where: Paths, key: bytes | None) -> bool:
    """Put the database of ``where`` under ``key``, None for none; say if there was one.

    ``where.db_key`` is the key it has now. Raises WaitTimeoutError(timeout) while others have it
    open to read for long or hold its lock, IntegrityError(state_corrupt), InternalError
    (storage_failed); then the file is as it was.
    """
    if not files.exists(where.replica):
        return False
    if key == where.db_key:
        return True
    with files.lock(where.replica_lock, timeout_s=limits.LOCK_SECONDS_MAX):
        draft = where.replica + SUFFIX
        _discard(draft)
        try:
            with db.connect(where.replica, key=where.db_key) as connection:
                _empty_log(connection)
                count = _count(connection)
            _copy(where.replica, draft)
            _change(draft, where.db_key, key)
            _check(draft, key, count)
            for beside in _beside(where.replica):
                files.remove(beside)  # emptied above; it must not be read into the new file
            files.rename(draft, where.replica)
        finally:
            _discard(draft)
    return True


def _empty_log(connection: Connection) -> None:
    """Move the whole log into the database, waiting for readers that still need it."""
    connection.run("PRAGMA busy_timeout=" + str(WAIT_MS))
    if connection.find(_is_busy, "PRAGMA wal_checkpoint(TRUNCATE)") is not False:
        raise WaitTimeoutError("timeout", path=connection.path, reason="in_use")


def _is_busy(busy: int, _log: int, _done: int) -> bool:
    return busy != 0


def _count(connection: Connection) -> int:
    """Return how many events a database has."""
    return connection.find(int, "SELECT count(*) FROM event") or 0


def _copy(path: str, draft: str) -> None:
    """Copy a database that nobody writes to, durably, mode 0600."""
    if not files.create(draft):
        raise files.denied(draft, "exists")
    try:
        with open(path, "rb") as source, open(draft, "r+b") as target:
            _pour(source, target)
    except OSError as error:
        raise files.fault(error, draft) from error


def _pour(source: BinaryIO, target: BinaryIO) -> None:
    """Copy all bytes and bring them to the disk."""
    while piece := source.read(_PIECE):
        target.write(piece)
    target.flush()
    os.fsync(target.fileno())


def _change(draft: str, old: bytes | None, new: bytes | None) -> None:
    """Write every page of the copy again under another key, which SQLite does outside WAL mode."""
    with db.connect(draft, key=old) as connection:
        for statement in (
            "PRAGMA journal_mode=DELETE",
            "PRAGMA secure_delete=ON",
            *([db.CIPHER] if new is not None else []),
            db.key_pragma("rekey", new),
            "PRAGMA journal_mode=WAL",
        ):
            connection.run(statement)
    db.seal_off(draft, new)


def _check(draft: str, key: bytes | None, count: int) -> None:
    """Refuse a copy that does not open under its key as what it is a copy of."""
    with db.connect(draft, read_only=True, key=key) as connection:
        sound = db.is_plain(draft) == (key is None) and not db.quick_check(connection)
        if not sound or _count(connection) != count:
            raise IntegrityError("state_corrupt", path=draft, reason="relock")


def _beside(path: str) -> tuple[str, str]:
    """Return what SQLite keeps beside a database."""
    return path + "-wal", path + "-shm"


def _discard(draft: str) -> None:
    """Remove what an earlier change left half made."""
    for path in (draft, draft + "-journal", *_beside(draft)):
        files.remove(path)
