"""Tools: what `envoy-mcp` costs beside a server that does nothing, on the same SDK."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import world
from bench.cases.start import shared
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, environment

START_MOST = 1.3
CALL_MS_MOST = 3.0
MEMORY_MIB_MOST = 110.0
EVENTS = 10_000
ROUNDS = 15  # a start takes a second
TIMES = 20  # calls in one sample
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
READS: Mapping[str, tuple[Json, str]] = {
    "status": ({}, "spaces"),
    "history": ({"space": world.NAME}, "records"),
    "tasks": ({"space": world.NAME}, "tasks"),
    "inbox_read": ({"space": world.NAME, "limit": 5}, "messages"),
}


class Server:
    """A server process, and lines to and from it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            list(argv), env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._count = 0

    def ask(self, method: str, **params: object) -> Json:
        """Send a request and return the result. Raises Wrong for an error."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._count += 1
        asked = {"jsonrpc": "2.0", "id": self._count, "method": method}
        line = json.dumps({**asked, "params": {**params, "_meta": META}})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        if "result" not in answer or answer["result"].get("isError"):
            raise Wrong(f"{method}: {str(answer)[:300]}")
        result: Json = answer["result"]
        return result

    def memory_mib(self) -> float:
        """Return the most memory that the process has had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def close(self) -> None:
        """Hang up."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def commands(setting: Setting, home: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return how the servers are started."""
    ours = str(Path(setting.envoy).with_name("envoy-mcp"))
    root = str(Path(__file__).parents[2])
    plain = {**environment(), "PYTHONPATH": root}
    return {
        "empty": ([sys.executable, "-m", "bench.minimal"], plain),
        "envoy-mcp": ([ours], environment(home, "reader")),
    }


def play_start(setting: Setting) -> Race:
    """Measure from the start of a process to its first list of tools."""
    home = shared(setting.shared, EVENTS).home

    def contender(name: str, argv: list[str], env: dict[str, str]) -> Contender:
        def once() -> float:
            began = time.perf_counter()
            server = Server(argv, env)
            tools = server.ask("tools/list")["tools"]
            seconds = time.perf_counter() - began
            server.close()
            if len(tools) != (1 if name == "empty" else 18):
                raise Wrong(f"{len(tools)} tools")
            return seconds * 1000

        return Contender(name, "wall_ms", once)

    found = [contender(name, *how) for name, how in commands(setting, home).items()]
    targets = (Target("envoy-mcp", "empty", START_MOST, is_most=True),)
    return Race(tuple(found), targets, rounds=ROUNDS)


def play_calls(setting: Setting) -> Race:
    """Measure read calls of a server that runs, less what an empty one takes beside it."""
    home = shared(setting.shared, EVENTS).home
    servers = {name: Server(*how) for name, how in commands(setting, home).items()}
    for one in servers.values():
        setting.held.callback(one.close)

    def spent(server: Server, name: str, given: Json) -> tuple[float, Json]:
        began = time.perf_counter()
        for _ in range(TIMES):
            found = server.ask("tools/call", name=name, arguments=given)
        return (time.perf_counter() - began) * 1000 / TIMES, found

    def contender(name: str, given: Json, rows: str) -> Contender:
        def once() -> float:
            empty, _ = spent(servers["empty"], "a", {})
            ours, found = spent(servers["envoy-mcp"], name, given)
            if not found["structuredContent"][rows]:
                raise Wrong(f"{name}: nothing in {rows}")
            return ours - empty

        return Contender(f"{name} less empty", "wall_ms", once)

    found = [contender(name, given, rows) for name, (given, rows) in READS.items()]
    found.append(Contender("empty", "wall_ms", lambda: spent(servers["empty"], "a", {})[0]))
    targets = [Target(f"{name} less empty", None, CALL_MS_MOST, is_most=True) for name in READS]

    def memory() -> list[str]:
        taken = servers["envoy-mcp"].memory_mib()
        return [] if taken <= MEMORY_MIB_MOST else [f"it took {taken:.0f} MiB"]

    def notes() -> dict[str, float]:
        return {f"{name} MiB": round(one.memory_mib(), 1) for name, one in servers.items()}

    return Race(tuple(found), tuple(targets), checks=memory, notes=notes)


CASES = (
    Case("mcp.start", "start of a server to its first list of tools", play_start),
    Case("mcp.call", "read calls of a server, in a space of 10,000 events", play_calls),
)
