"""Process: a relay that runs for a case, as it is installed, on loopback.

It is the relay that `envoy relay serve` runs, with its settings but for those of ``Settings``: all
clients of a case come from one address, so what one peer may open is raised; where a case says so,
how fast one may go; and how many calls one commit takes, for the rate without groups.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.rounds import Wrong
from bench.setting import environment
from envoy import limits
from envoy.relay import serve
from envoy.relay.quota import Rate, Rates
from envoy.relay.rules import Allowance

STOP_SECONDS = 30
FRAMES_DAY = 10**8
SPACE_BYTES = 2**34
FREE = Rates(*[Rate(1e9, 10**9)] * len(Rates()))


class Settings(NamedTuple):
    """What is not as it is installed. ``proxies``: ports that pass on to it."""

    has_pace: bool = True
    group_calls: int = limits.GROUP_CALLS_MAX
    proxies: tuple[int, ...] = ()


class Process:
    """Another process of the bench that serves; ``origin`` is where."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it and wait until it says where it answers."""
        self._process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=python_path()
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            _, err = self._process.communicate(timeout=STOP_SECONDS)
            raise Wrong(f"it did not start: {err[-300:]}")
        self.origin: str = json.loads(said)["url"]

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        host, _, port = self.origin.partition("://")[2].rpartition(":")
        return host, int(port)

    def memory_kib(self) -> int:
        """Return the memory that it has now."""
        text = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        line = next(one for one in text.splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1])

    def cpu_s(self) -> float:
        """Return the processor time that it spent so far, user and system."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8")
        ticks = text.rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it as a service manager does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def start(directory: Path, settings: Settings, *, port: int = 0) -> Process:
    """Start a relay of ``directory``; return it when it answers."""
    given = json.dumps(settings._asdict())
    argv = [sys.executable, "-m", "bench.relay.process", str(directory), str(port), given]
    return Process(argv)


def free_port() -> int:
    """Return a port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def python_path() -> dict[str, str]:
    """Return the environment of a process that has the very Envoy that this one has."""
    path = [str(Path(__file__).parents[2]), *sys.path]
    return {**environment(), "PYTHONPATH": os.pathsep.join(filter(None, path))}


def say(origin: str) -> None:
    """Say where one answers, as `envoy relay serve --json` does."""
    print(json.dumps({"url": origin}), flush=True)


def main(directory: str, port: int, given: str) -> None:
    """Be a relay until a signal comes."""
    settings = Settings(**json.loads(given))
    limits.GROUP_CALLS_MAX = settings.group_calls
    ports = (port, *settings.proxies) if port else ()
    options = serve.Options(
        directory,
        ("127.0.0.1", port),
        tuple(f"http://127.0.0.1:{one}" for one in ports),
        Allowance(SPACE_BYTES, FRAMES_DAY, 30),
        "none",
        lambda *_: None,
        rates=Rates() if settings.has_pace else FREE,
        connections=limits.CONNECTIONS_MAX,
    )
    serve.run(options, ready=say)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
