"""E3: a length of four billion that is only declared allocates nothing."""

from __future__ import annotations

import tracemalloc

import pytest

from abuse.siege import smuggled, turned_away
from effort import calls
from envoy.core.event import parse_inner
from envoy.core.kinds import KINDS, read_body
from envoy.errors import RemoteFault
from replica.world import Actor

CALLS_MAX = 10_000  # of functions, for all kinds together
HEADS = {"a text": b"\xdb", "a bin": b"\xc6", "an array": b"\xdd"}


@pytest.mark.parametrize("what", HEADS)
def test_it_is_refused_without_memory(what: str, pair: list[Actor]) -> None:
    lead, agent = pair
    lie = HEADS[what] + b"\xff" * 4
    data = b"\x9f\x01" + lie

    def read() -> None:
        with pytest.raises(RemoteFault):
            parse_inner(data)
        assert all(read_body(kind, b"\x91" + lie) is None for kind in KINDS)

    tracemalloc.start()
    spent = calls(read)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < CALLS_MAX and peak < 1_000_000
    assert turned_away(lead, smuggled(agent, lambda _: data)) == ["malformed"]
