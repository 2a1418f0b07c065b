"""K3: an epoch whose creator gives each member another key opens for nobody who got a wrong one."""

from __future__ import annotations

import os

from abuse.siege import commit
from envoy.core.bodies import Remove
from envoy.core.epoch import seal_box
from envoy.core.structs import Body
from envoy.sync import frames
from replica.scenes import parked, status_of
from replica.world import Actor, World


def lying(victim: Actor) -> None:
    """Let every box that reaches ``victim`` hold another secret than the epoch's."""
    space = victim.space.id
    enc = victim.profile.identity.enc_key(0, space)

    def other(call: Body, reply: Body) -> Body:
        if not isinstance(call, frames.EpochGet) or not isinstance(reply, frames.EpochFound):
            return reply
        box = frames.PostedBox(bytes(32), seal_box(enc, space, call.epoch, os.urandom(32)))
        return frames.EpochFound(reply.head, reply.poster, ((box,),) * len(call.tags))

    victim.door.alter = other


def test_a_wrong_key_is_refused_and_the_right_one_taken(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    lying(agent)
    commit(lead, Remove(gone.me, "", ()))
    sent = lead.send("under the new epoch").event
    agent.sync()
    assert parked(agent)[sent] == "sealed"
    row = agent.events.epoch(1, lead.space.epoch or b"")
    assert row is None or row.secret is None
    agent.door.alter = None
    agent.sync()
    assert status_of(agent, sent) == "ok"
