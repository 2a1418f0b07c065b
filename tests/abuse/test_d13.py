"""D13: nobody takes a held task, completes another's, or gives away what is not theirs."""

from __future__ import annotations

import pytest

from envoy.core.bodies import TaskAssign, TaskClaim, TaskComplete, TaskProgress, TaskRelease
from envoy.core.structs import Body
from envoy.state import tasks
from histories import FIRST, SECOND, TASK, History, fixed

CLAIM = History().claim(FIRST)
ACTS: dict[str, Body] = {
    "claim_of_owned": TaskClaim(TASK, "default", 900, fixed("secret"), None),
    "assign_without_rank": TaskAssign(TASK, SECOND),
    "release_without_tenure": TaskRelease(TASK, None),
    "progress_without_tenure": TaskProgress(TASK, CLAIM.id, "blocked", None),
    "complete_without_tenure": TaskComplete(TASK, CLAIM.id, "mine now", (), False),
}


@pytest.mark.parametrize("reason", ACTS)
def test_a_modified_client_of_another_member_changes_nothing(reason: str) -> None:
    history = History()
    history.claim(FIRST, fence=1)
    before = tasks.reduce(TASK, history.ops, history.receipts)
    act = history.act(SECOND, ACTS[reason])
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert (task.state, task.tenure) == (before.state, before.tenure)
    assert dict(task.refused) == {act.id: reason}


@pytest.mark.parametrize("reason", ACTS)
def test_nor_by_pretending_not_to_have_seen_the_claim(reason: str) -> None:
    history = History()
    history.claim(FIRST, fence=1)
    before = tasks.reduce(TASK, history.ops, history.receipts)
    history.act(SECOND, ACTS[reason], history.ops[:1])
    task = tasks.reduce(TASK, history.ops, history.receipts)
    assert (task.state, task.tenure) == (before.state, before.tenure)
    assert len(task.refused) + len(task.conflicts) == 1


@pytest.mark.parametrize("reason", [one for one in ACTS if one != "assign_without_rank"])
def test_control_the_holder_does_all_of_it(reason: str) -> None:
    history = History()
    history.claim(FIRST, fence=1)
    history.act(FIRST, ACTS[reason])
    assert tasks.reduce(TASK, history.ops, history.receipts).refused == ()
