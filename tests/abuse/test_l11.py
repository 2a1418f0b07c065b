"""L11: six processes on one home lose no write of each other and wait for nobody for ever."""

from __future__ import annotations

import pytest

from envoy.system import host
from processes import python
from replica.world import World

WRITER = """
import os, sys
from envoy.replica.actions import work
from envoy.wiring import config, writes

os.environ["ENVOY_HOME"] = sys.argv[1]
settings = config.load({"profile": "agent"}, read_toml=lambda path: {})
with writes.open_profile(settings) as profile:
    copy = writes.open_space(profile, None)
    for number in range(5):
        print(work.send(copy, f"{sys.argv[2]} {number}").event.hex())
"""


@pytest.mark.slow
def test_all_that_was_told_is_there_once(world: World) -> None:
    world.clock.now = host.now_ms()
    lead, agent = world.team("lead", "agent")
    writers = [python(WRITER, agent.where.home, str(number)) for number in range(6)]
    told = [line for one in writers for line in one.communicate(timeout=60)[0].split()]
    assert len(set(told)) == 30
    entries = agent.events.entries(1, after=0, limit=999)
    assert {bytes.fromhex(one) for one in told} <= {one.id for one in entries}
    places = [(one.chain, one.seq) for one in entries if one.author == agent.me]
    assert len(places) == len(set(places)) and agent.count("fork") == 0
    world.clock.now = host.now_ms()
    agent.sync()
    assert lead.sync().pulled >= 0 and lead.space.events == agent.space.events
