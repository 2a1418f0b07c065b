"""What a copy gives a hub that lost everything: all that it has, read or not."""

from __future__ import annotations

from envoy.replica.actions import authority, local
from replica.scenes import parked, status_of
from replica.test_requests import lose
from replica.test_sync import same, wipe
from replica.world import MINUTE_MS, World


def test_a_wiped_hub_is_given_what_a_copy_cannot_read_yet(world: World) -> None:
    lead, agent, w = world.team("lead", "agent", "w")
    authority.rotate(lead.copy)
    sent = lead.send("nobody else may have it").event
    lose(lead, "box")
    w.sync()
    assert parked(w)[sent] == "sealed"
    wipe(world, lead, agent, w)
    agent.sync()  # the new hub keeps the space again
    w.sync()
    agent.sync()
    assert parked(agent)[sent] == "sealed", "it came by the hub"
    assert w.space.pending == 0 and parked(w)[sent] == "sealed"
    for one in (lead, w, lead, w):  # the box of an epoch is asked for after a minute
        world.clock.now += 2 * MINUTE_MS
        local.sync_all(one.profile, None)
    assert status_of(w, sent) == "ok" and same(lead, w)
