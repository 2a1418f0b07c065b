"""Home: where everything of a user lies, and who a profile is without its keys.

One home holds profiles, each a directory with one identity and one database, and the hub of this
machine. Nothing here is followed, shared or guessed: a directory that others can enter, a link, a
file with a second name is refused with the command that mends it (THREATS L1, L2).

A read needs to know who it is for, not to be them: it takes the did from identity.json and leaves
the secret beside it untouched, so no read loads what could use it.

Specification: docs/spec/store.md, The home. The fields of identity.json: docs/spec/identity.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from envoy import ids, limits
from envoy.errors import ConflictError, EnvoyError, IntegrityError, NotFoundError, UsageError
from envoy.jsontext import JsonError, dumps, loads
from envoy.lean import NamedTuple
from envoy.system import files

RECORD_VERSION = 1


class Paths(NamedTuple):
    """Where the parts of one profile lie."""

    home: str
    profile: str  # its directory
    identity: str
    replica: str
    replica_lock: str
    sync_lock: str
    hub: str  # the database that all profiles of this machine share
    hub_lock: str
    links: str  # which of its spaces relays have as well; a machine without a relay has none
    db_key: bytes | None = None  # of the database; None while it is plain, or not unlocked

    def __repr__(self) -> str:
        return f"Paths({self.profile!r})"  # a key in a traceback would be one in a log

    @property
    def name(self) -> str:
        """Return the name of the profile."""
        return os.path.basename(self.profile)


class Public(NamedTuple):
    """Who a profile is, as anybody may know."""

    did: bytes
    name: str
    lock: str  # none, passphrase, keyring


def paths(home: str, profile: str) -> Paths:
    """Return where the profile of that name lies in ``home``. Touches nothing."""
    own = os.path.join(home, "profiles", profile)
    hub = os.path.join(home, "hub")
    return Paths(
        home=home,
        profile=own,
        identity=os.path.join(own, "identity.json"),
        replica=os.path.join(own, "replica.db"),
        replica_lock=os.path.join(own, "replica.lock"),
        sync_lock=os.path.join(own, "sync.lock"),
        hub=os.path.join(hub, "hub.db"),
        hub_lock=os.path.join(hub, "hub.lock"),
        links=os.path.join(hub, "links.db"),
    )


def set_aside(where: Paths, *, at: str) -> str:
    """Move the directory of a profile out of the way, and return where it lies now.

    ``at`` is a word for the time. Nothing in it is lost; nobody takes it for a profile.
    """
    aside = os.path.join(where.home, "aside")
    files.ensure_directory(aside)
    target = os.path.join(aside, f"{where.name}-{at}")
    if files.exists(target):
        raise ConflictError("already_exists", path=target)
    files.rename(where.profile, target)
    return target


def hub_directory(where: Paths) -> str:
    """Return the directory of the hub that all profiles of this machine share."""
    return os.path.dirname(where.hub)


def profiles(home: str) -> list[str]:
    """Return the names of the profiles in ``home`` that have an identity."""
    root = os.path.join(home, "profiles")
    if not files.exists(root):
        return []
    check_directories((home, root))
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise files.fault(error, root) from error
    return [name for name in names if files.exists(paths(home, name).identity)]


def is_made(where: Paths) -> bool:
    """Say whether the profile has an identity."""
    return files.exists(where.identity)


def check(where: Paths) -> None:
    """Refuse a profile that does not exist, or whose directories others can enter.

    Raises NotFoundError(profile_not_found), IntegrityError(state_access_denied).
    """
    if not files.exists(where.identity):
        raise NotFoundError("profile_not_found", profile=where.name)
    check_directories((where.home, os.path.dirname(where.profile), where.profile))


def check_directories(directories: tuple[str, ...]) -> None:
    """Refuse each of ``directories`` that is not mine alone; the last one is the innermost."""
    for directory in directories:
        files.check_directory(directory)


def make(where: Paths) -> None:
    """Make the directories of a profile and of the hub, mode 0700, those that are missing."""
    root = os.path.dirname(where.profile)
    for directory in (where.home, root, where.profile, os.path.dirname(where.hub)):
        files.ensure_directory(directory)


def read_record(where: Paths) -> Mapping[str, object]:
    """Return the record of identity.json, secret included, as `core.identity` understands it.

    Raises NotFoundError(profile_not_found), IntegrityError (state_access_denied, state_corrupt).
    """
    check(where)
    try:
        record = loads(files.read(where.identity, bytes_max=limits.CONFIG_BYTES_MAX))
    except JsonError as error:
        raise corrupt(where) from error
    if not isinstance(record, dict):
        raise corrupt(where)
    return record


def write_record(where: Paths, record: Mapping[str, object], *, replace: bool) -> None:
    """Write identity.json durably and whole.

    Without ``replace`` an existing one stays: ConflictError(already_exists).
    """
    data = dumps(record).encode("ascii")
    if replace:
        files.replace(where.identity, data)
    elif not files.create(where.identity, data):
        raise exists(where)


def public(where: Paths) -> Public:
    """Return who the profile is. Raises as ``read_record`` does, and schema_too_new."""
    record = read_record(where)
    version = record.get("v")
    if isinstance(version, int) and version > RECORD_VERSION:
        raise IntegrityError("schema_too_new", path=where.identity)
    name, did, lock = record.get("name"), record.get("did"), record.get("lock")
    mode = lock.get("mode") if isinstance(lock, dict) else None
    if not (isinstance(name, str) and isinstance(did, str) and isinstance(mode, str)):
        raise corrupt(where)
    try:
        return Public(ids.did_key(did), name, mode)
    except UsageError as error:
        raise corrupt(where) from error


def corrupt(where: Paths) -> EnvoyError:
    """Return the error for an identity.json that is none."""
    return IntegrityError("state_corrupt", path=where.identity, reason="identity")


def exists(where: Paths) -> EnvoyError:
    """Return the error for making a profile again."""
    return ConflictError("already_exists", profile=where.name)
