"""D8: a thousand heads of one author cost the next writer neither places nor time."""

from __future__ import annotations

import time

import pytest

from envoy import limits
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import World


@pytest.mark.slow
def test_a_bomb_of_a_thousand_heads(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    spent = list[float]()
    for _ in range(2):
        deliver(lead, [Forger(agent).say(message())[0] for _ in range(500)])
        begun = time.process_time()
        sent = lead.send("next")
        spent.append(time.process_time() - begun)
        entry = lead.events.entry(1, sent.event)
        assert entry is not None and len(entry.parents) <= 1 + limits.DEPS_MAX
        named = [lead.events.entry(1, one) for one in entry.parents]
        bombs = [one for one in named if one is not None and one.author == agent.me]
        assert [one.kind for one in bombs if one.ix is None] == ["message"]
    assert spent[1] < 1
