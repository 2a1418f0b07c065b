"""D8: a thousand heads of one author cost the next writer neither places nor effort."""

from __future__ import annotations

import pytest

from effort import calls
from envoy import limits
from envoy.views import rows
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import World

CALLS_MAX = 50 * 500  # of functions: some for each head, not for each pair of them


@pytest.mark.slow
def test_a_bomb_of_a_thousand_heads(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    sent = list[rows.Sent]()
    for _ in range(2):
        deliver(lead, [Forger(agent).say(message())[0] for _ in range(500)])
        spent = calls(lambda: sent.append(lead.send("next")))
        entry = lead.events.entry(1, sent[-1].event)
        assert entry is not None and len(entry.parents) <= 1 + limits.DEPS_MAX
        named = [lead.events.entry(1, one) for one in entry.parents]
        bombs = [one for one in named if one is not None and one.author == agent.me]
        assert [one.kind for one in bombs if one.ix is None] == ["message"]
        assert spent < CALLS_MAX
