"""What a task costs to fold: the same for each act of a long history, and bounded for an attacker.

CPU time of one shape against another in the same run, so that no machine and no load decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from envoy.core.bodies import Merge, TaskProgress
from envoy.core.structs import replace
from envoy.state import tasks
from envoy.state.registers import Op
from histories import FIRST, SECOND, TASK, History, fixed


def linear(count: int) -> list[Op]:
    """Return a history in which each act saw the one before it."""
    history = History()
    claim = last = history.claim(FIRST)
    work = TaskProgress(TASK, claim.id, "blocked", None)
    for number in range(count - 2):
        last = history.act(FIRST, work, [last], id=fixed(number))
    return history.ops


def beside_a_hidden_head(count: int) -> list[Op]:
    """Return a linear history, and one early act that no other ever saw."""
    ops = linear(count - 1)
    return [*ops, replace(ops[1], id=fixed("hidden"), author=SECOND)]


def merged_heads(count: int) -> list[Op]:
    """Return claims that nobody saw of each other, made to count by merges of 15 at a time."""
    history = History()
    top = history.ops[:1]
    claims = [history.claim(FIRST, top) for _ in range(count * 15 // 16)]
    last: list[Op] = []
    for at in range(0, len(claims), 15):
        last = [history.act(FIRST, Merge(TASK), [*last, *claims[at : at + 15]])]
    return history.ops


def heads(count: int) -> list[Op]:
    """Return acts of one author that nobody saw of each other."""
    history = History()
    claim = history.claim(FIRST)
    work = TaskProgress(TASK, claim.id, "blocked", None)
    for number in range(count - 2):
        history.act(FIRST, work, [claim], id=fixed(number))
    return history.ops


def cpu_seconds(ops: list[Op]) -> float:
    """Return the least CPU time of a few folds."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        tasks.reduce(TASK, ops, [])
        best = min(best, time.process_time() - begun)
    return best


def test_64_acts_cost_at_most_5_times_16_acts() -> None:
    assert cpu_seconds(linear(64)) <= 5 * cpu_seconds(linear(16))


@pytest.mark.parametrize("shape", [linear, beside_a_hidden_head, merged_heads, heads])
def test_an_act_of_a_long_history_costs_as_much_as_one_of_a_short(
    shape: Callable[[int], list[Op]],
) -> None:
    assert cpu_seconds(shape(3_000)) / 3_000 <= 4 * cpu_seconds(linear(100)) / 100
