"""S1: a signature with any bit changed, or of another key, opens no door."""

from __future__ import annotations

from abuse.siege import turned_away
from envoy.core.envelope import open_outer, parse, seal
from envoy.core.event import is_signed
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor


def test_every_bit_counts(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, event = forger.say(message())
    opened = open_outer(frame, writer.space, writer.event_key)

    def flipped(bit: int) -> bytes:
        data = bytearray(opened.sig)
        data[bit // 8] ^= 1 << bit % 8
        return bytes(data)

    assert not any(is_signed(event.author, flipped(bit), opened.inner) for bit in range(512))
    page = [
        seal(writer, salt=parse(frame).salt, sig=flipped(bit), inner=opened.inner)
        for bit in range(0, 512, 32)
    ]
    assert turned_away(lead, *page) == ["bad_signature"] * len(page)
    assert is_signed(event.author, opened.sig, opened.inner)


def test_the_key_of_another_signs_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    assert turned_away(lead, Forger(agent).unsigned(message())) == ["bad_signature"]
    before = lead.space.events
    deliver(lead, [Forger(agent).say(message())[0]])
    assert lead.space.events == before + 1
