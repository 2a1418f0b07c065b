"""Deep: everything of a home is looked at again, and what fails is made anew.

`diagnose --deep` looks: every mode bit, every page and index of both databases, every hash,
signature, chain and count, and whether the projections are those that the log gives.
`sync --verify` looks, mends and looks again. What means something is looked at in a copy of the
database that nobody writes to, so a look holds up nobody.

Three things can be done, and each leaves the old file beside the new one: fold the projections
again, make the hub anew from what can be read of it, make the replica anew from what can be read of
it and from the hub.

Specification: docs/spec/home.md, Looking deeply and Repair.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from envoy import limits
from envoy.core.crypto.sign import public_key
from envoy.core.identity import NONE, Stored, from_record
from envoy.core.structs import Body
from envoy.errors import EnvoyError, RelayError
from envoy.hub import renewal, soundness, sqlite
from envoy.hub.handler import LocalHub
from envoy.lean import NamedTuple
from envoy.replica.actions import home as home_actions
from envoy.replica.inspection import Inspection
from envoy.replica.ports import Hub
from envoy.replica.rebuild import rebuild
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file, salvage
from envoy.storage import soundness as rows_soundness
from envoy.storage.events import EventStore
from envoy.storage.home import Paths
from envoy.storage.projections import RowStore
from envoy.system import db, files, host
from envoy.wiring import checks, chunks, secrets, writes
from envoy.wiring.checks import MEND, ODD, Check
from envoy.wiring.config import Config

Progress = Callable[[str, int], None]  # what is looked at, and how much of it is done
COPY: Final = ".look"
CORRUPT: Final = "state_corrupt"
BUG: Final = "internal"  # of a look that failed itself
MEANT: Final = ("hub log", "log", "projections", "objects")  # whose findings are sentences
SHOWN_MAX: Final = 20
UNASKED_BYTES_MAX: Final = 32 << 20  # of databases: some ten seconds


class Look(NamedTuple):
    """What was found, and which of the three things has to be done."""

    checks: list[Check]
    is_log_bad: bool
    is_hub_bad: bool
    are_rows_bad: bool

    @property
    def is_sound(self) -> bool:
        """Say whether nothing failed."""
        return not any(one.state == "failed" for one in self.checks)


class NoHub:
    """The hub where there is none to be asked."""

    hub_key = bytes(32)

    @staticmethod
    def handle(_: Body) -> Body:
        """Answer nothing."""
        raise RelayError("relay_unavailable")


def quiet(_what: str, _done: int) -> None:
    """Tell nobody."""


def damage(config: Config) -> str | None:
    """Return what part of the home is damaged, if any is and it can be looked at.

    Nobody asked for a look, so a home that takes long is left to who asks for one.
    """
    where = home.paths(config.home, config.profile)
    with suppress(EnvoyError, OSError, *ODD):
        databases = filter(files.exists, (where.replica, where.hub))
        if sum(map(os.path.getsize, databases)) > UNASKED_BYTES_MAX:
            return None
        for one in look(config).checks:
            is_meant = one.name in MEANT and not one.detail.startswith(BUG)
            if one.state == "failed" and (is_meant or one.detail.startswith(CORRUPT)):
                return one.name
    return None


# -- looking ---------------------------------------------------------------------------------


def look(config: Config, progress: Progress = quiet) -> Look:
    """Look at everything. Raises NeedsHumanError(profile_locked), NotFoundError."""
    plain = home.paths(config.home, config.profile)
    found = [*shallow(config), *_modes(plain)]
    if any(one.name in ("home", "identity") and one.state == "failed" for one in found):
        return Look(found, is_log_bad=False, is_hub_bad=False, are_rows_bad=False)
    hub = _hub(plain)
    stored, where = _keyed(config, plain)
    log, rows = list(_log(where)), list[Check]()
    if not log and files.exists(where.replica):
        log, rows = _meaning(config, stored, where, progress)
    if not hub and not log:
        found += _hub_key(where)
    found += hub or [Check("hub log", "ok", "every frame, sum and slot")]
    found += log or [Check("log", "ok", "every event, chain and signature")]
    found += rows or [Check("projections", "ok", "as the log says")]
    found += _objects(plain, progress)
    by_name = {one.name for one in found if one.detail.startswith(CORRUPT)}
    return Look(
        found,
        is_log_bad=bool(log) or bool({"database", "tables"} & by_name),
        is_hub_bad=bool(hub) or "hub" in by_name,
        are_rows_bad=bool(rows),
    )


def shallow(config: Config) -> list[Check]:
    """Return the quick checks, with every field of identity.json and of the hub's own notes."""
    where = home.paths(config.home, config.profile)
    steps: dict[str, Callable[[], Check]] = {
        "identity": lambda: _whole_identity(where),
        "hub": lambda: _whole_hub(where),
    }
    found = checks.run(config)
    return [
        checks.guarded(one.name, steps[one.name])
        if one.name in steps and one.state == "ok"
        else one
        for one in found
    ]


def _whole_identity(where: Paths) -> Check:
    """Look at every field of identity.json."""
    secrets.check(where)
    return checks.check_identity(where)


def _whole_hub(where: Paths) -> Check:
    """Open the hub, whose own notes no page check looks at."""
    if files.exists(where.hub):
        sqlite.open_store(home.hub_directory(where)).close()
    return checks.check_hub(where)


def _keyed(config: Config, where: Paths) -> tuple[Stored, Paths]:
    """Return the identity, and the paths with the key of the database, as its lock says.

    A database that looks encrypted under no lock was damaged at its beginning.
    """
    if secrets.check(where).mode == NONE:
        return from_record(home.read_record(where)), where
    return secrets.keyed(config, where)


def _failed(name: str, what: str) -> Check:
    return Check(name, "failed", what, MEND)


def _modes(where: Paths) -> Iterator[Check]:
    """Yield what others can reach, one by one, with the command that mends it."""
    shared = chunks.shared(where)

    def check_file(path: str) -> None:
        files.check_file(path, names=max(shared[files.identity(path)], 1))

    for directory, names, leaves in os.walk(where.home):
        names.sort()
        yield from _mode(directory, files.check_directory)
        for name in sorted(leaves):
            yield from _mode(os.path.join(directory, name), check_file)


def _objects(where: Paths, progress: Progress) -> list[Check]:
    """Return whether every chunk on this machine is what its name says."""
    count = len({ident for _, ident in chunks.spoilt(where, progress)})
    if count:
        return [_failed("objects", f"{count} chunks are not what their names say")]
    return [Check("objects", "ok", "every chunk by its hash")]


def _mode(path: str, check: Callable[[str], None]) -> Iterator[Check]:
    """Yield what is wrong with the mode of one file; one that is gone since is nothing."""
    try:
        check(path)
    except EnvoyError as error:
        reason = error.details.get("reason")
        if reason != "missing":
            yield Check("modes", "failed", f"{reason} {path}", error.next_command)


def _guarded(name: str, work: Callable[[], Iterator[str]]) -> list[Check]:
    """Return the findings of ``work`` as checks; an error is one of them."""
    found = list[Check]()
    try:
        for what in work():
            found.append(_failed(name, what))
            if len(found) >= SHOWN_MAX:
                break
    except EnvoyError as error:
        parts = (error.code, error.details.get("reason"), error.details.get("cause"))
        found.append(_failed(name, " ".join(str(one) for one in parts if one is not None)))
    except ODD as error:
        found.append(_failed(name, checks.nonsense(error)))
    return found


def _hub(where: Paths) -> list[Check]:
    """Return what is wrong with the hub of this machine."""
    if not files.exists(where.hub):
        return []

    def work() -> Iterator[str]:
        store = sqlite.open_store(home.hub_directory(where))
        try:
            yield from db.full_check(store.connection)
            with store.snapshot():
                yield from soundness.findings(store)
        finally:
            store.close()

    return _guarded("hub log", work)


def _hub_key(where: Paths) -> list[Check]:
    """Return the spaces that believe another hub than that of this machine."""
    if not files.exists(where.hub) or not files.exists(where.replica):
        return []
    store = sqlite.open_store(home.hub_directory(where))
    key = public_key(store.seed)
    store.close()
    with db.connect(where.replica, read_only=True, key=where.db_key) as connection:
        sql = "SELECT count(*) FROM space WHERE hub <> ? AND mode = 'local_only'"
        count = connection.find(int, f"{sql} AND closed_ms IS NULL", (key,))
    if not count:
        return []
    detail = f"{count} spaces believe a hub that is gone: an admin's next sync pins this one"
    return [Check("hub key", "warning", detail, "envoy sync")]


def _log(where: Paths) -> list[Check]:
    """Return what is wrong with the database of the profile as such."""
    if not files.exists(where.replica):
        return []

    def work() -> Iterator[str]:
        with db.connect(where.replica, read_only=True, key=where.db_key) as connection:
            yield from db.full_check(connection)
            with connection.snapshot():
                yield from rows_soundness.findings(connection)

    return _guarded("log", work)


def _meaning(
    config: Config, stored: Stored, where: Paths, progress: Progress
) -> tuple[list[Check], list[Check]]:
    """Return what is wrong with the log, and with the projections, in a copy of the file."""
    with _copied(where) as copy, _opened(config, stored, copy, None) as profile:
        connection = _connection(profile)
        log = [
            check
            for space in profile.rows.spaces()
            for check in _guarded("log", _inspection(profile, space.sn, progress))
        ]
        if log:
            return log, []

        def work() -> Iterator[str]:
            before = rows_soundness.digests(connection)
            with profile.events.transaction(durable=False):
                connection.run("DELETE FROM past")
            rebuild(profile, progress=lambda done, _: progress("projections", done))
            after = rows_soundness.digests(connection)
            wrong = sorted(one for one in before if before[one] != after[one])
            if wrong:
                yield "not as the log says: " + ", ".join(wrong)

        return [], _guarded("projections", work)


def _inspection(profile: Profile, sn: int, progress: Progress) -> Callable[[], Iterator[str]]:
    """Return the look at the log of one space."""
    told = Inspection(Replica(profile, sn), lambda done: progress("log", done))
    return told.findings


@contextmanager
def _copied(where: Paths) -> Iterator[Paths]:
    """Make a copy of the database for as long as it is looked at."""
    path = where.replica + COPY
    copy = where._replace(replica=path, replica_lock=path + ".lock")
    names = (*replica_file.with_log(path), copy.replica_lock)
    for name in names:
        files.remove(name)
    try:
        with db.connect(where.replica, read_only=True, key=where.db_key) as connection:
            db.backup(connection, path, key=where.db_key)
        with db.connect(path, damaged=True, key=where.db_key) as connection:
            connection.run("PRAGMA journal_mode=WAL")
        yield copy
    finally:
        for name in names:
            files.remove(name)


@contextmanager
def _opened(
    config: Config, stored: Stored, where: Paths, log: sqlite.LogStore | None
) -> Iterator[Profile]:
    """Open the database ``where`` as the profile, with the hub ``log`` or with none."""
    with ExitStack() as stack:
        connection = stack.enter_context(replica_file.open_file(where))
        events, store = EventStore(connection, where.replica_lock), RowStore(connection)
        events.stores.append(store)
        poster = writes.poster(stored.identity)
        hub: Hub = NoHub()
        if log is not None:
            more = writes.ChunkCalls(log, where)
            hub = LocalHub(log, poster=poster, now_ms=host.now_ms, more=more)
        yield Profile(
            identity=stored.identity,
            events=events,
            rows=store,
            hub=hub,
            clock=writes.SystemClock(),
            entropy=host.entropy,
            workers=writes.Threads(stack),
            session=config.session,
            name=stored.name,
            type=str(replica_file.meta(connection, "type") or "agent"),
            carry=writes.Carrier(hub, where),
        )


def _connection(profile: Profile) -> db.Connection:
    """Return the connection that a profile opened here stands on."""
    assert isinstance(profile.events, EventStore), "it was opened here"
    return profile.events.connection


# -- mending ---------------------------------------------------------------------------------


def mend(config: Config, found: Look, progress: Progress = quiet) -> list[str]:
    """Do what ``found`` asks for; return what was made anew: objects, hub, replica, projections.

    Chunks that are spoilt are deleted: they are fetched again when they are wanted.

    Raises NeedsHumanError(profile_locked), IntegrityError (schema_too_new, state_access_denied,
    state_corrupt for an identity.json that is none), InternalError(storage_failed).
    """
    plain = home.paths(config.home, config.profile)
    (stored, where), done = _keyed(config, plain), list[str]()
    if any(one.name == "objects" and one.state == "failed" for one in found.checks):
        for shelf, ident in list(chunks.spoilt(plain, progress)):
            shelf.drop(ident)
        done.append("objects")
    if found.is_hub_bad:
        progress("hub", 0)
        renewal.renew(home.hub_directory(where), pinned=_pinned(where))
        done.append("hub")
    if found.is_log_bad:
        _renew(config, stored, where, progress)
        done.append("replica")
    elif found.are_rows_bad:
        with writes.open_profile(config) as profile:
            with profile.events.transaction(durable=True):
                _connection(profile).run("DELETE FROM past")
            rebuild(profile, progress=lambda done, _: progress("projections", done))
        done.append("projections")
    return done


def _pinned(where: Paths) -> set[bytes]:
    """Return the keys of the hubs that spaces of this profile believe, as far as they are read."""
    with (
        suppress(EnvoyError, *ODD),
        db.connect(where.replica, read_only=True, damaged=True, key=where.db_key) as connection,
    ):
        return set(connection.rows(bytes, "SELECT hub FROM space"))
    return set()


def _renew(config: Config, stored: Stored, where: Paths, progress: Progress) -> None:
    """Make the database of the profile anew, under its lock until it has its place."""
    with files.lock(where.replica_lock, timeout_s=limits.LOCK_SECONDS_MAX) as held:
        replica_file.discard(where)
        draft, old = replica_file.renewed(where), salvage.open_salvage(where)
        with ExitStack() as stack:
            stack.callback(old.close)
            log = sqlite.open_store(home.hub_directory(where))
            stack.callback(log.close)
            profile = stack.enter_context(_opened(config, stored, draft, log))
            home_actions.fill(profile, old, progress=lambda done: progress("replica", done))
            _notes(_connection(profile), draft, old)
        replica_file.put_in_place(where)
        held.note(bytes(replica_file.WITNESS_BYTES))


def _notes(connection: db.Connection, draft: Paths, old: salvage.Salvage) -> None:
    """Keep what the old file noted of the profile itself."""
    kind = old.note("type")
    with connection.write_transaction(draft.replica_lock, sync=replica_file.FULL):
        if kind in ("human", "agent"):
            replica_file.put_meta(connection, "type", str(kind))
        for space, at in old.forgotten():
            replica_file.forget(connection, space, at)
