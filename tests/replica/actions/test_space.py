"""A space is founded whole, renamed by its admins, and closed for good."""

from __future__ import annotations

import pytest

from envoy.core.bodies import Close, SpaceUpdate
from envoy.errors import EnvoyError
from envoy.replica.actions import space
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, status_of
from replica.world import MINUTE_MS, World


def refusal(error: pytest.ExceptionInfo[EnvoyError]) -> str:
    return error.value.code


def test_a_space_is_there_at_once_and_whole(world: World) -> None:
    lead = world.actor("lead", type="human")
    row = space.create(lead.profile, "bughunt", description="crashes", expires_ms=None)
    assert (row.name, row.description, row.role) == ("bughunt", "crashes", "owner")
    assert row.pending == 0 and row.adequate == 1 and row.join_state == "member"
    member = lead.store.members(row.sn)[lead.me]
    assert (member.name, member.type, member.reader) == ("lead", "human", 1)
    assert member.enc is not None and row.created_ms == world.clock.now


def test_a_space_without_a_hub_is_founded_and_told_later(world: World) -> None:
    lead = world.actor("lead")
    lead.door.away = True
    row = space.create(lead.profile, "bughunt")
    assert row.pending > 0 and row.role == "owner"
    lead.door.away = False
    lead.sync()
    assert lead.space.pending == 0
    assert world.actor("agent").join(lead.code()).space.id == row.id


NAMES = [
    pytest.param("", id="no name"),
    pytest.param("   ", id="a name of spaces"),
    pytest.param("x" * 129, id="a name over 128 bytes"),
    pytest.param("a\0b", id="a name with a zero character"),
]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_name_founds_nothing(world: World, name: str) -> None:
    lead = world.actor("lead")
    with pytest.raises(EnvoyError) as caught:
        space.create(lead.profile, name)
    assert refusal(caught) == "invalid_argument" and lead.store.spaces() == []


def test_a_description_that_is_too_long_founds_nothing(world: World) -> None:
    lead = world.actor("lead")
    for text in ("x" * 513, "a\0b"):
        with pytest.raises(EnvoyError, match="invalid_argument"):
            space.create(lead.profile, "bughunt", description=text)
    assert lead.store.spaces() == [] and lead.count("event") == 0


def test_an_admin_renames_and_the_same_again_writes_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    row = space.update(lead.copy, name="new name", description="new text").space
    assert (row.name, row.description) == ("new name", "new text")
    before = lead.space.events
    space.update(lead.copy, name="new name", description="new text")
    space.update(lead.copy, name=None, description=None)
    assert lead.space.events == before
    agent.sync()
    assert (agent.space.name, agent.space.description) == ("new name", "new text")
    space.update(lead.copy, name=None, description="")
    assert lead.space.description == ""


def test_a_name_that_no_longer_counts_gives_way_to_the_one_before(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    late, update = Forger(lead).say(SpaceUpdate("after the end", None))
    closing = Forger(lead).say(Close(""))[0]
    deliver(agent, [late])
    assert agent.space.name == "after the end"
    forger = Forger(lead)
    forger.say(Close(""))
    deliver(lead, [closing])
    assert lead.space.closed_ms is not None
    deliver(lead, [late])
    assert status_of(lead, update.id) == "ok"  # beside the end it stands
    deliver(agent, [closing])
    assert differences(meaning(lead), meaning(agent)) == []


def test_a_space_is_closed_once_with_its_invites(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code(ttl_ms=MINUTE_MS)
    assert space.close(lead.copy, reason="done") and not space.close(lead.copy)
    assert {row.status for row in lead.store.invites(1).values()} == {"revoked"}
    agent.sync()
    assert agent.space.closed_ms == lead.space.closed_ms is not None
    with pytest.raises(EnvoyError, match="space_closed"):
        agent.send("late")
    assert differences(meaning(lead), meaning(agent)) == []


def test_only_the_owner_closes(world: World) -> None:
    _, agent = world.team("lead", "agent")
    with pytest.raises(EnvoyError, match="capability_missing"):
        space.close(agent.copy)
