"""E7: an element of another type, swapped, missing or too many is read as nothing, in any body."""

from __future__ import annotations

import pytest

from abuse.siege import smuggled, turned_away, verdict
from envoy.core.kinds import read_body
from oracle import messagepack
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor
from vectors import make_kinds


@pytest.mark.parametrize("kind", make_kinds.FULL)
def test_no_other_shape_is_a_body(kind: str) -> None:
    values = list(make_kinds.FULL[kind].values())
    assert read_body(kind, messagepack.write(values)) is not None
    shapes = [values[:-1], [*values, None], [*values, *values]]
    for at, value in enumerate(values):
        wrong = next(one for one in (True, [[[1]]]) if type(one) is not type(value))
        shapes.append([*values[:at], wrong, *values[at + 1 :]])
    assert all(read_body(kind, messagepack.write(shape)) is None for shape in shapes)


def test_nor_is_it_an_event(pair: list[Actor]) -> None:
    lead, agent = pair

    def wrong(at: int, value: object) -> bytes:
        return smuggled(agent, lambda inner: _changed(inner, at, value))

    page = [wrong(at, True) for at in range(15)] + [wrong(7, b""), wrong(4, "x"), wrong(15, None)]
    assert turned_away(lead, *page) == ["malformed"] * len(page)
    frame, event = Forger(agent).say(message(), raw=messagepack.write([b"text", None]))
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("invalid", "S3 body")


def _changed(inner: bytes, at: int, value: object) -> bytes:
    """Return an inner part with one field changed, or one more."""
    fields = messagepack.read(inner)
    assert isinstance(fields, list)
    return messagepack.write([*fields[:at], value, *fields[at + 1 :]])
