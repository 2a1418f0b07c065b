"""What a bridge says that it moved, where a relay refuses in the middle or the time is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.hub.bridge import Moved
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import NOW_MS, SPACE
from hub.test_bridge import Scene


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.links.close()


def test_what_went_before_a_refusal_is_told(at: Scene) -> None:
    at.sync()
    for number in range(limits.PUSH_FRAMES_MAX + 1):
        at.near(str(number))
    pushes = iter(range(1))

    def full(reply: Body) -> Body:
        if isinstance(reply, frames.Pushed) and next(pushes, None) is not None:
            at.relay.refused[frames.Push] = "rate_limited"
        return reply

    at.relay.lie = full
    with pytest.raises(HubRefusal, match="rate_limited"):
        at.sync()
    assert at.bridge.moved == Moved(limits.PUSH_FRAMES_MAX, 0)
    assert at.bridge.pending() == 1
    at.relay.refused.clear()
    assert at.sync() == Moved(1, 0)


def test_frames_that_go_up_by_comparing_are_told_though_the_time_is_over(at: Scene) -> None:
    at.sync()
    for number in range(2 * limits.PUSH_FRAMES_MAX + 1):
        at.near(str(number))
    at.sync()
    at.relay.wipe()
    at.relay.calls.clear()
    found = at.bridge.sync(now_ms=NOW_MS, go=lambda: "Push" not in at.relay.calls)
    assert found == Moved(limits.PUSH_FRAMES_MAX, 0, whole=False)
    at.sync()
    assert len(at.relay.hub.store.frame_ids(SPACE)) == 2 * limits.PUSH_FRAMES_MAX + 1
