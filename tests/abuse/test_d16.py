"""D16: 400 heads beside a removal do not keep the next writer from citing it."""

from __future__ import annotations

import pytest

from abuse.siege import commit
from envoy.core.bodies import Remove
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, parked
from replica.world import World

COUNT = 400


@pytest.mark.slow
def test_the_next_write_saw_the_removal(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    flood = [Forger(gone).say(message())[0] for _ in range(COUNT)]
    (removal,) = commit(lead, Remove(gone.me, "", ()))
    deliver(agent, flood)
    deliver(agent, frames_of(lead))
    row = agent.events.entry(1, removal)
    assert row is not None and row.ix is not None and not agent.space.adequate
    sent = agent.events.entry(1, agent.send("next").event)
    assert sent is not None and sent.saw >> row.ix & 1
    gone.sync()
    assert parked(gone)[sent.id] == "sealed"
