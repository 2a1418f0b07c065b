"""Many writers: eight profiles send, claim and commit at the same time, and nothing is lost."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from bench import worker, world
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, answer, environment, spend
from envoy.core.bodies import TaskCreate
from envoy.core.structs import replace
from envoy.ids import did_text
from envoy.replica.actions import tasks
from envoy.system import db
from envoy.views import names

WRITERS = 8
PROFILES = tuple(f"p{number}" for number in range(WRITERS))
LOCK_RATE_LEAST = 1.4
LOCK_WAIT_MOST = 0.2
CLAIM_COMMITS_MOST = 3
RACES = 400
ROUNDS = 5


def together(work: str, home: Path, profiles: Sequence[str], count: int) -> list[Json]:
    """Run one worker per profile at the same time; return what each answered."""
    path = [str(Path(__file__).parents[2]), *sys.path]  # the very Envoy that this process has
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.worker", work, str(home), profile, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment(), "PYTHONPATH": os.pathsep.join(filter(None, path))},
        )
        for profile in profiles
    ]
    for one in running:
        assert one.stdout is not None
        one.stdout.readline()
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    ended = [one.communicate() for one in running]
    failed = [err[-300:] for one, (_, err) in zip(running, ended, strict=True) if one.returncode]
    if failed:
        raise Wrong(f"{len(failed)} of {len(running)} writers failed: {failed[0]}")
    return [json.loads(out) for out, _ in ended]


def span_s(answers: Sequence[Json]) -> float:
    """Return the seconds from the first beginning to the last end."""
    return float(max(one["ended"] for one in answers) - min(one["began"] for one in answers))


def slowest_ms(answers: Sequence[Json]) -> float:
    """Return the longest that one write took."""
    return float(max(max(one["each_ms"]) for one in answers))


def play_processes(setting: Setting) -> Race:
    """Measure eight open profiles that send from eight processes."""
    each = 25 if setting.quick else 100
    slow: list[float] = []
    runs: list[int] = []

    def once() -> float:
        made = world.make(setting.home(f"send-{len(runs)}"), PROFILES)
        runs.append(1)
        answers = together("send", made.home, PROFILES, each)
        slow.append(slowest_ms(answers))
        if (found := world.messages(made, PROFILES[0])) != WRITERS * each:
            raise Wrong(f"{found} of {WRITERS * each} messages are there")
        return WRITERS * each / span_s(answers)

    return Race(
        (Contender(f"8 x {each} send, in process", "per_s", once),),
        rounds=1 if setting.quick else 3,
        warm=0,
        notes=lambda: {"slowest_ms": max(slow, default=0.0)},
    )


def play_commands(setting: Setting) -> Race:
    """Measure eight profiles that each run one `envoy send` after the other."""
    each = 25 if setting.quick else 100
    walls: list[float] = []
    cpus: list[float] = []

    def one(made: world.World, profile: str) -> list[float]:
        scratch = setting.home(f"cli-{profile}")
        scratch.mkdir()
        found = []
        for number in range(each):
            text = f"{number} {world.TEXT}"
            argv = [setting.envoy, "--json", "send", "--space", made.space, text]
            spent = spend(argv, environment(made.home, profile), scratch)
            if spent.err:
                raise Wrong(f"an error was shown: {spent.err[-300:]}")
            answer(spent)
            found.append(spent.wall_ms)
            cpus.append(spent.cpu_ms)
        return found

    def once() -> float:
        made = world.make(setting.home("cli"), PROFILES)
        began = monotonic()
        with ThreadPoolExecutor(WRITERS) as pool:
            for found in pool.map(lambda profile: one(made, profile), PROFILES):
                walls.extend(found)
        seconds = monotonic() - began
        if (count := world.messages(made, PROFILES[0])) != WRITERS * each:
            raise Wrong(f"{count} of {WRITERS * each} messages are there")
        return WRITERS * each / seconds

    return Race(
        (Contender(f"8 x {each} envoy send", "per_s", once),),
        rounds=1,
        warm=0,
        notes=lambda: {
            "median_ms": statistics.median(walls) if walls else 0.0,
            "median_cpu_ms": statistics.median(cpus) if cpus else 0.0,
            "slowest_ms": max(walls, default=0.0),
        },
    )


def play_lock(setting: Setting) -> Race:
    """Compare the file lock before the transaction with SQLite's busy handler alone."""
    each = 50 if setting.quick else 200
    waits: dict[str, list[float]] = {"lock": [], "busy": []}
    runs: list[int] = []

    def contender(work: str) -> tuple[Contender, Contender]:
        def once() -> float:
            home = setting.home(f"{work}-{len(runs)}")
            runs.append(1)
            database(home)
            answers = together(work, home, PROFILES, each)
            waits[work].append(slowest_ms(answers))
            if (found := count_rows(home)) != WRITERS * each:
                raise Wrong(f"{found} of {WRITERS * each} rows are there")
            return WRITERS * each / span_s(answers)

        def wait() -> float:
            if not waits[work]:
                once()
            return waits[work][-1]

        return Contender(work, "per_s", once), Contender(f"{work}, slowest", "wall_ms", wait)

    (lock, lock_wait), (busy, busy_wait) = contender("lock"), contender("busy")
    return Race(
        (lock, busy, lock_wait, busy_wait),
        (
            Target("lock", "busy", LOCK_RATE_LEAST, is_most=False),
            Target("lock, slowest", "busy, slowest", LOCK_WAIT_MOST, is_most=True),
        ),
        rounds=3 if setting.quick else ROUNDS,
    )


def database(home: Path) -> None:
    """Make the database that bare writers share."""
    home.mkdir(mode=0o700)
    with db.connect(str(home / worker.DATABASE), create=True) as connection:
        connection.run("CREATE TABLE row(bytes BLOB)")


def count_rows(home: Path) -> int:
    """Return how many rows arrived."""
    with db.connect(str(home / worker.DATABASE), read_only=True) as connection:
        return connection.rows(int, "SELECT count(*) FROM row")[0]


def play_claims(setting: Setting) -> Race:
    """Let eight processes reach for the same tasks."""
    count = 40 if setting.quick else 200
    commits: list[int] = []

    def once() -> float:
        made = world.make(setting.home("claims"), PROFILES)
        with world.opened(made, PROFILES[0]) as replica:
            world.fill(replica, count + 1, world.task)
        commits.append(commits_of_one_claim(made))
        for profile in PROFILES[1:]:
            world.exchange(made, profile)
        answers = together("claim", made.home, PROFILES, count)
        check_claims(answers, count)
        return count / span_s(answers)

    def checks() -> list[str]:
        if commits and max(commits) > CLAIM_COMMITS_MOST:
            return [f"a claim takes {max(commits)} durable commits, not {CLAIM_COMMITS_MOST}"]
        return []

    return Race(
        (Contender(f"{count} tasks, 8 claim each", "per_s", once),),
        rounds=1,
        warm=0,
        checks=checks,
        notes=lambda: {"full_commits": float(max(commits, default=0))},
    )


def play_race(setting: Setting) -> Race:
    """Let eight processes race for the same tasks, by name and as `task ready --claim` does."""
    count = setting.races or (40 if setting.quick else RACES)
    half, lost = count // 2, list[int]()

    def once() -> float:
        made = world.make(setting.home("race"), PROFILES)
        with world.opened(made, PROFILES[0]) as replica:
            world.fill(replica, half, world.task)
            world.fill(replica, count - half, ready_task)
        for profile in PROFILES[1:]:
            world.exchange(made, profile)
        answers = together("race", made.home, PROFILES, half)
        check_claims(answers, half)
        check_taken(made, answers, count)
        lost.append(sum(len(one["told"]) for one in answers))
        return count / span_s(answers)

    return Race(
        (Contender(f"{count} tasks, half by name, half taken ready", "per_s", once),),
        rounds=1,
        warm=0,
        notes=lambda: {"races": float(count), "told": float(sum(lost))},
    )


def ready_task(number: int) -> TaskCreate:
    """Return a task that is taken as ready."""
    return replace(world.task(number), labels=(worker.READY,))


def check_taken(made: world.World, answers: Sequence[Json], count: int) -> None:
    """Hold what was taken to one winner each, and the copy of everybody to these winners."""
    wins = [(task, one["me"]) for one in answers for task in (*one["won"], *one["took"])]
    holders = dict(wins)
    if not len(wins) == len(holders) == count:
        raise Wrong(f"{len(wins)} wins of {len(holders)} tasks, not {count}")
    for profile in made.profiles:
        world.exchange(made, profile)
        with world.looking(made, profile) as views:
            (space,) = views.spaces()
            people = {one.an: did_text(one.did) for one in views.members(space.sn)}
            states = (names.CLAIMED, names.COMPLETED)
            found = views.tasks(space.sn, states=states, after=None, limit=count + 1)
        shown = {one.id.hex(): people[one.assignee] for one in found if one.assignee is not None}
        if shown != holders or any(one.claim_state != names.CONFIRMED for one in found):
            raise Wrong(f"{profile} shows {len(shown)} holders, not those {count} that won")


def commits_of_one_claim(made: world.World) -> int:
    """Claim a task and return how many durable commits that took, the hub's included."""
    (task, *_) = worker.open_tasks(made, PROFILES[0], 1)
    with world.opened(made, PROFILES[0]) as replica:
        return world.full_commits(
            made,
            replica,
            lambda one: tasks.claim(one, task, require="confirmed", session="default"),
        )


def check_claims(answers: Sequence[Json], count: int) -> None:
    """Hold a race to one winner for each task, and losers who were told the holder."""
    wins = Counter(task for one in answers for task in one["won"])
    holder = {task: one["me"] for one in answers for task in one["won"]}
    if len(wins) != count or set(wins.values()) != {1}:
        raise Wrong(f"{len(wins)} of {count} tasks won, {sum(wins.values())} wins")
    for one in answers:
        for code, task, told in one["told"]:
            if (code, told) != ("task_already_claimed", holder[task]):
                raise Wrong(f"a loser was told {code}, holder {told}")


CASES = (
    Case("writers.8", "8 profiles send into one space, own processes", play_processes),
    Case("writers.8.cli", "8 profiles run `envoy send` into one space", play_commands),
    Case("writers.lock", "8 processes, one database: file lock or busy handler", play_lock),
    Case("claim.slot", "8 profiles claim the same tasks at one hub", play_claims),
    Case("claim.race", "8 processes race for the same tasks, by name and by `ready`", play_race),
)
