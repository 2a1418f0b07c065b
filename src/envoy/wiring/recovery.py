"""Recovery: an identity on its way out of a home and back into one.

Out it goes as 24 words, to a terminal or into a file of mode 0600, or as an encrypted archive;
never into JSON, a log or an argument. A file is taken before the identity is made: nobody gets an
identity and then learns that its words had no place to go. Back it comes from either, and then the
spaces are looked for in the hub of this machine: a home that was deleted costs what no hub and no
other member has, and nothing else.

Laws: an identity that is here is replaced on demand only, and then put aside, not deleted. Looking
for spaces may be repeated: what was found stays, what was missing is asked for again.

Specification: docs/spec/identity.md, Recovery; docs/spec/archive.md.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

from envoy import limits
from envoy.core.archive import PASSPHRASE as PASSPHRASE_KDF
from envoy.core.identity import (
    NONE,
    Identity,
    Stored,
    from_record,
    recovery_words,
    root_from_words,
    to_record,
)
from envoy.errors import ConflictError, EnvoyError, IntegrityError, UsageError
from envoy.hub import sqlite
from envoy.jsontext import JsonError, dumps, loads
from envoy.lean import NamedTuple
from envoy.replica.actions import identities as actions
from envoy.storage import archive, home, relock, replica_file
from envoy.storage.archive import Source
from envoy.storage.home import Paths
from envoy.system import db, files, host
from envoy.views import rows
from envoy.wiring import secrets, writes
from envoy.wiring.config import Config

AGENT = "agent"
IDENTITY = "identity.json"
_INCOMING = ".import-"


class Recovered(NamedTuple):
    """An identity that is back: who, with which spaces, and where what it replaced lies now."""

    did: bytes
    name: str
    type: str
    spaces: list[rows.Space]
    failed: list[tuple[bytes, str]]  # spaces that could not be read, with the code
    aside: str | None
    is_new: bool


# -- words ------------------------------------------------------------------------------------


def words(stored: Stored) -> list[str]:
    """Return the 24 words that give back the identity: whoever has them is it."""
    return recovery_words(stored.identity.root)


def reserve(path: str) -> None:
    """Make the empty file ``path`` for the words.

    Raises ConflictError(already_exists), UsageError(invalid_argument) for a directory that is not
    there.
    """
    if not os.path.isdir(os.path.dirname(path)):
        raise UsageError("invalid_argument", cause="no_such_directory", path=path)
    if not files.create(path):
        raise ConflictError("already_exists", path=path)


def save(path: str, stored: Stored) -> None:
    """Write the words into the reserved file ``path``, in one line."""
    files.replace(path, (" ".join(words(stored)) + "\n").encode("ascii"))


def give_up(path: str) -> None:
    """Remove the reserved file ``path``: there will be no words for it."""
    with suppress(OSError):  # somebody else did
        os.unlink(path)


def open_stored(config: Config) -> Stored:
    """Return the identity of the profile, unlocked. Raises as ``writes.open_profile`` does."""
    return writes.unlocked(config)[0]


def check_made(config: Config) -> None:
    """Refuse where there is no profile, before anything is asked. Raises as ``home.check``."""
    home.check(home.paths(config.home, config.profile))


# -- coming back ------------------------------------------------------------------------------


def recover(config: Config, text: str, *, name: str | None) -> Recovered:
    """Make the profile of ``config`` anew from its words, and find its spaces.

    ``name``: what to be called; None: as the spaces know it. A profile that is this very identity
    stays, and spaces that it lacks are looked for; if it is damaged, or locked and no passphrase is
    given, its file is written anew, without a lock. Raises UsageError(invalid_argument) for words
    that are none, ConflictError(already_exists) for a profile of another identity.
    """
    root = root_from_words(text)
    return _come_back(config, root, name=name)


def import_file(config: Config, path: str, *, replace: bool) -> Recovered:
    """Make the profile of ``config`` from an archive, and find its spaces.

    ``replace``: also where there is a profile; one of another identity is put aside. Raises
    ConflictError(already_exists), IntegrityError(signature_invalid, schema_too_new),
    NeedsHumanError(profile_locked) without a passphrase.
    """
    where = home.paths(config.home, config.profile)
    if home.is_made(where) and not replace:
        taken = home.exists(where)
        taken.next_command = "envoy identity import FILE --replace"
        raise taken
    stored = _read(config, path)
    aside = _make_room(where, stored) if home.is_made(where) else None
    return _come_back(config, stored.identity.root, name=stored.name)._replace(aside=aside)


def export_file(config: Config, path: str, *, passphrase_file: str | None) -> None:
    """Write the identity of the profile into the new archive ``path``, under a passphrase.

    ``passphrase_file`` None: the one that unlocks the profile, else it is asked for. Raises
    ConflictError(already_exists), NeedsHumanError(profile_locked).
    """
    if files.exists(path):  # before anybody types a passphrase
        raise ConflictError("already_exists", path=path)
    stored = open_stored(config)
    given = secrets.new_passphrase("passphrase", passphrase_file, config.passphrase_file)
    record = dumps(to_record(stored)).encode("ascii")
    archive.write_archive(path, [Source(IDENTITY, record)], archive.passphrase(given))


def _come_back(config: Config, root: bytes, *, name: str | None) -> Recovered:
    """Make the profile unless it is there, and find its spaces."""
    where, is_new = home.paths(config.home, config.profile), True
    if home.is_made(where):
        stored, is_new = _here(config, Identity(root))
    else:
        stored = writes.init_profile(config, name=name or config.profile, type=AGENT, root=root)
        _unlock_database(where, stored)
    found, known = _find(config, called=name)
    label, type, enc_no = known
    if is_new:
        stored = stored_as(stored, name or label or config.profile, enc_no)
        home.write_record(where, to_record(stored), replace=True)
        _declare(where, type)
    return Recovered(
        did=stored.identity.did,
        name=stored.name,
        type=type or AGENT,
        spaces=found.spaces,
        failed=found.failed,
        aside=None,
        is_new=is_new,
    )


def _here(config: Config, me: Identity) -> tuple[Stored, bool]:
    """Return the profile that is here and is ``me``, and whether its file had to be written anew.

    That is so where it is damaged, or locked and no passphrase is given: who has the words needs
    none. Raises ConflictError(already_exists) for another identity.
    """
    where = home.paths(config.home, config.profile)
    did, lock = _shown(where)
    if did not in (me.did, None):
        raise home.exists(where)
    if did is not None and (lock == NONE or config.passphrase_file is not None):
        return open_stored(config), False
    stored = Stored(me, config.profile, 0)
    if not _is_mine(where, stored):
        raise home.exists(where)
    home.write_record(where, to_record(stored), replace=True)
    _unlock_database(where, stored)
    return stored, True


def _shown(where: Paths) -> tuple[bytes | None, str | None]:
    """Return did and lock of a profile as its file shows them, None where it is damaged."""
    try:
        secrets.check(where)
        found = home.public(where)
    except IntegrityError as error:
        if error.code != "state_corrupt":
            raise
        return None, None
    return found.did, found.lock


def stored_as(stored: Stored, name: str, enc_no: int) -> Stored:
    """Return ``stored`` under a name, with the number of its newest encryption key."""
    return Stored(stored.identity, name, enc_no)


def _find(
    config: Config, *, called: str | None
) -> tuple[actions.Found, tuple[str | None, str | None, int]]:
    """Look for the spaces in the hub of this machine; return them, and how they call me.

    Those that know me by another name than ``called`` are told.
    """
    where = home.paths(config.home, config.profile)
    log = sqlite.open_store(home.hub_directory(where))
    try:
        hub = {space: log.epochs(space) for space in log.spaces()}
    finally:
        log.close()
    with writes.open_profile(config) as profile:
        found, known = actions.find_spaces(profile, hub), actions.labels(profile)
        if called is not None and known[0] is not None:
            actions.rename(profile._replace(name=called, type=known[1] or AGENT), called)
        return found, known


def _declare(where: Paths, type: str | None) -> None:
    """Note whether the profile is a human or an agent, as its card says."""
    if type is None:
        return
    with (
        replica_file.open_file(where) as connection,
        connection.write_transaction(where.replica_lock, sync=replica_file.FULL),
    ):
        replica_file.put_meta(connection, "type", type)


def _unlock_database(where: Paths, stored: Stored) -> None:
    """Decrypt the database that a locked identity left: the words come back without a lock."""
    if not db.is_plain(where.replica):
        relock.rekey(where._replace(db_key=stored.identity.db_key), None)


# -- archives ---------------------------------------------------------------------------------


def _read(config: Config, path: str) -> Stored:
    """Return the identity that an archive holds."""
    header = archive.header_of(path)
    if header.kdf != PASSPHRASE_KDF:
        raise archive.invalid(path, "kdf")
    given = secrets.passphrase(config.passphrase_file, "passphrase of the archive: ")
    files.ensure_directory(config.home)
    _sweep(config.home)
    into = os.path.join(config.home, _INCOMING + host.entropy(8).hex())
    try:
        names = archive.read_archive(path, archive.passphrase(given), into)
        if IDENTITY not in names:
            raise archive.invalid(path, "no_identity")
        record = loads(files.read(os.path.join(into, IDENTITY), bytes_max=limits.CONFIG_BYTES_MAX))
    except JsonError as error:
        raise archive.invalid(path, "no_identity") from error
    finally:
        shutil.rmtree(into, ignore_errors=True)
    try:
        return from_record(record if isinstance(record, dict) else {})
    except EnvoyError as error:
        if error.code == "schema_too_new":
            raise
        raise archive.invalid(path, "no_identity") from error


def _sweep(directory: str) -> None:
    """Delete what an import that was killed left: it holds an identity in clear."""
    for name in os.listdir(directory):
        if name.startswith(_INCOMING):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def _make_room(where: Paths, stored: Stored) -> str | None:
    """Make place for an identity where there is one; return where the old profile lies now.

    The same identity stays with its database, under the lock ``none``, and starts new chains: it
    may be that only its file was damaged.
    """
    did, _ = _shown(where)
    if did in (stored.identity.did, None) and _is_mine(where, stored):
        home.write_record(where, to_record(stored), replace=True)
        _unlock_database(where, stored)
        return None
    return home.set_aside(where, at=str(host.now_ms()))


def _is_mine(where: Paths, stored: Stored) -> bool:
    """Say whether the database of a profile may stay with the identity that is imported."""
    return not files.exists(where.replica) or writes.is_usable(where, stored.identity)
