"""D19: no number of acts bars a later one."""

from __future__ import annotations

from envoy.core.bodies import Merge, TaskProgress
from envoy.state import tasks
from histories import FIRST, SECOND, TASK, History, fixed


def test_ten_thousand_acts_later_the_holder_completes() -> None:
    history = History()
    claim = last = history.claim(FIRST)
    for number in range(10_000):
        body = TaskProgress(TASK, claim.id, "blocked", None)
        last = history.act(FIRST, body, [last], id=fixed(number))
    history.complete(claim, [last])
    task = tasks.reduce(TASK, history.ops, [])
    assert (task.state, task.refused) == ("completed", ())


def test_nor_do_acts_of_another_member() -> None:
    history = History()
    claim = history.claim(FIRST)
    for number in range(10_000):
        history.act(SECOND, Merge(TASK), [claim], id=fixed(number))
    done = history.complete(claim, [claim])
    assert tasks.reduce(TASK, history.ops, []).completion == done.id
