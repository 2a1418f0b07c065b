"""E2: a million levels cost neither stack nor memory, in an envelope, an inner part or a body."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from abuse.siege import smuggled, turned_away, verdict
from effort import calls
from envoy.core.codec import decode
from envoy.core.envelope import parse
from envoy.core.event import parse_inner
from envoy.core.kinds import KINDS, read_body
from envoy.errors import RemoteFault
from envoy.sync.frames import Push
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor

DEEP = b"\x91" * 1_000_000
CALLS_MAX = 1_000  # of functions: a thousandth of the levels


def refused(read: Callable[[bytes], object]) -> None:
    """Read what is deep, and be refused."""
    with pytest.raises(RemoteFault):
        read(DEEP)


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(parse, id="an envelope"),
        pytest.param(parse_inner, id="an inner part"),
        pytest.param(lambda data: decode(data, Push), id="a call"),
    ],
)
def test_it_is_refused_at_once(read: Callable[[bytes], object]) -> None:
    tracemalloc.start()
    spent = calls(lambda: refused(read))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < CALLS_MAX and peak < 1_000_000


def test_no_body_is_nested_deeper_than_its_type() -> None:
    assert all(read_body(kind, DEEP) is None for kind in KINDS)


def test_nor_do_they_pass_a_door(pair: list[Actor]) -> None:
    lead, agent = pair
    assert turned_away(lead, smuggled(agent, lambda _: DEEP[:50_000])) == ["malformed"]
    frame, event = Forger(agent).say(message(), raw=DEEP[:50_000])
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("invalid", "S3 body")
