"""D11: an end is held against the time that an event bears, never against a reader's clock."""

from __future__ import annotations

from abuse.siege import verdict
from envoy.core.bodies import Delegate
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, frames_of, give_keys, message, reader
from replica.world import MINUTE_MS, YEAR_MS, World


def test_one_log_means_the_same_at_three_times(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    helper = world.actor("helper")
    helper.join(lead.code(role="read"))
    lead.sync()
    end = world.clock.now + MINUTE_MS
    frame, given = Forger(lead).say(Delegate(helper.me, "write", None, 0, end, None))
    deliver(lead, [frame])
    deliver(helper, [frame])
    found = dict[int, bytes]()
    for ts in (end - 1, end, end + 1):
        said, event = Forger(helper).say(message(), auth=given.id, ts=ts)
        deliver(lead, [said])
        found[ts - end] = event.id
    for number, years in enumerate((-1, 0, 1)):
        copy = reader(world, f"at{number}", lead)
        give_keys(lead, copy)
        world.clock.now += years * YEAR_MS
        deliver(copy, frames_of(lead)[::-1])
        assert differences(meaning(lead), meaning(copy)) == []
        assert verdict(copy, found[-1])[0] == verdict(copy, found[0])[0] == "ok"
        assert verdict(copy, found[1]) == ("invalid", "S5 end")
