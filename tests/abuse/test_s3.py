"""S3: points of small or mixed order, and other spellings of a point, are neither key nor R."""

from __future__ import annotations

import pytest

from abuse.siege import smuggled, turned_away
from envoy.core.crypto.sign import is_valid_key, verify
from envoy.core.envelope import open_outer, parse, seal
from envoy.errors import UsageError
from envoy.ids import did_key, did_text
from oracle import messagepack
from replica.forge import Forger
from replica.scenes import message
from replica.world import Actor

P = 2**255 - 19
# The eight points of small order, then spellings of some with a number that is not reduced.
SMALL = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    bytes(31) + b"\x80",
    *(
        bytes.fromhex(point)
        for point in (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        )
    ),
    (P + 1).to_bytes(32, "little"),
    P.to_bytes(32, "little"),
    (1).to_bytes(31, "little") + b"\x80",
]


@pytest.mark.parametrize("point", SMALL, ids=bytes.hex)
def test_such_a_point_is_no_author(point: bytes, pair: list[Actor]) -> None:
    lead, agent = pair
    assert not is_valid_key(point) and not verify(point, "event", point + bytes(32), b"any")

    def posing(inner: bytes) -> bytes:
        fields = messagepack.read(inner)
        assert isinstance(fields, list)
        return messagepack.write([*fields[:4], point, *fields[5:]])

    assert turned_away(lead, smuggled(agent, posing)) == ["bad_key"]


@pytest.mark.parametrize("point", SMALL, ids=bytes.hex)
def test_nor_the_r_of_a_signature(point: bytes, pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, _ = forger.say(message())
    inner = open_outer(frame, writer.space, writer.event_key).inner
    forged = seal(writer, salt=parse(frame).salt, sig=point + bytes(32), inner=inner)
    assert turned_away(lead, forged) == ["bad_signature"]


def test_nor_a_did(pair: list[Actor]) -> None:
    lead, _ = pair
    assert did_key(did_text(lead.me)) == lead.me
    for point in SMALL:
        try:
            found = did_key(did_text(point))
        except UsageError:
            continue
        assert not is_valid_key(found)  # every place that takes one asks this
