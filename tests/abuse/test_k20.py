"""K20: a head whose fields do not give the epoch's id is taken by neither hub nor reader."""

from __future__ import annotations

import os

import pytest

from abuse.siege import commit
from envoy.core.bodies import Remove
from envoy.core.codec import encode
from envoy.core.epoch import Head, read_head
from envoy.core.structs import Body, replace
from envoy.errors import RemoteFault
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.scenes import parked, status_of
from replica.world import Actor, World

FIELDS: dict[str, object] = {
    "suite": 2,
    "tag": os.urandom(32),
    "commitment": os.urandom(32),
    "prev_wrap": os.urandom(80),
}


def fresh(world: World) -> tuple[Actor, Actor, bytes, Head, bytes]:
    """Return two members, a new epoch with its head, and what was sent under it."""
    lead, agent, gone = world.team("lead", "agent", "gone")
    commit(lead, Remove(gone.me, "", ()))
    sent = lead.send("under the new epoch").event
    row = lead.events.epoch(1, lead.space.epoch or b"")
    assert row is not None and row.head is not None
    return lead, agent, row.id, read_head(row.head, lead.space.id, row.id), sent


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_counts(field: str, world: World) -> None:
    lead, agent, epoch, head, sent = fresh(world)
    bogus = encode(replace(head, **{field: FIELDS[field]}))
    with pytest.raises(RemoteFault):
        read_head(bogus, lead.space.id, epoch)
    other = os.urandom(32)
    with pytest.raises(HubRefusal):  # before the real one is there, too
        agent.door.handle(frames.EpochPut(lead.space.id, other, bogus))
    with pytest.raises(HubRefusal):
        agent.door.handle(frames.EpochPut(lead.space.id, epoch, bogus))

    def lie(call: Body, reply: Body) -> Body:
        if isinstance(reply, frames.EpochFound):
            return replace(reply, head=bogus)
        return reply

    agent.door.alter = lie
    agent.sync()
    assert parked(agent)[sent] == "sealed" and agent.events.epoch(1, epoch) is None
    agent.door.alter = None
    agent.sync()
    assert status_of(agent, sent) == "ok"
