"""Writes: a profile opened with its keys, its log, the hub of this machine and the clock.

The one place where the ports of ``replica`` meet the edges, for every face that writes. A process
opens one profile, for one thread. Nothing is decided here.

Laws: no lock is held while a face thinks: transactions are inside the actions. What costs much to
load (threads, the library of boxes) is loaded when it is first needed.

Specification: docs/ARCHITECTURE.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from envoy import limits
from envoy.core.crypto.sign import public_key
from envoy.core.identity import CARD_KEY, Identity, Stored, from_record, to_record
from envoy.hub import sqlite
from envoy.hub.handler import LocalHub
from envoy.replica.actions import local
from envoy.replica.rebuild import rebuild
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.system import host
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

    @staticmethod
    def map(work: Callable[[A], B], items: Sequence[A]) -> list[B]:
        """Return ``work`` of each item, in order."""
        if len(items) < THREADS_MIN:
            return [work(item) for item in items]
        from envoy.system.workers import Workers

        with Workers() as pool:
            return pool.map(work, items)


@contextmanager
def open_profile(config: Config) -> Iterator[Profile]:
    """Open the profile of ``config`` for writing, and close it again.

    Raises NotFoundError(profile_not_found), NeedsHumanError(profile_locked), IntegrityError
    (state_access_denied, state_corrupt, schema_too_new), InternalError(storage_failed).
    """
    where = home.paths(config.home, config.profile)
    stored = from_record(home.read_record(where))
    with ExitStack() as stack:
        connection = stack.enter_context(replica_file.open_file(where))
        replica_file.settle(connection, where)
        log = sqlite.open_store(home.hub_directory(where))
        stack.callback(log.close)
        events, store = EventStore(connection, where.replica_lock), RowStore(connection)
        events.stores.append(store)
        profile = Profile(
            identity=stored.identity,
            events=events,
            rows=store,
            hub=LocalHub(log, poster=poster(stored.identity), now_ms=host.now_ms),
            clock=SystemClock(),
            entropy=host.entropy,
            workers=Threads(),
            session=config.session,
            name=stored.name,
            type=str(replica_file.meta(connection, "type") or "agent"),
        )
        if replica_file.is_outdated(connection):
            rebuild(profile)
        yield profile


def poster(identity: Identity) -> bytes:
    """Return the name under which the hub counts what a profile posts; no did reaches a hub."""
    return public_key(identity.access_seed(CARD_KEY))


def open_space(profile: Profile, ref: str | None) -> Replica:
    """Return the copy of the space that ``ref`` means: id, prefix or name; None: the only one.

    Raises NotFoundError (space_not_found, space_name_ambiguous), UsageError(missing_required_flag).
    """
    return Replica(profile, space.choose(profile.rows.spaces(), ref).sn)


def init_profile(config: Config, *, name: str, type: str) -> Stored:
    """Make the identity of the profile of ``config`` and return it; ``type`` is human or agent.

    Raises ConflictError(already_exists) if there is one, IntegrityError, InternalError.
    """
    where = home.paths(config.home, config.profile)
    home.make(where)
    if home.is_made(where):
        raise home.exists(where)
    # The identity comes last: a profile that exists has all it needs.
    with (
        replica_file.open_file(where) as connection,
        connection.write_transaction(where.replica_lock, sync=replica_file.FULL),
    ):
        replica_file.put_meta(connection, "type", type)
    stored = Stored(Identity(host.entropy(32)), name, 0)
    home.write_record(where, to_record(stored), replace=False)
    return stored


def refresh(config: Config, spaces: Sequence[bytes]) -> None:
    """Take in what the hub has for ``spaces`` that this copy has not, for at most a second."""
    until = host.monotonic_ms() + limits.PULL_SECONDS_MAX * 1000
    with open_profile(config) as profile:
        local.sync_all(profile, spaces, go=lambda: host.monotonic_ms() < until, care=False)
