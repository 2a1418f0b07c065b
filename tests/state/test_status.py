"""Status: what stays of work and tenures once members did things apart, case by case."""

from __future__ import annotations

from envoy.core.bodies import Merge, TaskComplete
from envoy.core.records import Record
from envoy.state import tasks
from envoy.state.registers import Op
from envoy.state.reviews import Panel
from histories import ADMIN, FIRST, SECOND, TASK, THIRD, History
from oracle.tasks import Slow


def fold(history: History) -> tasks.Task:
    """Return the task of a history, as a slow reading of the specification has it too."""
    task = tasks.reduce(TASK, history.ops, history.receipts)
    slow = Slow(TASK, history.ops, history.receipts).outcome()
    found = (task.state, task.tenure and task.tenure.holder, dict(task.refused))
    assert found == (slow.state, slow.holder, slow.refused)
    return task


def claimed_apart() -> tuple[History, Op, Op]:
    """Return a task that FIRST and SECOND claimed apart, FIRST with effect, and the claims."""
    history = History()
    one, two = (history.claim(who, history.ops[:1]) for who in (FIRST, SECOND))
    return history, one, two


def test_a_result_stays_though_who_worked_on_upon_it_loses_the_task_to_a_third() -> None:
    history, one, two = claimed_apart()
    begun = history.progress(one, sees=[one])
    done = history.complete(two, [two], for_review=True)
    on = history.progress(one, sees=[begun, done])
    assert (fold(history).state, fold(history).refused) == ("in_progress", ())
    history.assign(ADMIN, THIRD, history.ops[:1])
    task = fold(history)
    assert (task.state, task.completion) == ("submitted", done.id)
    late = {begun.id: "progress_after_loss", on.id: "progress_after_loss"}
    assert dict(task.refused) == late


def test_of_a_tenure_that_lost_all_work_is_refused_and_not_the_newest_alone() -> None:
    history = History()
    claim = history.claim(FIRST)
    work = [history.progress(claim, to) for to in ("in_progress", "blocked", "in_progress")]
    history.assign(ADMIN, SECOND, history.ops[:1])
    assert fold(history).refused == tuple((op.id, "progress_after_loss") for op in work)


def test_a_result_that_was_taken_back_stays_so_beside_whoever_saw_it_alone() -> None:
    for takes_back, state in ((True, "assigned"), (False, "submitted")):
        history = History()
        claim = history.claim(FIRST)
        done = history.complete(claim, for_review=True)
        if takes_back:
            history.progress(claim, sees=[done])
        history.act(THIRD, Merge(TASK), [done])
        history.assign(ADMIN, SECOND, history.ops[:1])
        assert fold(history).state == state


def test_a_claim_beside_one_that_was_given_up_holds_the_task_though_somebody_saw_both() -> None:
    history, one, two = claimed_apart()
    history.act(THIRD, Merge(TASK), [one, two])
    history.release(FIRST, [one])
    task = fold(history)
    assert task.state == "claimed" and task.tenure is not None
    assert (task.tenure.id, task.tenure.holder) == (two.id, SECOND)


def test_refused_acts_are_in_their_order_whenever_they_came_to_be_refused() -> None:
    history, one, two = claimed_apart()
    begun = history.progress(two, sees=[two])
    taken = history.claim(THIRD)
    blind = [history.claim(ADMIN, [one]) for _ in range(9)]
    over = max(blind, key=lambda op: op.id)
    reasons = {
        begun.id: "progress_after_loss",
        taken.id: "claim_of_owned",
        **dict.fromkeys((op.id for op in blind), "claim_of_owned"),
        over.id: "over_limit",
    }
    task = fold(history)
    assert dict(task.refused) == reasons
    order = sorted((begun, taken, *blind), key=lambda op: (op.lam, op.id))
    assert [event for event, _ in task.refused] == [op.id for op in order]


def test_a_record_whose_id_is_named_as_a_task_is_the_creation_of_none() -> None:
    history = History(None)
    history.act(FIRST, Record("decision", None, None, "grey", (), None, ()), id=TASK)
    given = history.assign(ADMIN, SECOND)
    done = history.act(SECOND, TaskComplete(TASK, given.id, "done", (), False))
    verdict = history.review(ADMIN, done)
    for bench in (None, Panel()):
        task = tasks.reduce(TASK, history.ops, (), bench)
        assert (task.state, task.creator, task.lam, task.created) == (tasks.NONE, b"", 0, 0)
        assert dict(task.refused) == dict.fromkeys((given.id, done.id, verdict.id), "wrong_state")
