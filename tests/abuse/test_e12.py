"""E12: no verdict hangs on how deep the stack is where a body is read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from abuse.siege import verdict
from envoy.core.kinds import KINDS, read_body
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor

T = TypeVar("T")
DEPTHS = (0, 300, 600)


def at_depth(depth: int, ask: Callable[[], T]) -> T:
    """Return what ``ask`` answers with ``depth`` more frames below it."""
    return ask() if depth == 0 else at_depth(depth - 1, ask)


@pytest.mark.parametrize("levels", [5, 100, 500, 1_000, 5_000])
def test_a_nested_body_is_refused_at_every_depth(levels: int) -> None:
    raw = b"\x91" * levels + b"\xc0"
    assert max(DEPTHS) < sys.getrecursionlimit()
    for kind in ("message", "task.create", "space.policy"):
        assert kind in KINDS
        found = {at_depth(depth, partial(read_body, kind, raw)) for depth in DEPTHS}
        assert found == {None}


def test_a_door_does_not_look_into_it(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    events = []
    for levels in (5, 500, 5_000):
        frame, event = forger.say(message(), kind="poll.open", raw=b"\x91" * levels)
        at_depth(300, partial(deliver, lead, [frame]))
        events.append(event.id)
    assert {verdict(lead, one) for one in events} == {("ok", None)}
