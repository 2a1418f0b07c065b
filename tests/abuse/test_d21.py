"""D21: a removal dated ten years ahead is repeated by an admin; nobody writes beside it unaware."""

from __future__ import annotations

import pytest

from envoy.errors import ConflictError
from replica.scenes import parked, status_of
from replica.test_epochs import dated_ahead
from replica.world import World


def test_nothing_is_sent_under_the_old_epoch(world: World) -> None:
    lead, _, agent, gone = dated_ahead(world)
    agent.sync()
    old, before = agent.space.epoch, agent.space.events
    with pytest.raises(ConflictError, match="clock_ahead"):
        agent.send("not yet")
    assert agent.space.events == before and agent.space.pending == 0
    first = lead.send("an admin repeats the removal").event
    entry = lead.events.entry(1, first)
    assert entry is not None and entry.ts == world.clock.now and lead.space.epoch != old
    agent.sync()
    second = agent.send("now all go on").event
    gone.sync()
    assert status_of(agent, first) == "ok"
    assert parked(gone)[first] == parked(gone)[second] == "sealed"
