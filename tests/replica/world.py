"""A machine for tests: homes, profiles and one hub, all real, with a clock that a test sets.

Every database is a file below a temporary directory, every key is real, every event is signed and
sealed. What a test may turn: the clock, and the door between a profile and the hub, behind which
the hub can be away, refuse a call, or answer with what it should not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from envoy.core.crypto.sign import public_key
from envoy.core.identity import CARD_KEY, Identity, Stored, from_record, to_record
from envoy.core.structs import Body
from envoy.errors import RelayError
from envoy.hub import sqlite
from envoy.hub.handler import LocalHub
from envoy.replica import sync
from envoy.replica.actions import local, members, space, work
from envoy.replica.replica import Profile, Replica
from envoy.storage import home, replica_file
from envoy.storage.events import EventStore
from envoy.storage.projections import RowStore
from envoy.sync.frames import HubRefusal
from envoy.system import db
from envoy.views import rows
from envoy.wiring import writes

A = TypeVar("A")
B = TypeVar("B")
NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
YEAR_MS = 365 * DAY_MS


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int = NOW_MS) -> None:
        self.now = now

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        return self.now


class Inline:
    """Workers without threads."""

    @staticmethod
    def begin(work: Callable[[A], B], items: Sequence[A]) -> Callable[[], list[B]]:
        """Return what returns ``work`` of each item."""
        return lambda: [work(item) for item in items]


class Door:
    """The way of one profile to a real hub, which a test can close or bend.

    ``away``: nobody answers. ``refusals``: calls that are refused, by their class. ``alter`` may
    change a reply on its way back. ``calls`` are all that were made.
    """

    def __init__(self, hub: LocalHub, log: sqlite.LogStore) -> None:
        self.hub = hub
        self.log = log
        self.hub_key = hub.hub_key
        self.away = False
        self.refusals: dict[type[Body], str] = {}
        self.alter: Callable[[Body, Body], Body] | None = None
        self.calls: list[Body] = []

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``."""
        self.calls.append(call)
        if self.away:
            raise RelayError("relay_unavailable")
        if type(call) in self.refusals:
            raise HubRefusal(self.refusals[type(call)])
        reply = self.hub.handle(call)
        return reply if self.alter is None else self.alter(call, reply)


class Actor:
    """One profile at work, its files open."""

    def __init__(self, profile: Profile, where: home.Paths, door: Door, clock: Clock) -> None:
        self.profile = profile
        self.where = where
        self.door = door
        self.clock = clock
        self.me = profile.identity.did
        self.name = profile.name
        self.place = os.path.basename(where.home)

    @property
    def events(self) -> EventStore:
        """The log of the profile, as what it is."""
        assert isinstance(self.profile.events, EventStore)
        return self.profile.events

    @property
    def store(self) -> RowStore:
        """The rows of the profile, as what they are."""
        assert isinstance(self.profile.rows, RowStore)
        return self.profile.rows

    @property
    def connection(self) -> db.Connection:
        """The connection to its replica.db."""
        return self.events.connection

    @property
    def copy(self) -> Replica:
        """Its copy of the only space it has."""
        (row,) = self.profile.rows.spaces()
        return Replica(self.profile, row.sn)

    @property
    def space(self) -> rows.Space:
        """The row of its only space."""
        (row,) = self.profile.rows.spaces()
        return row

    def found(self, name: str = "bughunt") -> rows.Space:
        """Found a space."""
        return space.create(self.profile, name)

    def send(self, body: str) -> rows.Sent:
        """Say something."""
        return work.send(self.copy, body)

    def sync(self) -> sync.Exchange:
        """Exchange with the hub until both have the same."""
        return local.exchange(self.copy)

    def pull(self) -> None:
        """Read what the hub has."""
        sync.pull(self.copy)

    def code(self, *, role: str = "write", uses: int = 10, ttl_ms: int = 10 * MINUTE_MS) -> str:
        """Make an invite and return its code."""
        return members.make(self.copy, role=role, max_uses=uses, ttl_ms=ttl_ms).code

    def join(self, code: str) -> rows.Joined:
        """Redeem a code."""
        return members.join(self.profile, code, name=self.name)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        found = self.connection.find(int, f"SELECT count(*) FROM {table}")
        assert found is not None
        return found


class World:
    """Homes below one directory; ``close`` ends all their connections."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self._stack = ExitStack()

    def close(self) -> None:
        """Close every database."""
        self._stack.close()

    def make(self, name: str, *, place: str = "home", type: str = "agent") -> home.Paths:
        """Make the identity of a profile."""
        where = home.paths(os.fspath(self.root / place), name)
        home.make(where)
        stored = Stored(Identity(os.urandom(32)), name, 0)
        home.write_record(where, to_record(stored), replace=False)
        self._note(where, "type", type)
        return where

    @staticmethod
    def _note(where: home.Paths, key: str, value: str) -> None:
        """Write a note into a replica file."""
        with (
            replica_file.open_file(where) as connection,
            connection.write_transaction(where.replica_lock, sync="full"),
        ):
            replica_file.put_meta(connection, key, value)

    def clone(self, actor: Actor, place: str, *, unnoticed: bool) -> Actor:
        """Copy the profile of ``actor`` into another home and open it beside the original.

        ``unnoticed``: the copy takes itself for the original, as one in a virtual machine would.
        """
        where = home.paths(os.fspath(self.root / place), actor.name)
        home.make(where)
        db.backup(actor.connection, where.replica)
        with db.connect(where.replica) as connection:
            connection.run("PRAGMA journal_mode=WAL")
        home.write_record(where, home.read_record(actor.where), replace=False)
        if unnoticed:
            self._note(where, "origin", replica_file.origin(where))
        return self.open(actor.name, place=place, hub=actor.place, clock=actor.clock)

    def open(
        self, name: str, *, place: str = "home", hub: str | None = None, clock: Clock | None = None
    ) -> Actor:
        """Open a profile; ``hub`` names another home whose hub it uses."""
        where = home.paths(os.fspath(self.root / place), name)
        own = clock or self.clock
        stored = from_record(home.read_record(where))
        connection = self._stack.enter_context(replica_file.open_file(where))
        replica_file.settle(connection, where)
        door = self.door(stored.identity, hub or place)
        events, store = EventStore(connection, where.replica_lock), RowStore(connection)
        events.stores.append(store)
        profile = Profile(
            identity=stored.identity,
            events=events,
            rows=store,
            hub=door,
            clock=own,
            entropy=os.urandom,
            workers=Inline(),
            session="default",
            name=stored.name,
            type=str(replica_file.meta(connection, "type") or "agent"),
            carry=writes.Carrier(door, where),
        )
        return Actor(profile, where, door, own)

    def door(self, identity: Identity, place: str) -> Door:
        """Return the way of an identity to the hub of the home ``place``, which has our time."""
        log = sqlite.open_store(os.fspath(self.root / place / "hub"))
        self._stack.callback(log.close)
        poster = public_key(identity.access_seed(CARD_KEY))
        where = home.paths(os.fspath(self.root / place), "hub")
        more = writes.ChunkCalls(log, where)
        return Door(LocalHub(log, poster=poster, now_ms=self.clock.now_ms, more=more), log)

    def actor(
        self, name: str, *, place: str = "home", type: str = "agent", clock: Clock | None = None
    ) -> Actor:
        """Make a profile and open it."""
        self.make(name, place=place, type=type)
        return self.open(name, place=place, clock=clock)

    def team(self, *names: str, role: str = "write") -> list[Actor]:
        """Return actors in one space that the first of them founded and all have read."""
        first, *others = [self.actor(name) for name in names]
        first.found()
        if others:
            code = first.code(role=role, uses=100)
            for one in others:
                one.join(code)
        for one in (first, *others):
            one.sync()
        return [first, *others]
