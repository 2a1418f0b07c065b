"""D14: a time that was put back does not bring an ended delegation past its `revoke`."""

from __future__ import annotations

import pytest

from abuse.siege import mirrored, shuffles, verdict
from envoy.core.bodies import Delegate, Revoke
from replica.forge import Forger, Value
from replica.scenes import deliver, message
from replica.world import MINUTE_MS, Actor, World


def ended(world: World) -> tuple[Actor, Actor, bytes, int]:
    """Return a founder, a delegate, its delegation, and when that ended."""
    lead, helper = world.team("lead", "helper", role="read")
    end = world.clock.now + MINUTE_MS
    frame, given = Forger(lead).say(Delegate(helper.me, "write", None, 0, end, None))
    for copy in (lead, helper):
        deliver(copy, [frame])
    return lead, helper, given.id, end


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_every_time_around_the_end(off: int, world: World) -> None:
    lead, helper, grant, end = ended(world)
    world.clock.now = end + MINUTE_MS
    said, event = Forger(helper).say(message("in time"), auth=grant, ts=end + off)
    deliver(lead, [said])
    assert verdict(lead, event.id)[0] == ("invalid" if off > 0 else "ok")
    revoked, act = Forger(lead).say(Revoke(grant, ""))
    assert off > 0 or event.id in act.deps
    again, late = Forger(helper).say(message("again"), auth=grant, ts=end + off)
    deliver(lead, [revoked, again])
    expect = ("invalid", "S5 end") if off > 0 else ("held", "R3 beside")
    assert verdict(lead, late.id) == expect
    mirrored(world, lead, shuffles(lead))


def test_who_cites_the_present_cannot_be_of_the_past(world: World) -> None:
    lead, helper, grant, end = ended(world)
    world.clock.now = end + MINUTE_MS
    now = lead.events.entry(1, lead.send("now").event)
    assert now is not None
    links: dict[str, Value] = {"auth": grant, "deps": (now.id,), "lam": now.lam + 1}
    said, event = Forger(helper).say(message(), ts=end, **links)
    deliver(lead, [said])
    assert lead.events.entry(1, event.id) is None  # bad_link: before its parent
    said, event = Forger(helper).say(message(), **links)
    deliver(lead, [said])
    assert verdict(lead, event.id) == ("invalid", "S5 end")
