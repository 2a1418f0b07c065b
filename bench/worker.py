"""Worker: one of several processes that write at the same time, for the cases about writers.

Started as ``python -m bench.worker WORK HOME PROFILE COUNT``: it opens what it needs, says so with
a line, waits for a line, works, and answers with one JSON object. Times are of the monotonic clock,
which all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from bench import world
from bench.yardsticks import ROW
from envoy import limits
from envoy.errors import ConflictError, WaitTimeoutError
from envoy.ids import did_text
from envoy.replica.actions import hold, tasks, work
from envoy.replica.replica import Replica
from envoy.system import db
from envoy.views import names

BUSY_MS = 30_000
DATABASE = "writers.db"
LOCK = "writers.lock"
HELD = limits.SLOTS_PER_POSTER_MAX // 2
READY = "ready"  # label of the tasks that are taken as `task ready --claim` does


def timed(count: Iterable[object], act: Callable[[Any], None]) -> dict[str, object]:
    """Do ``act`` for each of ``count``; return when it began, when it ended, each one's time."""
    start()
    began, each = time.monotonic(), []
    for one in count:
        before = time.monotonic()
        act(one)
        each.append(round((time.monotonic() - before) * 1000, 3))
    return {"began": began, "ended": time.monotonic(), "each_ms": each}


def start() -> None:
    """Say that everything is open and wait for the signal."""
    print("ready", flush=True)
    sys.stdin.readline()


def send(replica: Replica, count: int) -> dict[str, object]:
    """Send messages."""
    return timed(range(count), lambda number: work.send(replica, f"{number} {world.TEXT}") and None)


def claim(
    replica: Replica, ids: Sequence[bytes], won: Callable[[bytes], None] | None = None
) -> dict[str, object]:
    """Claim the tasks ``ids``; tell which were won, and who had the others."""
    mine: list[str] = []
    told: list[object] = []

    def one(task: bytes) -> None:
        try:
            tasks.claim(replica, task, require="confirmed", session="default")
        except ConflictError as error:
            told.append([error.code, task.hex(), error.details.get("holder")])
            return
        mine.append(task.hex())
        if won is not None:
            won(task)

    return {**timed(ids, one), "won": mine, "told": told, "me": did_text(replica.me)}


def race(replica: Replica, ids: Sequence[bytes]) -> dict[str, object]:
    """Claim the tasks ``ids`` by name, then take what is ready until nothing is.

    What is ready for that has a label of its own, so that the two races do not mix. A hub lets
    nobody hold more than limits.SLOTS_PER_POSTER_MAX slots, so old work is completed on the way.
    """
    held, took = deque[bytes](), list[str]()

    def won(task: bytes) -> None:
        held.append(task)
        if len(held) > HELD:
            tasks.complete(replica, held.popleft())

    found = claim(replica, ids, won)
    while True:
        try:
            done = hold.take(replica, label=READY, limit=limits.ROWS_MAX, session="default")
        except WaitTimeoutError:
            return {**found, "ended": time.monotonic(), "took": took}
        took.append(done.after.id.hex())
        won(done.after.id)


def with_lock(home: Path, count: int) -> dict[str, object]:
    """Write rows as Envoy does: the file lock, then the transaction, durable."""
    with db.connect(str(home / DATABASE)) as connection:

        def one(_: object) -> None:
            with connection.write_transaction(str(home / LOCK), sync="full"):
                connection.run("INSERT INTO row(bytes) VALUES(?)", (ROW,))

        return timed(range(count), one)


def with_busy_handler(home: Path, count: int) -> dict[str, object]:
    """Write the same rows with nothing but SQLite's busy handler."""
    connection = apsw.Connection(str(home / DATABASE))
    connection.set_busy_timeout(BUSY_MS)
    connection.execute("PRAGMA synchronous=FULL")

    def one(_: object) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row(bytes) VALUES(?)", (ROW,))
        connection.execute("COMMIT")

    return timed(range(count), one)


def main(work_name: str, home: Path, profile: str, count: int) -> None:
    """Do the work that is named and answer on stdout."""
    bare = {"lock": with_lock, "busy": with_busy_handler}
    if work_name in bare:
        print(json.dumps(bare[work_name](home, count)))
        return
    made = world.World(home, "", (profile,))
    acts = {"claim": claim, "race": race}
    ids = open_tasks(made, profile, count) if work_name in acts else []
    with world.opened(made, profile) as replica:
        act = acts.get(work_name)
        print(json.dumps(send(replica, count) if act is None else act(replica, ids)))


def open_tasks(made: world.World, profile: str, count: int) -> list[bytes]:
    """Return open tasks, the same ones in the same order for every profile."""
    with world.looking(made, profile) as views:
        sn = views.spaces()[0].sn
        found = views.tasks(sn, states=(names.OPEN,), after=None, limit=2 * count)
    return [task.id for task in found if READY not in task.labels][:count]


if __name__ == "__main__":
    os.environ.pop("ENVOY_SESSION", None)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
