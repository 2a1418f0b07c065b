"""Before a write one look, after it one attempt: neither can fail what is written."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import RelayError
from envoy.replica.actions import tasks
from envoy.replica.actions.deliver import deliver, look
from envoy.sync import frames
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "agent")


def test_a_look_takes_in_what_is_there(team: list[Actor]) -> None:
    lead, agent = team
    agent.send("hello")
    assert look(lead.copy) and lead.space.events == agent.space.events


@pytest.mark.parametrize("how", ["away", "refusing", "contradicting itself"])
def test_a_look_at_a_hub_that_does_not_answer_is_no_failure(team: list[Actor], how: str) -> None:
    lead, agent = team
    agent.send("hello")
    before = lead.space

    def lie(call: Body, reply: Body) -> Body:
        if isinstance(reply, frames.Pulled):
            return frames.Pulled(tuple(frames.Page((), 0, page.head) for page in reply.pages))
        return reply

    lead.door.away = how == "away"
    if how == "refusing":
        lead.door.refusals[frames.Pull] = "unsupported_operation"
    if how == "contradicting itself":
        lead.door.alter = lie
    assert not look(lead.copy)
    assert lead.space.events == before.events


def test_what_is_delivered_is_told_and_again_costs_nothing(team: list[Actor]) -> None:
    lead, _ = team
    lead.door.away = True
    lead.send("one")
    tasks.claim(lead.copy, tasks.create(lead.copy, "work").after.id, session="default")
    assert deliver(lead.copy) == "pending"
    lead.door.away = False
    assert deliver(lead.copy) == "delivered" and lead.space.pending == 0
    lead.door.calls.clear()
    assert deliver(lead.copy) == "delivered" and lead.door.calls == []


def test_a_delivery_takes_no_longer_than_it_may(world: World, team: list[Actor]) -> None:
    lead, _ = team
    lead.door.away = True
    for text in ("one", "two"):
        task = tasks.create(lead.copy, text).after.id
        tasks.claim(lead.copy, task, session="default")
    lead.door.away = False

    def slow(call: Body, reply: Body) -> Body:
        world.clock.now += limits.PUSH_SECONDS_MAX * 1000
        return reply

    lead.door.alter = slow
    assert deliver(lead.copy) == "pending" and lead.space.pending > 0
    lead.door.alter = None
    assert deliver(lead.copy) == "delivered"


def test_a_failure_amid_it_leaves_the_rest_for_later(team: list[Actor]) -> None:
    lead, agent = team
    lead.door.away = True
    task = tasks.create(lead.copy, "work").after.id
    tasks.claim(lead.copy, task, session="default")
    lead.door.away = False

    def fail(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Slot):
            raise RelayError("relay_unavailable")
        return reply

    lead.door.alter = fail
    assert deliver(lead.copy) == "pending"
    agent.sync()
    assert agent.store.task(1, task) is not None
