"""Safekeeping: a whole profile, or the whole home, into one encrypted file and out of it again.

A backup is a moment: the databases are copied while others write. What comes out of it is a copy,
so it says that it is one: no chain is written on, no arrival number is given twice, and a hub that
was restored is another instance. Without a passphrase an archive opens with the identity that made
it, hence with its 24 words.

Laws: nothing that is there is overwritten. An archive is unpacked into a directory of its own,
looked at as a whole, and only then takes its place, profile by profile.

Specification: docs/spec/home.md, Backup and Restore, Reset.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from envoy import ids, limits
from envoy.core.archive import BACKUP
from envoy.core.identity import Identity, root_from_words
from envoy.errors import ConflictError, IntegrityError, NeedsHumanError
from envoy.hub import sqlite
from envoy.jsontext import dumps
from envoy.lean import NamedTuple
from envoy.storage import archive, home, replica_file, schema
from envoy.storage.archive import Secret, Source
from envoy.storage.home import Paths
from envoy.system import db, files, host
from envoy.system.chunkfiles import ChunkFiles
from envoy.wiring import intake, secrets
from envoy.wiring.config import Config
from envoy.wiring.depot import OBJECTS, at_hub
from envoy.wiring.intake import CHUNKS, HUB, MANIFEST, VERSION

RESTORED: Final = "restored"  # an origin that no file has


class Packed(NamedTuple):
    """An archive that was written, or what came out of one."""

    path: str
    size: int
    profiles: tuple[str, ...]
    has_hub: bool


# -- backup ----------------------------------------------------------------------------------


def backup(config: Config, path: str, *, everything: bool) -> Packed:
    """Write the profile of ``config``, or with ``everything`` the whole home, into ``path``.

    Raises ConflictError(already_exists), NeedsHumanError(profile_locked), InternalError
    (storage_failed), IntegrityError.
    """
    where = home.paths(config.home, config.profile)
    stored, _ = secrets.keyed(config, where)
    names = home.profiles(config.home) if everything else [config.profile]
    secret = archive.backup_key(stored.identity.backup_key)
    if config.passphrase_file is not None:
        given = secrets.passphrase(config.passphrase_file, "passphrase of the archive: ")
        secret = archive.passphrase(given)
    with ExitStack() as stack:
        draft = os.path.join(config.home, f".backup-{host.entropy(8).hex()}")
        files.ensure_directory(draft)
        stack.callback(shutil.rmtree, draft, ignore_errors=True)
        sources = [one for name in names for one in _profile(config, name, draft)]
        has_hub = everything and files.exists(where.hub)
        if has_hub:
            sources.append(Source(HUB, _hub_copy(where, draft)))
        sources += _chunks(config, names, has_hub=has_hub)
        told = {"v": VERSION, "schema": schema.VERSION, "hub": sqlite.VERSION, "profiles": names}
        manifest = Source(MANIFEST, dumps(told).encode("ascii"))
        size = archive.write_archive(path, [manifest, *sources], secret)
    return Packed(path, size, tuple(names), has_hub)


def _profile(config: Config, name: str, draft: str) -> Iterator[Source]:
    """Yield the files of a profile; its database is a copy that says it is one."""
    plain = home.paths(config.home, name)
    at = f"profiles/{name}/"
    record = home.read_record(plain)
    yield Source(at + "identity.json", dumps(record).encode("ascii"))
    if not files.exists(plain.replica):
        return
    _, where = secrets.keyed(config, plain)
    path = os.path.join(draft, name)
    with db.connect(where.replica, read_only=True, key=where.db_key) as connection:
        db.backup(connection, path, key=where.db_key)
    with db.connect(path, damaged=True, key=where.db_key) as connection:
        connection.run("PRAGMA journal_mode=WAL")
        with connection.write_transaction(path + ".lock", sync=replica_file.FULL):
            replica_file.put_meta(connection, "origin", RESTORED)
            replica_file.put_meta(connection, "boot", RESTORED)
    db.seal_off(path, where.db_key)
    yield Source(at + "replica.db", path)


def _chunks(config: Config, names: Sequence[str], *, has_hub: bool) -> list[Source]:
    """Return the chunks of objects that profiles hold, each once; with a hub its own as well."""
    shelves = [_shelf(home.paths(config.home, name)) for name in names]
    if has_hub:
        shelves.append(at_hub(home.paths(config.home, config.profile)))
    paths = {ident: shelf.path(ident) for shelf in shelves for ident in shelf.every()}
    return [Source(CHUNKS + ident.hex(), path) for ident, path in sorted(paths.items())]


def _shelf(where: Paths) -> ChunkFiles:
    """Return the chunk files of a profile."""
    return ChunkFiles(os.path.join(where.profile, OBJECTS))


def _hub_copy(where: Paths, draft: str) -> str:
    """Return the path of a copy of the hub, which is another instance."""
    path = os.path.join(draft, "hub")
    with db.connect(where.hub, read_only=True) as connection:
        db.backup(connection, path)
    with db.connect(path, damaged=True) as connection:
        connection.run("PRAGMA journal_mode=WAL")
        with connection.write_transaction(path + ".lock", sync=replica_file.FULL):
            sqlite.renew_instance(connection)
    db.seal_off(path)
    return path


# -- restore ---------------------------------------------------------------------------------


def restore(config: Config, path: str, *, replace: bool, stdin: bool = False) -> Packed:
    """Put what the archive ``path`` holds into the home; return what came out of it.

    ``replace``: a profile that is there is set aside, not overwritten. A hub that is there stays.
    ``stdin``: the words of an archive without a passphrase come from there. Raises ConflictError
    (already_exists), IntegrityError (signature_invalid, schema_too_new), UsageError
    (invalid_argument) for words that are none, NeedsHumanError(profile_locked).
    """
    files.ensure_directory(config.home)
    into = os.path.join(config.home, f".restore-{host.entropy(8).hex()}")
    try:
        names = archive.read_archive(path, _secret(config, path, stdin=stdin), into)
        profiles = intake.checked(path, into, set(names))
        _refuse_taken(config, profiles, replace=replace)
        chunks = sorted(name for name in names if name.startswith(CHUNKS))
        for name in profiles:
            _fill(_shelf(home.paths(into, name)), chunks, into)
            _place(config, name, into, replace=replace)
        has_hub = HUB in names and _place_hub(config, into)
        if has_hub:
            _fill(at_hub(home.paths(config.home, config.profile)), chunks, into)
    finally:
        shutil.rmtree(into, ignore_errors=True)
    return Packed(path, os.path.getsize(path), profiles, has_hub)


def _secret(config: Config, path: str, *, stdin: bool) -> Secret:
    """Return what opens an archive: a passphrase, the identity of this profile, or its words.

    The words alone do for an empty home: `recover` before would leave a hub there, and the one in
    the archive stayed out.
    """
    if archive.header_of(path).kdf != BACKUP:
        return archive.passphrase(
            secrets.passphrase(config.passphrase_file, "passphrase of the archive: ")
        )
    where = home.paths(config.home, config.profile)
    if home.is_made(where) and not stdin:
        return archive.backup_key(secrets.keyed(config, where)[0].identity.backup_key)
    words = secrets.given_words(stdin=stdin)
    if words is None:
        command = "envoy restore FILE --stdin"
        raise NeedsHumanError("profile_locked", next_command=command, cause="needs_words")
    return archive.backup_key(Identity(root_from_words(words)).backup_key)


def _refuse_taken(config: Config, profiles: tuple[str, ...], *, replace: bool) -> None:
    """Refuse to overwrite a profile. Raises ConflictError(already_exists)."""
    taken = [one for one in profiles if home.is_made(home.paths(config.home, one))]
    if taken and not replace:
        command = "envoy restore FILE --replace"
        raise ConflictError("already_exists", profile=taken[0], next_command=command)


def _place(config: Config, name: str, into: str, *, replace: bool) -> None:
    """Let an unpacked profile take its place."""
    where = home.paths(config.home, name)
    files.ensure_directory(os.path.dirname(where.profile))
    if replace and files.exists(where.profile):
        home.set_aside(where, at=str(host.now_ms()))
    elif files.exists(where.profile):
        with suppress(OSError):  # an empty one, of a profile that was never made
            os.rmdir(where.profile)
    files.rename(home.paths(into, name).profile, where.profile)


def _fill(shelf: ChunkFiles, chunks: Sequence[str], into: str) -> None:
    """Put the chunks of an unpacked archive among those of a profile or a hub.

    Every profile gets all: which ones it needs, its database knows, and what nothing names goes
    with the next sweep. What is no chunk of its name is left out.
    """
    for name in chunks:
        chunk = files.read(os.path.join(into, name), bytes_max=limits.CHUNK_BYTES_MAX)
        ident = ids.sha256(chunk).digest()
        if CHUNKS + ident.hex() == name:
            shelf.save(ident, chunk)
    shelf.settle()


def _place_hub(config: Config, into: str) -> bool:
    """Let an unpacked hub take its place, unless there is one; say if it did."""
    where = home.paths(config.home, config.profile)
    if files.exists(where.hub):
        return False
    files.ensure_directory(home.hub_directory(where))
    files.rename(os.path.join(into, HUB), where.hub)
    return True


# -- reset -----------------------------------------------------------------------------------


def reset(config: Config, *, keep: bool) -> str | None:
    """Clear the profile of ``config``; return where it lies now, None if it is gone for good.

    The hub and other profiles stay as they are. Raises NotFoundError(profile_not_found).
    """
    where = home.paths(config.home, config.profile)
    home.check(where)
    aside = home.set_aside(where, at=str(host.now_ms()))
    if keep:
        return aside
    shutil.rmtree(aside, ignore_errors=True)
    if files.exists(aside):
        raise IntegrityError("state_access_denied", path=aside, reason="not_removed")
    return None
