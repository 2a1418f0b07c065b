"""D10: clocks ten years off, running back, or in seconds decide nothing: ts is a label."""

from __future__ import annotations

import pytest

from abuse.siege import mirrored, shuffles
from envoy.errors import ConflictError
from envoy.replica.actions import tasks
from replica.compare import differences, meaning
from replica.scenes import status_of
from replica.world import MINUTE_MS, NOW_MS, YEAR_MS, Clock, World

CLOCKS = {"ahead": NOW_MS + 10 * YEAR_MS, "late": NOW_MS - 4 * MINUTE_MS, "fair": NOW_MS}


def test_copies_agree_whatever_their_clocks_say(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code()
    others = [world.actor(name, clock=Clock(NOW_MS)) for name in CLOCKS]
    for one in others:
        one.join(code)
        one.clock.now = CLOCKS[one.name]
    task = tasks.create(lead.copy, "work").after.id
    team = [lead, *others]
    for one in team:
        one.sync()
    tasks.claim(others[1].copy, task, session="default")
    sent = [one.send(f"by {one.name}").event for one in team]
    others[2].clock.now -= 3 * MINUTE_MS  # a clock that runs back
    sent += [one.send(f"again by {one.name}").event for one in team]
    for _ in range(2):
        for one in team:
            one.sync()
    for one in team:
        assert differences(meaning(lead), meaning(one)) == []
        assert {status_of(one, event) for event in sent} == {"ok"}
    mirrored(world, lead, shuffles(lead))


@pytest.mark.parametrize("now", [0, NOW_MS // 1_000, NOW_MS - 10 * YEAR_MS])
def test_who_is_years_behind_is_told_and_writes_nothing(now: int, world: World) -> None:
    lead, agent = world.team("lead", "agent")
    sent = lead.send("by a right clock").event
    slow = world.open("agent", clock=Clock(now))
    slow.sync()
    before = slow.space.events
    with pytest.raises(ConflictError, match="clock_ahead"):
        slow.send("by a clock in seconds")
    assert slow.space.events == before and status_of(slow, sent) == "ok"
    assert agent.send("set right").delivery == "delivered"


def test_what_is_dated_ahead_is_read_and_not_built_on(world: World) -> None:
    lead, fast = world.team("lead", "fast")
    ahead = world.open("fast", clock=Clock(NOW_MS + 10 * YEAR_MS))
    future = ahead.send("from the future").event
    lead.sync()
    mine = lead.events.entry(1, lead.send("now").event)
    assert mine is not None and future not in mine.parents
    assert mine.ts == lead.clock.now and status_of(lead, future) == "ok"
    fast.sync()
    assert fast.send("goes on").delivery == "delivered"
