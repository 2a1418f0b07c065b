"""Syncing: two homes that share nothing but a relay; `envoy sync` as users run it, as a process."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench import world, yardsticks
from bench.cases.relay import held
from bench.relay import process
from bench.relay.process import Process, Settings
from bench.relay.proxy import Proxy
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, answer, environment, spend
from envoy.core.structs import Body
from envoy.hub import sqlite
from envoy.storage import home as homes
from envoy.system import db
from envoy.wiring import writes

LEAD, MEMBER = "lead", "member"
NEW, KNOWN = 100, 10_000
NEW_REQUESTS_MOST = 1
NEW_BYTES_MOST = 1.2
FIRST, FIRST_QUICK = 100_000, 10_000
FIRST_MS_MOST = 20_000.0
REFILL = 10_000
REFILL_MS_MOST = 30_000.0
SYNC_MS = "300000"
EXIT_PENDING, PUT_OFF, AGAIN_SECONDS = 7, '"rate_limited"', 1.0


class Member(NamedTuple):
    """A profile in a home of its own."""

    home: Path
    profile: str

    def run(self, setting: Setting, *args: str) -> tuple[Json, float]:
        """Return what a command answers, and the milliseconds that it took."""
        env = environment(self.home, self.profile)
        spent = spend([setting.envoy, "--json", *args], env, setting.scratch)
        return answer(spent), spent.wall_ms

    def sync(self, setting: Setting) -> float:
        """Bring the home and its relay to the same; return the milliseconds.

        A relay lets one client push at a pace: what it puts off is tried again, as users do.
        """
        began = time.perf_counter()
        argv = [setting.envoy, "--json", "--timeout", SYNC_MS, "sync"]
        while True:
            env = environment(self.home, self.profile)
            spent = spend(argv, env, setting.scratch)
            if spent.exit != EXIT_PENDING or PUT_OFF not in spent.out:
                answer(spent)
                return (time.perf_counter() - began) * 1000
            time.sleep(AGAIN_SECONDS)

    def write(self, count: int, body: Callable[[int], Body]) -> None:
        """Write ``count`` events while no hub is asked."""
        config = world.config(self.home, self.profile)._replace(sync=False)
        with writes.open_profile(config) as opened:
            replica = writes.open_space(opened, None)
            for start in range(0, count, world.EVENTS_PER_COMMIT):
                numbers = range(start, min(start + world.EVENTS_PER_COMMIT, count))
                world.write(replica, [body(number) for number in numbers])

    def events(self) -> int:
        """Return how many events the home has taken in, of its one space."""
        where = homes.paths(str(self.home), self.profile)
        with db.connect(where.replica, read_only=True) as connection:
            return connection.rows(int, "SELECT events FROM space")[0]


class Apart(NamedTuple):
    """Two members on machines of their own, and the relay between them."""

    relay: Process
    lead: Member
    member: Member


def part(setting: Setting, relay: Process, origin: str) -> Apart:
    """Let a lead found a space at a relay, and somebody else join it from there by its URI."""
    lead = Member(setting.home("here"), LEAD)
    member = Member(setting.home("there"), MEMBER)
    made, _ = lead.run(
        setting,
        *("quickstart", "--human", "--name", "Lead", "--space-name", world.NAME),
        *("--cross-machine", "--publish-invite", "--relay-url", origin),
        *("--recovery-output", "skip"),
    )
    member.run(setting, "init", "--agent", "--name", "Member", "--recovery-output", "skip")
    member.run(setting, "join", str(made["invite_uri"]))
    lead.sync(setting)
    member.sync(setting)
    return Apart(relay, lead, member)


def relay_frames(home: Path) -> tuple[int, int]:
    """Return how many frames and bytes the database of a hub or relay has."""
    with db.connect(str(home / sqlite.FILE_NAME), read_only=True) as connection:
        return connection.rows(_pair, "SELECT count, bytes FROM space")[0]


def _pair(count: int, size: int) -> tuple[int, int]:
    return count, size


# -- a few new events ------------------------------------------------------------------------


def play_new(setting: Setting) -> Race:
    """Count what a sync takes that brings 100 new events to somebody who has 10,000."""
    known = KNOWN // 10 if setting.quick else KNOWN
    near, far = process.free_port(), process.free_port()
    place = setting.home("relay")
    settings = Settings(has_pace=False, proxies=(far,))
    relay = held(setting, process.start(place, settings, port=near))
    proxy = Proxy(far, relay.address)
    setting.held.callback(proxy.close)
    apart = part(setting, relay, f"http://127.0.0.1:{far}")
    apart.lead.write(known, world.message)
    apart.lead.sync(setting)
    apart.member.sync(setting)
    seen: dict[str, float] = {}
    names: list[str] = []

    def once() -> float:
        before, had = relay_frames(place)[1], apart.member.events()
        apart.lead.write(NEW, world.message)
        apart.lead.sync(setting)
        proxy.reset()
        took = apart.member.sync(setting)
        names[:] = proxy.names
        seen["requests"], seen["ms"] = float(len(names)), took
        if apart.member.events() != had + NEW:
            raise Wrong(f"{apart.member.events() - had} of {NEW} events came")
        return proxy.bytes / (relay_frames(place)[1] - before)

    def checks() -> list[str]:
        if len(names) <= NEW_REQUESTS_MOST:
            return []
        return [f"relay.new: {len(names)} requests, {', '.join(names)}"]

    name = f"bytes of {NEW} new events"
    return Race(
        (Contender(name, "of payload", once),),
        (Target(name, None, NEW_BYTES_MOST, is_most=True),),
        rounds=3,
        checks=checks,
        notes=lambda: {**seen, "known": float(known)},
    )


# -- all of them -----------------------------------------------------------------------------


def play_first(setting: Setting) -> Race:
    """Measure the first sync of somebody who joined and has nothing of a long space."""
    count = FIRST_QUICK if setting.quick else FIRST
    place = setting.home("relay")
    relay = held(setting, process.start(place, Settings(has_pace=False)))
    apart = part(setting, relay, relay.origin)
    apart.lead.write(count, world.message)
    apart.lead.sync(setting)
    empty = setting.home("empty")
    shutil.copytree(apart.member.home, empty, symlinks=True)
    runs: list[int] = []

    def once() -> float:
        runs.append(1)
        fresh = Member(setting.home(f"first-{len(runs)}"), MEMBER)
        shutil.copytree(empty, fresh.home, symlinks=True)
        took = fresh.sync(setting)
        if fresh.events() != apart.lead.events():
            raise Wrong(f"{fresh.events()} of {apart.lead.events()} events came")
        shutil.rmtree(fresh.home)
        return count / took * 1000

    name = f"first sync of {count}"
    return Race(
        (Contender(name, "per_s", once), yardsticks.verify()),
        (Target(name, None, FIRST / FIRST_MS_MOST * 1000, is_most=False),),
        rounds=3 if setting.quick else 2,
        warm=0,
    )


def play_refill(setting: Setting) -> Race:
    """Measure how long one client takes to bring everything back to a relay that lost it."""
    count = REFILL // 10 if setting.quick else REFILL
    place, port = setting.home("relay"), process.free_port()
    running = [process.start(place, Settings(), port=port)]
    setting.held.callback(lambda: running[-1].stop())
    apart = part(setting, running[-1], running[-1].origin)
    apart.lead.write(count, world.message)
    apart.lead.sync(setting)
    kept, _ = relay_frames(place)

    def once() -> float:
        running[-1].stop()
        key = (place / "relay.key").read_bytes()
        shutil.rmtree(place)
        place.mkdir(mode=0o700)
        (place / "relay.key").write_bytes(key)
        os.chmod(place / "relay.key", 0o600)
        running.append(process.start(place, Settings(), port=port))
        took = apart.lead.sync(setting)
        if (found := relay_frames(place)[0]) != kept:
            raise Wrong(f"{found} of {kept} frames are back")
        return took

    name = f"{count} events come back"
    return Race(
        (Contender(name, "wall_ms", once),),
        (Target(name, None, REFILL_MS_MOST, is_most=True),),
        rounds=3,
        warm=0,
    )


CASES = (
    Case("relay.new", "100 new events of 10,000 known, over a proxy that counts", play_new),
    Case("relay.first", "first sync of 100,000 events into an empty replica", play_first),
    Case("relay.refill", "a relay lost 10,000 events; one client has them", play_refill),
)
