"""E10: what is one byte too long is refused by author, hub and reader alike."""

from __future__ import annotations

import pytest

from abuse.siege import turned_away, verdict
from envoy import limits
from envoy.core.codec import encode
from envoy.core.envelope import parse
from envoy.errors import RemoteFault, UsageError
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor

MOST = limits.ENVELOPE_BYTES_MAX


def padded(frame: bytes, size: int) -> bytes:
    """Return an envelope of ``size`` bytes, well formed but for its length."""
    outer = parse(frame)
    rest = len(encode((1, outer.epoch, outer.salt, bytes(40_000)))) - 40_000
    return encode((1, outer.epoch, outer.salt, bytes(size - rest)))


def test_an_event_over_the_cap_is_refused_by_all_three(pair: list[Actor]) -> None:
    lead, agent = pair
    frame, _ = Forger(agent).say(message())
    long = padded(frame, MOST + 1)
    assert turned_away(lead, long) == ["too_large"]
    with pytest.raises(HubRefusal, match="too_large"):
        agent.door.handle(frames.Push(agent.space.id, (long,)))
    with pytest.raises(UsageError, match="message_too_large"):
        Forger(agent).say(message(), raw=bytes(MOST))
    with pytest.raises(RemoteFault) as caught:  # up to the cap it is another rule that speaks
        parse(padded(frame, MOST))
    assert caught.value.code == "too_large" and len(padded(frame, MOST)) == MOST


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_text_has_its_cap_at_the_author_and_at_the_reader(over: int, pair: list[Actor]) -> None:
    lead, agent = pair
    lead.sync()
    text = "x" * (limits.TEXT_BYTES_MAX + over)
    frame, event = Forger(agent).say(message(text))
    deliver(lead, [frame])
    if over <= 0:
        assert verdict(lead, event.id) == ("ok", None) and agent.send(text).delivery == "delivered"
        return
    assert verdict(lead, event.id) == ("invalid", "S3 body")
    with pytest.raises(UsageError, match="message_too_large"):
        agent.send(text)
