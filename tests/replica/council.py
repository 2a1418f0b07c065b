"""A space with a founder, two admins, a writer and a reader: what tests of authority begin with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envoy.errors import EnvoyError
from envoy.replica.actions import authority, directory
from envoy.views.reach import Reach
from replica.world import Actor, World


def council(world: World) -> list[Actor]:
    """Return a founder, two admins of it (the first is senior), a writer and a reader."""
    lead, b, c, w = world.team("lead", "b", "c", "w")
    reader = world.actor("reader")
    reader.join(lead.code(role="read"))
    for one in (b, c):
        authority.set_role(lead.copy, one.me, "admin")
    team = [lead, b, c, w, reader]
    for one in team:
        one.sync()
    return team


def role(actor: Actor, of: Actor) -> str | None:
    """Return the role of somebody as a copy has it."""
    return actor.store.members(actor.space.sn)[of.me].role


def refused(act: Callable[[], object]) -> str:
    """Return the code by which an act is refused."""
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code


def announce(actor: Actor) -> bool:
    """Let an actor put its card key into the directory of the hub."""
    profile = actor.profile
    return directory.announce(profile.hub, profile.identity, now_ms=profile.clock.now_ms())


def remove(actor: Actor, who: Actor, **more: object) -> Reach:
    """Remove somebody."""
    undo = more.get("undo", ())
    assert isinstance(undo, tuple)
    dry_run = more.get("dry_run") is True
    return authority.remove(actor.copy, who.me, reason="it was time", undo=undo, dry_run=dry_run)


def readable(actor: Actor, body: str) -> bool:
    """Say whether a message is in a copy as text."""
    sql = "SELECT count(*) FROM item WHERE body = ?"
    return actor.connection.find(int, sql, (body,)) == 1


def kinds(actor: Actor, after: int) -> list[str]:
    """Return the kinds of the events behind the first ``after`` ones, in their order."""
    return actor.connection.rows(str, "SELECT kind FROM event WHERE rid > ? ORDER BY rid", (after,))
