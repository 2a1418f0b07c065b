"""Pace: a relay that asks for a slower one is waited for, and what is told of a sync is so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import limits
from envoy.core.bodies import Message
from envoy.relay.quota import Rate
from envoy.replica.actions import local
from envoy.replica.replica import Replica
from envoy.wiring import writes
from relay.running import Home, Running, a_relay

PAGE = limits.PUSH_FRAMES_MAX
COUNT = 2 * PAGE + 100


class At:
    """A home whose space lives at a relay, with more to send than the relay takes at once."""

    def __init__(self, root: Path, relay: Running) -> None:
        self.relay = relay
        console = Console(root / "ada")
        words = ("--recovery-output", f"file:{root}/words", "--name", "Ada", "--space-name", "s")
        made = ("--relay-url", relay.origin, "quickstart", "--cross-machine", *words)
        console.ok("--profile", "lead", *made)
        self.home = Home(console, "lead")

    def slow(self, per_second: int, burst: int) -> None:
        """Let the relay take so many frames of a session."""
        self.relay.end()
        self.relay.pace = Rate(per_second, burst)
        self.relay.start()

    def write(self, count: int) -> None:
        """Write messages that no relay hears of."""
        config = self.home.config._replace(sync=False)
        with writes.open_profile(config) as profile:
            replica = Replica(profile, profile.rows.spaces()[0].sn)
            replica.write(lambda _: [message(number) for number in range(count)])

    def bring(self) -> None:
        """Bring what was written to the hub of this machine, and no further."""
        with self.home.opened() as profile:
            near = profile.hub._near  # type: ignore[attr-defined]
            local.exchange(Replica(profile._replace(hub=near), profile.rows.spaces()[0].sn))

    def sync(self, *args: str) -> tuple[int, dict[str, Any], float]:
        """Return status, answer and seconds of a sync."""
        begun = time.monotonic()
        status, data = self.home.call("sync", *args)
        return status, data, time.monotonic() - begun
