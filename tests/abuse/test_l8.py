"""L8: a full disk refuses, says so, loses nothing, and once there is room all goes on."""

from __future__ import annotations

from crash.test_full import LONG, empty, fill, refuse
from envoy.replica.actions import work
from replica.compare import differences, meaning
from replica.world import World


def test_nothing_is_acknowledged_that_is_not_kept(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fill(lead.connection)
    told = list[bytes]()
    refuse(lambda: told.append(work.send(lead.copy, LONG).event))
    assert {one.id for one in lead.events.entries(1, after=0, limit=999)} >= set(told)
    empty(lead.connection)
    told.append(lead.send(LONG).event)
    agent.sync()
    assert {one.id for one in agent.events.entries(1, after=0, limit=999)} >= set(told)
    assert differences(meaning(lead), meaning(agent)) == []
