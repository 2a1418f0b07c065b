"""Intake: what came out of a backup is looked at as a whole before any of it takes a place.

An archive opens with a passphrase that somebody may have handed over with it, so its content is
believed no more than a page of a hub: names, versions, identities and databases must be what a
backup writes, and belong to each other. A database is opened as a profile would open it, tables
brought up, rows and references counted, so what would break the profile is refused here instead.

Laws: everything happens below the directory that the archive was unpacked into. What is refused is
``signature_invalid`` with a reason; a newer version of anything is ``schema_too_new``.

Specification: docs/spec/home.md, Backup and Restore; docs/spec/archive.md, Refusals.
"""

from __future__ import annotations

import os
from typing import Final

from envoy import limits
from envoy.core import identity
from envoy.core.identity import NONE
from envoy.errors import EnvoyError, IntegrityError
from envoy.hub import sqlite
from envoy.jsontext import JsonError, loads
from envoy.storage import archive, home, replica_file, schema, soundness
from envoy.storage.home import Paths
from envoy.system import db, files, tables
from envoy.wiring.config import name_is_plain

MANIFEST: Final = "manifest.json"
HUB: Final = "hub/hub.db"
CHUNKS: Final = "chunks/"
IDENTITY: Final = "identity.json"
FILES: Final = (IDENTITY, "replica.db")
VERSION: Final = 1


def checked(path: str, into: str, names: set[str]) -> tuple[str, ...]:
    """Return the profiles in the directory ``into``, which the archive ``path`` was unpacked to.

    ``names``: all its files. Raises IntegrityError (signature_invalid, schema_too_new).
    """
    profiles = _manifest(path, into)
    wanted = {f"profiles/{one}/{file}" for one in profiles for file in FILES}
    rest = {one for one in names - wanted - {MANIFEST, HUB} if not one.startswith(CHUNKS)}
    lacking = [one for one in profiles if f"profiles/{one}/{IDENTITY}" not in names]
    if not all(map(name_is_plain, profiles)) or rest or lacking:
        raise archive.invalid(path, "content")
    for name in profiles:
        _check_profile(path, home.paths(into, name))
    if HUB in names:
        _check_hub(path, os.path.join(into, os.path.dirname(HUB)))
    return profiles


def _manifest(path: str, into: str) -> tuple[str, ...]:
    """Return the profiles that the manifest names, of which there is one, none twice."""
    try:
        told = loads(files.read(os.path.join(into, MANIFEST), bytes_max=limits.JSON_BYTES_MAX))
    except (EnvoyError, JsonError) as error:
        raise archive.invalid(path, "manifest") from error
    if not isinstance(told, dict):
        raise archive.invalid(path, "manifest")
    for key, known in (("v", VERSION), ("schema", schema.VERSION), ("hub", sqlite.VERSION)):
        found = told.get(key)
        if type(found) is not int or found < 1:
            raise archive.invalid(path, "manifest")
        if found > known:
            raise IntegrityError("schema_too_new", path=path, found=found, known=known)
    named = told.get("profiles")
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise archive.invalid(path, "manifest")
    profiles = tuple(map(str, named))
    if len(set(profiles)) < len(profiles):
        raise archive.invalid(path, "manifest")
    return profiles


def _check_profile(path: str, where: Paths) -> None:
    """Refuse a profile that could not be opened."""
    try:
        record = home.read_record(where)
        lock = identity.check_record(record)
        me = identity.from_record(record).identity if lock.mode == NONE else None
    except EnvoyError as error:
        raise _as_archive(path, error, "no_identity") from error
    if not files.exists(where.replica):
        return
    is_plain = db.is_plain(where.replica)
    if me is None:
        if is_plain:  # nobody has left one: a lock encrypts the database first
            raise archive.invalid(path, "database")
        return  # what it holds is seen once it is unlocked
    try:
        _check_database(where if is_plain else where._replace(db_key=me.db_key), me.did)
    except EnvoyError as error:
        raise _as_archive(path, error, "database") from error


def _check_database(where: Paths, did: bytes) -> None:
    """Refuse a database of a profile that is not sound, or writes as somebody else."""
    _check_pages(where.replica, where.db_key)
    with replica_file.open_file(where) as connection:
        damage = next(soundness.findings(connection), None)
        if damage is None and not replica_file.owners(connection) <= {did}:
            damage = "it writes as somebody else"
    if damage is not None:
        raise IntegrityError("state_corrupt", path=where.replica, reason=damage)
    db.seal_off(where.replica, where.db_key)


def _check_hub(path: str, directory: str) -> None:
    """Refuse a hub that could not be opened."""
    place = os.path.join(directory, sqlite.FILE_NAME)
    try:
        _check_pages(place)
        with sqlite.open_store(directory).connection as connection:
            damage = next(tables.findings(connection, sqlite.SCHEMA), None)
        if damage is not None:
            raise IntegrityError("state_corrupt", path=place, reason=damage)
        db.seal_off(place)
    except EnvoyError as error:
        raise _as_archive(path, error, "database") from error


def _check_pages(path: str, key: bytes | None = None) -> None:
    """Refuse a file that SQLite finds damage in, an empty one among them."""
    with db.connect(path, read_only=True, key=key) as connection:
        if not connection.find(int, "SELECT count(*) FROM sqlite_schema"):
            raise IntegrityError("state_corrupt", path=path, reason="tables")
        damage = db.quick_check(connection)
    if damage:
        raise IntegrityError("state_corrupt", path=path, reason=damage[0])


def _as_archive(path: str, error: EnvoyError, reason: str) -> EnvoyError:
    """Return what is told of the archive ``path`` when something in it raises ``error``.

    A place in the directory that it was unpacked into would tell a person nothing, and what is
    wrong there is no damage of the home.
    """
    if error.code == "schema_too_new":
        return IntegrityError("schema_too_new", path=path)
    if isinstance(error, IntegrityError) or error.code in ("internal", "profile_not_found"):
        return archive.invalid(path, reason)
    return error
