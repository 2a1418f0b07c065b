"""Checks: what `diagnose` looks at, each on its own, so that one failure hides no other.

Also the public half of the profiles in a home, for lists of them. Everything here only looks.

Specification: docs/spec/store.md, The home.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy.errors import EnvoyError, IntegrityError
from envoy.lean import Final, NamedTuple
from envoy.storage import home
from envoy.storage.home import Paths, Public
from envoy.storage.views import Views
from envoy.system import db, files
from envoy.views import rows
from envoy.wiring.config import Config
from envoy.wiring.reads import Reader, damage_of, open_reader, unlocked

MEND: Final = "envoy sync --verify"
# What code that is right raises when the rows under it are wrong.
ODD: Final = (AssertionError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: str  # ok, warning, failed
    detail: str  # our own words, codes and paths
    next_command: str | None = None


def profiles(config: Config) -> list[str]:
    """Return the names of the profiles in the home."""
    return home.profiles(config.home)


def identity(config: Config, name: str) -> Public:
    """Return who the profile ``name`` is. Raises as ``home.public`` does."""
    return home.public(home.paths(config.home, name))


def run(config: Config) -> list[Check]:
    """Return what was found, from the home to the spaces."""
    where = home.paths(config.home, config.profile)
    steps: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("home", lambda: check_home(config, where)),
        ("identity", lambda: check_identity(where)),
        ("database", lambda: check_replica(config, where)),
        ("tables", lambda: check_tables(keyed(config, where))),
        ("hub", lambda: check_hub(where)),
        ("file system", lambda: check_file_system(where)),
        ("spaces", lambda: check_spaces(config)),
    )
    return [guarded(name, step) for name, step in steps]


def guarded(name: str, step: Callable[[], Check]) -> Check:
    """Return the outcome of one check; an error is a finding like any other."""
    try:
        return step()
    except EnvoyError as error:
        if error.code == "profile_locked":
            command = "envoy diagnose --passphrase-file PATH"
            return Check(name, "warning", "locked: not looked at", command)
        parts = (error.code, error.details.get("reason"), error.details.get("path"))
        detail = " ".join([str(part) for part in parts if part is not None])
        mend = "envoy quickstart" if error.code == "profile_not_found" else error.next_command
        return Check(name, "failed", detail, mend)
    except ODD as error:
        return Check(name, "failed", nonsense(error), MEND)


def nonsense(error: Exception) -> str:
    """Return what is said of rows that code which is right cannot read."""
    return f"its rows make no sense ({type(error).__name__})"


def check_home(config: Config, where: Paths) -> Check:
    """Look at owner and modes of the directories."""
    home.check(where)
    origin = config.origins["home"]
    return Check("home", "ok", f"{config.home} ({origin}), profile {config.profile}")


def check_identity(where: Paths) -> Check:
    """Look at identity.json; a root in clear is guarded by the mode of its file alone."""
    lock = home.public(where).lock
    if lock == "none":
        return Check("identity", "ok", "not locked: file modes alone guard the key")
    return Check("identity", "ok", f"locked by {lock}")


def check_hub(where: Paths) -> Check:
    """Look at the directory that all profiles of this machine share, and at what is in it."""
    directory = home.hub_directory(where)
    if files.exists(directory):
        files.check_directory(directory)
    return check_database("hub", where.hub, where.hub_lock)


def keyed(config: Config, where: Paths) -> Paths:
    """Return the paths with the key of the database of a locked profile.

    Raises NeedsHumanError(profile_locked).
    """
    locked = home.public(where).lock != "none" and files.exists(where.replica)
    return unlocked(config, where) if locked else where


def check_replica(config: Config, where: Paths) -> Check:
    """Look through the database of the profile."""
    key = keyed(config, where).db_key
    return check_database("database", where.replica, where.replica_lock, key=key)


def check_database(name: str, path: str, lock_path: str, *, key: bytes | None = None) -> Check:
    """Let SQLite look through one database; a write needs its lock too."""
    if files.exists(lock_path):
        files.check_file(lock_path)
    if not files.exists(path):
        return Check(name, "ok", "none yet")
    with db.connect(path, read_only=True, key=key) as connection:
        damage = db.quick_check(connection)
    if damage:
        raise IntegrityError("state_corrupt", path=path, reason=damage[0])
    return Check(name, "ok", "sound")


def check_tables(where: Paths) -> Check:
    """Compare the tables with this version."""
    if not files.exists(where.replica):
        return Check("tables", "ok", "none yet")
    with db.connect(where.replica, read_only=True, key=where.db_key) as connection:
        if Views(connection).is_current():
            damage = damage_of(connection)
            if damage is not None:
                raise IntegrityError("state_corrupt", reason=damage)
            return Check("tables", "ok", "of this version")
    return Check("tables", "warning", "older: the next command renews them", "envoy status")


def check_file_system(where: Paths) -> Check:
    """Look at where the home lies: locks do not reach across a network."""
    if files.exists(where.home) and files.is_network(where.home):
        detail = "on a network: two machines at once would damage the databases"
        return Check("file system", "warning", detail)
    return Check("file system", "ok", "local")


def check_spaces(config: Config) -> Check:
    """Look at what did not become an event, or not yet, and at what was not taken in."""
    with open_reader(config) as reader:
        found = [trouble for one in reader.spaces for trouble in troubles(reader, one)]
        total = len(reader.spaces)
    if found:
        return Check("spaces", "warning", "; ".join(found), "envoy sync")
    return Check("spaces", "ok", f"{total} up to date")


def troubles(reader: Reader, space: rows.Space) -> list[str]:
    """Return what is not in order in a space, in words."""
    tally = reader.tally(space)
    found = {
        "waiting for a parent": tally.waiting,
        "waiting for a key": tally.sealed,
        "refused at the door": tally.quarantined,
        "held": tally.held,
        "not sent": space.pending,
    }
    words = [f"{number} {what}" for what, number in found.items() if number]
    return [*words, *(["behind its hub"] if reader.is_stale([space]) else [])]
