"""R2: a relay that reorders, repeats and delays changes when something is read, never what."""

from __future__ import annotations

import random
from collections.abc import Sequence

from abuse.siege import mirrored, shuffles
from envoy.replica.actions import tasks
from replica.compare import differences, meaning
from replica.scenes import deliver, frames_of, reader
from replica.world import Actor, World


def busy(world: World) -> Actor:
    """Return a copy of a space in which two wrote, claimed and argued."""
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    for number in range(3):
        lead.send(f"lead {number}")
        agent.send(f"agent {number}")
    tasks.complete(agent.copy, task, summary="done")
    for one in (agent, lead, agent, lead):
        one.sync()
    return lead


def test_in_whatever_order(world: World) -> None:
    lead = busy(world)
    log, chance = frames_of(lead), random.Random(5)
    orders: list[Sequence[bytes]] = [chance.sample(log, len(log)) for _ in range(6)]
    mirrored(world, lead, [*shuffles(lead), *orders])


def test_however_often(world: World) -> None:
    lead = busy(world)
    log = frames_of(lead)
    mirrored(world, lead, [[*log, *log], [one for frame in log for one in [frame] * 3]])


def test_however_late(world: World) -> None:
    lead = busy(world)
    log = frames_of(lead)
    for cut in range(1, len(log), 3):
        copy = reader(world, f"late{cut}", lead)
        deliver(copy, log[cut:])
        copy.clock.now += 40 * 86_400_000
        deliver(copy, log[:cut])
        assert differences(meaning(lead), meaning(copy)) == []
