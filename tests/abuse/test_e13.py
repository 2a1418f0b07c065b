"""E13: a flood of refused frames, 500 here, drives out no id and no count: sums still match."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.replica.ingest import Taken, take_in
from replica.compare import differences, meaning
from replica.scenes import HAND, quarantine
from replica.world import Actor

COUNT = 500


def test_only_the_evidence_is_bounded(pair: list[Actor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_ROWS_MAX", 20)
    lead, agent = pair
    flood = [b"\xc1" + os.urandom(8) for _ in range(COUNT)]
    before, rest = lead.space.frame_count, meaning(lead)
    for at in range(0, COUNT, 100):
        take_in(lead.copy, flood[at : at + 100], source=HAND)
    for frame in flood[::-1][:50]:
        take_in(agent.copy, [frame], source=HAND)
    take_in(agent.copy, flood, source=HAND)
    assert len(quarantine(lead)) == 20
    assert lead.space.frame_count == before + COUNT == agent.space.frame_count
    assert lead.space.frame_sum == agent.space.frame_sum
    assert take_in(lead.copy, flood, source=HAND) == Taken(0, 0, 0)
    assert differences(rest, meaning(lead)) == []


def test_control_members_go_on(pair: list[Actor]) -> None:
    lead, agent = pair
    take_in(lead.copy, [b"\xc1" + os.urandom(8) for _ in range(50)], source="hub")
    sent = agent.send("hello").event
    lead.sync()
    assert lead.events.entry(1, sent) is not None
