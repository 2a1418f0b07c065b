"""What stays in one copy: how far somebody has read, and exchange with the hub."""

from __future__ import annotations

import pytest

from envoy.replica.actions import local, tasks
from envoy.views.rows import Synced
from replica.world import Actor, World


@pytest.fixture
def pair(world: World) -> list[Actor]:
    """Return two who have read everything."""
    actors = world.team("lead", "agent")
    for actor in actors:
        local.ack(actor.copy, None)
    return actors


def test_no_read_acknowledges_and_ack_does(pair: list[Actor]) -> None:
    lead, agent = pair
    numbers = [agent.send(f"{number}") for number in range(3)]
    assert len(numbers) == 3
    lead.sync()
    lead.sync()
    assert lead.space.unread == 3
    done = local.ack(lead.copy, None)
    assert (done.acked, done.remaining, done.cursor) == (3, 0, lead.space.next_n - 1)
    assert lead.space.unread == 0
    assert local.ack(lead.copy, None)[:3] == (0, 0, done.cursor)


def test_ack_goes_as_far_as_it_says(pair: list[Actor]) -> None:
    lead, agent = pair
    start = lead.space.next_n
    for number in range(3):
        agent.send(f"{number}")
    lead.sync()
    assert local.ack(lead.copy, start + 1)[:3] == (2, 1, start + 1)
    assert lead.space.unread == 1


def test_ack_never_goes_back(pair: list[Actor]) -> None:
    lead, agent = pair
    agent.send("one")
    lead.sync()
    cursor = local.ack(lead.copy, None).cursor
    assert local.ack(lead.copy, 0)[:3] == (0, 0, cursor)
    assert local.ack(lead.copy, -5).cursor == cursor
    agent.send("two")
    lead.sync()
    assert local.ack(lead.copy, 1)[:3] == (0, 1, cursor)


def test_ack_never_goes_past_the_newest_so_nothing_is_missed(pair: list[Actor]) -> None:
    lead, agent = pair
    agent.send("one")
    lead.sync()
    done = local.ack(lead.copy, 2**62)
    assert done.cursor == lead.space.next_n - 1
    agent.send("two")
    lead.sync()
    assert lead.space.unread == 1


def test_an_ack_survives_the_process_and_is_nobody_elses(world: World, pair: list[Actor]) -> None:
    lead, agent = pair
    agent.send("one")
    lead.sync()
    local.ack(lead.copy, None)
    assert lead.connection.commits["full"] > 0
    again = world.open("lead")
    assert again.space.unread == 0
    before = agent.space.ack_n
    agent.sync()
    assert agent.space.ack_n == before


def test_syncing_all_spaces_says_what_moved(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(2):
        agent.send(f"{number}")
    lead.door.away = True
    lead.send("kept back")
    lead.door.away = False
    done = local.sync_all(lead.profile, None)
    assert (done.pulled, done.pushed, done.pending, done.quarantined) == (2, 1, 0, 0)
    assert local.sync_all(lead.profile, []) == Synced(0, 0, 0, 0)
    assert local.sync_all(lead.profile, [lead.space.id], care=False) == Synced(0, 0, 0, 0)


def test_what_goes_through_a_slot_is_counted_as_sent(world: World) -> None:
    lead, one = world.team("lead", "one")
    task = tasks.create(lead.copy, "work").after.id
    one.sync()
    one.door.away = True
    one.send("first")
    tasks.claim(one.copy, task, session="default")
    one.send("second")
    one.door.away = False
    assert local.sync_all(one.profile, None).pushed == 3
    assert local.sync_all(one.profile, None).pushed == 0
