"""World: homes with profiles and long spaces, made by the same actions that faces call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.rounds import Wrong
from envoy import limits
from envoy.core.bodies import Message, TaskCreate
from envoy.core.structs import Body
from envoy.hub import sqlite
from envoy.hub.handler import LocalHub
from envoy.ids import to_text
from envoy.replica.actions import local, members, space
from envoy.replica.replica import Replica
from envoy.storage import home as homes
from envoy.storage.events import EventStore
from envoy.storage.views import Views
from envoy.system import db, host
from envoy.wiring import writes
from envoy.wiring.config import SESSION_DEFAULT, Config

NAME = "bench"
# Words as people write them: a row of like ones could be taken for the words of a recovery phrase.
TEXT = (
    "The parser fails on a line that ends within a quoted field: the reader waits for the quote"
    " that never comes and takes the rest of the file. A test shows it, the fix is in the branch,"
    " and somebody has to look at the limits before it is merged. See the run of last night."
)
EVENTS_PER_COMMIT = 500
INVITE_MS = 3_600_000


class World(NamedTuple):
    """A home with a space that some profiles share; the first one founded it."""

    home: Path
    space: str
    profiles: tuple[str, ...]


def config(home: Path, profile: str) -> Config:
    """Return the configuration of a profile of ``home``."""
    return Config(
        home=str(home),
        profile=profile,
        space=None,
        session=SESSION_DEFAULT,
        timeout_ms=limits.RPC_SECONDS_DEFAULT * 1000,
        json=True,
        quiet=False,
        color="never",
        relay_url=None,
        sync=True,
        yes=False,
        verbose=False,
        origins={},
    )


def make(home: Path, profiles: Sequence[str]) -> World:
    """Make a home in which ``profiles`` share a space."""
    first, *others = profiles
    writes.init_profile(config(home, first), name=first, type="human")
    with writes.open_profile(config(home, first)) as profile:
        row = space.create(profile, NAME)
        code = ""
        if others:
            code = members.make(
                Replica(profile, row.sn), role="write", max_uses=100, ttl_ms=INVITE_MS
            ).code
    for name in others:
        writes.init_profile(config(home, name), name=name, type="agent")
        with writes.open_profile(config(home, name)) as profile:
            members.join(profile, code, name=name)
    made = World(home, to_text("space", row.id), tuple(profiles))
    for name in profiles:  # everybody knows that everybody is there
        exchange(made, name)
    return made


@contextmanager
def opened(world: World, profile: str) -> Iterator[Replica]:
    """Open the copy of a profile."""
    with writes.open_profile(config(world.home, profile)) as open_profile:
        yield writes.open_space(open_profile, None)


@contextmanager
def looking(world: World, profile: str) -> Iterator[Views]:
    """Open the rows of a profile for reading."""
    where = homes.paths(str(world.home), profile)
    with db.connect(where.replica, read_only=True) as connection:
        yield Views(connection)


def messages(world: World, profile: str) -> int:
    """Return how many messages that count a profile has, after a look at the hub."""
    exchange(world, profile)
    where = homes.paths(str(world.home), profile)
    sql = "SELECT count(*) FROM item WHERE kind = 'message' AND status IN ('ok', 'ok*')"
    with db.connect(where.replica, read_only=True) as connection:
        return connection.rows(int, sql)[0]


def full_commits(world: World, replica: Replica, act: Callable[[Replica], object]) -> int:
    """Do ``act`` and return how many durable commits it took, those of the hub included."""
    profile, where = replica.profile, homes.paths(str(world.home), world.profiles[0])
    store = sqlite.open_store(homes.hub_directory(where))
    hub = LocalHub(store, poster=writes.poster(profile.identity), now_ms=host.now_ms)
    events = profile.events
    assert isinstance(events, EventStore), "a profile of this machine has a file"
    counted = (events.connection, store.connection)
    before = sum(one.commits["full"] for one in counted)
    act(Replica(profile._replace(hub=hub), replica.sn))
    spent = sum(one.commits["full"] for one in counted) - before
    store.close()
    return spent


def exchange(world: World, profile: str) -> None:
    """Bring a profile and the hub to the same log."""
    with opened(world, profile) as replica:
        local.exchange(replica)


def fill(replica: Replica, count: int, body: Callable[[int], Body]) -> None:
    """Write ``count`` events in a few transactions, and bring them to the hub."""
    for start in range(0, count, EVENTS_PER_COMMIT):
        numbers = range(start, min(start + EVENTS_PER_COMMIT, count))
        write(replica, [body(number) for number in numbers])
    local.exchange(replica)


def write(replica: Replica, bodies: Sequence[Body]) -> None:
    """Write ``bodies`` in one durable transaction."""
    replica.write(lambda _: bodies)


def message(number: int) -> Message:
    """Return a message of 38 words."""
    return Message(f"{number} {TEXT}", None, (), (), (), None)


def task(number: int) -> TaskCreate:
    """Return a task."""
    return TaskCreate(f"Task {number}", TEXT, (), 2, None, (), None, (), (), None)


def grown(home: Path, events: int, *, tasks: int) -> World:
    """Make a home in which ``reader`` has all of a space of about ``events`` events.

    ``tasks`` of them are open tasks; everything is by ``writer``, hence unread by ``reader``.
    """
    made = make(home, ("writer", "reader"))
    with opened(made, "writer") as replica:
        fill(replica, max(0, events - tasks - replica.space.events), message)
        fill(replica, tasks, task)
    with opened(made, "reader") as replica:
        local.exchange(replica)
        if replica.space.events < events:
            raise Wrong(f"{replica.space.events} of {events} events arrived")
    return made
