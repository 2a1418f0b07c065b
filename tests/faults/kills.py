"""Kills: kill -9 at any moment, again and again, with a ledger outside of what was acknowledged.

    python -m faults.kills --count N [--only cli|process|mcp|relay] [--seed S] [--seconds T]

- `cli`: mutating commands one after the other by `cli.main`, in a fork that has it loaded, so that
  the kill falls into the work and not into the start of Python.
- `process`: one command in an interpreter of its own, as users have it.
- `mcp`: `envoy-mcp` in its own process, writing tools called through the client of the SDK.
- `relay`: a relay under sixteen writers (`tests/relay/test_kill.py`).

After each kill the next command has to work with nobody mending anything, and all that was ever
acknowledged has to be there. At the end, and now and then, everybody syncs, holds the same events,
nobody is forked, and `diagnose --deep` finds nothing.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError

from console import PROGRAM
from envoy.cli.main import main as envoy
from faults import calls, forks, homes, report
from faults.homes import AGENT, LEAD, SPACE, Said
from faults.report import Tally
from mcpplay import parameters
from relay import test_kill as relay_kill

NAMES: Final = (LEAD, AGENT)
DEEP_EVERY: Final = 25
LIVES_MAX: Final = 150  # of one home; then a new one, which is quicker to look at
PLAN: Final = 12
WRITE_SECONDS: Final = 0.5
RELAY_SECONDS: Final = 0.5
# What the client of a server that is gone raises, one by one or in groups.
GONE: Final = (MCPError, OSError, anyio.ClosedResourceError, anyio.BrokenResourceError)


class Place:
    """A home under fire: what each profile was told is saved, and the tasks that are there."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.stage = homes.small(root)
        self.chance = chance
        self.told = {name: set[bytes]() for name in NAMES}
        self.tasks = [str(one["task_id"]) for one in self.stage.ok(LEAD, "task", "list")["tasks"]]
        self.lives = 0
        self.seconds = WRITE_SECONDS  # what a life takes that nobody ends, at this machine's pace

    def take(self, name: str, line: str) -> None:
        """Enter a line that a command wrote into the ledger, if it acknowledges something."""
        said = Said(0, line, "")
        data = homes.data_of(said)
        if "error_code" in data:
            return
        self.told[name] |= calls.told(said)
        if data.get("schema") == "envoy.transition/1" and data.get("task_id"):
            self.tasks.append(str(data["task_id"]))

    def plan(self, name: str) -> list[list[str]]:
        """Draw command lines for one life."""
        return [["--profile", name, "--json", "--yes", *self._words(name)] for _ in range(PLAN)]

    def _words(self, name: str) -> list[str]:
        task, number = self.chance.choice(self.tasks[-8:]), self.chance.randrange(10**9)
        drawn: list[list[str]] = [
            ["send", f"message {number}"],
            ["send", f"once {number}", "--idempotency-key", f"k{number}"],
            ["task", "create", f"task {number}"],
            ["task", "claim", task],
            ["task", "set", task, "in_progress"],
            ["task", "complete", task, "--note", "fixed"],
            ["task", "release", task],
            ["record", "add", "decision", f"decision {number}"],
            ["inbox", "read-ack"],
            ["sync"],
            ["identity", "rename", f"{name} {number}"],
            ["card", "publish", "--version", f"{number}"],
            *([["invite", SPACE], ["space", "rotate", SPACE],
               ["space", "update", SPACE, "--description", f"{number}"]] if name == LEAD else []),
        ]  # fmt: skip
        return self.chance.choice(drawn)

    def wrong(self, *, deep: bool) -> list[str]:
        """Use the home as the next ones do; return what does not work and what is missing."""
        try:
            return forks.ask(lambda: self._wrong(deep=deep))
        except forks.Died as died:
            return [f"what came after died: {died}"]

    def _wrong(self, *, deep: bool) -> list[str]:
        found = list[str]()
        for name in NAMES:
            lost = self.told[name] - self.stage.events(name)
            found += [f"{name}: acknowledged and lost: {one.hex()}" for one in lost]
            looks = [("send", "after"), ("status",), ("history", "--limit", "20")]
            for words in looks + [("sync",), ("diagnose", "--deep")] * deep:
                said = self.stage.play(name, *words)
                found += homes.oddities(said)
                if said.status:
                    found.append(f"{name} {' '.join(words)}: {said.status} {said.out[:600]}")
        return found + (self._apart() if deep else [])

    def _apart(self) -> list[str]:
        """Return in what the profiles differ once both have heard of everything."""
        for name in (*NAMES, *NAMES):
            self.stage.ok(name, "sync")
        found = list[str]()
        if self.stage.events(LEAD) != self.stage.events(AGENT):
            found.append("the profiles hold different events")
        for name in NAMES:
            members = self.stage.ok(name, "space", "members")["members"]
            if any(one["forked"] for one in members):
                found.append(f"{name} sees a fork")
        return found


# -- lives -----------------------------------------------------------------------------------


def live_cli(place: Place) -> None:
    """Let a fork play commands, and kill it."""
    name = place.chance.choice(NAMES)
    plan, console = place.plan(name), place.stage.console
    source, sink = os.pipe()
    environ = console.environment()

    def work() -> int:
        os.close(source)
        os.chdir(console.cwd)
        os.environ.clear()
        os.environ.update(environ)
        os.dup2(sink, 1)
        sys.stdout = forks.stream(1)
        for words in plan:
            envoy(words)
        return 0

    child = forks.spawn(work)
    os.close(sink)
    if place.lives > 1:
        time.sleep(place.chance.random() * place.seconds)
        os.kill(child, signal.SIGKILL)
    began = time.monotonic()
    os.waitpid(child, 0)
    if place.lives == 1:
        place.seconds = time.monotonic() - began
    with open(source) as lines:
        for line in whole(lines.read()):
            place.take(name, line)


def live_process(place: Place) -> None:
    """Start a command as users do, and kill it."""
    name = place.chance.choice(NAMES)
    words = place.plan(name)[0]
    console = place.stage.console
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env=console.environment(),
        cwd=console.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        began = time.monotonic()
        if place.lives > 1:
            time.sleep(place.seconds * (0.3 + place.chance.random()))
            process.kill()
        assert process.stdout is not None
        for line in whole(process.stdout.read()):
            place.take(name, line)
        if place.lives == 1:
            place.seconds = time.monotonic() - began


def live_mcp(place: Place) -> None:
    """Let a client of the SDK write through a server, and kill the server."""
    pid_file = place.stage.root / "server.pid"
    pid_file.unlink(missing_ok=True)
    given = parameters(place.stage.console, AGENT)
    script = 'echo $$ > "$1"; shift; exec "$@"'
    words = ["-c", script, "sh", os.fspath(pid_file), given.command, *given.args]
    given = given.model_copy(update={"command": "/bin/sh", "args": words})
    after = place.chance.random() * WRITE_SECONDS

    async def write() -> None:
        async with Client(given, mode="auto") as client:
            await client.call_tool("status", {})
            async with anyio.create_task_group() as group:
                group.start_soon(kill)
                await tell(place, client)

    async def kill() -> None:
        await anyio.sleep(after)
        os.kill(int(pid_file.read_text()), signal.SIGKILL)

    with suppress(*GONE, BaseExceptionGroup):
        anyio.run(write)
    # asyncio keeps a future that nobody asks where a write met the server's end, and complains when
    # that is collected: here, and not in a fork that looks at the home.
    gc.collect()


async def tell(place: Place, client: Client) -> None:
    """Write by tool after tool, entering each acknowledgement, until the server is gone."""
    life = place.chance.randrange(10**9)
    for number in range(1_000):
        for tool, given in (
            ("message_send", {"body": f"{life} {number}"}),
            ("task_create", {"title": f"{life} {number}"}),
            ("record_add", {"kind": "decision", "fields": {"text": f"{life} {number}"}}),
        ):
            with anyio.fail_after(20):
                done = await client.call_tool(tool, {**given, "key": f"{tool}-{life}-{number}"})
            if not done.is_error and isinstance(done.structured_content, dict):
                said = Said(0, json.dumps(done.structured_content), "")
                place.told[AGENT] |= calls.told(said)


def whole(text: str) -> list[str]:
    """Return the lines that were written to their end."""
    return text.rpartition("\n")[0].splitlines()


LIVES: Final[dict[str, Callable[[Place], None]]] = {
    "cli": live_cli,
    "process": live_process,
    "mcp": live_mcp,
}


# -- suites ----------------------------------------------------------------------------------


def homes_of(root: Path, chance: random.Random) -> Iterator[Place]:
    """Yield the home for one life after the other, a new one now and then."""
    number = 0
    while True:
        place = Place(root / f"{number}", chance)
        while place.lives < LIVES_MAX:
            place.lives += 1
            yield place
        number += 1


def play(tally: Tally, what: str, count: int, root: Path) -> None:
    """Kill so often; every home is looked at deeply now and then and at the end."""
    chance = random.Random(f"{tally.seed} {what}")
    places, place = homes_of(root, chance), None
    for number in range(count):
        if tally.is_over():
            break
        place = next(places)
        if place.lives == 1:  # nobody kills the first: the others are measured by it
            LIVES[what](place)
            place.lives += 1
        LIVES[what](place)
        deep = number % DEEP_EVERY == DEEP_EVERY - 1 or place.lives == LIVES_MAX
        before = len(tally.failures)
        tally.note(what)
        tally.tried(f"{what} kill {number}", place.wrong(deep=deep))
        if len(tally.failures) > before:
            place.lives = LIVES_MAX  # what is broken would be told again and again
        if place.lives == LIVES_MAX:
            tally.note("acknowledged", sum(len(one) for one in place.told.values()))
    if place is not None and place.lives < LIVES_MAX:
        tally.note("acknowledged", sum(len(one) for one in place.told.values()))
        tally.tried(f"{what} at the end", place.wrong(deep=True))
        tally.count -= 1  # a look, no kill


def play_relay(tally: Tally, count: int, root: Path) -> None:
    """Kill a relay so often under its writers; look at its log at the end."""
    chance, ledger = random.Random(f"{tally.seed} relay"), relay_kill.Ledger()
    for life in range(count):
        if tally.is_over():
            break
        relay_kill.live(root / "relay", life, 0.1 + chance.random() * RELAY_SECONDS, ledger)
        tally.note("relay")
        last = life == count - 1 or tally.is_over()
        lost = relay_kill.lost(root / "relay", ledger) if last or life % 10 == 9 else []
        tally.tried(f"relay kill {life}", [f"lost {one}" for one in lost])
    tally.note("acknowledged", len(ledger))


def main() -> int:
    """Kill as the command line asks; 1 if something was lost."""
    parser = report.parser("kills", __doc__)
    parser.add_argument("--count", type=int, default=100, help="kills of each of them")
    parser.add_argument("--only", choices=(*LIVES, "relay"))
    asked = parser.parse_args()
    tally = Tally("kills", asked.seed, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="envoy-kills-") as root:
        wanted = [one for one in (*LIVES, "relay") if asked.only in (None, one)]
        for what in wanted:
            tally.allow(asked.seconds / len(wanted))
            place = Path(root) / what
            place.mkdir()
            if what == "relay":
                play_relay(tally, asked.count, place)
            else:
                play(tally, what, asked.count, place)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
