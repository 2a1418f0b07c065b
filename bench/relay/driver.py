"""Driver: a process of connections to one relay, which post and listen as many clients would.

Started as ``python -m bench.relay.driver``. Its first line says what to connect (``Crowd``), each
further one what to do (``Task``); each is answered by a line. Sockets are bare and requests are
made before the clock runs, so that a driver takes a fraction of what the relay takes for the same.

What is posted bears a number and the time when it was due, of the clock that all processes of a
machine share: who waits behind a slow reply is not spared by it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from bench.relay import spaces
from bench.relay.lines import Ear, Poster, stall
from bench.relay.process import python_path
from bench.rounds import Wrong
from envoy import limits
from envoy.core.codec import decode
from envoy.sync import frames, live

SECONDS_MAX = 120
_MARK = spaces.MARK_BYTES // 2
_OPEN_FILES = 2 * limits.CONNECTIONS_MAX
_PERCENTS = (50, 95, 99)
Json = dict[str, Any]


class Seat(NamedTuple):
    """A member of a space, in hex; a listener has all up to ``since``."""

    space: str
    token: str
    since: int = 0


class Crowd(NamedTuple):
    """Who connects to ``address``. ``is_bare``: to a server that takes bodies as they are."""

    address: tuple[str, int]
    posters: Sequence[Seat] = ()
    ears: Sequence[Seat] = ()
    stalled: Sequence[Seat] = ()
    is_bare: bool = False


class Task(NamedTuple):
    """What to do: ``pushes`` pushes of ``frames`` frames of ``size`` bytes, in all.

    ``per_s`` 0: each poster as fast as it is answered, else evenly at this rate. ``window``: not
    more than so many ahead of the slowest listener, 0 for no such bound. ``hear``: how many frames
    each listener is to hear.
    """

    pushes: int = 0
    frames: int = 1
    size: int = spaces.FRAME_BYTES
    per_s: float = 0
    window: int = 0
    hear: int = 0


class Driver:
    """All connections of one process."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._selector = selectors.DefaultSelector()
        self._stalled = [stall(crowd.address, _sub(one)) for one in crowd.stalled]
        self._posters = [Poster(crowd.address) for _ in crowd.posters]
        subs = [b"" if crowd.is_bare else _sub(one) for one in crowd.ears]
        self._ears = [Ear(crowd.address, sub) for sub in subs]
        lines: list[Poster | Ear] = [*self._posters, *self._ears]
        for one in lines:
            self._selector.register(one.socket, selectors.EVENT_READ, one)
        self._known = dict[bytes, tuple[int, int, list[int]]]()
        self._free = deque[Poster]()
        self._number = 0

    def do(self, task: Task) -> Json:
        """Do ``task`` and return what came of it."""
        self._task = task
        self._replies = list[bytes]()
        self._acks, self._delays = list[int](), list[int]()
        self._messages = self._heard = 0
        self._reached = dict[int, int]()
        self._floor = self._sent = 0
        self._free.extend(self._posters)
        left = deque(self._requests(task))
        for one in filter(Poster.is_stale, self._posters):
            self._selector.unregister(one.socket)
            one.connect()
            self._selector.register(one.socket, selectors.EVENT_READ, one)
        began = time.monotonic_ns()
        self._goal = len(self._ears) * task.hear
        while left or self._sent > len(self._acks) or self._heard < self._goal:
            self._post(left, began)
            for key, _ in self._selector.select(self._rest(left, began)):
                self._take(key.data)
            if time.monotonic_ns() - began > SECONDS_MAX * 10**9:
                raise Wrong(f"{len(self._acks)} of {task.pushes} answered, {self._heard} of"
                            f" {self._goal} heard")  # fmt: skip
        seconds = (time.monotonic_ns() - began) / 1e9
        self._free.clear()
        return {
            "seconds": seconds,
            "acked": self._count_acked(task),
            "ack_ms": _shares(self._acks),
            "messages": self._messages,
            "heard": self._heard,
            "heard_ms": _shares(self._delays),
        }

    # -- what is posted ---------------------------------------------------------------------

    def _requests(self, task: Task) -> Iterator[tuple[int, bytearray]]:
        """Yield what is posted, and by which poster."""
        for number in range(task.pushes):
            at = number % len(self._posters)
            pushed = [spaces.frame(task.size) for _ in range(task.frames)]
            body = pushed[0]
            if not self._crowd.is_bare:
                seat = self._crowd.posters[at]
                body = spaces.push(bytes.fromhex(seat.space), bytes.fromhex(seat.token), pushed)
            yield at, self._posters[at].request(body)

    def _rest(self, left: deque[tuple[int, bytearray]], began: int) -> float:
        """Return how long there is nothing to post, in seconds."""
        if not left or not self._task.per_s:
            return 1.0
        return max(0.0, (began + self._sent / self._task.per_s * 1e9 - time.monotonic_ns()) / 1e9)

    def _post(self, left: deque[tuple[int, bytearray]], began: int) -> None:
        """Post what is due."""
        task = self._task
        while left:
            now = due = time.monotonic_ns()
            if task.window and self._sent - self._floor >= task.window:
                return
            if task.per_s:
                due = began + int(self._sent / task.per_s * 1e9)
                if due > now:
                    return
            elif not self._free:
                return
            at, request = left.popleft()
            poster = self._posters[at] if task.per_s else self._free.popleft()
            self._number += 1
            self._sent += 1
            request[-2 * _MARK :] = self._number.to_bytes(_MARK) + due.to_bytes(_MARK)
            poster.post(request, due)

    def _take(self, one: Poster | Ear) -> None:
        """Take what came for a poster or a listener."""
        if isinstance(one, Poster):
            for status, body, due in one.read():
                if status != 200:
                    raise Wrong(f"status {status}: {body[:200]!r}")
                self._acks.append(time.monotonic_ns() - due)
                self._replies.append(body)
                if not self._task.per_s:
                    self._free.append(one)
            return
        for message in one.read():
            self._hear(one, message)

    def _count_acked(self, task: Task) -> int:
        """Return how many frames were acknowledged. Raises Wrong for a reply that is none."""
        if self._crowd.is_bare:
            return task.frames * sum(body == b"ok" for body in self._replies)
        return sum(len(decode(body, frames.Pushed).seqs) for body in self._replies)

    # -- what is heard ----------------------------------------------------------------------

    def _hear(self, ear: Ear, message: bytes) -> None:
        """Take one message of a listener; what it lacks or has twice is wrong."""
        known = self._known.get(message)
        if known is None:
            if len(self._known) > 1_000:
                self._known.clear()
            known = self._known[message] = self._read(message)
        first, last, times = known
        if not times:
            ear.say(live.Pong("pong"))
            return
        if ear.last is not None and first != ear.last + 1:
            raise Wrong(f"frame {first} came behind {ear.last}")
        ear.last = last
        now = time.monotonic_ns()
        self._delays.extend([now - due for due in times])
        self._messages += 1
        self._heard += len(times)
        if self._task.window:
            self._reach(first, last)

    def _read(self, message: bytes) -> tuple[int, int, list[int]]:
        """Return the numbers of the first and last frame of a message, and when each was due."""
        if self._crowd.is_bare:
            number = int.from_bytes(message[-2 * _MARK : -_MARK])
            return number, number, [int.from_bytes(message[-_MARK:])]
        told = live.read(message, live.TOLD)
        if isinstance(told, live.Ping):
            return 0, 0, []
        if not isinstance(told, live.Woken) or told.page is None:
            raise Wrong(f"a listener was told {type(told).__name__} without frames")
        found = told.page.frames
        times = [int.from_bytes(one[-_MARK:]) for one in found]
        return told.page.last - len(found) + 1, told.page.last, times

    def _reach(self, first: int, last: int) -> None:
        """Count who has a frame; all that everybody has is behind us."""
        for number in range(first, last + 1):
            count = self._reached.get(number, 0) + 1
            self._reached[number] = count
            if count == len(self._ears):
                del self._reached[number]
                self._floor += 1

    # -- who does not read ------------------------------------------------------------------

    def lagged(self) -> bool:
        """Let who stalled read; say whether each was told that it lags."""
        return all(_is_told(one) for one in self._stalled)


def _is_told(ear: Ear) -> bool:
    """Say whether a listener was told, behind all that had been on its way, that it lags."""
    ear.socket.settimeout(10)
    told = list[type[object]]()
    with contextlib.suppress(TimeoutError):
        while live.Lag not in told:
            told += [type(live.read(message, live.TOLD)) for message in ear.read()]
    return live.Lag in told


def _sub(seat: Seat) -> live.Sub:
    wanted = live.Wanted(bytes.fromhex(seat.token), seat.since)
    return live.Sub("sub", 1, (wanted,))


def _shares(values: list[int]) -> dict[str, float]:
    """Return percentiles, in milliseconds of what was in nanoseconds."""
    values.sort()
    if not values:
        return {}
    found = {f"p{one}": values[len(values) * one // 100] / 1e6 for one in _PERCENTS}
    return {**found, "max": values[-1] / 1e6}


class Crew:
    """A driver in a process of its own, as the bench has it."""

    def __init__(self, crowd: Crowd) -> None:
        """Start it; return when all are connected."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.relay.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=python_path(),
        )
        self.ask(crowd)

    def ask(self, said: NamedTuple | None) -> Json:
        """Say a line and return the answer."""
        self.tell(said)
        return self.hear()

    def tell(self, said: NamedTuple | None) -> None:
        """Say a line; the answer is heard later. None: let who stalled read."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(None if said is None else said._asdict()) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Json:
        """Return the answer to a line. Raises Wrong with what the driver saw."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, err = self._process.communicate()
            raise Wrong(err.strip()[-300:])
        found: Json = json.loads(line)
        if "wrong" in found:
            raise Wrong(found["wrong"])
        return found

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


def answer(work: Callable[[], Json]) -> None:
    """Answer a line with what ``work`` returns, or with what was wrong."""
    try:
        found = work()
    except (Wrong, OSError) as error:
        found = {"wrong": f"{type(error).__name__}: {error}"}
    print(json.dumps(found), flush=True)


def main() -> None:
    """Do what the lines of stdin say."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    given = json.loads(sys.stdin.readline())
    seats = {name: [Seat(*one) for one in given[name]] for name in ("posters", "ears", "stalled")}
    crowd = Crowd(tuple(given["address"]), is_bare=given["is_bare"], **seats)
    made = list[Driver]()

    def connect() -> Json:
        made.append(Driver(crowd))
        return {"pid": os.getpid()}

    answer(connect)
    for line in sys.stdin:
        task = json.loads(line)
        if task is None:
            answer(lambda: {"lagged": made[0].lagged()})
        else:
            answer(partial(made[0].do, Task(**task)))


if __name__ == "__main__":
    main()
