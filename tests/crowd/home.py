"""`python -m crowd.home`: many processes work on one home at once, and nothing may be lost.

Sessions of a few profiles run commands by chance: they send, make, take, race for, give back and
complete tasks, read and acknowledge, look. Listeners, real processes of `envoy events`, hear all of
it. What was told is then held to what is there:

- every event that a command told of is in the copy of every profile, all copies are equal, no chain
  has a fork, and the databases are sound;
- a task has one holder at a time: fences differ, and a later one was never granted before the one
  before it was given back;
- what was acknowledged stays acknowledged; a listener hears every message, in order, once;
- no command met an error that it should not: no lock that nobody released, nothing internal.

From the root of the project:
``PYTHONPATH=src:tests python -m crowd.home --processes 50 --seconds 300``.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

from crowd.worker import Answer, Told, call
from envoy import ids
from envoy.system import db

ROOT = Path(__file__).parents[2]
# What a command may say when somebody else was there first, or when the hub did not decide in the
# time that a claim waits for it: that one stays provisional, and is asked for again.
FAIR = {
    *("nothing_ready", "task_already_claimed", "invalid_transition", "not_assignee"),
    "claim_unconfirmed",
}
PROCESSES_PER_PROFILE = 6
PROFILES_MAX = 8
LISTENERS_PER = 10  # one listener for so many processes
GRACE_S = 120
PROGRAM = "import sys; from envoy.cli.main import main; sys.exit(main())"
EVENTS_SQL = "SELECT id FROM event"
COUNTS_SQL = (
    "SELECT (SELECT count(*) FROM fork), ack_n, heads_hash, state_sum, pending FROM space"
    " WHERE sn = 1"
)


class Asked(NamedTuple):
    """How big the crowd is; ``pause`` is the mean time between two commands of one, in seconds."""

    processes: int
    seconds: float
    pause: float
    seed: str


class Ended(NamedTuple):
    """What a run came to."""

    told: list[Told]
    problems: list[str]
    seconds: float
    heard: int

    def summary(self, asked: Asked) -> str:
        """Return the run in one line."""
        taken = sorted(one.ended - one.began for one in self.told)
        codes = Counter(one.code for one in self.told if one.code is not None)
        p50, p99 = (1000 * taken[int(len(taken) * part)] for part in (0.50, 0.99))
        refused = " ".join(f"{code}={count}" for code, count in sorted(codes.items()))
        unfair = sum(count for code, count in codes.items() if code not in FAIR)
        lost = sum(one.startswith("lost") for one in self.problems)
        return (
            f"processes {asked.processes}, commands {len(self.told)} in {self.seconds:.0f} s "
            f"({len(self.told) / max(self.seconds, 0.001):.0f}/s), acknowledged events "
            f"{len(events_of(self.told))}, heard {self.heard}; lost {lost}, lock errors "
            f"{codes['timeout']}, other errors {unfair - codes['timeout']}, problems "
            f"{len(self.problems)}; p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest "
            f"{1000 * taken[-1]:.0f} ms; told apart: {refused or 'nobody'}"
        )


class Hold(NamedTuple):
    """A tenure: ``since`` when it was surely granted, ``gone`` when it began to end."""

    fence: int
    since: float
    gone: float | None


def events_of(told: Sequence[Told]) -> set[str]:
    """Return the events that commands told of."""
    return {one.event for one in told if one.event is not None and one.code is None}


def environment(home: Path, profile: str) -> dict[str, str]:
    """Return the environment of a process of a profile: nothing of the user's own."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests"), *sys.path]),
        "ENVOY_HOME": str(home),
        "ENVOY_PROFILE": profile,
        "HOME": str(home.parent),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


@contextmanager
def being(home: Path, profile: str) -> Iterator[None]:
    """Run commands of this process as a profile of ``home``."""
    before, own = dict(os.environ), environment(home, profile)
    try:
        os.environ.clear()
        os.environ.update(own)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ok(answer: Answer) -> dict[str, Any]:
    """Return what a command answered, which has to have succeeded."""
    assert answer.status == 0, answer
    return answer.data


def made(home: Path, count: int) -> tuple[str, tuple[str, ...]]:
    """Make a home with a space that ``count`` profiles are in; return its id and their names."""
    names = ("lead", *(f"a{number}" for number in range(1, count)))
    with being(home, names[0]):
        found = ok(call("quickstart", "--space-name", "crowd", "--reusable"))
    for name in names[1:]:
        with being(home, name):
            ok(call("join", "--agent", "--name", name, found["invite_code"]))
    return found["space_id"], names


def play(asked: Asked, root: Path) -> Ended:
    """Let a crowd work on a new home below ``root``; return what it was told, and what is wrong."""
    home = root / "home"
    profiles = max(2, min(PROFILES_MAX, asked.processes // PROCESSES_PER_PROFILE))
    space, names = made(home, profiles)
    listeners = max(1, asked.processes // LISTENERS_PER)
    heard = [listener(home, names[one % len(names)]) for one in range(listeners)]
    try:
        began = time.monotonic()
        told, problems = worked(asked, home, space, names)
        seconds = time.monotonic() - began
        with being(home, names[0]):
            last = ok(call("send", "the end"))["event_id"]
        seen = [until(one, last) for one in heard]
    finally:
        for one in heard:
            one.kill()
            one.communicate()
    problems += [*errors(told), *misheard(told, seen), *holders(told), *missing(home, names, told)]
    return Ended(told, problems, seconds, sum(len(one) for one in seen))


def worked(
    asked: Asked, home: Path, space: str, names: Sequence[str]
) -> tuple[list[Told], list[str]]:
    """Run all workers at once; return what they were told, and how they died."""
    count = asked.processes - max(1, asked.processes // LISTENERS_PER)
    rest = (str(asked.seconds), str(asked.pause), asked.seed)
    running = []
    for number in range(count):
        name = names[number % len(names)]
        argv = [sys.executable, "-m", "crowd.worker", str(home), space, name, str(number), *rest]
        running.append(started(argv, environment(home, name), talk=True))
    for one in running:
        assert one.stdout is not None
        one.stdout.readline()
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told, problems = list[Told](), list[str]()
    for one in running:
        out, err = one.communicate(timeout=asked.seconds + GRACE_S)
        told += [Told(*json.loads(line)) for line in out.splitlines()]
        if one.returncode != 0:
            problems.append(f"a worker ended with {one.returncode}: {err[-500:]}")
    return told, problems


def started(argv: list[str], env: dict[str, str], *, talk: bool) -> subprocess.Popen[str]:
    """Start a process whose output can be read."""
    pipe = subprocess.PIPE
    given = pipe if talk else subprocess.DEVNULL
    return subprocess.Popen(argv, env=env, stdin=given, stdout=pipe, stderr=pipe, text=True)


def listener(home: Path, profile: str) -> subprocess.Popen[str]:
    """Start a process that hears all that a profile gets to know, from the beginning."""
    argv = [sys.executable, "-c", PROGRAM, "--json", "events", "--since", "0"]
    return started([*argv, "--types", "new_message"], environment(home, profile), talk=False)


def until(one: subprocess.Popen[str], last: str) -> list[tuple[int, str]]:
    """Return cursor and event of what a listener has heard, up to the event ``last``."""
    assert one.stdout is not None
    heard = list[tuple[int, str]]()
    for line in lines(one.stdout, time.monotonic() + GRACE_S):
        found = json.loads(line)
        heard.append((found["cursor"], found["event_id"]))
        if found["event_id"] == last:
            break
    return heard


def lines(pipe: IO[str], deadline: float) -> Iterator[str]:
    """Yield lines of a pipe until its end or the deadline."""
    data, handle = b"", pipe.fileno()
    with selectors.DefaultSelector() as chosen:
        chosen.register(handle, selectors.EVENT_READ)
        while chosen.select(max(0.0, deadline - time.monotonic())):
            piece = os.read(handle, 1 << 16)
            if not piece:
                return
            *whole, data = (data + piece).split(b"\n")
            yield from (one.decode() for one in whole)


# -- what is held to what was told -----------------------------------------------------------


def errors(told: Sequence[Told]) -> Iterator[str]:
    """Yield the errors that no command should have met."""
    for one in told:
        if one.code is not None and (one.code not in FAIR or one.op == "end"):
            yield f"error {one.code} of {one.op} after {one.ended - one.began:.1f} s"


def misheard(told: Sequence[Told], heard: Sequence[list[tuple[int, str]]]) -> Iterator[str]:
    """Yield what listeners did not hear, heard twice or out of order."""
    said = {one.event for one in told if one.op == "send" and one.code is None}
    for number, some in enumerate(heard):
        cursors, events = [one for one, _ in some], [one for _, one in some]
        if missed := said - set(events):
            yield f"lost: listener {number} has not heard {len(missed)} of {len(said)} messages"
        if cursors != sorted(set(cursors)) or len(set(events)) != len(events):
            yield f"listener {number} heard something twice or out of order"


def holders(told: Sequence[Told]) -> Iterator[str]:
    """Yield tasks that had two holders at a time."""
    every, open_ = dict[str, list[Hold]](), dict[tuple[str, str], Hold]()
    for one in told:  # those of a worker are in their order
        if one.task is None or one.code is not None:
            continue
        if one.op == "end":
            hold = open_.pop((one.who, one.task))
            every[one.task].append(hold._replace(gone=one.began))
            every[one.task].remove(hold)
        else:
            hold = open_[one.who, one.task] = Hold(one.number or 0, one.ended, None)
            every.setdefault(one.task, []).append(hold)
    for task, holds in every.items():
        for first, later in pairwise(sorted(holds, key=lambda one: one.fence)):
            if first.fence == later.fence:
                yield f"{task} was granted twice under fence {later.fence}"
            elif first.gone is None or later.since < first.gone:
                yield f"{task}: fence {later.fence} was granted while {first.fence} was held"


def missing(home: Path, names: Sequence[str], told: Sequence[Told]) -> Iterator[str]:
    """Yield what a copy does not have of what was told, and how the copies differ."""
    states = set[tuple[bytes, bytes]]()
    wanted = {ids.from_text(one, "evt") for one in events_of(told)}
    for _ in range(2):  # the second time everybody has what the others still had to bring
        for name in names:
            with being(home, name):
                ok(call("sync"))
    for index, name in enumerate(names):
        acks = [one for one in told if one.op == "ack" and int(one.who) % len(names) == index]
        acked = max((one.number or 0 for one in acks if one.code is None), default=0)
        with db.connect(str(home / f"profiles/{name}/replica.db"), read_only=True) as connection:
            found = set(connection.rows(bytes, EVENTS_SQL))
            ((forks, ack, heads, state, pending),) = connection.rows(row, COUNTS_SQL)
            unsound = db.quick_check(connection)
        states.add((heads, state))
        if lost := wanted - found:
            yield f"lost: {name} has not {len(lost)} of {len(wanted)} acknowledged events"
        if ack < acked:
            yield f"lost: {name} acknowledged up to {acked}, and is at {ack}"
        if forks or pending or unsound:
            yield f"{name}: {forks} forks, {pending} waiting, {unsound}"
    if len(states) != 1:
        yield f"{len(states)} states after all have synced"


def row(*found: Any) -> tuple[Any, ...]:
    """Return a row as it is."""
    return found


def main() -> int:
    """Play as the command line asks; 1 if anything is wrong."""
    parser = argparse.ArgumentParser("python -m crowd.home", description=__doc__)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=2.0, help="mean seconds between commands")
    parser.add_argument("--seed", default="0")
    given = parser.parse_args()
    asked = Asked(given.processes, given.seconds, given.pause, given.seed)
    root = Path(tempfile.mkdtemp(prefix="envoy-crowd-"))
    try:
        ended = play(asked, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for problem, count in Counter(ended.problems).most_common(20):
        print(f"problem, {count} times: {problem}")
    print(ended.summary(asked))
    return int(bool(ended.problems))


if __name__ == "__main__":
    sys.exit(main())
