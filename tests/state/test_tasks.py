"""What acts on a task mean: the stories of the specification in all orders, fields, and bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from envoy import limits
from envoy.core.bodies import (
    Merge,
    Ref,
    TaskAssign,
    TaskCancel,
    TaskClaim,
    TaskComplete,
    TaskProgress,
    TaskRelease,
    TaskReopen,
)
from envoy.core.structs import Body, replace
from envoy.state import tasks
from envoy.state.registers import Op
from envoy.state.reviews import Panel
from envoy.views import names
from histories import (
    ADMIN,
    CREATOR,
    FIRST,
    MADE,
    SECOND,
    TASK,
    UNCHANGED,
    History,
    fixed,
    made,
    read,
)
from vectorfile import good


def orders(ops: list[Op]) -> Iterator[tuple[Op, ...]]:
    """Yield every order of arrival of a few acts; of many, each act as the last one."""
    if len(ops) <= 6:
        yield from itertools.permutations(ops)
    for late in ops:
        yield (*(op for op in reversed(ops) if op is not late), late)


def shown(task: tasks.Task) -> dict[str, object]:
    """Return a task as a vector expects it."""
    tenure, words = task.tenure, None
    if task.state != tasks.NONE:
        words = [
            names.status(task.state),
            names.lifecycle_state(task.state),
            names.assignment_state(task.state, is_held=tenure is not None),
            names.claim_state(task.state, tenure.claim_state if tenure else names.UNCLAIMED),
        ]
    return {
        "fields": {
            "title": task.title,
            "body": task.body,
            "priority": task.priority,
            "due_at": task.due_at,
            "parent": task.parent and task.parent.hex(),
            "labels": list(task.labels),
            "needs": [one.hex() for one in task.needs],
        },
        "state": task.state,
        "names": words,
        "tenure": tenure.id.hex() if tenure else None,
        "holder": tenure.holder.hex() if tenure else None,
        "fence": tenure.fence if tenure else None,
        "completion": task.completion.hex() if task.completion else None,
        "refused": sorted([one.hex(), reason] for one, reason in task.refused),
        "conflicts": sorted(
            [
                one.kind,
                one.winner.hex(),
                one.loser.hex(),
                one.rule,
                "open" if one.is_open else "resolved",
            ]
            for one in task.conflicts
        ),
        "handoffs": [
            [one.id.hex(), one.standing, None if one.act is None else one.act.hex()]
            for one in task.handoffs
        ],
        "heads": [one.hex() for one in task.heads],
        "version": task.version.hex(),
    }


@pytest.mark.parametrize(("given", "expect"), good("tasks"))
def test_a_story_ends_the_same_in_every_order(given: dict[str, Any], expect: object) -> None:
    task, acts, receipts = read(given)
    for order in orders(acts):
        bench = Panel() if tasks.is_reviewed(order) or asks(order) else None
        assert shown(tasks.reduce(task, order, receipts, bench)) == expect


def asks(ops: Sequence[Op]) -> bool:
    """Say whether a completion asks for a review: with one, a bench has to say the same."""
    return any(isinstance(op.body, TaskComplete) and op.body.for_review for op in ops)


def fold(history: History) -> tasks.Task:
    """Return the task of a history."""
    return tasks.reduce(history.entity, history.ops, history.receipts)


@pytest.mark.parametrize(
    ("title", "body", "shown_title"),
    [
        pytest.param("repair", "it stops", "repair", id="the title that was given"),
        pytest.param(None, "it stops\nat a tab", "it stops", id="no title: first line of the body"),
        pytest.param("", "it stops", "it stops", id="an empty title is none"),
        pytest.param(None, "", "", id="neither"),
        pytest.param(None, "x" * 600, "x" * 512, id="a long line is cut where a title ends"),
        pytest.param(None, "x" + "é" * 300, "x" + "é" * 255, id="never within a character"),
    ],
)
def test_a_task_is_called(title: str | None, body: str, shown_title: str) -> None:
    task = fold(History(replace(MADE, title=title, body=body)))
    assert (task.title, task.body) == (shown_title, body)
    assert len(shown_title.encode()) <= limits.TITLE_BYTES_MAX


def test_the_fields_are_those_of_the_creation() -> None:
    need, parent, ref = fixed("need"), fixed("parent"), Ref("supports", fixed("ref"), None)
    history = History(
        replace(
            MADE,
            labels=("parser", "urgent", "parser"),
            priority=0,
            due_at=7,
            needs=(need, need),
            parent=parent,
            refs=(ref, ref),
            gate=(("reviews", 2),),
        )
    )
    last = history.claim(FIRST, fence=4)
    task = fold(history)
    assert (task.id, task.creator, task.lam) == (TASK, CREATOR, 1)
    assert (task.created, task.changed) == (history.ops[0].ts, last.ts)
    assert (task.priority, task.due_at, task.parent) == (0, 7, parent)
    assert (task.labels, task.needs, task.refs) == (("parser", "urgent"), (need,), (ref,))
    assert task.gate == (("reviews", 2),)
    assert task.held == ((last.id, FIRST),)
    assert (task.summary, task.evidence, task.completed_by) == (None, (), None)


def test_a_claim_shows_session_fence_and_the_hubs_last_word_on_its_lease() -> None:
    history = History()
    claim = history.claim(FIRST, fence=4)
    tenure = fold(history).tenure
    assert tenure is not None
    assert (tenure.kind, tenure.session, tenure.giver) == ("claim", "default", FIRST)
    assert (tenure.no, tenure.fence, tenure.full_fence) == (0, 4, (0, 4))
    assert tenure.lease_until == history.receipts[0].until
    assert tenure.id == claim.id


def test_a_completion_brings_its_summary_and_evidence() -> None:
    history = History()
    claim = history.claim(FIRST)
    proof = fixed("proof")
    done = history.act(FIRST, TaskComplete(TASK, claim.id, "one by one", (proof,), False))
    task = fold(history)
    assert (task.completion, task.completed_by) == (done.id, FIRST)
    assert (task.summary, task.evidence) == ("one by one", (proof,))


def test_what_was_taken_back_is_no_result() -> None:
    history = History(made(gate=(("reviews", 1),)))
    claim = history.claim(FIRST)
    history.complete(claim)
    assert fold(history).summary == "done"
    history.progress(claim)
    task = fold(history)
    assert (task.summary, task.completion, task.completed_by) == (None, None, None)


def test_a_task_whose_creation_is_held_is_none_and_bare() -> None:
    history = History(None)
    history.act(CREATOR, made(assignee=FIRST), id=TASK, counts=False)
    task = fold(history)
    assert (task.state, task.title, task.creator, task.tenure) == (tasks.NONE, "", b"", None)
    assert (task.lam, task.created, task.changed, task.priority, task.held) == (0, 0, 0, 0, ())
    control = fold(History(made(assignee=FIRST)))
    assert (control.state, control.title) == ("assigned", MADE.title)


def test_the_version_changes_with_every_act_and_with_nothing_else() -> None:
    history = History()
    before = fold(history).version
    assert fold(history).version == before
    history.act(SECOND, Merge(TASK))
    assert fold(history).version != before


CLAIM = TaskClaim(TASK, "default", 900, fixed((FIRST, "holder")), None)
OTHER_SESSION = replace(CLAIM, session="other")


def open_task() -> History:
    """Return an open task."""
    return History()


def claimed() -> History:
    """Return a task that FIRST holds."""
    history = History()
    history.claim(FIRST)
    return history


def begun() -> History:
    """Return a task that FIRST works on."""
    history = claimed()
    history.progress(history.ops[1])
    return history


def completed() -> History:
    """Return a task that FIRST completed."""
    history = claimed()
    history.complete(history.ops[1])
    return history


def assigned() -> History:
    """Return a task that was made for FIRST."""
    return History(made(assignee=FIRST))


TENURE = claimed().ops[1].id


def cancelled() -> History:
    """Return a task that was cancelled."""
    history = History()
    history.cancel(CREATOR)
    return history


GONE, BACK = TaskCancel(TASK, ""), TaskReopen(TASK, "")
SAME = replace(UNCHANGED, title=MADE.title, body=MADE.body, priority=2, due_at=0, unlabel=("x",))
GO_ON = TaskProgress(TASK, TENURE, "in_progress", None)
DONE = TaskComplete(TASK, TENURE, "", (), False)
FREE = TaskRelease(TASK, None)


@pytest.mark.parametrize(
    ("history", "body", "author", "changes"),
    [
        pytest.param(claimed(), CLAIM, FIRST, False, id="claim again in one session"),
        pytest.param(claimed(), OTHER_SESSION, FIRST, True, id="claim in another session"),
        pytest.param(claimed(), CLAIM, SECOND, True, id="another's claim"),
        pytest.param(assigned(), CLAIM, FIRST, True, id="accept an assignment"),
        pytest.param(open_task(), CLAIM, FIRST, True, id="claim what is free"),
        pytest.param(completed(), CLAIM, FIRST, True, id="claim what is done"),
        pytest.param(assigned(), TaskAssign(TASK, FIRST), CREATOR, False, id="assign again"),
        pytest.param(assigned(), TaskAssign(TASK, SECOND), CREATOR, True, id="assign another"),
        pytest.param(claimed(), TaskAssign(TASK, FIRST), CREATOR, True, id="assign a claimant"),
        pytest.param(open_task(), FREE, FIRST, False, id="release a free task"),
        pytest.param(claimed(), FREE, FIRST, True, id="release"),
        pytest.param(begun(), GO_ON, FIRST, False, id="go on, without a word"),
        pytest.param(begun(), replace(GO_ON, note="half"), FIRST, True, id="go on, with a note"),
        pytest.param(begun(), replace(GO_ON, to="blocked"), FIRST, True, id="stop working"),
        pytest.param(begun(), GO_ON, SECOND, True, id="another's work"),
        pytest.param(completed(), DONE, FIRST, False, id="complete again"),
        pytest.param(completed(), DONE, SECOND, True, id="another's result"),
        pytest.param(claimed(), DONE, FIRST, True, id="complete"),
        pytest.param(claimed(), Merge(TASK), FIRST, True, id="a merge always says something"),
        pytest.param(cancelled(), GONE, CREATOR, False, id="cancel again"),
        pytest.param(open_task(), GONE, CREATOR, True, id="cancel"),
        pytest.param(open_task(), BACK, CREATOR, False, id="open what is open"),
        pytest.param(cancelled(), BACK, CREATOR, True, id="open what is cancelled"),
        pytest.param(open_task(), UNCHANGED, CREATOR, False, id="an edit of nothing"),
        pytest.param(open_task(), SAME, CREATOR, False, id="an edit to what is there"),
        pytest.param(open_task(), replace(SAME, title=""), CREATOR, True, id="another title"),
        pytest.param(open_task(), replace(SAME, label=("x",)), CREATOR, True, id="another label"),
    ],
)
def test_a_repeat_writes_no_event(
    history: History, body: Body, author: bytes, changes: bool
) -> None:
    assert tasks.repeats(fold(history), body, author) is (not changes)


NEED, WHOLE = fixed("a need"), fixed("the whole")
SEEN, OTHER = Ref(None, fixed("seen"), None), Ref("supports", fixed("other"), None)
FULL = replace(
    MADE, labels=("a", "b"), needs=(NEED,), parent=WHOLE, refs=(SEEN,), due_at=500, priority=1
)


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        pytest.param({"title": MADE.title}, False, id="the same title"),
        pytest.param({"body": MADE.body}, False, id="the same text"),
        pytest.param({"body": "another"}, True, id="another text"),
        pytest.param({"priority": 1}, False, id="the same priority"),
        pytest.param({"priority": 0}, True, id="another priority"),
        pytest.param({"due_at": 500}, False, id="the same end"),
        pytest.param({"due_at": 501}, True, id="another end"),
        pytest.param({"due_at": 0}, True, id="no end any more"),
        pytest.param({"parent": WHOLE}, False, id="the same whole"),
        pytest.param({"parent": NEED}, True, id="another whole"),
        pytest.param({"parent": bytes(32)}, True, id="no whole any more"),
        pytest.param({"label": ("a", "b")}, False, id="labels that it has"),
        pytest.param({"label": ("a", "c")}, True, id="a label that it has not"),
        pytest.param({"unlabel": ("c",)}, False, id="a label off that it has not"),
        pytest.param({"unlabel": ("b", "c")}, True, id="a label off that it has"),
        pytest.param({"need": (NEED,)}, False, id="a need that it has"),
        pytest.param({"need": (WHOLE,)}, True, id="a need that it has not"),
        pytest.param({"unneed": (WHOLE,)}, False, id="a need off that it has not"),
        pytest.param({"unneed": (NEED,)}, True, id="a need off that it has"),
        pytest.param({"ref": (SEEN,)}, False, id="a reference that it has"),
        pytest.param({"ref": (OTHER,)}, True, id="a reference that it has not"),
        pytest.param({"unref": (OTHER,)}, False, id="a reference off that it has not"),
        pytest.param({"unref": (SEEN,)}, True, id="a reference off that it has"),
    ],
)
def test_an_edit_to_what_is_there_writes_no_event(edit: dict[str, object], changes: bool) -> None:
    body = replace(UNCHANGED, **edit)
    assert tasks.repeats(fold(History(FULL)), body, CREATOR) is (not changes)


def test_without_an_end_or_a_whole_to_take_them_away_is_a_repeat() -> None:
    for edit in ({"due_at": 0}, {"parent": bytes(32)}):
        assert tasks.repeats(fold(History()), replace(UNCHANGED, **edit), CREATOR)


def test_a_held_edit_changes_nothing() -> None:
    history = History(FULL)
    before = fold(history)
    edit = replace(
        UNCHANGED,
        **{"title": "x", "body": "y", "priority": 0, "due_at": 1, "parent": NEED},
        **{"label": ("c",), "unlabel": ("a",), "need": (WHOLE,), "unneed": (NEED,)},
        **{"ref": (OTHER,), "unref": (SEEN,)},
    )
    history.act(ADMIN, edit, counts=False)
    after = fold(history)
    kept = ("title", "body", "priority", "due_at", "parent", "labels", "needs", "refs", "edges")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    history.act(ADMIN, edit)  # the control
    after = fold(history)
    assert all(getattr(after, name) != getattr(before, name) for name in kept)


def test_an_author_is_told_what_replicas_will_find() -> None:
    task = fold(claimed())
    assert tasks.refusal(task, CLAIM, SECOND, rho=1) == "claim_of_owned"
    assert tasks.refusal(task, CLAIM, SECOND, rho=1, fence=(0, 1)) is None
    work = TaskProgress(TASK, TENURE, "in_progress", None)
    assert tasks.refusal(task, work, FIRST, rho=1) is None
    assert tasks.refusal(task, work, SECOND, rho=3) == "progress_without_tenure"


def test_an_author_who_lost_is_told_so() -> None:
    history = claimed()
    history.assign(ADMIN, SECOND)
    work = TaskComplete(TASK, TENURE, "", (), False)
    assert tasks.refusal(fold(history), work, FIRST, rho=1) == "complete_after_loss"


def test_work_that_waits_for_a_review_is_submitted_though_nobody_asked_for_a_gate() -> None:
    for for_review, state in ((True, "submitted"), (False, "completed")):
        history = History()
        history.complete(history.claim(FIRST), for_review=for_review)
        assert tasks.reduce(TASK, history.ops, ()).state == state


def test_a_result_after_the_loss_lost_to_the_tenure_unless_work_was_rejected() -> None:
    for verdict in ("approve", "request_changes", "reject"):
        history = History()
        lost = history.claim(SECOND)
        given = history.assign(CREATOR, FIRST)
        done = history.complete(given, for_review=True)
        said = history.review(CREATOR, done, verdict)
        late = history.complete(lost)
        bench = Panel()
        task = tasks.reduce(TASK, history.ops, history.receipts, bench)
        assert dict(task.refused) == {late.id: "complete_after_loss"}
        (loss,) = (one for one in task.conflicts if one.loser == late.id)
        winner = said if verdict == "reject" else given
        assert (loss.kind, loss.winner) == ("complete_after_loss", winner.id)
