"""D20: frames of 60 invented epochs drive no frame out that waits for a key that comes."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.replica import unlocking
from envoy.sync import frames
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


def test_what_one_epoch_drops_very_much_of_is_read_in_the_order_of_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 3)
    monkeypatch.setattr(limits, "BY_ID_MAX", 8)
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 10)
    lead, _ = world.team("lead", "agent")
    for number in range(40):
        lead.send(f"message {number}")
    late = reader(world, "late", lead, keys=False)
    late.pull()
    assert dropped(late) > 40 and len(parked(late)) == 3
    give_keys(lead, late)
    late.door.calls.clear()
    late.pull()
    late.pull()
    assert not parked(late) and dropped(late) == 0
    assert differences(meaning(lead), meaning(late)) == []
    assert not [call for call in late.door.calls if isinstance(call, frames.ById)]
