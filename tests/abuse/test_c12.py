"""C12: no call lifts a fence out of reach, and no flood of slots bars the next claim."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.core.bodies import TaskClaim
from envoy.core.crypto.sign import sha256
from envoy.errors import ConflictError
from envoy.ids import did_text, to_text
from envoy.replica.actions import tasks
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views.people import stamp
from replica.council import remove
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


def squatted(world: World) -> tuple[Actor, Actor, bytes, bytes]:
    """Return who made a task, who wants it, the task and what another took its slot with."""
    lead, agent, squatter = world.team("lead", "agent", "squatter")
    task = tasks.create(lead.copy, "work").after.id
    for one in (agent, squatter):
        one.sync()
    frame, event = Forger(squatter).say(message())
    slot = squatter.copy.batch().slot_of(task, 0)
    taken = frames.Slot("claim", lead.space.id, 0, slot, 0, os.urandom(16), 86_400, frame)
    squatter.door.handle(taken)
    return lead, agent, task, event.id


def test_a_slot_held_by_no_claim_is_named_with_its_author_and_its_end(world: World) -> None:
    lead, agent, task, event = squatted(world)
    squatter = world.open("squatter")
    done = tasks.claim(agent.copy, task, session="default")
    assert (done.after.claim_state, done.after.fence) == ("provisional", None)
    with pytest.raises(ConflictError) as caught:
        tasks.claim(agent.copy, task, session="default", require="confirmed")
    assert caught.value.code == "claim_unconfirmed"
    assert caught.value.details == {
        "task_id": to_text("task", task),
        "slot_event_id": to_text("evt", event),
        "slot_holder": did_text(squatter.me),
        "lease_expires_at": stamp(world.clock.now + 86_400_000),
    }
    # The task is the agent's for all that: it works on it and completes it.
    assert tasks.progress(agent.copy, task, "in_progress").changed
    assert tasks.complete(agent.copy, task, summary="done").after.state == "completed"
    lead.sync()
    seen = lead.store.task(1, task)
    assert seen is not None and seen.state == "completed"


def test_a_slot_held_by_no_claim_is_had_by_asking_again_once_its_lease_is_over(
    world: World,
) -> None:
    _, agent, task, _ = squatted(world)
    tasks.claim(agent.copy, task, session="default")
    world.clock.now += 86_400_000 + 29_999
    again = tasks.claim(agent.copy, task, session="default")
    assert not again.changed and again.after.claim_state == "provisional"
    world.clock.now += 1
    again = tasks.claim(agent.copy, task, session="default")
    assert not again.changed and (again.after.claim_state, again.after.fence) == ("confirmed", 2)


def test_an_assignment_needs_no_slot_and_stands_over_whatever_holds_it(world: World) -> None:
    lead, agent, task, _ = squatted(world)
    tasks.assign(lead.copy, task, agent.me)
    agent.sync()
    row = agent.store.task(1, task)
    assert row is not None and (row.state, row.claim_state) == ("assigned", "unclaimed")
    assert tasks.complete(agent.copy, task, summary="done").after.state == "completed"


def test_the_slot_of_who_was_removed_is_free_when_its_lease_is_over(world: World) -> None:
    """The claim is held, so another's counts at once; the hub, which reads none, waits."""
    lead, agent, gone = world.team("lead", "agent", "gone")
    task = tasks.create(lead.copy, "work").after.id
    for one in (agent, gone):
        one.sync()
    lead.door.away = True
    remove(lead, gone)
    taken = tasks.claim(gone.copy, task, session="default")
    assert taken.after.claim_state == "confirmed"
    lead.door.away = False
    for one in (lead, agent):
        one.sync()
    done = tasks.claim(agent.copy, task, session="default")
    assert (done.after.assignee, done.after.claim_state) == (
        agent.events.actor(agent.me),
        "provisional",
    )
    with pytest.raises(ConflictError) as caught:
        tasks.claim(agent.copy, task, session="default", require="confirmed")
    assert caught.value.details["slot_holder"] == did_text(gone.me)
    world.clock.now += (limits.LEASE_SECONDS_DEFAULT + limits.LEASE_GRACE_SECONDS) * 1000
    again = tasks.claim(agent.copy, task, session="default", require="confirmed")
    assert again.after.fence == 2


def test_control_a_claim_that_waits_for_its_hub_names_nobody(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    agent.door.away = True
    with pytest.raises(ConflictError) as caught:
        tasks.claim(agent.copy, task, session="default", require="confirmed")
    assert caught.value.details == {"task_id": to_text("task", task)}
