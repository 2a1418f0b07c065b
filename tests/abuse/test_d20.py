"""D20: frames of 60 invented epochs drive no frame out that waits for a key that comes."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.replica import unlocking
from replica.compare import differences, meaning
from replica.scenes import deliver, dropped, frames_of, give_keys, parked, reader
from replica.test_waiting import invented
from replica.world import World


def test_what_is_real_opens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 30)
    lead, agent = world.team("lead", "agent")
    late = reader(world, "late", lead, keys=False)
    deliver(late, frames_of(lead))
    real = set(parked(late))
    for _ in range(60):
        deliver(late, invented(agent, os.urandom(32), 2))
    deliver(late, invented(agent, os.urandom(32), 50))
    assert real <= set(parked(late)) and dropped(late) == 20
    give_keys(lead, late)
    unlocking.unlock(late.copy)
    assert differences(meaning(lead), meaning(late)) == []
    assert not real & set(parked(late))


def test_what_one_epoch_drops_is_fetched_when_it_opens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 3)
    lead, _ = world.team("lead", "agent")
    late = reader(world, "late", lead, keys=False)
    late.pull()
    assert dropped(late) > 0 and len(parked(late)) == 3
    give_keys(lead, late)
    late.pull()
    late.pull()
    assert not parked(late) and dropped(late) == 0
    assert differences(meaning(lead), meaning(late)) == []
