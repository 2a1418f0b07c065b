"""K14: bogus boxes crowd no good one out: four a poster, 64 tried, the head's poster first."""

from __future__ import annotations

import os

import pytest

from abuse.siege import commit
from envoy.core.bodies import Remove
from envoy.core.crypto import seal
from envoy.core.epoch import box_tag, seal_box
from envoy.core.identity import Identity
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.scenes import parked, status_of
from replica.world import Actor, World


def crowd(world: World, victim: Actor, epoch: bytes, posters: int) -> None:
    """Post four bogus boxes each for ``victim`` as so many posters."""
    space = victim.space.id
    enc = victim.profile.identity.enc_key(0, space)
    tag = box_tag(epoch, seal.kid(enc))
    for _ in range(posters):
        door = world.door(Identity(os.urandom(32)), "home")
        boxes = tuple(
            frames.Box(tag, seal_box(enc, space, epoch, os.urandom(32))) for _ in range(4)
        )
        door.handle(frames.BoxPut(space, epoch, boxes))


def test_sixteen_posters_hide_no_box_of_the_creator(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    commit(lead, Remove(gone.me, "", ()))
    sent = lead.send("to who stays").event
    space, epoch, tag = lead.space.id, lead.space.epoch or b"", bytes(16)
    crowd(world, agent, epoch, 16)
    with pytest.raises(HubRefusal, match="quota_exceeded"):
        for _ in range(5):
            box = frames.Box(tag, os.urandom(frames.BOX_BYTES))
            gone.door.handle(frames.BoxPut(space, epoch, (box,)))
    agent.sync()
    assert status_of(agent, sent) == "ok"


@pytest.mark.parametrize(("before", "opens"), [(15, True), (16, False)])
def test_a_helpers_box_is_found_among_the_first_64(before: int, opens: bool, world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    lead.door.refusals[frames.BoxPut] = "quota_exceeded"
    commit(lead, Remove(gone.me, "", ()))
    sent = lead.send("to who stays").event
    lead.door.refusals.clear()
    epoch, space = lead.space.epoch or b"", lead.space.id
    crowd(world, agent, epoch, before)
    row = lead.events.epoch(1, epoch)
    assert row is not None and row.secret is not None
    enc = agent.profile.identity.enc_key(0, space)
    good = frames.Box(box_tag(epoch, seal.kid(enc)), seal_box(enc, space, epoch, row.secret))
    gone.door.handle(frames.BoxPut(space, epoch, (good,)))
    agent.sync()
    assert (status_of(agent, sent) == "ok") == opens
    assert (sent in parked(agent)) != opens
