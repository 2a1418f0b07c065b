"""C4: late work under a stale fence is a visible conflict: it never wins, and is never lost."""

from __future__ import annotations

from itertools import permutations

import pytest

from envoy.state import tasks
from envoy.state.registers import Op
from histories import FIRST, SECOND, TASK, History


def lapsed(*, is_unaware: bool) -> tuple[History, Op]:
    """Return a task that SECOND took after its lease lapsed and FIRST completed all the same."""
    history = History()
    first = history.claim(FIRST, fence=1)
    history.claim(SECOND, fence=2)
    return history, history.complete(first, [first] if is_unaware else None)


@pytest.mark.parametrize(
    ("is_unaware", "kind"),
    [
        pytest.param(True, "fence_stale", id="who did not know"),
        pytest.param(False, "complete_after_loss", id="who knew"),
    ],
)
def test_late_work_is_listed_beside_the_new_holder(is_unaware: bool, kind: str) -> None:
    history, late = lapsed(is_unaware=is_unaware)
    for order in permutations(history.ops):
        task = tasks.reduce(TASK, order, history.receipts)
        assert task.state == "claimed" and task.tenure and task.tenure.holder == SECOND
        assert dict(task.refused) == {late.id: kind}
        assert [(one.kind, one.loser) for one in task.conflicts] == [(kind, late.id)]


def test_it_does_not_win_when_the_new_holder_is_gone() -> None:
    history, late = lapsed(is_unaware=True)
    history.release(SECOND)
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert (task.state, task.completion) == ("open", None)
    assert [(one.kind, one.loser) for one in task.conflicts] == [("fence_stale", late.id)]


def test_control_work_in_time_completes() -> None:
    history, late = lapsed(is_unaware=True)
    in_time = [op for op in history.ops if op.author != SECOND]
    assert tasks.reduce(TASK, in_time, history.receipts).completion == late.id
