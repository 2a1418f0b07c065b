"""Relay: what a real relay process on loopback does beside a bare server on the same library.

Clients are in processes of their own, on the same machine: what they take of its cores is a part of
every figure, of the bare server's as well. Nothing is timed that was not acknowledged, and what was
acknowledged is asked for again after the rounds, every frame by its id.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.relay import process, spaces
from bench.relay.driver import Crew, Crowd, Seat, Task
from bench.relay.process import Process, Settings, python_path
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting, answer, environment, spend

CONNECTIONS = 64
APPEND_LEAST = 0.5
BATCH_LEAST, GROUP_LEAST = 5.0, 2.0
BATCH_FRAMES = 20
LOAD_MS_MOST = 200.0
LOAD_PER_S = 500
MEMBERS = 10  # of each space under load
ECHO_LEAST = 0.7
DELIVERIES_LEAST = 15_000.0
STALLED_MOST = 1.1
SOCKET_KIB_MOST = 30.0
SEATS_OF_HOLDER = 8
WINDOW = 2
STUFFED, STUFFED_BYTES = 160, 40_000  # more than all that may wait for one who does not read
PACED_PER_S = 20.0
IDLE_MIB_MOST = 60.0
SETTLE_SECONDS = 3.0
ROUNDS = 9
ROUNDS_STALLED = 5
ROUNDS_QUICK = 3
# What could read an event, none of which a relay loads.
BLIND = (
    *(f"core.{name}." for name in ("event", "envelope", "epoch", "invite", "identity", "words")),
    *("core.crypto.aead.", "core.crypto.seal.", "state.", "views.", "replica.", "storage."),
)
CLOSURE = "import sys, envoy.relay.serve; print(*(m for m in sys.modules if m[:6] == 'envoy.'))"


def bare(setting: Setting, what: str) -> Process:
    """Start a bare server."""
    argv = [sys.executable, "-m", "bench.relay.bare", what, str(setting.scratch)]
    return held(setting, Process(argv))


def started(setting: Setting, name: str, settings: Settings) -> Process:
    """Start a relay."""
    return held(setting, process.start(setting.home(name), settings))


def held(setting: Setting, found: Process) -> Process:
    """Let a process end with its case."""
    setting.held.callback(found.stop)
    return found


def crew(setting: Setting, crowd: Crowd) -> Crew:
    """Start a driver."""
    found = Crew(crowd)
    setting.held.callback(found.close)
    return found


def line(setting: Setting, relay: Process) -> spaces.Line:
    """Return a connection to ask a relay over."""
    found = spaces.Line(relay.address)
    setting.held.callback(found.close)
    return found


def seats(space: spaces.Space, count: int, since: int = 0) -> list[Seat]:
    """Return ``count`` places, as many of one member as may listen at a time."""
    found = [space.tokens[number // SEATS_OF_HOLDER] for number in range(count)]
    return [Seat(space.id.hex(), token.hex(), since) for token in found]


# -- appending -------------------------------------------------------------------------------


class Log:
    """A relay, spaces at it, and how many frames it has acknowledged for them."""

    def __init__(self, setting: Setting, name: str, settings: Settings) -> None:
        self.relay = started(setting, name, settings)
        self._line = line(setting, self.relay)
        self.spaces = [spaces.make(self._line, 1) for _ in range(CONNECTIONS)]
        self._acked = 0
        self._spent, self._done = 0.0, 0

    def crew(self, setting: Setting, count: int) -> Crew:
        """Return a driver with ``count`` connections, each of a member of another space."""
        posters = [Seat(one.id.hex(), one.tokens[0].hex()) for one in self.spaces[:count]]
        return crew(setting, Crowd(self.relay.address, posters))

    def post(self, driver: Crew, task: Task) -> float:
        """Let a driver post; return the frames that were acknowledged in a second."""
        before = self.relay.cpu_s()
        found = driver.ask(task)
        self._spent += self.relay.cpu_s() - before
        self._done += found["acked"]
        self._acked += found["acked"]
        if found["acked"] != task.pushes * task.frames:
            raise Wrong(f"{found['acked']} of {task.pushes * task.frames} frames acknowledged")
        return float(found["acked"] / found["seconds"])

    def cpu_us(self) -> float:
        """Return the processor time that the relay took for a frame, in microseconds."""
        return self._spent / max(1, self._done) * 1e6

    def problems(self) -> list[str]:
        """Return whether frames that were acknowledged are missing or there twice."""
        found = [ident for one in self.spaces for ident in spaces.frame_ids(self._line, one)]
        if len(set(found)) == len(found) == self._acked:
            return []
        return [f"relay: {len(set(found))} frames in {len(found)}, {self._acked} acknowledged"]


def play_append(setting: Setting) -> Race:
    """Measure posts of 1 KB, each durable before its answer, beside bare commits and no store."""
    each = 1_000 if setting.quick else 4_000
    log = Log(setting, "relay", Settings(has_pace=False))
    mine = log.crew(setting, CONNECTIONS)
    servers = {what: bare(setting, what) for what in ("commit", "lean", "null")}
    spent: dict[str, list[float]] = {what: [] for what in servers}

    def posting(what: str) -> Callable[[], float]:
        server = servers[what]
        crowd = Crowd(server.address, [Seat("", "")] * CONNECTIONS, is_bare=True)
        driver = crew(setting, crowd)

        def once() -> float:
            before = server.cpu_s()
            found = driver.ask(Task(each))
            spent[what].append((server.cpu_s() - before) / each * 1e6)
            return float(found["acked"] / found["seconds"])

        return once

    def notes() -> dict[str, float]:
        bares = {f"{what} cpu us": statistics.median(found) for what, found in spent.items()}
        return {"relay cpu us": log.cpu_us(), **bares}

    return Race(
        (
            Contender("relay", "per_s", lambda: log.post(mine, Task(each))),
            Contender("bare group commit", "per_s", posting("commit")),
            Contender("the same on the relay's wire", "per_s", posting("lean")),
            Contender("asgi_null", "per_s", posting("null")),
        ),
        (Target("relay", "bare group commit", APPEND_LEAST, is_most=False),),
        rounds=ROUNDS_QUICK if setting.quick else ROUNDS,
        checks=log.problems,
        notes=notes,
    )


def play_batch(setting: Setting) -> Race:
    """Measure what groups gain: a call, and a frame of it, against each in a commit of its own."""
    each = 300 if setting.quick else 1_000
    grouped = Log(setting, "grouped", Settings(has_pace=False))
    single = Log(setting, "single", Settings(has_pace=False, group_calls=1))
    many, alone = grouped.crew(setting, CONNECTIONS), single.crew(setting, 1)
    return Race(
        (
            Contender("one by one", "per_s", lambda: single.post(alone, Task(each))),
            Contender(
                f"{BATCH_FRAMES} of one space",
                "per_s",
                lambda: grouped.post(many, Task(each, frames=BATCH_FRAMES)),
            ),
            Contender(f"{CONNECTIONS} x 1", "per_s", lambda: grouped.post(many, Task(2 * each))),
        ),
        (
            Target(f"{BATCH_FRAMES} of one space", "one by one", BATCH_LEAST, is_most=False),
            Target(f"{CONNECTIONS} x 1", "one by one", GROUP_LEAST, is_most=False),
        ),
        rounds=ROUNDS_QUICK if setting.quick else ROUNDS,
        checks=lambda: grouped.problems() + single.problems(),
    )


# -- load ------------------------------------------------------------------------------------


def play_load(setting: Setting) -> Race:
    """Measure the delays of a relay with many who are connected and a steady stream of events."""
    clients, seconds = (50, 4) if setting.quick else (1_000, 45)
    count = seconds * LOAD_PER_S
    relay = started(setting, "relay", Settings())
    asking = line(setting, relay)
    made = [spaces.make(asking, MEMBERS) for _ in range(clients // MEMBERS)]
    places = [Seat(one.id.hex(), token.hex()) for one in made for token in one.tokens]
    writing = [places[at::MEMBERS] for at in range(MEMBERS)]  # one of each space after the other
    posters = crew(setting, Crowd(relay.address, [one for part in writing for one in part]))
    ears = crew(setting, Crowd(relay.address, ears=places))
    told: dict[str, Any] = {}

    def play() -> None:
        before, began = relay.cpu_s(), time.monotonic()
        ears.tell(Task(hear=count // len(made)))
        posted = posters.ask(Task(count, per_s=LOAD_PER_S))
        heard = ears.hear()
        cores = (relay.cpu_s() - before) / (time.monotonic() - began)
        kept = [ident for one in made for ident in spaces.frame_ids(asking, one)]
        if not len(set(kept)) == len(kept) == posted["acked"] == count:
            raise Wrong(f"{posted['acked']} of {count} acknowledged, {len(kept)} kept")
        if heard["heard"] != count * MEMBERS:
            raise Wrong(f"{heard['heard']} of {count * MEMBERS} delivered")
        told.update(append=posted["ack_ms"], hear=heard["heard_ms"], cores=cores)

    def slow(what: str) -> Callable[[], float]:
        def once() -> float:
            if not told:
                play()
            return float(told[what]["p99"])

        return once

    def notes() -> dict[str, float]:
        shares = [(what, name) for what in ("append", "hear") for name in ("p50", "max")]
        found = {f"{what} {name} ms": told[what][name] for what, name in shares if told}
        return {**found, "relay cores": told.get("cores", 0.0), "clients": float(clients)}

    return Race(
        tuple(Contender(f"{what}, p99", "wall_ms", slow(what)) for what in ("append", "hear")),
        tuple(
            Target(f"{what}, p99", None, LOAD_MS_MOST, is_most=True) for what in ("append", "hear")
        ),
        rounds=1,
        warm=0,
        notes=notes,
    )


# -- fan-out ---------------------------------------------------------------------------------


class Listeners:
    """A server and those who listen at it, each in the same place."""

    def __init__(self, setting: Setting, name: str, count: int, *, stalled: bool = False) -> None:
        self.server = started(setting, name, Settings(has_pace=False))
        asking = line(setting, self.server)
        self._space = spaces.make(asking, 1 + count // SEATS_OF_HOLDER)
        writer = [Seat(self._space.id.hex(), self._space.tokens[-1].hex())]
        self._count = count
        self._stuck = None
        if stalled:
            self._stuck = crew(setting, Crowd(self.server.address, writer, stalled=writer))
            self._stuck.ask(Task(STUFFED, size=STUFFED_BYTES))
        since = spaces.head(asking, self._space)
        crew(setting, Crowd(self.server.address, writer)).ask(Task(20))  # what loads on first use
        before = self.server.memory_kib()
        ears = seats(self._space, count, since + 20)
        self.driver = crew(setting, Crowd(self.server.address, writer, ears))
        self.kib_each = (self.server.memory_kib() - before) / count
        self.cpu_s, self.heard = 0.0, 0

    def rate(self, pushes: int) -> float:
        """Return the messages that all together heard in a second."""
        return self._hear(Task(pushes, window=WINDOW, hear=pushes), pushes, "messages")

    def delay_ms(self, pushes: int) -> float:
        """Return the p99 of the delays at a steady rate."""
        found = self._ask(Task(pushes, per_s=PACED_PER_S, hear=pushes), pushes)
        return float(found["heard_ms"]["p99"])

    def _hear(self, task: Task, pushes: int, what: str) -> float:
        found = self._ask(task, pushes)
        return float(found[what] / found["seconds"])

    def _ask(self, task: Task, pushes: int) -> dict[str, Any]:
        before = self.server.cpu_s()
        found = self.driver.ask(task)
        self.cpu_s += self.server.cpu_s() - before
        self.heard += found["messages"]
        if found["heard"] != pushes * self._count:
            raise Wrong(f"{found['heard']} of {pushes * self._count} delivered")
        return found

    def problems(self) -> list[str]:
        """Return whether one who stalled was not told that it lags."""
        if self._stuck is None or self._stuck.ask(None)["lagged"]:
            return []
        return ["stalled: it was never told that it lags"]


def echoing(setting: Setting, count: int) -> Callable[[int], float]:
    """Return what measures as many listeners of a bare server."""
    address = bare(setting, "echo").address
    seat = Seat("", "")
    driver = crew(setting, Crowd(address, [seat], [seat] * count, is_bare=True))

    def rate(pushes: int) -> float:
        found = driver.ask(Task(pushes, window=WINDOW, hear=pushes))
        return float(found["messages"] / found["seconds"])

    return rate


def play_fanout(setting: Setting) -> Race:
    """Measure how fast many hear what one posts, beside a bare server that sends it on."""
    counts = (200,) if setting.quick else (200, 2_000)
    total = 20_000 if setting.quick else 40_000
    contenders, targets, crowds = list[Contender](), list[Target](), dict[int, Listeners]()
    for count in counts:
        crowd = crowds[count] = Listeners(setting, f"relay-{count}", count)
        echo, pushes = echoing(setting, count), total // count
        mine, theirs = f"relay, {count}", f"echo, {count}"
        contenders.append(Contender(mine, "per_s", partial(crowd.rate, pushes)))
        contenders.append(Contender(theirs, "per_s", partial(echo, pushes)))
        targets.append(Target(mine, theirs, ECHO_LEAST, is_most=False))
        targets.append(Target(mine, None, DELIVERIES_LEAST, is_most=False))

    def checks() -> list[str]:
        return [
            f"relay, {count}: {crowd.kib_each:.0f} KiB a connection"
            for count, crowd in crowds.items()
            if crowd.kib_each > SOCKET_KIB_MOST
        ]

    def notes() -> dict[str, float]:
        found = {f"KiB each of {count}": crowd.kib_each for count, crowd in crowds.items()}
        for count, crowd in crowds.items():
            found[f"cpu us of {count}"] = crowd.cpu_s / max(1, crowd.heard) * 1e6
        return found

    rounds = ROUNDS_QUICK if setting.quick else ROUNDS
    return Race(tuple(contenders), tuple(targets), rounds=rounds, checks=checks, notes=notes)


def play_stalled(setting: Setting) -> Race:
    """Measure what others wait for where one listener does not read."""
    count, pushes = (50, 20) if setting.quick else (200, 40)
    quiet = Listeners(setting, "quiet", count)
    stalled = Listeners(setting, "stalled", count, stalled=True)
    names = ("all read, p99", "one does not, p99")
    return Race(
        (
            Contender(names[0], "wall_ms", lambda: quiet.delay_ms(pushes)),
            Contender(names[1], "wall_ms", lambda: stalled.delay_ms(pushes)),
        ),
        (Target(names[1], names[0], STALLED_MOST, is_most=True),),
        # No listener here answers a ping, and who is silent for 40 seconds is closed.
        rounds=ROUNDS_QUICK if setting.quick else ROUNDS_STALLED,
        checks=stalled.problems,
    )


# -- idle ------------------------------------------------------------------------------------


def play_idle(setting: Setting) -> Race:
    """Measure the memory of a relay as an operator starts it, and what it has loaded."""
    home = setting.home("relay")
    words = [setting.envoy, "--json", "relay"]
    where = ["--data", str(home)]
    answer(spend([*words, "init", *where], environment(), setting.scratch))
    argv = [*words, "serve", "--listen", "127.0.0.1:0", *where]
    relay = held(setting, Process(argv))
    time.sleep(SETTLE_SECONDS)
    loaded = modules()

    def blind() -> list[str]:
        seen = [name for name in loaded if f"{name}.".removeprefix("envoy.").startswith(BLIND)]
        return [f"idle: it loads {', '.join(seen)}"] if seen else []

    return Race(
        (Contender("idle", "MiB", lambda: relay.memory_kib() / 1024),),
        (Target("idle", None, IDLE_MIB_MOST, is_most=True),),
        rounds=ROUNDS_QUICK,
        checks=blind,
        notes=lambda: {"modules of Envoy": float(len(loaded))},
    )


def modules() -> list[str]:
    """Return the modules of Envoy that a relay loads."""
    argv = [sys.executable, "-c", CLOSURE]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env=python_path())
    return done.stdout.split()


CASES = (
    Case("relay.append", "64 connections post 1 KB, durable before each answer", play_append),
    Case("relay.batch", "frames and calls in one commit, or each in one of its own", play_batch),
    Case("relay.load", "1,000 who listen and post, 500 events/s to 10 each", play_load),
    Case("relay.fanout", "one posts 1 KB, 200 and 2,000 hear it", play_fanout),
    Case("relay.stalled", "200 listen, and one who does not read", play_stalled),
    Case("relay.idle", "memory of a relay with nothing to do, and its import closure", play_idle),
)
