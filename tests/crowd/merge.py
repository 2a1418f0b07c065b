"""`python -m crowd.merge`: many members write apart, then come together to one state.

Every member of a space writes with no hub in reach: messages, tasks of its own, and acts on the
same few tasks, which all take, and two of which all complete. Then each runs its exchange with the
hub, and once more when all have. What is held to: all that was written is in every copy, all have
one state and one set of heads, each task that all took has one holder, and every other claim is
shown as one that lost. The time is that of both exchanges of a member; the work is what of it was
its processor time.

From the root of the project:
``PYTHONPATH=src:tests python -m crowd.merge --members 20 --writes 1000``.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import world

from envoy.core.structs import Body
from envoy.replica.actions import local, tasks
from envoy.system import db
from envoy.wiring import writes

SHARED = 10  # tasks that every member takes
ACTS = 2 * SHARED + 2  # on them, of each member
EVENTS_PER_COMMIT = 100
REPLICA_S_MAX = 10.0  # MEASURES, offline merge
EVENTS_SQL = "SELECT id FROM event"
STATE_SQL = (
    "SELECT heads_hash, state_sum, pending, (SELECT count(*) FROM fork),"
    " (SELECT count(*) FROM conflict WHERE kind = 'lost_claim') FROM space WHERE sn = 1"
)
HOLDERS_SQL = "SELECT id, assignee, claim_state FROM task WHERE assignee IS NOT NULL ORDER BY id"


class Ended(NamedTuple):
    """What a merge came to; ``seconds`` and seconds of ``work`` of the exchanges of each member."""

    events: int
    seconds: list[float]
    work: list[float]
    problems: list[str]
    state: str

    def summary(self, members: int, writes_each: int) -> str:
        """Return the merge in one line."""
        slowest = max(self.seconds)
        return (
            f"members {members}, offline writes of each {writes_each}, events {self.events}; "
            f"state {self.state}, problems {len(self.problems)}; merged in "
            f"{statistics.median(self.seconds):.2f} s a replica, slowest {slowest:.2f} s "
            f"({self.events / slowest:.0f} events/s), of work {max(self.work):.2f} s"
        )


def play(members: int, writes_each: int, root: Path) -> Ended:
    """Let members write apart below ``root`` and come together."""
    names = tuple(f"m{number:02d}" for number in range(members))
    made = world.make(root / "home", names)
    with world.opened(made, names[0]) as replica:
        world.fill(replica, SHARED, world.task)
    for name in names:
        world.exchange(made, name)
    wrote = set[bytes]()
    for name in names:
        wrote |= apart(made, name, writes_each)
    seconds, spent = [0.0] * members, [0.0] * members
    for _ in range(2):
        for index, name in enumerate(names):
            with world.opened(made, name) as replica:
                began, worked = time.monotonic(), time.process_time()
                local.exchange(replica)
                seconds[index] += time.monotonic() - began
                spent[index] += time.process_time() - worked
    found = list(problems(made, wrote, claims=members * SHARED))
    with world.looking(made, names[0]) as views:
        (space,) = views.spaces()
    return Ended(space.events, seconds, spent, found, space.state_sum.hex()[:16])


def apart(made: world.World, name: str, count: int) -> set[bytes]:
    """Write ``count`` events as a member that reaches no hub; return all events of its copy."""
    alone = world.config(made.home, name)._replace(sync=False)
    with writes.open_profile(alone) as profile:
        replica = writes.open_space(profile, None)
        shared = [one.id for one in profile.rows.ready(replica.sn, 0, None, SHARED)]
        for number, task in enumerate(shared):
            tasks.claim(replica, task, session="default")
            tasks.progress(replica, task, ("blocked", "in_progress")[number % 2], note=name)
        for task in shared[:2]:
            tasks.complete(replica, task, summary=f"done by {name}")
        for some in batches(count - ACTS):
            world.write(replica, some)
    where = made.home / "profiles" / name / "replica.db"
    with db.connect(str(where), read_only=True) as connection:
        return set(connection.rows(bytes, EVENTS_SQL))


def batches(count: int) -> Iterator[Sequence[Body]]:
    """Yield messages and tasks, so many together."""
    for start in range(0, count, EVENTS_PER_COMMIT):
        numbers = range(start, min(start + EVENTS_PER_COMMIT, count))
        yield [(world.task if one % 4 == 0 else world.message)(one) for one in numbers]


def problems(made: world.World, wrote: set[bytes], *, claims: int) -> Iterator[str]:
    """Yield what is lost, and how the copies differ."""
    states, holding = set[tuple[Any, ...]](), set[tuple[Any, ...]]()
    for name in made.profiles:
        where = made.home / "profiles" / name / "replica.db"
        with db.connect(str(where), read_only=True) as connection:
            found = set(connection.rows(bytes, EVENTS_SQL))
            ((*state, pending, forks, lost_claims),) = connection.rows(row, STATE_SQL)
            holders = connection.rows(row, HOLDERS_SQL)
        states.add(tuple(state))
        holding.add(tuple((task, claim) for task, _, claim in holders))
        if lost := wrote - found:
            yield f"lost: {name} has not {len(lost)} of {len(wrote)} events"
        if pending or forks:
            yield f"{name}: {pending} waiting, {forks} forks"
        if lost_claims != claims - SHARED:
            yield f"{name} shows {lost_claims} of {claims - SHARED} claims that lost"
    if len(states) != 1 or len(holding) != 1:
        yield f"{len(states)} states, {len(holding)} sets of holders"


def row(*found: Any) -> tuple[Any, ...]:
    """Return a row as it is."""
    return found


def main() -> int:
    """Merge as the command line asks; 1 if anything is wrong."""
    parser = argparse.ArgumentParser("python -m crowd.merge", description=__doc__)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--writes", type=int, default=1_000)
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="envoy-crowd-"))
    try:
        ended = play(given.members, given.writes, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for problem in ended.problems:
        print(f"problem: {problem}")
    if max(ended.seconds) > REPLICA_S_MAX:
        print(f"slow: a replica took more than the {REPLICA_S_MAX:.0f} s that are asked for")
    print(ended.summary(given.members, given.writes))
    return int(bool(ended.problems))


if __name__ == "__main__":
    sys.exit(main())
