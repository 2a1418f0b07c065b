"""Whose receipts count: the hub of the genesis, then the one that an admin pins in its place."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import HubPin
from envoy.core.crypto.sign import public_key
from envoy.errors import AuthorityError
from envoy.replica.actions import authority, care, local, tasks
from envoy.sync.frames import frame_id
from replica.compare import differences, meaning
from replica.council import council, remove
from replica.scenes import deliver, frames_of, parked, quarantine, reader
from replica.test_sync import wipe
from replica.world import Actor, World


def task_of(actor: Actor, task: bytes) -> tuple[int | None, str, int | None]:
    """Return who holds a task, how sure that is, and by which fence."""
    row = actor.store.task(1, task)
    assert row is not None
    return row.assignee, row.claim_state, row.fence


def settle(*actors: Actor) -> None:
    """Let everybody sync, with what clients owe their spaces."""
    for actor in actors * 2:
        local.sync_all(actor.profile, None)


def test_a_hub_that_was_lost_is_pinned_anew_and_confirms_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    wipe(world, lead, agent)
    for actor in (lead, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    task = tasks.create(lead.copy, "work").after.id
    settle(agent)
    assert lead.space.hub_no == 0, "a member pins nothing"
    settle(lead, agent)
    assert (lead.space.hub_no, lead.space.hub) == (1, lead.door.hub_key)
    done = tasks.claim(agent.copy, task, session="default")
    assert done.after.claim_state == "confirmed"
    settle(lead, agent)
    assert differences(meaning(lead), meaning(agent)) == []
    assert task_of(lead, task)[1:] == ("confirmed", 1) and not quarantine(lead)


def test_a_claim_that_the_lost_hub_never_confirmed_is_asked_for_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    wipe(world, lead, agent)
    for actor in (lead, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    tasks.claim(agent.copy, task, session="default")
    assert task_of(agent, task)[1] == "provisional"
    settle(agent, lead, agent)
    assert task_of(agent, task)[1] == task_of(lead, task)[1] == "confirmed"


def test_a_claim_whose_lease_is_over_is_not_asked_for_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    wipe(world, lead, agent)
    for actor in (lead, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    tasks.claim(agent.copy, task, session="default", lease_s=60)
    world.clock.now += 61_000
    settle(agent, lead, agent)
    assert task_of(agent, task)[1] == "provisional"


def test_a_hub_that_is_still_there_is_not_pinned_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    before = lead.space.events
    assert not care.pin_hub(lead.copy) and not care.pin_hub(agent.copy)
    settle(lead, agent)
    assert lead.space.hub_no == 0 and lead.space.events == before


def test_a_writer_may_not_pin(world: World) -> None:
    _, agent = world.team("lead", "agent")
    with pytest.raises(AuthorityError, match="capability_missing"):
        agent.copy.write(lambda _: [HubPin(1, public_key(bytes(32)), None)])


def test_pins_and_receipts_mean_the_same_in_whatever_order_they_come(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    first = tasks.create(lead.copy, "before").after.id
    agent.sync()
    tasks.claim(agent.copy, first, session="default")
    settle(lead, agent)
    wipe(world, lead, agent)
    for actor in (lead, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    settle(lead, agent)
    second = tasks.create(lead.copy, "after").after.id
    agent.sync()
    tasks.claim(agent.copy, second, session="default")
    settle(lead, agent)
    frames = frames_of(lead)
    assert task_of(lead, first)[1] == task_of(lead, second)[1] == "confirmed"
    orders = itertools.count()
    for page in (frames, frames[::-1]):
        for one_by_one in (True, False):
            copy = reader(world, f"reader{next(orders)}", lead)
            deliver(copy, page, one_by_one=one_by_one)
            assert differences(meaning(lead), meaning(copy)) == []
            assert not quarantine(copy) and not parked(copy)


def test_a_receipt_of_a_pin_that_nobody_made_waits(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    wipe(world, lead, agent)
    for actor in (lead, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    settle(lead, agent)
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    settle(lead, agent)
    late = reader(world, "late", lead)
    frames = frames_of(lead)
    pins = {one.id for one in lead.events.entries(1, after=0, limit=99) if one.kind == "hub.pin"}
    held = [one for one in frames if frame_id(one) in pins]
    deliver(late, [one for one in frames if one not in held])
    assert "unsupported" in parked(late).values() and not quarantine(late)
    deliver(late, held)
    assert parked(late) == {} and differences(meaning(lead), meaning(late)) == []


def pin_of(actor: Actor, author: Actor) -> bytes:
    """Return the pin that somebody made."""
    every = actor.events.entries(1, after=0, limit=999)
    (found,) = [one.id for one in every if one.kind == "hub.pin" and one.author == author.me]
    return found


def test_a_pin_that_is_taken_back_takes_its_receipts_along_and_brings_them_back(
    world: World,
) -> None:
    lead, b, c, d, _ = team = council(world)
    authority.set_role(lead.copy, d.me, "admin")
    agent = world.actor("agent")
    agent.join(lead.code())
    settle(*team, agent)
    wipe(world, *team, agent)
    for actor in (*team, agent):
        actor.door.hub_key = actor.door.hub.hub_key
    d.door.away = True
    d.copy.write(lambda _: [HubPin(1, public_key(bytes(32)), None)])  # a hub that signs nothing
    d.door.away = False
    settle(c)
    task = tasks.create(c.copy, "work").after.id
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    readers = (lead, b, agent)

    def seen() -> set[tuple[str, int]]:
        """Return how sure the claim is to each, and how many receipts wait."""
        for actor in (c, d, *readers) * 2:
            actor.sync()
        assert not any(quarantine(actor) for actor in readers)
        waiting = [[*parked(actor).values()].count("unsupported") for actor in readers]
        return {(task_of(one, task)[1], count) for one, count in zip(readers, waiting, strict=True)}

    assert seen() == {("confirmed", 0)}
    first = remove(b, c, undo=(pin_of(b, c),))
    assert seen() == {("provisional", 1)}, "of the two hubs the other counts"
    second = remove(b, d, undo=(pin_of(b, d),))
    assert seen() == {("provisional", 1)}, "nobody speaks for either"
    assert first.event is not None and second.event is not None
    remove(lead, b, undo=(first.event, second.event))
    assert seen() == {("confirmed", 0)}, "a senior undid what had taken it back"
    for number, order in enumerate((frames_of(lead), frames_of(lead)[::-1])):
        copy = reader(world, f"reader{number}", lead)
        deliver(copy, order, one_by_one=True)
        assert differences(meaning(lead), meaning(copy)) == [] and not quarantine(copy)
