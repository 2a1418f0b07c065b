"""C2: a hub that grants a slot twice, or repeats a fence, is proved a liar and decides nothing."""

from __future__ import annotations

from itertools import permutations

from envoy.state import tasks
from histories import FIRST, SECOND, TASK, THIRD, History


def split() -> History:
    """Return three claims that a split hub gave one fence, one of them a receipt more."""
    history = History()
    top = history.ops[:1]
    for author in (THIRD, SECOND, FIRST):
        history.claim(author, top, fence=1)
    history.receipt(history.ops[1], 2)
    return history


def test_both_receipts_are_proof_and_there_is_one_winner_on_every_side() -> None:
    history = split()
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert task.tenure is not None and task.tenure.holder == FIRST
    proofs = [one for one in task.conflicts if one.kind == "double_fence"]
    assert {one.loser for one in proofs} == {history.ops[1].id, history.ops[2].id}
    for receipts in permutations(history.receipts):
        assert tasks.reduce(TASK, reversed(history.ops), receipts) == task


def test_control_an_honest_hub_decides() -> None:
    history = History()
    top = history.ops[:1]
    for fence, author in enumerate((FIRST, SECOND, THIRD), start=1):
        history.claim(author, top, fence=fence)
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert task.tenure is not None and task.tenure.holder == THIRD
    assert all(one.kind == "lost_claim" for one in task.conflicts)
