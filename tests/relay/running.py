"""What tests with real relay processes share: a relay to start and end, homes that share nothing.

A home here is a `Console`: a directory with a hub, profiles and a command line of its own. The two
know each other from one machine before they are parted; after that only the relay is between them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console import Console
from envoy.relay.quota import Rates
from envoy.replica.actions import connect
from envoy.replica.actions.local import sync_all
from envoy.replica.replica import Profile, Replica
from envoy.wiring import config as configs
from envoy.wiring import writes
from envoy.wiring.config import Config

PROGRAM = """
import os, sys
from envoy.system import host
real = host.now_ms
host.now_ms = lambda: real() + int(os.environ["AHEAD_MS"])
from envoy.relay import serve
from envoy.relay.quota import Rate, Rates
from envoy.relay.rules import Allowance
allowed = Allowance(2**30, 100_000, 30)
listen = ("127.0.0.1", int(sys.argv[2]))
options = serve.Options(sys.argv[1], listen, tuple(sys.argv[3:]), allowed, "none", lambda *_: None)
frames = tuple(map(int, os.environ["FRAMES"].split(",")))
options = options._replace(rates=Rates(frames=Rate(*frames)))
serve.run(options, ready=lambda origin: print(origin, flush=True))
"""
SOURCES = sys.path
SECONDS_MAX = 20
SPACE = "bughunt"


class Running:
    """A relay of the directory ``path``: a process that can be ended, started and wiped.

    It listens at one port for all its life, and answers to the ports of proxies before it, too.
    """

    def __init__(self, path: Path, *proxies: int) -> None:
        self.path = path
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._origins = [self.origin, *(f"http://127.0.0.1:{port}" for port in proxies)]
        self._process: subprocess.Popen[str] | None = None
        self.ahead_ms = 0  # of the clock of this machine, from the next start on
        self.pace = Rates().frames  # of one session, from the next start on
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
                os.fspath(self.path),
                str(self.port),
                *self._origins,
            ],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(SOURCES),
                "AHEAD_MS": str(self.ahead_ms),
                "FRAMES": f"{int(self.pace.per_second)},{self.pace.burst}",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "it started"
        until = time.monotonic() + SECONDS_MAX
        while not _answers(self.port):
            assert time.monotonic() < until, "it answers"
            time.sleep(0.01)

    def end(self, *, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process and wait until it is gone."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(SECONDS_MAX)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def wipe(self, *, keep_key: bool = True) -> None:
        """End it, delete its data, all but its key, and start it again."""
        self.end()
        key = (self.path / "relay.key").read_bytes()
        shutil.rmtree(self.path)
        if keep_key:
            self.path.mkdir(mode=0o700)
            (self.path / "relay.key").write_bytes(key)
            (self.path / "relay.key").chmod(0o600)
        self.start()


def _answers(port: int) -> bool:
    """Say whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def a_relay(path: Path, *proxies: int) -> Iterator[Running]:
    """Run a relay while the context lives, also behind the proxies at some ports."""
    found = Running(path, *proxies)
    try:
        yield found
    finally:
        found.end()


def config_of(console: Console, profile: str, timeout_ms: int = 10_000) -> Config:
    """Return the configuration of a profile in a home of its own."""
    before = os.environ.get("ENVOY_HOME")
    os.environ["ENVOY_HOME"] = os.fspath(console.home)
    try:
        flags = {"profile": profile, "timeout": timeout_ms}
        return configs.load(flags, read_toml=lambda _: {})
    finally:
        if before is None:
            del os.environ["ENVOY_HOME"]
        else:
            os.environ["ENVOY_HOME"] = before


class Home:
    """One profile on a machine of its own."""

    def __init__(self, console: Console, profile: str) -> None:
        self.console = console
        self.profile = profile
        self.config = config_of(console, profile)

    def ok(self, *args: str) -> dict[str, Any]:
        """Return what a command answers with --json; it ends well."""
        done = self.console.call("--profile", self.profile, "--json", *args)
        assert done.status == 0, (args, done.out, done.err)
        return done.data

    def call(self, *args: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the answer of a command."""
        done = self.console.call("--profile", self.profile, "--json", *args)
        return done.status, done.data

    def text(self, *args: str, status: int = 0) -> str:
        """Return what a command tells people."""
        done = self.console.call("--profile", self.profile, *args)
        assert done.status == status, (args, done.out, done.err)
        return done.out

    def bodies(self) -> list[str]:
        """Return all messages of the space as they are read here, oldest first."""
        found = self.ok("history", SPACE)["records"]
        assert isinstance(found, list)
        return [str(one["body"]) for one in found if one["kind"] == "message"]

    @contextmanager
    def opened(self) -> Iterator[Profile]:
        """Open the profile with its roads."""
        with writes.open_profile(self.config, roads=True) as profile:
            yield profile

    def space(self) -> bytes:
        """Return the id of the space."""
        with self.opened() as profile:
            return profile.rows.spaces()[0].id

    def fingerprint(self) -> object:
        """Return the fingerprint of what is known of the space."""
        return self.ok("audit", "fingerprint", SPACE)["fingerprint"]


def connect_space(home: Home, origin: str) -> bytes:
    """Put the space of ``home`` on the relay ``origin``; return the relay's key."""
    with home.opened() as profile:
        replica = Replica(profile, profile.rows.spaces()[0].sn)
        done = connect.connect(replica, origin=origin, pin=None, timeout_s=SECONDS_MAX)
        return done.hub_key


def attach(home: Home, origin: str) -> None:
    """Link the space of a member who has a copy, on a machine that has no link yet."""
    with home.opened() as profile:
        space, roads = profile.rows.spaces()[0], connect.roads_of(profile)
        text, key = roads.find(origin, None, timeout_s=SECONDS_MAX)
        seed = profile.identity.access_seed(space.id)
        roads.enter(space.id, (seed, None), origin=text, pin=None, hub_key=key)
        roads.own(space.id)
        sync_all(profile, None)


def two_homes(root: Path, origin: str) -> tuple[Home, Home]:
    """Return two members of one space, on two machines that share nothing but the relay."""
    first, second = Console(root / "one"), Console(root / "two")
    lead, bob = ("--profile", "lead"), ("--profile", "bob")
    made = first.ok(*lead, "quickstart", "--human", "--name", "Ada", "--space-name", SPACE)
    code = str(made["invite_code"])
    first.ok(*bob, "init", "--agent", "--name", "Bob")
    first.ok(*bob, "join", code)
    first.ok(*lead, "sync")
    second.home.mkdir(mode=0o700)
    (second.home / "profiles").mkdir(mode=0o700)
    shutil.move(first.home / "profiles" / "bob", second.home / "profiles" / "bob")
    here, there = Home(first, "lead"), Home(second, "bob")
    connect_space(here, origin)
    attach(there, origin)
    return here, there
