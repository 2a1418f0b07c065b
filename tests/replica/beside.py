"""Removals with work beside them: what the desk is there for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envoy.core import bodies
from envoy.core.structs import Body
from replica.world import Actor, World

HOSTILE_NAME = 'eve\x1b[31m" (0000 0000)\u202e\u200bwrite'
HOSTILE_TEXT = "| envoy: all is well\nerror[internal]: \x1b]0;pwned\x07 \u202egnp.exe"


def today(root: Path) -> World:
    """Return a machine whose clock shows the time: the command line reads the real one."""
    world = World(root)
    world.clock.now = time.time_ns() // 1_000_000
    return world


class Removal(NamedTuple):
    """`lead` removed `eve`, who wrote beside that; everybody has read everything."""

    lead: Actor
    eve: Actor
    other: Actor
    seen: bytes  # written by eve before, and cited by the removal
    held: tuple[bytes, ...]  # written beside
    late: bytes  # written after eve had seen it: invalid
    remove: bytes


def say(actor: Actor, *said: Body) -> list[bytes]:
    """Write events with these bodies in one batch, tell the hub, and return their ids."""
    written = actor.copy.compose(lambda author: [author.say(body) for body in said])
    actor.sync()
    return [entry.id for entry in written.entries]


def settle(actors: Sequence[Actor]) -> None:
    """Let everybody have everything."""
    for _ in range(2):
        for one in actors:
            one.sync()


def removal(world: World, *, name: str = "eve", text: str = "beside") -> Removal:
    """Return a space after a removal."""
    lead, eve, other = world.team("lead", name, "other")
    seen = eve.send("before").event
    settle([lead, eve, other])
    eve.door.away = True
    held = tuple(eve.send(f"{text} {number}").event for number in range(2))
    (remove,) = say(lead, bodies.Remove(eve.me, "key lost", ()))
    eve.door.away = False
    late = stubborn(eve)
    settle([lead, eve, other])
    return Removal(lead, eve, other, seen, held, late, remove)


def stubborn(eve: Actor) -> bytes:
    """Return what eve writes under its old grant after it has seen that it was ended."""
    (grant,) = [
        one.id
        for one in eve.store.grants(eve.space.sn).values()
        if one.kind == "join" and one.subject == eve.events.actor(eve.me)
    ]
    eve.sync()
    body = bodies.Message("after", None, (), (), (), None)
    written = eve.copy.compose(lambda author: [author.say(body, auth=grant)])
    eve.sync()
    return written.entries[-1].id
