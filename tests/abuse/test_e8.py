"""E8: text that is no text, or longer in bytes than its cap, is in no state of anybody."""

from __future__ import annotations

import pytest

from abuse.siege import verdict
from envoy import limits
from envoy.core.codec import encode
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor

MARK = b"hello"
BAD = [
    pytest.param(b"\xff\xfe\xfd", id="no UTF-8"),
    pytest.param(b"\xc0\xaf", id="an overlong slash"),
    pytest.param(b"\xed\xa0\x80", id="half a surrogate pair"),
    pytest.param(b"\xf4\x90\x80\x80", id="beyond Unicode"),
    pytest.param(b"a\x00b", id="NUL"),
    pytest.param(b"\xe2\x82", id="half a character"),
]


def raw(text: bytes) -> bytes:
    """Return the body of a message whose text is these bytes."""
    head = b"\xd9" + bytes((len(text),)) if len(text) > 31 else bytes((0xA0 + len(text),))
    return encode(message(MARK.decode())).replace(bytes((0xA0 + len(MARK),)) + MARK, head + text)


@pytest.mark.parametrize("text", BAD)
def test_such_a_text_is_invalid(text: bytes, pair: list[Actor]) -> None:
    lead, agent = pair
    frame, event = Forger(agent).say(message(), raw=raw(text))
    before = lead.count("item")
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("invalid", "S3 body") and lead.count("item") == before


def test_a_cap_counts_bytes(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    most = "\N{LATIN SMALL LETTER E WITH ACUTE}" * (limits.TEXT_BYTES_MAX // 2)
    for text, status in ((most, "ok"), (most + "x", "invalid")):
        frame, event = forger.say(message(text))
        deliver(lead, [frame])
        assert verdict(lead, event.id)[0] == status


def test_control_hostile_text_that_is_text_is_kept_as_it_is(pair: list[Actor]) -> None:
    lead, agent = pair
    frame, event = Forger(agent).say(message(), raw=raw("\u202e\ufeff\U0010ffff".encode()))
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("ok", None)
