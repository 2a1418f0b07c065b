"""E4: no type outside the subset stands in any field of an event: no float, map, ext, big int."""

from __future__ import annotations

import pytest

from abuse.siege import inner_of, smuggled, turned_away
from envoy.core.event import parse_inner
from envoy.errors import RemoteFault
from oracle import messagepack
from replica.world import Actor

# Head bytes of types that are not ours, each with what makes it whole.
FOREIGN = {
    **{f"map of {size}": bytes((0x80 + size,)) + b"\x01\x02" * size for size in range(16)},
    "c1": b"\xc1",
    **{f"ext {size}": bytes((head, size, 5)) + bytes(size) for head, size in ((0xC7, 3),)},
    "float": b"\xca\x7f\xc0\x00\x00",
    "NaN": b"\xcb\x7f\xf8" + bytes(6),
    "-0.0": b"\xcb\x80" + bytes(7),
    **{f"fixext {1 << n}": bytes((0xD4 + n, 5)) + bytes(1 << n) for n in range(5)},
    "timestamp": b"\xd6\xff" + bytes(4),
    "map 16": b"\xde\x00\x01\x01\x02",
    "map 32": b"\xdf\x00\x00\x00\x01\x01\x02",
    "2^63": b"\xcf\x80" + bytes(7),
}


def parts(inner: bytes) -> list[bytes]:
    """Return the fields of an inner part, each as its bytes."""
    fields = messagepack.read(inner)
    assert isinstance(fields, list) and len(fields) == 15
    return [messagepack.write(field) for field in fields]


@pytest.mark.parametrize("what", FOREIGN)
def test_it_is_refused_in_every_field(what: str, pair: list[Actor]) -> None:
    lead, agent = pair
    good = inner_of(agent)
    frame = smuggled(agent, lambda inner: _with(inner, 14, FOREIGN[what]))
    assert turned_away(lead, frame) == ["malformed"]
    assert parse_inner(good).v == 1  # the control
    for number in range(15):
        with pytest.raises(RemoteFault, match="malformed"):
            parse_inner(_with(good, number, FOREIGN[what]))


def _with(inner: bytes, number: int, value: bytes) -> bytes:
    """Return an inner part in which one field is ``value``."""
    fields = parts(inner)
    fields[number] = value
    return b"\x9f" + b"".join(fields)
