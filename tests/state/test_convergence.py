"""Tasks converge: whatever the order of arrival, and whatever authors hide, one set is one task."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.bodies import (
    Merge,
    TaskAssign,
    TaskCancel,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskProgress,
    TaskRelease,
    TaskReopen,
)
from envoy.core.structs import Body, replace
from envoy.state import tasks
from envoy.state.claims import Receipt
from envoy.state.registers import Op
from histories import (
    ADMIN,
    CREATOR,
    FIRST,
    SECOND,
    THIRD,
    UNCHANGED,
    History,
    capsule,
    fixed,
    holder,
    made,
)
from oracle.tasks import Slow

AUTHORS = (FIRST, SECOND, THIRD, CREATOR, ADMIN)
KINDS = (
    *("assign", "claim", "claim", "release", "progress", "progress", "complete", "merge"),
    *("edit", "edit", "cancel", "reopen", "reopen", "handoff", "handoff"),
)
NEEDS = (fixed("a need"), fixed("another"))
# What an edit writes, by its pick.
EDITS: tuple[dict[str, object], ...] = (
    {"body": "one", "label": ("a",)},
    {"body": "two", "unlabel": ("a", "b"), "need": NEEDS[:1]},
    {"label": ("b", "a"), "unneed": NEEDS},
    {"title": "other", "priority": 0},
    {"title": "", "due_at": 9},
    {"due_at": 0, "parent": NEEDS[0]},
    {"parent": bytes(32), "need": NEEDS},
    {},
)


RHO = {ADMIN: 3, CREATOR: 2}


class Step(NamedTuple):
    """One act of a random history, by numbers that are taken modulo what there is."""

    author: bytes
    kind: str
    pick: int
    sees: tuple[int, ...]  # empty: all heads; else some acts, counted from the newest
    fence: int
    holder_is_right: bool
    counts: bool
    is_admitted: bool


steps = st.lists(
    st.builds(
        Step,
        author=st.sampled_from(AUTHORS),
        kind=st.sampled_from(KINDS),
        pick=st.integers(0, 7),
        sees=st.one_of(st.just(()), st.lists(st.integers(0, 6), max_size=3).map(tuple)),
        fence=st.integers(0, 3),
        holder_is_right=st.integers(0, 9).map(bool),
        counts=st.integers(0, 9).map(bool),
        is_admitted=st.integers(0, 9).map(lambda one: not one),
    ),
    max_size=14,
)
creations = st.sampled_from(
    [made(), made(assignee=SECOND), made(gate=(("reviews", 1),))],
)


def body_of(step: Step, history: History) -> tuple[bytes, Body]:
    """Return author and body of a step; work is done under a tenure of its author, if any."""
    task = history.entity
    kinds = ("task.assign", "task.claim", "task.create", "task.handoff")
    given = [op for op in history.ops if op.kind in kinds]
    tenure = given[-1 - step.pick // 3 % len(given)]
    match step.kind:
        case "assign":
            return step.author, TaskAssign(task, AUTHORS[step.pick % 3])
        case "release":
            return step.author, TaskRelease(task, None)
        case "merge":
            return step.author, Merge(task)
        case "edit":
            return step.author, replace(UNCHANGED, task=task, **EDITS[step.pick])
        case "cancel":
            return step.author, TaskCancel(task, "")
        case "reopen":
            return step.author, TaskReopen(task, "")
        case "claim":
            return step.author, TaskClaim(
                task, "default", 900, fixed((step.author, "holder")), None
            )
    author = step.author
    if step.pick % 4:
        author = holder(tenure) if has_holder(tenure) else tenure.author
    if step.kind == "handoff":
        return author, capsule(task, tenure.id, (*AUTHORS[:3], None)[step.pick % 4])
    if step.kind == "complete":
        return author, TaskComplete(task, tenure.id, "done", (), step.pick == 3)
    to = "blocked" if step.pick % 2 else "in_progress"
    return author, TaskProgress(task, tenure.id, to, None)


def has_holder(tenure: Op) -> bool:
    """Say whether an act gives a task to somebody."""
    return not isinstance(tenure.body, TaskCreate) or tenure.body.assignee is not None


def play(creation: TaskCreate, script: list[Step]) -> History:
    """Return the history that a script makes."""
    history = History(creation)
    for step in script:
        count = len(history.ops)
        sees = [history.ops[-1 - one % count] for one in step.sees] or None
        if step.kind == "claim":
            op = history.claim(step.author, sees)
            if step.fence:
                secret = None if step.holder_is_right else bytes(32)
                history.receipt(op, step.fence, no=step.pick % 2, holder=secret)
            continue
        author, body = body_of(step, history)
        place = (len(history.ops) + 2, fixed(step.pick)) if step.is_admitted else None
        history.act(author, body, sees, counts=step.counts or step.is_admitted, admitted=place)
    return history


histories = st.builds(play, creations, steps)


@settings(max_examples=100, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_every_arrival_order_gives_the_same_task(history: History, chance: Random) -> None:
    arrived, receipts = list(history.ops), list(history.receipts)
    chance.shuffle(arrived)
    chance.shuffle(receipts)
    expected = tasks.reduce(history.entity, history.ops, history.receipts)
    assert tasks.reduce(history.entity, arrived, receipts) == expected


@settings(max_examples=100, deadline=None)
@given(histories)
def test_the_fold_agrees_with_a_slow_reading_of_the_specification(history: History) -> None:
    task = tasks.reduce(history.entity, history.ops, history.receipts)
    slow = Slow(history.entity, history.ops, history.receipts).outcome()
    assert task.state == slow.state
    assert (task.tenure and task.tenure.id) == slow.tenure
    assert (task.tenure and task.tenure.holder) == slow.holder
    assert task.completion == slow.completion
    assert dict(task.refused) == slow.refused
    found = {(one.kind, one.winner, one.loser, one.is_open) for one in task.conflicts}
    assert found <= slow.conflicts
    # Two views may differ on who won of a pair; one of these is kept.
    assert {(k, frozenset(pair)) for k, *pair, _ in found} == {
        (k, frozenset(pair)) for k, *pair, _ in slow.conflicts
    }
    assert len(found) == len({(k, frozenset(pair)) for k, *pair, _ in found})
    assert list(task.heads) == slow.heads
    fields = slow.fields
    body = fields["body"]
    assert isinstance(body, str)
    assert (task.title, task.body) == (fields["title"] or body.partition("\n")[0], body)
    assert (task.priority, task.due_at or 0) == (fields["priority"], fields["due_at"] or 0)
    assert (task.parent or bytes(32)) == (fields["parent"] or bytes(32))
    assert {*task.labels} == fields["label"] and {*task.needs} == fields["need"]


@settings(max_examples=50, deadline=None)
@given(histories)
def test_folding_as_acts_arrive_ends_where_a_full_rebuild_ends(history: History) -> None:
    known, receipts = list[Op](), list[Receipt]()
    task = tasks.reduce(history.entity, known, receipts)
    for op in history.ops:
        known.append(op)
        receipts += [one for one in history.receipts if one.event == op.id]
        task = tasks.reduce(history.entity, known, receipts)
    assert task == tasks.reduce(history.entity, history.ops, history.receipts)


@settings(max_examples=100, deadline=None)
@given(histories)
def test_every_counting_act_has_an_effect_a_reason_or_a_later_act(history: History) -> None:
    task = tasks.reduce(history.entity, history.ops, history.receipts)
    assert {one for one, _ in task.refused} <= {op.id for op in history.ops if op.counts}
    assert len(dict(task.refused)) == len(task.refused)
    for one in task.conflicts:
        assert one.winner != one.loser
    if task.tenure is not None:
        assert (task.tenure.id, task.tenure.holder) in task.held


@settings(max_examples=100, deadline=None)
@given(histories, steps)
def test_an_author_is_told_before_what_the_fold_says_after(
    history: History, script: list[Step]
) -> None:
    task = tasks.reduce(history.entity, history.ops, history.receipts)
    for step in script:
        author, body = body_of(step, history)
        told = tasks.refusal(task, body, author, rho=RHO.get(author, 1))
        after = History(None)
        after.ops, after.receipts = list(history.ops), list(history.receipts)
        seen = [op for op in after.ops if op.id in task.heads]
        op = after.act(author, body, seen)
        found = dict(tasks.reduce(history.entity, after.ops, after.receipts).refused)
        assert found.get(op.id) == told
