"""What a relay was asked and told is not asked for again."""

from __future__ import annotations

from envoy.sync import frames
from hub.far import Machine
from hub.scenes import SPACE, epoch_head


def test_what_was_asked_since_a_command_began_is_not_asked_again(at: Machine) -> None:
    hub = at.linked()
    at.now_ms += 5
    at.roads().sync(SPACE)
    at.relay.calls.clear()
    hub.handle(frames.Pull((frames.Since(SPACE, None, 0),), 100, 0))
    assert at.relay.calls == []


def test_a_head_that_the_relay_gave_is_kept_here(at: Machine, other: Machine) -> None:
    head, epoch = epoch_head(SPACE, "kept")
    at.linked().handle(frames.EpochPut(SPACE, epoch, head))
    at.roads().sync(SPACE)
    hub = other.linked()
    for asked in (1, 0):  # times that the relay is asked
        at.relay.calls.clear()
        found = hub.handle(frames.EpochGet(SPACE, epoch, ()))
        assert isinstance(found, frames.EpochFound) and found.head == head
        assert at.relay.calls.count("epoch_get") == asked
