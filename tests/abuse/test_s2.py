"""S2: the second signature that arithmetic gives for every event (s + L) is none."""

from __future__ import annotations

from abuse.siege import turned_away
from envoy.core.envelope import open_outer, parse, seal
from replica.forge import Forger, ident
from replica.scenes import deliver, message
from replica.world import Actor

L = 2**252 + 27742317777372353535851937790883648493


def test_one_event_has_one_id(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, _ = forger.say(message())
    opened = open_outer(frame, writer.space, writer.event_key)
    s = int.from_bytes(opened.sig[32:], "little") + L
    other = opened.sig[:32] + s.to_bytes(32, "little")
    again = seal(writer, salt=parse(frame).salt, sig=other, inner=opened.inner)
    assert ident(again) != ident(frame)
    assert turned_away(lead, again) == ["bad_signature"]
    before = lead.space.events
    deliver(lead, [frame])
    assert lead.space.events == before + 1
