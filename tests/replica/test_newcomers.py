"""Newcomers: who comes late opens what stands first at once, however often keys changed."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.replica.actions import authority
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.scenes import dropped, parked
from replica.world import World


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(0, id="with the change of keys at the end of the log"),
        pytest.param(25, id="with more behind the last change of keys"),
    ],
)
def test_a_newcomer_leaves_nothing_out_that_stands_before_the_newest_keys(
    world: World, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 3)
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 20)
    lead, _ = world.team("lead", "agent")
    for _ in range(2):
        for number in range(15):
            lead.send(f"message {number}")
        authority.rotate(lead.copy)
    for number in range(behind):
        lead.send(f"later {number}")
    code = lead.code()
    world.make("late")
    late = world.open("late")
    late.join(code)
    assert dropped(late) == 0 and not parked(late)
    assert not [call for call in late.door.calls if isinstance(call, frames.ById)]
    lead.pull()
    assert differences(meaning(lead), meaning(late)) == []
