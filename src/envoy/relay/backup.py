"""Backup: a relay's data copied while it runs, and put into its place again.

What clients sent is with them as well, so a lost relay is refilled by whoever comes; a backup saves
them that, and keeps what they do not have: the relay's key, accounts and codes.

Laws: a copy never passes for what it was copied from: it is another instance, so clients compare
instead of believing their cursors, and its tokens are signed with another key, since access may
have changed after the copy. Nothing that is there is overwritten.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import os
import shutil
from typing import Final

from envoy import limits
from envoy.core import codec
from envoy.errors import ConflictError, IntegrityError, NotFoundError
from envoy.hub.sqlite import FILE_NAME, LOCK_NAME
from envoy.lean import NamedTuple
from envoy.relay import tables
from envoy.relay.shelf import Shelf
from envoy.relay.tables import KEY_BYTES, KEY_FILE, Keys, RelayStore
from envoy.system import db, files, host

CHUNKS: Final = "chunks"
# What an operator wrote, beside what the relay did.
SETTINGS: Final = ("relay.toml", "plans.toml", "tls.pem", "tls.key", "Caddyfile")


class Saved(NamedTuple):
    """What a copy holds; ``missing``: chunks that the database names and the disk has not."""

    spaces: int
    frames: int
    chunks: int
    missing: int


def save(directory: str, to: str) -> Saved:
    """Copy the relay in ``directory`` into the new directory ``to``, also while it serves.

    Raises ConflictError(already_exists), IntegrityError, InternalError(storage_failed).
    """
    _require_new(to)
    keys = tables.read_keys(directory)
    store = tables.open_store(directory, keys, read_only=True)
    try:
        files.ensure_directory(to)
        draft = os.path.join(to, FILE_NAME)
        db.backup(store.connection, draft)
    finally:
        store.close()
    with db.connect(draft, damaged=True) as copied:
        copied.run("PRAGMA journal_mode=WAL")
    db.seal_off(draft)
    for name in (KEY_FILE, *SETTINGS):
        _copy(os.path.join(directory, name), os.path.join(to, name))
    saved = _carry(directory, to, keys)
    db.seal_off(draft)
    return saved


def restore(source: str, directory: str) -> Saved:
    """Put the copy in ``source`` into the new directory ``directory``, as another instance.

    Raises NotFoundError(not_found) for what is no copy, ConflictError(already_exists),
    IntegrityError.
    """
    if not files.exists(os.path.join(source, FILE_NAME)):
        raise NotFoundError(
            "not_found", path=source, kind="backup", next_command="envoy help relay restore"
        )
    _require_new(directory)
    keys = tables.read_keys(source)
    files.ensure_directory(directory)
    for name in (FILE_NAME, *SETTINGS):
        _copy(os.path.join(source, name), os.path.join(directory, name))
    fresh = Keys(keys.v, keys.hub, host.entropy(KEY_BYTES))
    files.create(os.path.join(directory, KEY_FILE), codec.encode(fresh))
    place = os.path.join(directory, FILE_NAME)
    with db.connect(place) as copied:
        wrong = db.full_check(copied)
    if wrong:
        raise IntegrityError("state_corrupt", path=place, finding=wrong[0])
    tables.make(directory)  # tables of an older version come up first
    lock_path = os.path.join(directory, LOCK_NAME)
    with db.connect(place) as copied, copied.write_transaction(lock_path, sync="full"):
        tables.renew_instances(copied)
    return _carry(source, directory, fresh)


def _require_new(directory: str) -> None:
    """Refuse a directory that has something in it."""
    if os.path.lexists(directory) and (not os.path.isdir(directory) or os.listdir(directory)):
        raise ConflictError("already_exists", path=directory)


def _copy(path: str, to: str) -> None:
    """Copy a file durably, if there is one."""
    if not os.path.isfile(path):
        return

    files.create(to)
    with open(path, "rb") as source, open(to, "wb") as into:
        shutil.copyfileobj(source, into, limits.MIB)
    files.sync_file(to)


def _carry(source: str, to: str, keys: Keys) -> Saved:
    """Copy the chunks that the database in ``to`` names; return what is there now."""
    here, there = (Shelf(os.path.join(one, CHUNKS)) for one in (source, to))
    store = tables.open_store(to, keys, read_only=True)
    try:
        found = missing = 0
        for space, ident in _named(store):
            chunk = here.read(space, ident)
            if chunk is None:
                missing += 1
                continue
            there.save(space, ident, chunk)
            found += 1
        sql = "SELECT coalesce(sum(count), 0) FROM space"
        frames = store.connection.find(int, sql) or 0
        return Saved(len(store.spaces()), frames, found, missing)
    finally:
        store.close()


def _named(store: RelayStore) -> list[tuple[bytes, bytes]]:
    """Return space and id of all chunks."""
    return store.connection.rows(_pair, "SELECT space, id FROM chunk ORDER BY space, id")


def _pair(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    return first, second
