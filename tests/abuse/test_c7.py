"""C7: a hub that changes its key is believed by nobody until an admin pins it."""

from __future__ import annotations

import os

from abuse.siege import verdict
from envoy.core.bodies import HubPin
from envoy.core.crypto.sign import public_key
from envoy.replica.actions import local, tasks
from replica.forge import Forger
from replica.scenes import deliver
from replica.test_sync import wipe
from replica.world import Actor, World


def sure(actor: Actor, task: bytes) -> str:
    """Return how sure a claim is as a copy has it."""
    row = actor.store.task(1, task)
    assert row is not None
    return row.claim_state


def test_receipts_of_another_key_count_from_its_pin_on(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    wipe(world, lead, agent)
    for one in (agent, lead):
        one.sync()
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    done = tasks.claim(agent.copy, task, session="default")
    assert done.after.claim_state == "provisional"
    lead.sync()
    pin, event = Forger(agent).say(HubPin(1, agent.door.hub.hub_key, None))
    deliver(lead, [pin])
    assert verdict(lead, event.id) == ("invalid", "S3 cap") and lead.space.hub_no == 0
    assert sure(lead, task) == "provisional"
    for one in (lead, agent):  # the control: an admin whose machine has that hub
        one.door.hub_key = one.door.hub.hub_key
    for one in (lead, agent, lead):
        local.sync_all(one.profile, None)
    assert lead.space.hub_no == 1
    again = tasks.create(lead.copy, "more").after.id
    agent.sync()
    assert tasks.claim(agent.copy, again, session="default").after.claim_state == "confirmed"
    assert public_key(os.urandom(32)) != lead.space.hub == lead.door.hub.hub_key
