"""K10: who intercepts a code and is faster is seen, is the only one, and is put out again."""

from __future__ import annotations

import pytest

from envoy.errors import ConflictError
from replica.council import readable, remove, role
from replica.world import World


def test_a_thief_is_visible_and_goes(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    code = lead.code(uses=1)
    thief, guest = world.actor("thief"), world.actor("guest")
    thief.join(code)
    with pytest.raises(ConflictError, match="invite_already_redeemed"):
        guest.join(code)
    agent.sync()
    assert role(agent, thief) == "write" and guest.me not in agent.store.members(1)
    lead.sync()
    remove(lead, thief)
    lead.send("among ourselves")
    thief.sync()
    agent.sync()
    assert role(agent, thief) is None and not readable(thief, "among ourselves")
    assert readable(agent, "among ourselves")
