"""E6: pairs that two parsers could read differently, unsorted or repeated, are read by none."""

from __future__ import annotations

import pytest

from abuse.siege import verdict
from envoy.core.bodies import SpacePolicy
from oracle import messagepack
from replica.forge import Forger
from replica.scenes import deliver
from replica.world import Actor

PAIRS = [
    pytest.param([["a", 1], ["a", 2]], id="a key twice"),
    pytest.param([["a", 1], ["a", 1]], id="a pair twice"),
    pytest.param([["b", 1], ["a", 2]], id="unsorted"),
    pytest.param([["a", 1, 2]], id="a pair of three"),
    pytest.param([["a"]], id="a pair of one"),
    pytest.param([[1, "a"]], id="a key that is no text"),
]


@pytest.mark.parametrize("pairs", PAIRS)
def test_such_a_policy_is_invalid(pairs: list[object], pair: list[Actor]) -> None:
    lead, agent = pair
    raw = messagepack.write([pairs])
    frame, event = Forger(lead).say(SpacePolicy((("a", 1),)), raw=raw)
    for copy in (lead, agent):
        deliver(copy, [frame])
        assert verdict(copy, event.id) == ("invalid", "S3 body")


def test_control_sorted_pairs_are_read(pair: list[Actor]) -> None:
    _, agent = pair
    raw = messagepack.write([[["a", 1], ["b", 2]]])
    frame, event = Forger(pair[0]).say(SpacePolicy((("a", 1),)), raw=raw)
    deliver(agent, [frame])
    assert verdict(agent, event.id) == ("ok", None)
