"""MCP play: sessions of `envoy-mcp` over the home of a console, and what they answer.

`Player` calls the tools as the server does, without the SDK; `served` is the same behind the SDK's
own client, in this process or in one of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mcp import StdioServerParameters

from console import Console
from envoy import limits
from envoy.mcp import fence, tools
from envoy.mcp.session import Bounds, Session
from envoy.mcp.table import BY_NAME
from envoy.mcp.tools import Result
from envoy.wiring.config import Config

Json = dict[str, Any]


def config(home: Path, profile: str, session: str = "run-1") -> Config:
    """Return the configuration of a profile of ``home``."""
    return Config(
        home=str(home),
        profile=profile,
        space=None,
        session=session,
        timeout_ms=limits.RPC_SECONDS_DEFAULT * 1000,
        json=True,
        quiet=True,
        color="never",
        relay_url=None,
        sync=True,
        yes=False,
        verbose=False,
        origins={},
    )


class Told(NamedTuple):
    """A result whose data a test may look into."""

    data: Json
    text: str
    is_error: bool


class Player:
    """A session of one profile, and its calls."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.count = 0

    def ask(self, name: str, /, **given: Any) -> Told:
        """Call a tool; a writing one gets a new key unless one is given."""
        needs_key = "key" in {one.name for one in BY_NAME[name].args}
        if needs_key and "key" not in given:
            self.count += 1
            given["key"] = f"{self.session.config.profile}-{self.count}"
        return told(tools.call_now(self.session, name, given))

    def call(self, name: str, /, **given: Any) -> Json:
        """Call a tool, which has to succeed; return its answer with its texts bare."""
        done = self.ask(name, **given)
        assert not done.is_error, done.data
        assert fence.size(done.data) <= limits.MCP_PAGE_CHARS_MAX + 100  # the schema
        found: Json = bare(done.data)
        return found

    def refused(self, name: str, /, **given: Any) -> Json:
        """Call a tool, which has to fail; return its error."""
        done = self.ask(name, **given)
        assert done.is_error, done.data
        assert len(done.text) <= limits.MCP_ERROR_CHARS_MAX
        return done.data


def told(done: Result) -> Told:
    """Return a result for a test to look into."""
    return Told(*done)


@contextmanager
def player(console: Console, profile: str, session: str = "run-1", **more: Any) -> Iterator[Player]:
    """Open a session of a profile of ``console``."""
    bounds = Bounds(str(console.cwd), **more)
    with Session(config(console.home, profile, session), bounds) as opened:
        yield Player(opened)


def powers(of: Player) -> str:
    """Return the hash of all that authority is in a copy; names are none of it."""
    with of.session.writing() as profile:
        rows = profile.rows
        found = [
            (
                *(one.id, one.role, one.epoch, one.policy, one.closed_ms),
                *(rows.grants(one.sn), rows.invites(one.sn)),
                *(member._replace(name="") for member in rows.members(one.sn).values()),
            )
            for one in rows.spaces()
        ]
    return sha256(repr(found).encode()).hexdigest()


def bare(value: Any) -> Any:
    """Return ``value`` with every text of a member as it was."""
    if fence.is_framed(value):
        return value["text"]
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items()}
    return [bare(one) for one in value] if isinstance(value, list) else value


def outside(value: Any) -> Iterator[str]:
    """Yield every text of an answer that is not framed."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and not fence.is_framed(value):
        for one in value.values():
            yield from outside(one)
    elif isinstance(value, list):
        for one in value:
            yield from outside(one)


def team(root: Path, *names: str) -> tuple[Console, str]:
    """Return a console with a space that every profile of ``names`` is in, and the space's id."""
    console = Console(root)
    lead, *others = names
    made = console.ok("--profile", lead, "quickstart", "--space-name", "bughunt", "--reusable")
    for name in others:
        console.ok("--profile", name, "join", "--name", name, "-", stdin=made["invite_code"])
    return console, made["space_id"]


def parameters(console: Console, profile: str, *flags: str, **more: str) -> StdioServerParameters:
    """Return how the SDK's client starts a server of a profile."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "envoy.mcp.main", "--profile", profile, *flags],
        env={**console.environment(**more), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=str(console.cwd),
    )
