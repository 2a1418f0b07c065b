"""S7: a delegation gives less than its giver has, never more, and in no circle."""

from __future__ import annotations

import pytest

from abuse.siege import verdict
from envoy import limits
from envoy.core.bodies import Delegate, Role
from envoy.core.structs import replace
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import DAY_MS, NOW_MS, Actor, World

END = NOW_MS + DAY_MS
TASK, OTHER = b"t" * 32, b"o" * 32
WIDER = [
    pytest.param({"depth": 2}, "S4 depth", id="as deep as its own"),
    pytest.param({"depth": -1}, "S4 depth", id="below nothing"),
    pytest.param({"na": END + 1}, "S4 end", id="ends later"),
    pytest.param({"na": None}, "S4 end", id="never ends"),
    pytest.param({"task": None}, "S4 scope", id="the space instead of the task"),
    pytest.param({"task": OTHER}, "S4 scope", id="another task"),
]


def chain(world: World) -> tuple[Actor, Actor, Actor, bytes]:
    """Return a founder, two readers, and a delegation of the founder to the first of them."""
    lead, one, two = world.team("lead", "one", "two", role="read")
    frame, event = Forger(lead).say(Delegate(one.me, "write", TASK, 2, END, None))
    for actor in (lead, one, two):
        deliver(actor, [frame])
    return lead, one, two, event.id


@pytest.mark.parametrize(("change", "cause"), WIDER)
def test_nothing_wider_is_passed_on(change: dict[str, object], cause: str, world: World) -> None:
    lead, one, two, auth = chain(world)
    given = replace(Delegate(two.me, "write", TASK, 1, END, None), **change)
    frame, event = Forger(one).say(given, auth=auth)
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("invalid", cause)
    used, late = Forger(two).say(message(), auth=event.id, deps=(event.id,), lam=event.lam + 1)
    deliver(lead, [used])
    assert verdict(lead, late.id)[0] == "invalid"


def test_nor_a_role_nor_back_to_oneself(world: World) -> None:
    lead, one, two, auth = chain(world)
    forger = Forger(one)
    role, up = forger.say(Role(two.me, "write"), auth=auth)
    loop, itself = forger.say(Delegate(one.me, "write", TASK, 1, END, None), auth=auth)
    deliver(lead, [role, loop])
    assert verdict(lead, up.id) == ("invalid", "S3 cap")
    assert verdict(lead, itself.id) == ("invalid", "S3 self")


def test_a_chain_ends_at_its_depth(world: World) -> None:
    lead, one, two, auth = chain(world)
    line, depth = [one, two], 1
    for number in range(4):
        giver, taker = line[number % 2], line[(number + 1) % 2]
        frame, event = Forger(giver).say(
            Delegate(taker.me, "write", TASK, depth - number, END, None), auth=auth
        )
        for actor in (lead, one, two):
            deliver(actor, [frame])
        assert verdict(lead, event.id)[0] == ("ok" if number < 2 else "invalid")
        auth = event.id if number < 2 else auth
    assert limits.DELEGATION_DEPTH_MAX == 10
