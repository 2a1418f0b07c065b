"""C13: a receipt that somebody else took for a claim gives that claim nothing."""

from __future__ import annotations

from envoy.state import tasks
from histories import FIRST, SECOND, TASK, History, fixed


def test_a_receipt_for_another_holder_does_not_count() -> None:
    history = History()
    top = history.ops[:1]
    history.claim(FIRST, top)
    history.receipt(history.claim(SECOND, top), 9, holder=fixed((FIRST, "holder")))
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert task.tenure is not None
    assert (task.tenure.holder, task.tenure.claim_state) == (FIRST, "provisional")


def test_an_old_claim_put_through_its_slot_again_keeps_its_old_fence() -> None:
    history = History()
    old = history.claim(FIRST, fence=1)
    new = history.claim(SECOND, fence=2)
    history.receipt(old, 3)
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert task.tenure is not None and task.tenure.id == new.id


def test_control_the_right_holder_is_confirmed() -> None:
    history = History()
    top = history.ops[:1]
    history.claim(FIRST, top)
    history.claim(SECOND, top, fence=9)
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert task.tenure is not None
    assert (task.tenure.holder, task.tenure.claim_state) == (SECOND, "confirmed")
