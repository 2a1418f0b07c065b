"""What people type for members, tasks and events, and what it means: one thing, or an error."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from envoy import limits
from envoy.errors import EnvoyError
from envoy.ids import did_text, to_text
from envoy.replica.actions import names, space, tasks
from envoy.replica.replica import Replica
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "agent")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code


def test_a_member_is_meant_by_did_prefix_name_and_me(team: list[Actor]) -> None:
    lead, agent = team
    text = did_text(agent.me)
    for typed in (text, text[: len("did:key:z") + 12], "@agent"):
        assert names.member(lead.copy, typed) == agent.me
    assert names.member(lead.copy, "@me") == lead.me
    assert refusal(lambda: names.member(lead.copy, "@nobody")) == "not_found"
    assert refusal(lambda: names.member(lead.copy, did_text(bytes(32)))) == "not_found"


def test_who_is_out_is_no_member(team: list[Actor]) -> None:
    lead, agent = team
    assert names.member(lead.copy, "@agent") == agent.me
    lead.connection.run("UPDATE member SET role = NULL WHERE did = ?", (agent.me,))
    assert refusal(lambda: names.member(lead.copy, did_text(agent.me))) == "not_found"


def test_a_task_is_found_in_the_only_space_and_asked_of_the_hub_once(team: list[Actor]) -> None:
    lead, agent = team
    task = tasks.create(agent.copy, "work").after.id
    copy, found = names.task(lead.profile, None, to_text("task", task)[:15])
    assert (copy.sn, found) == (lead.space.sn, task)
    assert refusal(lambda: names.task(lead.profile, None, to_text("task", os.urandom(32)))) == (
        "task_not_found"
    )
    assert refusal(lambda: names.task(lead.profile, None, "task 1")) == "invalid_argument"


def test_a_task_is_found_in_whatever_space_it_is(team: list[Actor]) -> None:
    lead, _ = team
    task = tasks.create(lead.copy, "work").after.id
    other = space.create(lead.profile, "other")
    text = to_text("task", task)
    assert names.task(lead.profile, None, text)[1] == task
    assert names.task(lead.profile, "bughunt", text)[1] == task
    assert refusal(lambda: names.task(lead.profile, "other", text)) == "task_not_found"
    made = tasks.create(Replica(lead.profile, other.sn), "there").after.id
    copy, found = names.task(lead.profile, None, to_text("task", made))
    assert (copy.sn, found) == (other.sn, made)


def test_an_event_is_meant_by_its_id_in_full_or_by_a_unique_part(team: list[Actor]) -> None:
    lead, agent = team
    sent = agent.send("hello").event
    text = to_text("evt", sent)
    assert names.event(lead.copy, text) == sent
    assert names.event(lead.copy, text[:14]) == sent  # after a look at the hub
    assert names.event(lead.copy, to_text("msg", sent)) == sent
    assert refusal(lambda: names.event(lead.copy, "evt_aaaaaa")) in ("not_found", "id_ambiguous")
    assert refusal(lambda: names.event(lead.copy, "nothing")) == "invalid_argument"


def test_references_are_typed_or_plain_and_named_once(team: list[Actor]) -> None:
    lead, _ = team
    one, two = (to_text("evt", lead.send(text).event) for text in ("one", "two"))
    found = names.references(lead.copy, [one, one], [f"supports:{two}"])
    assert [relation for relation, _ in found] == [None, "supports"]
    assert len(names.events(lead.copy, [one, two, one])) == 2
    assert refusal(lambda: names.references(lead.copy, [], [two])) == "invalid_argument"
    dancing = [f"dances:{two}"]
    assert refusal(lambda: names.references(lead.copy, [], dancing)) == "invalid_argument"


def test_an_act_names_no_more_than_it_can_hold(team: list[Actor]) -> None:
    lead, _ = team
    texts = [to_text("evt", os.urandom(32)) for _ in range(limits.REFS_MAX + 1)]
    assert len(names.events(lead.copy, texts[:-1])) == limits.REFS_MAX
    assert refusal(lambda: names.events(lead.copy, texts)) == "limit_exceeded"
