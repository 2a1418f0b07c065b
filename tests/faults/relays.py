"""Relays: a real relay on loopback, for a fault each, and the homes of the commands that need one.

The relay is a fork of this process, so it starts in some milliseconds, with the clock of this
process (`steady`). It keeps its data in the stage, so it is set back with the homes.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from envoy.relay import serve
from envoy.relay.rules import Allowance
from faults import forks, homes
from faults.homes import LEAD, SPACE, Stage

ALLOWED: Final = Allowance(2**30, 100_000, 30)


class Relay:
    """A relay that can be started and ended; it always listens at the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def running(self, data: Path) -> Iterator[None]:
        """Let it serve from a directory, from when it answers until the context ends."""
        source, sink = os.pipe()
        options = serve.Options(
            os.fspath(data), ("127.0.0.1", self._port), (self.origin,), ALLOWED, "none",
            lambda *_: None,
        )  # fmt: skip

        def work() -> int:
            os.close(source)
            forks.redirect(os.devnull, os.devnull, os.devnull)
            serve.run(options, ready=lambda _: os.close(sink))
            return 0

        child = forks.spawn(work)
        os.close(sink)
        with os.fdopen(source, "rb") as told:
            told.read()  # to its end, which is when it answers, or is gone
        try:
            yield
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def data_of(stage: Stage) -> Path:
    """Return where the relay of a stage keeps its data."""
    return stage.root / "stage" / "relay"


def near(root: Path, relay: Relay) -> Stage:
    """Return a busy home, and a relay that knows nothing of it."""
    stage = homes.busy(root)
    _begin(stage, relay)
    return stage


def far(root: Path, relay: Relay) -> Stage:
    """Return a home of two members on a machine that knows no relay, where their space lives."""
    stage = homes.busy(root)
    _begin(stage, relay)
    with relay.running(data_of(stage)):
        stage.ok(LEAD, "space", "connect", SPACE, "--relay", relay.origin)
        stage.ok(LEAD, "sync")
    for path in (stage.home / "hub", stage.home / "profiles" / LEAD):
        shutil.rmtree(path)
    stage.keep()
    return stage


def _begin(stage: Stage, relay: Relay) -> None:
    data_of(stage).mkdir(mode=0o700)
    space = stage.ok(LEAD, "spaces")["spaces"][0]["space_id"]
    stage.names |= {"relay": relay.origin, "space_id": space}
    stage.keep()


MADE: Final = {"near": near, "far": far}
