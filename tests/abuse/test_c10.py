"""C10: a backup that was restored and writes on beside the original costs nobody anything."""

from __future__ import annotations

import pytest

from envoy.storage import replica_file
from replica.compare import differences, meaning
from replica.scenes import status_of
from replica.world import World


@pytest.mark.parametrize("unnoticed", [False, True])
def test_both_copies_write(unnoticed: bool, world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("before the backup")
    world._note(agent.where, "origin", replica_file.origin(agent.where))
    copy = world.clone(agent, "restored", unnoticed=unnoticed)
    sent = list[bytes]()
    for number in range(3):
        for one in (agent, copy):
            one.door.away = True
            sent.append(one.send(f"{one.place} {number}").event)
    assert (copy.space.chain == agent.space.chain) == unnoticed
    for one in (agent, copy):
        one.door.away = False
    for _ in range(2):
        for one in (agent, copy, lead):
            one.sync()
    assert {status_of(lead, one) for one in sent} == {"ok"}
    assert differences(meaning(lead), meaning(agent)) == []
    assert (lead.count("fork") > 0) == unnoticed
    assert (lead.store.members(1)[agent.me].flags == '["fork"]') == unnoticed
    chains = {one.space.chain for one in (agent, copy)}
    late = [one.send("goes on").event for one in (agent, copy)]
    lead.sync()
    assert {status_of(lead, one) for one in late} == {"ok"} and chains
    assert lead.count("fork") <= 3  # whoever has seen the fork writes on a chain of its own
