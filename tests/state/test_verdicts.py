"""Verdicts: whose approval is of one's own work, which of several stands, what a race leaves."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from envoy.core.codec import Open
from envoy.core.records import TaskReview
from envoy.core.structs import replace
from envoy.state.registers import Op
from envoy.state.transitions import STALE_REVIEW
from histories import ADMIN, CREATOR, FIRST, SECOND, TASK, THIRD, History, fixed, made
from oracle.tasks import Slow
from state.test_reviews import PROOFS, around, fold, handed_in

NOT_OWN: Open = (("no_self_review", True), ("review_by", ("write",)), ("reviews", 1))


def held_before(history: History) -> Op:
    """Return the work of FIRST on what SECOND gave back."""
    history.claim(SECOND)
    history.release(SECOND)
    return history.complete(history.claim(FIRST))


def held_beside(history: History) -> Op:
    """Return the work of FIRST while SECOND, as FIRST did not know, held the task as well."""
    history.assign(CREATOR, SECOND)
    claim = history.claim(FIRST, history.ops[:1], fence=1)
    return history.complete(claim, [claim])


def held_by_one(history: History) -> Op:
    """Return the work of FIRST, who alone held the task."""
    return history.complete(history.claim(FIRST))


@pytest.mark.parametrize(
    ("handed_in_by", "reviewer", "state"),
    [
        pytest.param(held_before, THIRD, "completed", id="by somebody else"),
        pytest.param(held_before, SECOND, "submitted", id="by who held it before"),
        pytest.param(held_beside, SECOND, "submitted", id="by who held it beside"),
        pytest.param(held_beside, CREATOR, "completed", id="by who gave it to another"),
        pytest.param(held_by_one, SECOND, "completed", id="by who never held it"),
        pytest.param(held_by_one, FIRST, "submitted", id="by who did the work"),
    ],
)
def test_whoever_held_a_task_reviews_oneself(
    handed_in_by: Callable[[History], Op], reviewer: bytes, state: str
) -> None:
    history = History(made(gate=NOT_OWN))
    done = handed_in_by(history)
    review = history.review(reviewer, done, sees=[done])
    beside = replace(around(history), roles={review.id: "write"})
    task = fold(history, beside)
    assert (task.state, review.id in dict(task.refused)) == (state, False)
    assert Slow(TASK, history.ops, history.receipts, beside).outcome().state == state


def test_what_a_member_held_unknown_to_an_act_does_not_bear_on_it() -> None:
    """ADMIN reopened what was done then; that SECOND held it as well came to light later."""
    history = History(made(gate=NOT_OWN))
    done = held_beside(history)
    review = history.review(SECOND, done, sees=[done])
    again = history.reopen(ADMIN, [review])
    beside = replace(around(history), roles={review.id: "write"})
    assert again.id not in dict(fold(history, beside).refused)
    slow = Slow(TASK, history.ops, history.receipts, beside).outcome()
    assert slow.refused == dict(fold(history, beside).refused)
    early = History(made(gate=NOT_OWN))  # the control: it had seen that
    done = held_beside(early)
    review = early.review(SECOND, done, sees=[done])
    again = early.reopen(ADMIN)
    beside = replace(around(early), roles={review.id: "write"})
    assert dict(fold(early, beside).refused)[again.id] == "wrong_state"


def test_what_was_built_on_an_unmet_gate_stays_legal_when_evidence_comes_to_be_known() -> None:
    history, done = handed_in((("evidence", ("test",)),), *PROOFS)
    history.progress(history.ops[1])
    for proofs in (0, 2):
        task = fold(history, around(history, proofs=proofs))
        assert (task.state, task.refused) == ("in_progress", ())
    early, _ = handed_in((), *PROOFS)  # the control: nothing beside it decides
    late = early.progress(early.ops[1])
    assert dict(fold(early).refused) == {late.id: "wrong_state"} and done.id


def test_the_gate_that_is_shown_of_a_completion_has_what_the_policy_asks() -> None:
    history, _ = handed_in((("reviews", 1),))
    beside = around(history, policy=(("no_self_review", True),))
    assert fold(history, beside).gate == (("no_self_review", True), ("reviews", 1))


def test_a_result_under_another_tenure_leaves_the_verdict_on_the_first() -> None:
    history = History(made(gate=(("reviews", 1),)))
    one, other = (history.claim(who, history.ops[:1]) for who in (FIRST, SECOND))
    done = history.complete(one, sees=[one, other])
    verdict = history.review(CREATOR, done, sees=[done])
    history.complete(other, sees=[done])
    task = fold(history, around(history))
    assert verdict.id not in dict(task.refused)
    assert (task.state, task.completion) == ("completed", done.id)


def test_a_result_of_another_tenure_that_saw_the_first_leaves_its_verdict_too() -> None:
    history = History(made(gate=(("reviews", 1),)))
    ours, theirs = (history.claim(who, history.ops[:1]) for who in (FIRST, SECOND))
    done = history.complete(theirs, [theirs])
    verdict = history.review(CREATOR, done, sees=[done])
    again = history.complete(ours, [ours, done])
    task = fold(history)
    assert (task.refused, task.state, task.completion) == ((), "completed", done.id)
    assert verdict.id != again.id
    other = History(made(gate=(("reviews", 1),)))  # the control: of the same tenure
    theirs = other.claim(SECOND)
    done = other.complete(theirs)
    verdict = other.review(CREATOR, done, sees=[done])
    again = other.complete(theirs, [done])
    task = fold(other)
    assert (dict(task.refused), task.state) == ({verdict.id: STALE_REVIEW}, "submitted")
    assert task.completion == again.id


@pytest.mark.parametrize("said", list(itertools.permutations(("approve", "reject"))))
def test_of_what_two_copies_of_a_reviewer_said_apart_the_stricter_stands(
    said: tuple[str, ...],
) -> None:
    history, done = handed_in((("reviews", 1),))
    for verdict in said:
        history.review(CREATOR, done, verdict, sees=[done])
    task = fold(history)
    assert (task.state, task.refused) == ("open", ())
    assert Slow(TASK, history.ops, (), around(history)).outcome().state == "open"


@pytest.mark.parametrize("said", list(itertools.permutations(("approve", "request_changes"))))
def test_the_verdicts_of_a_completion_have_one_for_each_reviewer(said: tuple[str, ...]) -> None:
    history, done = handed_in((("reviews", 3),))
    for verdict in said:
        history.review(CREATOR, done, verdict, sees=[done])
    assert [one.verdict for one in fold(history).reviews] == ["request_changes"]


def test_standing_verdicts_are_in_the_order_of_the_acts() -> None:
    history, done = handed_in((("reviews", 3),))
    history.review(CREATOR, done)
    other = history.review(ADMIN, done)
    newest = history.review(CREATOR, done)
    assert [one.id for one in fold(history).reviews] == [other.id, newest.id]
    late = replace(other, admitted=(newest.lam + 9, fixed("admit")))
    history.ops = [late if op.id == other.id else op for op in history.ops]
    assert [one.id for one in fold(history).reviews] == [newest.id, other.id]


def test_of_two_gates_only_the_one_that_came_beside_has_raced() -> None:
    history = History()
    claim = history.claim(FIRST)
    known = history.gate(CREATOR, (("reviews", 1),))
    done = history.complete(claim)
    beside = history.gate(ADMIN, (("reviews", 2),), [claim])
    found = [(one.kind, one.winner) for one in fold(history).conflicts]
    assert found == [("gate_raced", beside.id)] and known.id != beside.id and done.id


def test_a_verdict_names_a_completion_that_its_author_saw() -> None:
    history, done = handed_in((("review_by", ("write",)), ("reviews", 1)))
    unseen = history.review(SECOND, done, sees=history.ops[:2])
    no_completion = history.review(SECOND, history.ops[1])
    nothing = history.act(SECOND, TaskReview(TASK, fixed("nothing"), "approve", None, ()))
    found = dict(fold(history).refused)
    assert {found[op.id] for op in (unseen, no_completion, nothing)} == {"review_without_rank"}


@pytest.mark.parametrize(
    ("asks", "reason"),
    [
        pytest.param((("review_by", ("write",)), ("reviews", 1)), None, id="the task names it"),
        pytest.param((("reviews", 1),), "review_without_rank", id="nobody names it"),
    ],
)
def test_whom_the_task_names_may_judge_though_the_policy_wants_more(
    asks: Open, reason: str | None
) -> None:
    history, done = handed_in(asks)
    said = history.review(SECOND, done, "request_changes")
    task = fold(history, around(history, policy=(("review_by", ("admin",)),)))
    assert dict(task.refused).get(said.id) == reason
    assert task.state == ("submitted" if reason else "changes_requested")
