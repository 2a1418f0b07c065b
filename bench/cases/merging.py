"""Merging: two copies that worked apart come together, beside Fossil where that is installed.

Both wrote as many tasks as the other while nobody answered, and both took the same few. What is
timed is what users do then: each runs its sync, and the first once more. It counts only if both
copies are the same afterwards, nothing is lost, and whoever lost a claim was told of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import world
from bench.peers import finding, fossil
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting, answer, environment, spend
from envoy.replica.actions import tasks
from envoy.system import db
from envoy.views import names
from envoy.wiring import writes

PROFILES = ("left", "right")
SHARED = 20  # tasks that both take
ENVOY = "envoy sync, 3 times"
FOSSIL = "fossil sync, 3 times"
TIMES_MOST = 1.0
ROUNDS = 7
_TOLD = "SELECT count(*) FROM stream WHERE type = 'conflict_opened' AND reason = 'conflict'"
_LOST = "SELECT count(*) FROM conflict WHERE kind = 'lost_claim' AND status = 'open'"


def play(setting: Setting) -> Race:
    """Measure the sync of two copies with tasks of their own."""
    each = 100 if setting.quick else 1_000
    runs: list[int] = []

    def once() -> float:
        runs.append(1)
        made = apart(setting.home(f"merge-{len(runs)}"), each)
        took = 0.0
        for profile in (*PROFILES, PROFILES[0]):
            env = environment(made.home, profile)
            spent = spend([setting.envoy, "--json", "sync"], env, setting.scratch)
            answer(spent)
            took += spent.wall_ms
        check(made, each)
        shutil.rmtree(made.home)
        return took

    contenders, targets = [Contender(ENVOY, "wall_ms", once)], list[Target]()
    peer = fossil.find()
    if peer is not None:
        other = fossil.Repositories(peer, setting.scratch, each)
        merged: list[int] = []

        def of_fossil() -> float:
            merged.append(1)
            return other.merge(f"fossil-{len(merged)}")

        contenders.append(Contender(FOSSIL, "wall_ms", of_fossil))
        targets.append(Target(ENVOY, FOSSIL, TIMES_MOST, is_most=True))
    return Race(
        tuple(contenders),
        tuple(targets),
        rounds=3 if setting.quick else ROUNDS,
        notes=lambda: {"tasks_each": float(each), "claims_lost": float(SHARED)},
        remarks=() if peer is not None else (finding.absent("fossil"),),
    )


def apart(home: Path, each: int) -> world.World:
    """Make two copies that wrote while apart: tasks of their own, claims of the same tasks."""
    made = world.make(home, PROFILES)
    with world.opened(made, PROFILES[0]) as replica:
        world.fill(replica, SHARED, world.task)
    for profile in PROFILES:
        world.exchange(made, profile)
    for profile in PROFILES:
        alone = world.config(made.home, profile)._replace(sync=False)
        with writes.open_profile(alone) as opened:
            replica = writes.open_space(opened, None)
            shared = [one.id for one in opened.rows.ready(replica.sn, 0, None, SHARED)]
            for start in range(0, each, world.EVENTS_PER_COMMIT):
                numbers = range(start, min(start + world.EVENTS_PER_COMMIT, each))
                world.write(replica, [world.task(number) for number in numbers])
            for task in shared:
                tasks.claim(replica, task, session="default")
    return made


def check(made: world.World, each: int) -> None:
    """Hold both copies to each other, to all tasks, and to a loser for each task both took."""
    states, told = set[bytes](), 0
    for profile in PROFILES:
        with world.looking(made, profile) as views:
            (space,) = views.spaces()
            counts = views.task_counts(space.sn)
        states.add(space.state_sum)
        found = {names.OPEN: 2 * each, names.CLAIMED: SHARED}
        if {state: count for state, count in counts.items() if count} != found:
            raise Wrong(f"{profile} has {counts}")
        where = made.home / "profiles" / profile / "replica.db"
        with db.connect(str(where), read_only=True) as connection:
            (lost,) = connection.rows(int, _LOST)
            told += connection.rows(int, _TOLD)[0]
        if lost != SHARED:
            raise Wrong(f"{profile} shows {lost} of {SHARED} claims that lost")
    if len(states) != 1:
        raise Wrong("the copies differ")
    if told != 2 * SHARED:
        raise Wrong(f"{told} of {2 * SHARED} inbox items tell of it")


CASES = (Case("merge.offline", "two copies with as many tasks of their own, then synced", play),)
