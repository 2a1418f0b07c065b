"""Writes: a profile opened with its keys, its log, the hub of this machine and the clock.

The one place where the ports of ``replica`` meet the edges, for every face that writes. A process
opens one profile, for one thread. Nothing is decided here.

Laws: no lock is held while a face thinks: transactions are inside the actions. What costs much to
load (threads, the library of boxes) or is seldom asked for is loaded when it is first needed.

Specification: docs/ARCHITECTURE.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from envoy import limits
from envoy.core.crypto.sign import public_key, use_hasher
from envoy.core.identity import (
    CARD_KEY,
    NONE,
    ROOT_BYTES,
    Identity,
    Stored,
    from_record,
    to_record,
)
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RelayError
from envoy.hub import sqlite
from envoy.hub.handler import LocalHub
from envoy.lean import Protocol
from envoy.replica.ports import Chunks, Hub, Workers
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.system import db, files, host
from envoy.views import space
from envoy.wiring.config import Config

A = TypeVar("A")
B = TypeVar("B")

# Below this many signatures the threads cost more than they save.
THREADS_MIN = 64


class SystemClock:
    """The wall clock of this machine."""

    @staticmethod
    def now_ms() -> int:
        """Return milliseconds since 1970."""
        return host.now_ms()


class Threads:
    """The threads that verify a long page; loaded when there is one."""

    def __init__(self, open_until: ExitStack) -> None:
        """``open_until``: with it the threads end, if there are any by then."""
        self._open_until = open_until
        self._pool: Workers | None = None  # made for the first long page

    def begin(self, work: Callable[[A], B], items: Sequence[A]) -> Callable[[], list[B]]:
        """Begin ``work`` of each item; what is returned waits, and returns the results in order."""
        if self._pool is None and len(items) < THREADS_MIN:
            return lambda: [work(item) for item in items]
        if self._pool is None:
            from hashlib import sha256

            from envoy.system import workers

            use_hasher(sha256)  # who has work for threads has much to hash as well
            self._pool = self._open_until.enter_context(workers.Workers())
        return self._pool.begin(work, items)


class Away:
    """A hub that nobody asks: what is written waits until the next command that may sync."""

    def __init__(self, hub_key: bytes) -> None:
        """``hub_key``: that of the hub that would be asked."""
        self.hub_key = hub_key

    def handle(self, call: Body) -> Body:
        """Raise RelayError(relay_unavailable)."""
        raise RelayError("relay_unavailable", cause="no_sync")


class Bearer(Protocol):
    """Whoever brings chunks from the hub of this machine to a relay."""

    def carried(self, space: bytes, ids: bytes) -> None:
        """Leave the chunks with these ids, joined, for the relay of ``space``."""


class Carrier:
    """Brings chunks to the hub, where some wait; what does it is loaded then."""

    def __init__(self, hub: Hub, where: home.Paths, far: Bearer | None = None) -> None:
        """``far``: the relays that must have the chunks as well."""
        self._hub = hub
        self._where = where
        self._far = far
        self._depot: Chunks | None = None

    def __call__(self, space: bytes, chunks: bytes, *, go: Callable[[], bool]) -> bool:
        """Bring what the hub lacks of ``chunks``, ids joined; say whether there was the time."""
        from envoy.replica import objects

        if not objects.carry(self._hub, self.depot, space, chunks, go=go):
            return False
        if self._far is not None:
            self._far.carried(space, chunks)
        return True

    @property
    def depot(self) -> Chunks:
        """Return the chunks of the profile, the same ones for all who ask."""
        if self._depot is None:
            from envoy.wiring import depot

            self._depot = depot.Depot(self._where)
        return self._depot


class ChunkCalls:
    """The calls about chunks at the hub of this machine; what answers them is loaded then."""

    def __init__(self, log: sqlite.LogStore, where: home.Paths) -> None:
        self._log = log
        self._where = where

    def __call__(self, call: Body) -> Body:
        """Return the reply to ``call``. Raises HubRefusal."""
        from envoy.hub import chunks
        from envoy.wiring import depot

        return chunks.ChunkHandler(self._log, depot.at_hub(self._where)).handle(call)


@contextmanager
def open_profile(
    config: Config, *, roads: bool = False, wait_ms: int = limits.PUSH_SECONDS_MAX * 1000
) -> Iterator[Profile]:
    """Open the profile of ``config`` for writing, and close it again.

    ``roads``: with what connects spaces to relays, also where none is connected yet, and with the
    patience of a whole call; without, relays are waited for ``wait_ms`` in all. Raises
    NotFoundError(profile_not_found), NeedsHumanError(profile_locked), IntegrityError
    (state_access_denied, state_corrupt, schema_too_new), InternalError(storage_failed).
    """
    stored, where = unlocked(config)
    with ExitStack() as stack:
        connection = stack.enter_context(replica_file.open_file(where))
        is_lost = replica_file.settle(connection, where)
        log = sqlite.open_store(home.hub_directory(where))
        stack.callback(log.close)
        me, more = stored.identity, ChunkCalls(log, where)
        near = LocalHub(log, poster=poster(me), now_ms=host.now_ms, more=more)
        hub: Hub = near if config.sync else Away(near.hub_key)
        events, store = EventStore(connection, where.replica_lock), RowStore(connection)
        events.stores.append(store)
        far = None
        if config.sync and (roads or _has_links(where)):
            from envoy.wiring import relay

            far = relay.open_far(
                config,
                near,
                log,
                relay.Keys(stored.identity, store),
                stack=stack,
                wait_ms=0 if roads else wait_ms,
            )
            hub = far.hub
        profile = Profile(
            identity=stored.identity,
            events=events,
            rows=store,
            hub=hub,
            clock=SystemClock(),
            entropy=host.entropy,
            workers=Threads(stack),
            session=config.session,
            name=stored.name,
            type=str(replica_file.meta(connection, "type") or "agent"),
            carry=Carrier(hub, where, None if far is None else far.roads),
            roads=None if far is None else far.roads,
            tend=None if far is None else far.tend,
        )
        if far is not None:
            far.settle(profile)
        if replica_file.is_outdated(connection):
            _rebuild(config, profile)
        if is_lost:
            from envoy.wiring import regain

            profile = regain.regain(profile, connection, where, log)
        yield profile


def _rebuild(config: Config, profile: Profile) -> None:
    """Make the projections of a profile anew, and show how far that is."""
    from envoy.replica.rebuild import rebuild
    from envoy.wiring import progress

    with progress.Teller(config) as teller:
        rebuild(profile, progress=teller.of)


def is_connected(config: Config) -> bool:
    """Say whether relays may be asked, and a space of this machine was ever connected."""
    return config.sync and _has_links(home.paths(config.home, config.profile))


def _has_links(where: home.Paths) -> bool:
    """Say whether a space of this machine was ever connected: one look for a file."""
    return files.exists(where.links)


def poster(identity: Identity) -> bytes:
    """Return the name under which the hub counts what a profile posts; no did reaches a hub."""
    return public_key(identity.access_seed(CARD_KEY))


def open_space(profile: Profile, ref: str | None) -> Replica:
    """Return the copy of the space that ``ref`` means: id, prefix or name; None: the only one.

    Raises NotFoundError (space_not_found, space_name_ambiguous), UsageError(missing_required_flag).
    """
    return Replica(profile, space.choose(profile.rows.spaces(), ref).sn)


def unlocked(config: Config) -> tuple[Stored, home.Paths]:
    """Return the identity of the profile of ``config``, and its paths with the database's key.

    Raises as ``open_profile`` does.
    """
    where = home.paths(config.home, config.profile)
    record = home.read_record(where)
    lock = record.get("lock")
    if isinstance(lock, Mapping) and lock.get("mode") == NONE and db.is_plain(where.replica):
        return from_record(record), where
    from envoy.wiring import secrets

    return secrets.keyed(config, where)


def init_profile(
    config: Config,
    *,
    name: str,
    type: str,
    lock: str = NONE,
    root: bytes | None = None,
    tell: Callable[[Stored], None] = lambda _: None,
) -> Stored:
    """Make the identity of the profile of ``config`` and return it; ``type`` is human or agent.

    ``root`` is that of words or an archive, else a new one. ``tell`` hands over the words: it comes
    before the identity, so a full disk leaves no identity whose words nobody has. Raises
    ConflictError(already_exists) if there is one, IntegrityError, InternalError.
    """
    where = home.paths(config.home, config.profile)
    if home.is_made(where):
        raise home.exists(where)
    stored = Stored(Identity(host.entropy(ROOT_BYTES) if root is None else root), name, 0)
    record = to_record(stored) if lock == NONE else _locked(config, stored, lock)
    home.make(where)
    _clear(where, stored.identity, lock)
    if lock != NONE or not db.is_plain(where.replica):
        where = where._replace(db_key=stored.identity.db_key)
    # The identity comes last: a profile that exists has all it needs.
    with (
        replica_file.open_file(where) as connection,
        connection.write_transaction(where.replica_lock, sync=replica_file.FULL),
    ):
        replica_file.put_meta(connection, "type", type)
    tell(stored)
    home.write_record(where, record, replace=False)
    from envoy.replica.actions import directory

    # Who shares no space with us yet finds our key there, to delegate to us.
    with ExitStack() as stack:
        log, me = sqlite.open_store(home.hub_directory(where)), stored.identity
        stack.callback(log.close)
        hub = LocalHub(log, poster=poster(me), now_ms=host.now_ms)
        directory.announce(hub, me, now_ms=host.now_ms())
    return stored


def _locked(config: Config, stored: Stored, lock: str) -> dict[str, object]:
    """Return the record of a new identity under ``lock``, whose passphrase is asked for first."""
    from envoy.wiring import secrets

    given = secrets.new_passphrase(lock, None, config.passphrase_file)
    return to_record(stored, *secrets.new_lock(stored, lock, given))


def _clear(where: home.Paths, me: Identity, lock: str) -> None:
    """Put aside the database of another identity, which a lost identity.json leaves behind."""
    if files.exists(where.replica) and not (lock == NONE and is_usable(where, me)):
        home.set_aside(where, at=str(host.now_ms()))
        home.make(where)


def is_usable(where: home.Paths, me: Identity) -> bool:
    """Say whether the database of a profile without identity is of ``me``, or of nobody yet.

    Then it stays, since it may hold what no hub has. One that was written as ``me`` starts new
    chains.
    """
    plain = db.is_plain(where.replica)
    try:
        with replica_file.open_file(where if plain else where._replace(db_key=me.db_key)) as found:
            if not found.find(int, "SELECT count(*) FROM space"):
                return plain
            mine = replica_file.owners(found) == {me.did}
            if mine:
                replica_file.leave_chains(found, where)
            return mine
    except IntegrityError:
        return False


def refresh(config: Config, spaces: Sequence[bytes]) -> None:
    """Take in what the hub has for ``spaces`` that this copy has not, for at most a second."""
    with open_profile(config, wait_ms=limits.PULL_SECONDS_MAX * 1000) as profile:
        take_in(profile, spaces)


def take_in(profile: Profile, spaces: Sequence[bytes]) -> None:
    """Take in what the hub has for ``spaces`` of an open profile, for at most a second."""
    from envoy.replica.actions import local

    until = host.monotonic_ms() + limits.PULL_SECONDS_MAX * 1000
    local.sync_all(profile, spaces, go=lambda: host.monotonic_ms() < until, care=False)
