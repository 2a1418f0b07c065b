"""E5: a value has one form: every longer one, and a byte behind, is refused at every level."""

from __future__ import annotations

import pytest

from abuse.siege import inner_of, smuggled, turned_away, verdict
from envoy.core.codec import encode
from envoy.core.envelope import parse
from envoy.core.event import parse_inner
from envoy.errors import RemoteFault
from oracle import messagepack
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor


def longer(value: object) -> list[bytes]:
    """Return the long forms of a value that are no other value."""
    match value:
        case int():
            return [b"\xd3" + value.to_bytes(8, signed=True)] + (
                [b"\xd0" + bytes((value,))] if value < 128 else []
            )
        case bytes():
            return [b"\xc6" + len(value).to_bytes(4) + value]
        case str():
            return [b"\xdb" + len(value).to_bytes(4) + value.encode()]
        case list():
            return [b"\xdd" + len(value).to_bytes(4) + b"".join(map(messagepack.write, value))]
    return []


def forms(data: bytes) -> list[bytes]:
    """Return an array with each element, then itself, in a long form, and with a byte behind."""
    fields = messagepack.read(data)
    assert isinstance(fields, list)
    found = [data + b"\xc0", *longer(fields)]
    for number, field in enumerate(fields):
        written = [messagepack.write(one) for one in fields]
        for form in longer(field):
            found.append(data[:1] + b"".join([*written[:number], form, *written[number + 1 :]]))
    return found


def test_an_envelope_has_one_form(pair: list[Actor]) -> None:
    lead, agent = pair
    frame, _ = Forger(agent).say(message())
    codes = turned_away(lead, *forms(frame))
    assert len(codes) >= 5 and set(codes) <= {"malformed", "non_canonical"}
    assert parse(frame).suite == 1


def test_an_inner_part_has_one_form(pair: list[Actor]) -> None:
    lead, agent = pair
    inner = inner_of(agent)
    assert len(forms(inner)) >= 15
    for form in forms(inner):
        with pytest.raises(RemoteFault, match=r"malformed|non_canonical"):
            parse_inner(form)
    frame = smuggled(agent, lambda inner: forms(inner)[1])
    assert turned_away(lead, frame) == ["non_canonical"]


def test_a_body_has_one_form(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    for form in forms(encode(message())):
        frame, event = forger.say(message(), raw=form)
        deliver(lead, [frame])
        assert verdict(lead, event.id) == ("invalid", "S3 body")
    frame, event = forger.say(message())
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("ok", None)
