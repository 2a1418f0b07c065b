"""Many processes at one home: nothing is lost, nobody waits for ever, one chain per profile."""

from __future__ import annotations

import os
from pathlib import Path

from envoy.system import host
from processes import python
from replica.compare import differences, meaning
from replica.world import World

SENDER = """
import os, sys
from envoy.replica.actions import work
from envoy.wiring import config, writes

home, name, count = sys.argv[1:]
os.environ["ENVOY_HOME"] = home
settings = config.load({"profile": name}, read_toml=lambda path: {})
for number in range(int(count)):
    with writes.open_profile(settings) as profile:
        sent = work.send(writes.open_space(profile, None), f"{os.getpid()} {number}")
        print(sent.event.hex(), sent.delivery, flush=True)
"""


def test_eight_processes_of_two_profiles_send_at_once(world: World) -> None:
    world.clock.now = host.now_ms()
    lead, agent = world.team("lead", "agent")
    home, count = os.fspath(Path(lead.where.home)), 12
    started = [
        python(SENDER, home, name, str(count)) for name in ("lead", "agent") for _ in range(4)
    ]
    told = list[str]()
    for one in started:
        out, _ = one.communicate(timeout=120)
        assert one.returncode == 0
        told += out.splitlines()
    world.clock.now = host.now_ms()
    assert len(told) == 8 * count
    for actor in (lead, agent, lead):
        actor.sync()
    assert differences(meaning(lead), meaning(agent)) == []
    entries = lead.events.entries(1, after=0, limit=999)
    assert {line.split()[0] for line in told} <= {one.id.hex() for one in entries}
    for actor in (lead, agent):
        own = [one for one in entries if one.author == actor.me]
        assert [one.seq for one in sorted(own, key=lambda one: one.seq)] == list(range(len(own)))
        assert actor.count("fork") == 0 and actor.space.pending == 0
        numbers = actor.connection.rows(int, "SELECT n FROM stream ORDER BY n")
        assert numbers == list(range(1, len(numbers) + 1))
