"""C12: no call lifts a fence out of reach, and no flood of slots bars the next claim."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.core.bodies import TaskClaim
from envoy.core.crypto.sign import sha256
from envoy.replica.actions import tasks
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.forge import Forger
from replica.scenes import message
from replica.world import Actor, World


def call(actor: Actor, slot: bytes, seen: int) -> frames.Slot:
    """Return a claim of a slot that a modified client sends."""
    frame, _ = Forger(actor).say(message())
    return frames.Slot("claim", actor.space.id, 0, slot, seen, os.urandom(16), 60, frame)


@pytest.mark.parametrize("seen", [2**40 + 1, 2**63 - 1])
def test_a_fence_out_of_reach(seen: int, world: World) -> None:
    lead, agent = world.team("lead", "agent")
    with pytest.raises(HubRefusal):
        agent.door.handle(call(agent, os.urandom(32), seen))
    task = tasks.create(lead.copy, "work").after.id
    taken = tasks.claim(lead.copy, task, session="default")
    assert (taken.after.claim_state, taken.after.fence) == ("confirmed", 1)
    with pytest.raises(HubRefusal, match=r"slot_moved|slot_taken"):
        agent.door.handle(call(agent, lead.copy.batch().slot_of(task, 0), 2**40))


def test_the_highest_fence_that_can_be_had_leaves_room(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    slot = lead.copy.batch().slot_of(task, 0)
    assert agent.door.handle(call(agent, slot, 2**40))
    world.clock.now += 120_000
    done = tasks.claim(lead.copy, task, session="default")
    assert done.after.claim_state == "confirmed" and done.after.fence == 2**40 + 2


def test_a_row_with_a_high_fence_is_not_driven_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 4)
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    slot, secret = lead.copy.batch().slot_of(task, 0), os.urandom(16)
    claim, _ = Forger(agent).say(TaskClaim(task, "default", 60, sha256(secret), None))
    agent.door.handle(frames.Slot("claim", lead.space.id, 0, slot, 2**40, secret, 60, claim))
    for number in range(10):
        world.clock.now += 120_000
        agent.door.handle(call(agent, os.urandom(32), number))
    lead.sync()
    done = tasks.claim(lead.copy, task, session="default")
    assert (done.after.claim_state, done.after.fence) == ("confirmed", 2**40 + 2)


def test_a_flood_of_slots(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 4)
    monkeypatch.setattr(limits, "SLOTS_MAX", 20)
    lead, agent = world.team("lead", "agent")
    refused = 0
    for number in range(10):
        try:
            agent.door.handle(call(agent, os.urandom(32), number))
        except HubRefusal as refusal:
            assert refusal.code == "quota_exceeded"
            refused += 1
    assert refused == 6
    task = tasks.create(lead.copy, "work").after.id
    assert tasks.claim(lead.copy, task, session="default").after.claim_state == "confirmed"
    world.clock.now += 120_000  # what has ended makes room for who comes next
    agent.door.handle(call(agent, os.urandom(32), 0))
