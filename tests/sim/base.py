"""Bases: the small spaces that seeds begin in, made once in a process by the real actions.

A founder, an admin, two writers and somebody who has not joined. There are several, with other
keys, so that ties fall otherwise. A seed begins with copies of their disks.
"""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Final, NamedTuple

from envoy.core.identity import Identity
from envoy.replica.actions import authority, local, members, space, tasks, work
from sim.hubs import drawn
from sim.world import World

CAST: Final = ("lead", "ann", "bob", "cid")
OUTSIDE: Final = ("eve",)
DAY_MS: Final = 24 * 3_600_000


class Base(NamedTuple):
    """What a seed begins with: who there is, what their disks hold, what the hub has."""

    identities: dict[str, Identity]
    images: dict[str, bytes]
    hub: bytes


@cache
def base(number: int) -> Base:
    """Return the beginning with that number."""
    with tempfile.TemporaryDirectory() as place:
        world = World(place, ("base", number))
        world.hub.begin()
        _found(world, number)
        images = {one.name: one.disk.image() for one in world.members}
        identities = {one.name: one.identity for one in world.members}
        made = Base(identities, images, world.hub.image())
        world.close()
    return made


def _found(world: World, number: int) -> None:
    """Let the cast come together and read each other."""
    for name in (*CAST, *OUTSIDE):
        world.add(name, Identity(drawn("root", number, name))).boot(world.entropy)
    lead, ann, *others = world.members[: len(CAST)]
    space.create(lead.profile, "bughunt")
    made = members.make(lead.replica(), role="write", max_uses=10, ttl_ms=DAY_MS)
    for one in (ann, *others):
        members.join(one.profile, made.code, name=one.name)
    members.revoke_invite(lead.replica(), made.invite.id)
    authority.set_role(lead.replica(), ann.me, "admin")
    for one in (lead, ann, *others):
        work.send(one.replica(), f"here is {one.name}")
        tasks.create(one.replica(), f"task of {one.name}")
    for one in (lead, ann, *others):
        local.sync_all(one.profile, None)


def populate(world: World, number: int) -> None:
    """Let a world begin as the base ``number``."""
    found = base(number)
    world.hub.open(found.hub)
    for name, identity in found.identities.items():
        world.add(name, identity, image=found.images[name]).boot(world.entropy)
    world.cast = len(world.members)
