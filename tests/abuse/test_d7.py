"""D7: 300 events whose parents never come take a bounded room; the rest of the space goes on."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.replica.ingest import Taken, take_in
from replica.forge import Forger
from replica.scenes import HAND, dropped, message, parked, status_of
from replica.world import World

COUNT = 300


def test_orphans_bar_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", 20)
    monkeypatch.setattr(limits, "WAITING_FRAMES_MAX", 50)
    lead, agent, other = world.team("lead", "agent", "other")
    count = lead.space.frame_count
    page = [Forger(agent).say(message(), deps=(os.urandom(32),))[0] for _ in range(COUNT)]
    take_in(lead.copy, page, source=HAND)
    assert len(parked(lead)) == 20 and dropped(lead) == COUNT - 20
    assert lead.space.frame_count == count + COUNT  # every id is known all the same
    page = [Forger(other).say(message(), deps=(os.urandom(32),))[0] for _ in range(60)]
    take_in(lead.copy, page, source=HAND)
    assert len(parked(lead)) == 40
    sent = other.send("goes on").event
    lead.sync()
    assert status_of(lead, sent) == "ok" and lead.send("so do I").delivery == "delivered"
    good = Forger(agent).say(message())[0]
    assert take_in(lead.copy, [good], source=HAND) == Taken(1, 0, 0)
