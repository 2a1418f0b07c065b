"""E11: a body that its kind refuses is a link like any other: nothing behind it waits."""

from __future__ import annotations

from itertools import permutations

import pytest

from abuse.siege import mirrored, verdict, without
from envoy.core.bodies import MessageRedact
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, parked, reader
from replica.world import World

BODIES = {
    "another shape": b"\x91\xa1x",
    "a long form": b"\xdc\x00\x06\xa5hello\xc0\x90\x90\x90\xc0",
    "no codec": b"\xc1",
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
def test_what_is_built_on_it_counts_in_every_order(raw: bytes, world: World) -> None:
    lead, agent = world.team("lead", "agent")
    base, forger = frames_of(lead), Forger(agent)
    bad, event = forger.say(message(), raw=raw)
    first, after = forger.say(message("after it"))
    second, last = forger.say(message("and after that"))
    deliver(lead, [bad, first, second])
    assert verdict(lead, event.id) == ("invalid", "S3 body")
    assert verdict(lead, after.id) == verdict(lead, last.id) == ("ok", None)
    orders = [[*base, *order] for order in permutations((bad, first, second))]
    for copy in mirrored(world, lead, orders[1::2]):
        assert not parked(copy)


def test_a_build_without_the_kind_has_the_same_log(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    bad, _ = forger.say(MessageRedact(bytes(32), ""), raw=b"\x91\xc3")
    deliver(lead, [bad, forger.say(message("after"))[0]])
    older = reader(world, "older", lead)
    with without("message.redact"):
        deliver(older, frames_of(lead)[::-1])
    assert not parked(older)
    assert older.space.frame_sum == lead.space.frame_sum
    assert older.space.events == lead.space.events
