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
from envoy.replica.actions.local import exchange
from envoy.replica.replica import Replica
from envoy.wiring import writes
from relay.running import Home, Running, a_relay

PAGE = limits.PUSH_FRAMES_MAX
COUNT = 2 * PAGE + 100


class At:
    """A home whose space lives at a relay."""

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
        """Write messages that the hub of this machine has, and no relay."""
        links = self.home.console.home / "hub" / "links.db"
        links.rename(links.with_suffix(".off"))
        try:
            with writes.open_profile(self.home.config) as profile:
                replica = Replica(profile, profile.rows.spaces()[0].sn)
                replica.write(lambda _: [message(number) for number in range(count)])
                exchange(replica)
        finally:
            links.with_suffix(".off").rename(links)

    def sync(self, *args: str) -> tuple[int, dict[str, Any], dict[str, Any], float]:
        """Return status, answer, what the relay did and seconds of a sync."""
        begun = time.monotonic()
        status, data = self.home.call(*args, "sync")
        return status, data, data["relays"][0], time.monotonic() - begun


def message(number: int) -> Message:
    return Message(f"message {number}", None, (), (), (), None)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    with a_relay(tmp_path / "relay") as relay:
        yield At(tmp_path, relay)


def test_a_sync_of_more_than_the_relay_takes_at_once_waits_and_goes_on(at: At) -> None:
    at.write(COUNT)
    at.slow(1_000, PAGE)
    status, data, relay, seconds = at.sync()
    assert (status, relay["state"], relay["error_code"]) == (0, "synced", None)
    assert (relay["pushed"], relay["pending"], data["pending"]) == (COUNT, 0, 0)
    assert seconds > (COUNT - PAGE) / 1_000  # it asked for that much
    assert "next_commands" not in data


def test_a_sync_whose_time_is_over_says_what_went_and_what_waits(at: At) -> None:
    at.write(COUNT)
    at.slow(100, PAGE)
    status, data, relay, seconds = at.sync("--timeout", "1500")
    assert seconds < 4
    assert (status, relay["state"], relay["error_code"]) == (7, "partial", "rate_limited")
    assert (relay["pushed"], relay["pending"]) == (PAGE, COUNT - PAGE) and relay["pulled"] == 0
    assert (data["pending"], data["next_commands"]) == (COUNT - PAGE, ["envoy sync"])
    told = at.home.text("--timeout", "100", "sync", status=7)
    assert f"{COUNT - PAGE} waiting; next: envoy sync" in told
    at.slow(1_000, COUNT)
    status, data, relay, _ = at.sync()
    assert (status, relay["state"], relay["pushed"]) == (0, "synced", COUNT - PAGE)


def test_a_short_command_does_not_wait_and_says_that_it_is_pending(at: At) -> None:
    at.write(COUNT)
    at.slow(1, 1)
    begun = time.monotonic()
    sent = at.home.ok("send", "one more", "s")
    assert time.monotonic() - begun < limits.PUSH_SECONDS_MAX + 2
    assert (sent["relay_delivery"], sent["relay_delivery_reason"]) == ("pending", "rate_limited")
    made = at.home.ok("task", "create", "a task", "--space", "s")
    claimed = at.home.ok("task", "claim", str(made["task_id"]))
    assert (claimed["claim_state"], claimed["relay_delivery"]) == ("provisional", "pending")
    at.slow(10_000, COUNT)
    at.home.ok("sync")
    shown = at.home.ok("task", "show", str(made["task_id"]))
    assert shown["claim_state"] == "confirmed"


def test_connecting_a_space_of_many_frames_waits_and_goes_on(at: At, tmp_path: Path) -> None:
    console = Console(tmp_path / "bob")
    words = ("--recovery-output", f"file:{tmp_path}/words2", "--name", "Bob", "--space-name", "t")
    console.ok("--profile", "lead", "quickstart", *words)
    here = Home(console, "lead")
    with writes.open_profile(here.config) as profile:
        replica = Replica(profile, profile.rows.spaces()[0].sn)
        replica.write(lambda _: [message(number) for number in range(COUNT)])
        exchange(replica)
    at.slow(100, PAGE)
    part = here.ok("--timeout", "1500", "space", "connect", "t", "--relay", at.relay.origin)
    assert (part["relay_delivery"], part["relay_delivery_reason"]) == ("pending", "rate_limited")
    at.slow(1_000, PAGE)
    done = here.ok("space", "connect", "t", "--relay", at.relay.origin)
    assert done["relay_delivery"] == "delivered"
