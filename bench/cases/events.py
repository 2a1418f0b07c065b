"""Events: writing, taking in, and projecting them, against bare signatures and commits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import apsw

from bench import world, yardsticks
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting
from envoy.core.bodies import Message
from envoy.core.codec import encode
from envoy.core.crypto.sign import public_key
from envoy.core.envelope import ENTROPY_BYTES, Writer, author_event
from envoy.core.event import Links
from envoy.replica import opening
from envoy.replica.ingest import Taken, take_begun
from envoy.replica.rebuild import rebuild
from envoy.replica.replica import Replica

A = TypeVar("A")
B = TypeVar("B")

AUTHOR_LEAST = 0.4
DURABLE_LEAST = 0.8
INGEST_LEAST = 0.45
POOL_LEAST = 1.3
REBUILD_LEAST = 1.5
PAGE = 1_000
PAGES = 3  # of one sample


class Alone:
    """Workers that are the calling thread."""

    @staticmethod
    def begin(work: Callable[[A], B], items: Sequence[A]) -> Callable[[], list[B]]:
        """Return what returns ``work`` of each item."""
        return lambda: [work(item) for item in items]


def author() -> Callable[[], bytes]:
    """Return what makes one sealed event of a chain, without a store."""
    seed = os.urandom(32)
    writer = Writer(space=bytes(32), epoch=bytes(32), event_key=os.urandom(32), seed=seed)
    me, body = public_key(seed), Message(world.TEXT, None, (), (), (), None)
    links = Links(
        chain=bytes(16),
        seq=7,
        prev=me,
        deps=(),
        lam=8,
        auth=bytes(32),
        ts=time.time_ns() // 1_000_000,
        basis=(),
    )

    def one() -> bytes:
        entropy = os.urandom(ENTROPY_BYTES)
        frame, _ = author_event(
            writer, links=links, kind="message", body=encode(body), entropy=entropy
        )
        return frame

    return one


def play_author(setting: Setting) -> Race:
    """Measure events without a disk, and with a durable commit each."""
    made = world.make(setting.home("author"), ("writer",))
    replica = setting.held.enter_context(world.opened(made, "writer"))
    for _ in range(yardsticks.WARM_TRANSACTIONS // 20):
        world.write(replica, [world.message(0)])
    one = author()
    durable = yardsticks.rate("event.durable", lambda: world.write(replica, [world.message(0)]))
    return Race(
        (
            yardsticks.sign(),
            yardsticks.sqlite(setting.scratch, synchronous="FULL"),
            yardsticks.rate("event.author", one),
            yardsticks.rate("author + sqlite_full", in_series(setting, one)),
            durable,
        ),
        (
            Target("event.author", "sign", AUTHOR_LEAST, is_most=False),
            Target("event.durable", "author + sqlite_full", DURABLE_LEAST, is_most=False),
        ),
    )


def in_series(setting: Setting, one: Callable[[], bytes]) -> Callable[[], None]:
    """Return what makes an event and commits its bytes in one bare transaction."""
    connection = apsw.Connection(str(setting.scratch / "series.db"))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("CREATE TABLE row(bytes BLOB)")
    connection.execute("PRAGMA synchronous=NORMAL")

    def both() -> None:
        frame = one()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row(bytes) VALUES(?)", (frame,))
        connection.execute("COMMIT")

    for _ in range(yardsticks.WARM_TRANSACTIONS):
        both()
    connection.execute("PRAGMA synchronous=FULL")
    return both


def play_ingest(setting: Setting) -> Race:
    """Measure pages of 1,000 events that a copy takes in, as a pull does: the next one opened and
    given to the threads before this one is stored. Without threads that is the same work in turn.
    """
    rounds = 7 if setting.quick else 20
    made = world.make(setting.home("ingest"), ("writer", "each", "pool"))
    enter = setting.held.enter_context
    writer, each, pool = (enter(world.opened(made, name)) for name in made.profiles)
    old = writer.profile.events.frames(writer.sn, after=0, limit=PAGE)[-1][0]
    for _ in range((rounds + 1) * PAGES * PAGE // world.EVENTS_PER_COMMIT):
        world.write(writer, [world.message(n) for n in range(world.EVENTS_PER_COMMIT)])
    each.profile = each.profile._replace(workers=Alone())
    contenders = [
        taking(name, replica, from_page(writer, old))
        for name, replica in (("ingest.each", each), ("ingest.pool", pool))
    ]
    return Race(
        (yardsticks.verify(), yardsticks.aead(), *contenders),
        (
            Target("ingest.each", "verify", INGEST_LEAST, is_most=False),
            Target("ingest.pool", "ingest.each", POOL_LEAST, is_most=False),
        ),
        rounds=rounds,
    )


def from_page(replica: Replica, after: int) -> Iterator[list[bytes]]:
    """Yield pages of frames behind the local number ``after``."""
    while rows := replica.profile.events.frames(replica.sn, after=after, limit=PAGE):
        yield [frame for _, frame in rows]
        after = rows[-1][0]


def taking(name: str, replica: Replica, left: Iterator[list[bytes]]) -> Contender:
    """Return a copy that takes in a few more pages each time."""

    def opened(frames: list[bytes]) -> opening.Begun:
        return opening.begin(replica, [opening.read(frame) for frame in frames])

    def once() -> float:
        first, *behind = [next(left) for _ in range(PAGES)]
        began = time.perf_counter()
        taken, ahead = list[Taken](), opened(first)
        for frames in behind:
            now, ahead = ahead, opened(frames)
            taken.append(take_begun(replica, now, source="bench"))
        taken.append(take_begun(replica, ahead, source="bench"))
        seconds = time.perf_counter() - began
        if taken != [Taken(PAGE, 0, 0)] * PAGES:
            raise Wrong(f"{taken}")
        return PAGES * PAGE / seconds

    return Contender(name, "per_s", once)


def play_rebuild(setting: Setting) -> Race:
    """Measure projections made anew from the log."""
    sizes = (1_000, 5_000) if setting.quick else (10_000, 100_000)
    contenders = [yardsticks.verify()]
    for events in sizes:
        made = world.make(setting.home(f"rebuild-{events}"), ("writer",))
        replica = setting.held.enter_context(world.opened(made, "writer"))
        world.fill(replica, events, world.message)
        contenders.append(rebuilding(f"rebuild @{events}", replica))
    few, many = (f"rebuild @{events}" for events in sizes)
    return Race(
        tuple(contenders),
        (
            Target(few, "verify", REBUILD_LEAST, is_most=False),
            Target(many, "verify", REBUILD_LEAST, is_most=False),
            Target(many, few, 1 / 1.2, is_most=False),
        ),
        rounds=3 if setting.quick else 5,
        warm=0,
    )


def rebuilding(name: str, replica: Replica) -> Contender:
    """Return the rebuilding of a copy, which has to come to the same state."""

    def once() -> float:
        before = replica.space
        began = time.perf_counter()
        rebuild(replica.profile)
        seconds = time.perf_counter() - began
        after = replica.space
        if (before.state_sum, before.events) != (after.state_sum, after.events):
            raise Wrong("another state")
        return before.events / seconds

    return Contender(name, "per_s", once)


CASES = (
    Case("event.author", "build, sign, seal; then with a durable commit", play_author),
    Case("ingest.each", "open, verify, insert, project pages of 1,000", play_ingest),
    Case("rebuild", "projections from the log", play_rebuild),
)
