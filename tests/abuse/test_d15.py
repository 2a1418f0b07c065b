"""D15: of one author's acts beside each other eight count, however many it writes."""

from __future__ import annotations

import pytest

from effort import calls
from envoy import limits
from envoy.core.bodies import TaskProgress
from envoy.state import tasks
from envoy.state.registers import Op
from histories import FIRST, TASK, History, fixed


def flood(count: int) -> list[Op]:
    """Return a claim, and ``count`` acts that saw it and nothing of each other."""
    history = History()
    claim = history.claim(FIRST)
    for number in range(count):
        body = TaskProgress(TASK, claim.id, "blocked", None)
        history.act(FIRST, body, [claim], id=fixed(number))
    return history.ops


@pytest.mark.parametrize("count", [100, 10_000])
def test_a_flood_of_heads_is_eight_heads(count: int) -> None:
    task = tasks.reduce(TASK, flood(count), [])
    assert len(task.heads) == limits.OPS_BESIDE_MAX
    assert [reason for _, reason in task.refused] == ["over_limit"] * (
        count - limits.OPS_BESIDE_MAX
    )


def test_control_eight_heads_all_count() -> None:
    task = tasks.reduce(TASK, flood(limits.OPS_BESIDE_MAX), [])
    assert (len(task.heads), task.refused) == (limits.OPS_BESIDE_MAX, ())


def test_an_act_too_many_costs_less_than_one_that_counts() -> None:
    few, many = flood(100), flood(10_000)
    each = calls(lambda: tasks.reduce(TASK, few, [])) / len(few)
    assert calls(lambda: tasks.reduce(TASK, many, [])) / len(many) <= each
