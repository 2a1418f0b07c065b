"""D9: a chain of 1,500 events, deeper than the stack, is taken in forwards and backwards."""

from __future__ import annotations

import sys

import pytest

from envoy import limits
from replica.compare import differences, meaning
from replica.council import remove
from replica.forge import Forger, Value
from replica.scenes import deliver, message, parked, status_of
from replica.world import World

COUNT = 1_500


@pytest.mark.slow
def test_no_recursion_anywhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", COUNT)
    lead, agent, other = world.team("lead", "agent", "other")
    forger, links = Forger(agent), dict[str, Value]()
    chain = list[bytes]()
    for number in range(COUNT):
        frame, event = forger.say(message(f"{number}"), **links)
        chain.append(frame)
        links = {"deps": (), "lam": event.lam + 1}
    assert sys.getrecursionlimit() <= COUNT
    deliver(lead, chain)
    deliver(other, chain[::-1])
    assert not parked(other) and differences(meaning(lead), meaning(other)) == []
    remove(lead, agent)
    assert status_of(lead, event.id) == "ok"  # its whole ancestry was walked
