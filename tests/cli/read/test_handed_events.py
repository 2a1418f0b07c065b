"""The stream over a handoff: told once, in order, resumed behind any cursor without loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import ids
from envoy.replica.actions import handoffs, tasks
from envoy.replica.actions.handoffs import Capsule
from replica.beside import settle, today
from replica.world import Actor, World
from schemas import problems


class Passed:
    """A task that went from hand to hand twice, and the command line on all homes."""

    def __init__(self, root: Path) -> None:
        self.world: World = today(root)
        self.console = Console(root)
        self.team = self.world.team("lead", "one", "two")
        lead, one, two = self.team
        self.task = tasks.create(lead.copy, "paint").after.id
        tasks.claim(lead.copy, self.task, session="default")
        self.steps = list[tuple[str, bytes]]()
        for giver, taker in ((lead, one), (one, two)):
            self.give(giver, taker)

    def give(self, giver: Actor, taker: Actor) -> None:
        """Hand the task over."""
        given = handoffs.create(giver.copy, self.task, Capsule("the second coat"), to=taker.me)
        assert given.event is not None
        settle(self.team)
        taken = handoffs.accept(taker.copy, given.event, session="default")
        assert taken.event is not None
        settle(self.team)
        self.steps += [("handoff_created", given.event), ("handoff_accepted", taken.event)]

    def events(self, profile: str, since: int, *flags: str) -> list[dict[str, Any]]:
        """Return what the stream says to a profile behind a cursor."""
        args = ("events", "--since", str(since), "--watch-timeout", "0", *flags)
        found = self.console.call("--json", *args, ENVOY_PROFILE=profile)
        made = [json.loads(one) for one in found.out.splitlines()]
        assert found.status == 0, found
        assert [problem for one in made for problem in problems(one, "event")] == []
        return made


@pytest.fixture
def passed(tmp_path: Path) -> Iterator[Passed]:
    """Return a task that was passed on."""
    made = Passed(tmp_path)
    yield made
    made.world.close()


TYPES = ("--types", "handoff_created,handoff_accepted")


@pytest.mark.parametrize("profile", ["lead", "one", "two"])
def test_a_stream_tells_of_handoffs_in_order_and_resumes_behind_each(
    profile: str, passed: Passed
) -> None:
    every = passed.events(profile, 0)
    handed = [one for one in every if one["type"].startswith("handoff_")]
    told = [(one["type"], one["event_id"]) for one in handed]
    assert told == [(type_, ids.to_text("evt", event)) for type_, event in passed.steps]
    assert passed.events(profile, 0, *TYPES) == handed
    for number, one in enumerate(every):
        assert passed.events(profile, one["cursor"]) == every[number + 1 :]
    for number, one in enumerate(handed):
        assert passed.events(profile, one["cursor"], *TYPES) == handed[number + 1 :]


def test_a_copy_that_comes_late_is_told_of_each_once_as_well(passed: Passed) -> None:
    late = passed.world.actor("late")
    late.join(passed.team[0].code())
    late.sync()
    told = [(one["type"], one["event_id"]) for one in passed.events("late", 0, *TYPES)]
    assert sorted(told) == sorted((type_, ids.to_text("evt", one)) for type_, one in passed.steps)
