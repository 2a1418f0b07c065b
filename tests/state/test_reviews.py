"""Verdicts and gates: chance histories against the slow reading, and what each rule is for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.bodies import SpacePolicy, SpaceUpdate, TaskComplete, TaskProgress
from envoy.core.codec import Open
from envoy.core.records import VERDICTS, TaskReview
from envoy.core.structs import replace
from envoy.state import gates, tasks
from envoy.state.gates import FREE, Around, Gate
from envoy.state.registers import Graph, Op
from envoy.state.reviews import Panel
from envoy.state.transitions import STALE_REVIEW
from histories import ADMIN, CREATOR, FIRST, OTHER_ADMIN, SECOND, TASK, THIRD, History, fixed, made
from oracle.tasks import Slow
from state.test_convergence import KINDS, Step, body_of

JUDGING = (*KINDS, *("complete", "complete", "review", "review", "review", "review", "gate"))
PROOFS = (fixed("a test"), fixed("a log"))
TYPES = dict(zip(PROOFS, ("test", "log"), strict=True))
AUTHORS = (FIRST, SECOND, THIRD, CREATOR, ADMIN)
GATES: tuple[Open, ...] = (
    (),
    (("reviews", 1),),
    (("no_self_review", True), ("reviews", 1)),
    (("reviews", 2),),
    (("review_by", ("human", "write")), ("reviews", 1)),
    (("review_by", ("admin",)), ("reviews", 1)),
    (("evidence", ("test",)),),
    (("evidence", ("log", "test")), ("reviews", 1)),
)
ROLE = {ADMIN: "admin", OTHER_ADMIN: "owner", THIRD: "read"}

judging = st.lists(
    st.builds(
        Step,
        author=st.sampled_from(AUTHORS),
        kind=st.sampled_from(JUDGING),
        pick=st.integers(0, 7),
        sees=st.one_of(
            st.just(()), st.just(()), st.lists(st.integers(0, 6), max_size=3).map(tuple)
        ),
        fence=st.integers(0, 3),
        holder_is_right=st.just(True),
        counts=st.integers(0, 9).map(bool),
        is_admitted=st.integers(0, 9).map(lambda one: not one),
    ),
    max_size=14,
)


def play(gate: Open, script: list[Step]) -> History:
    """Return the history of a task with a gate, judged as often as not."""
    history = History(made(gate=gate))
    for step in script:
        count = len(history.ops)
        sees = [history.ops[-1 - one % count] for one in step.sees] or None
        done = [op for op in history.ops if op.kind == "task.complete"]
        if step.kind == "claim":
            op = history.claim(step.author, sees)
            if step.fence:
                history.receipt(op, step.fence)
        elif step.kind == "gate":
            history.gate(step.author, GATES[step.pick], sees)
        elif step.kind == "review" and not done:
            history.review(step.author, history.ops[0], sees=sees)
        elif step.kind == "review":
            history.review(step.author, done[-1 - step.pick // 3 % len(done)], said(step), sees)
        else:
            author, body = body_of(step, history)
            if isinstance(body, TaskComplete):
                body = replace(body, evidence=PROOFS[: step.pick % 3])
            place = (count + 2, fixed(step.pick)) if step.is_admitted else None
            history.act(author, body, sees, counts=step.counts or step.is_admitted, admitted=place)
    return history


def said(step: Step) -> str:
    """Return the verdict of a step: approved twice as often."""
    return (*VERDICTS, "approve")[step.pick % 4]


def around(history: History, *, humans: int = 0, proofs: int = 2, policy: Open = ()) -> Around:
    """Return what is known beside a history, by the roles of ROLE."""
    asked = gates.read(policy)
    return Around(
        policy={op.id: asked for op in history.ops if op.kind == "task.complete"} if policy else {},
        roles={
            op.id: ROLE.get(op.author, "write") for op in history.ops if op.kind == "task.review"
        },
        humans=frozenset(AUTHORS[:humans]),
        evidence={
            op.id: {one: TYPES[one] for one in PROOFS[:proofs]}
            for op in history.ops
            if op.kind == "task.complete"
        },
    )


histories = st.builds(play, st.sampled_from(GATES), judging)
known = {
    "humans": st.integers(0, 5),
    "proofs": st.integers(0, 2),
    "policy": st.sampled_from(GATES),
}


def fold(history: History, beside: Around | None = None) -> tasks.Task:
    """Return the task of a history."""
    bench = Panel(around(history) if beside is None else beside)
    return tasks.reduce(history.entity, history.ops, history.receipts, bench)


@settings(max_examples=100, deadline=None)
@given(histories, st.fixed_dictionaries(known))
def test_verdicts_agree_with_a_slow_reading_of_the_specification(
    history: History, facts: dict[str, Any]
) -> None:
    beside = around(history, **facts)
    task = fold(history, beside)
    slow = Slow(history.entity, history.ops, history.receipts, beside).outcome()
    assert task.state == slow.state
    assert (task.tenure and task.tenure.holder) == slow.holder
    assert task.completion == slow.completion
    assert dict(task.refused) == slow.refused
    found = {(one.kind, frozenset((one.winner, one.loser)), one.is_open) for one in task.conflicts}
    assert found == {(kind, frozenset((w, x)), is_open) for kind, w, x, is_open in slow.conflicts}


@settings(max_examples=100, deadline=None)
@given(histories, st.fixed_dictionaries(known), st.randoms(use_true_random=False))
def test_every_arrival_order_gives_the_same_verdicts(
    history: History, facts: dict[str, Any], chance: Random
) -> None:
    beside, arrived = around(history, **facts), list(history.ops)
    chance.shuffle(arrived)
    found = tasks.reduce(history.entity, arrived, history.receipts, Panel(beside))
    assert found == fold(history, beside)


# -- gates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "asks"),
    [
        pytest.param((), FREE, id="none"),
        pytest.param((("reviews", 2),), replace(FREE, reviews=2), id="approvals"),
        pytest.param((("reviews", True),), FREE, id="a count that is none"),
        pytest.param((("reviews", -1),), FREE, id="less than none"),
        pytest.param((("review_by", ("robot",)),), FREE, id="nobody there is"),
        pytest.param(
            (("review_by", ("write", "human", "write")),),
            replace(FREE, review_by=("human", "write")),
            id="reviewers, each once",
        ),
        pytest.param((("no_self_review", True),), replace(FREE, no_self_review=True), id="not own"),
        pytest.param((("no_self_review", "yes"),), FREE, id="a word for a flag"),
        pytest.param((("zeal", 9),), FREE, id="a field that is yet to come"),
        pytest.param(
            (("evidence", ("",)), ("review_by", "write"), ("reviews", 2), ("zeal", 9)),
            replace(FREE, reviews=2),
            id="what is malformed takes nothing from the rest",
        ),
    ],
)
def test_a_gate_asks_for_what_is_known_of_it(gate: Open, asks: Gate) -> None:
    assert gates.read(gate) == asks
    assert gates.read(gates.written(asks)) == asks


def test_only_humans_and_evidence_are_known_beside_the_acts_of_a_task() -> None:
    assert replace(FREE, review_by=("human", "write")).looks_beside
    assert replace(FREE, evidence=("test",)).looks_beside
    assert not Gate(9, ("admin",), True, ()).looks_beside
    assert Gate(1, ("admin", "human", "write"), False, ()).names_roles == ("admin", "write")


def test_a_gate_makes_reviewers_of_members_alone() -> None:
    human, writer = replace(FREE, review_by=("human",)), replace(FREE, review_by=("write",))
    assert gates.names(human, "read") and gates.names(writer, "write")
    assert not gates.names(human, None), "who has no role is no member"
    assert not gates.names(writer, "read") and not gates.names(FREE, "owner")


@pytest.mark.parametrize(
    ("by", "role", "fits"),
    [
        pytest.param(("read",), None, False, id="no member is no reader"),
        pytest.param(("write",), None, False, id="nor a writer"),
        pytest.param(("human",), None, True, id="no role is asked for"),
        pytest.param(("read",), "read", True, id="a reader"),
        pytest.param(("write",), "read", False, id="who may less"),
        pytest.param(("read", "admin"), "write", False, id="each role is asked for"),
        pytest.param(("read", "admin"), "owner", True, id="who may more"),
    ],
)
def test_a_role_is_at_least_each_that_a_gate_names(
    by: tuple[str, ...], role: str | None, fits: bool
) -> None:
    assert gates.fits_roles(replace(FREE, review_by=by), role) is fits


def test_a_gate_is_written_with_all_that_it_asks_in_order_and_without_the_rest() -> None:
    whole = Gate(2, ("admin", "human"), True, ("lint", "test"))
    assert gates.written(whole) == (
        ("evidence", ("lint", "test")),
        ("no_self_review", True),
        ("review_by", ("admin", "human")),
        ("reviews", 2),
    )
    assert gates.read(gates.written(whole)) == whole
    assert gates.written(FREE) == ()


def test_of_several_gates_the_strictest_of_each_field_binds() -> None:
    one, other = Gate(1, ("human",), False, ("test",)), Gate(0, ("admin",), True, ("log",))
    assert gates.strictest([one, other]) == Gate(1, ("admin", "human"), True, ("log", "test"))
    assert gates.strictest([]) == FREE
    words, by = tuple("abcdefgh"), ("admin", "human", "owner", "read", "write")
    many = [replace(FREE, evidence=(word,)) for word in reversed(words)]
    assert gates.strictest(many).evidence == words
    assert gates.strictest([replace(FREE, review_by=(one,)) for one in by]).review_by == by
    assert gates.read((("evidence", tuple(reversed(words))),)).evidence == words


SPACE = fixed("space")
BEFORE: Open = (("gate.evidence", ("test",)), ("gate.reviews", 1))


def asked(history: History, *, seen: Sequence[Op] = ()) -> Gate:
    """Return what the policy of a space asks of a completion that ``seen`` had seen."""
    return gates.of_policy(BEFORE, Graph(SPACE, history.ops), lambda op: op in seen)


def test_a_completion_is_bound_by_the_policy_that_had_not_seen_it_field_by_field() -> None:
    history = History(None, entity=SPACE)
    assert asked(history) == replace(FREE, reviews=1, evidence=("test",)), "as it was founded"
    two = history.act(ADMIN, SpacePolicy((("gate.reviews", 2),)))
    assert asked(history) == replace(FREE, reviews=2, evidence=("test",))
    assert asked(history, seen=[two]) == replace(FREE, reviews=1, evidence=("test",))
    none = history.act(ADMIN, SpacePolicy((("gate.evidence", ()), ("gate.reviews", 0))))
    assert asked(history) == FREE
    assert asked(history, seen=[none]) == replace(FREE, reviews=2, evidence=("test",))


def test_a_founding_policy_is_read_field_by_field() -> None:
    founded: Open = (("audit", 3), ("gate.review_by", ("admin",)), ("labels", ("human",)))
    found = gates.of_policy(founded, Graph(SPACE, []), lambda _op: False)
    assert found == replace(FREE, review_by=("admin",))


def test_of_policies_apart_the_strictest_of_each_field_binds_and_a_held_one_does_not() -> None:
    history = History(None, entity=SPACE)
    history.act(ADMIN, SpacePolicy((("gate.reviews", 0),)), [])
    history.act(OTHER_ADMIN, SpacePolicy((("gate.no_self_review", True), ("gate.reviews", 3))), [])
    bound = replace(FREE, reviews=3, no_self_review=True, evidence=("test",))
    assert asked(history) == bound
    history.act(ADMIN, SpacePolicy((("gate.reviews", 9),)), counts=False)
    history.act(ADMIN, SpacePolicy((("gate.reviews", -1), ("audit", "free"))))
    history.act(ADMIN, SpaceUpdate("name", None))
    assert asked(history) == bound, "held, or of no value that it can have"


def handed_in(gate: Open, *evidence: bytes) -> tuple[History, Op]:
    """Return a task that FIRST handed in, and the completion."""
    history = History(made(gate=gate))
    claim = history.claim(FIRST)
    return history, history.complete(claim, evidence=evidence)


@pytest.mark.parametrize(
    ("gate", "reviewers", "humans", "state"),
    [
        pytest.param({}, (), 0, "completed", id="no gate"),
        pytest.param({"reviews": 1}, (), 0, "submitted", id="nobody approved"),
        pytest.param({"reviews": 1}, (CREATOR,), 0, "completed", id="one approved"),
        pytest.param({"reviews": 2}, (CREATOR,), 0, "submitted", id="one of two"),
        pytest.param(
            {"reviews": 1, "review_by": ("human",)}, (ADMIN,), 0, "submitted", id="by no human"
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("human",)}, (ADMIN,), 5, "completed", id="by a human"
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("human",)},
            (SECOND,),
            2,
            "completed",
            id="by a human of no rank, because the gate names humans",
        ),
        pytest.param({"reviews": 1}, (SECOND,), 2, "submitted", id="whom no gate names"),
        pytest.param(
            {"reviews": 1, "review_by": ("write",)}, (SECOND,), 0, "completed", id="by a writer"
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("write",)}, (THIRD,), 0, "submitted", id="by a reader"
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("admin",)},
            (CREATOR,),
            0,
            "submitted",
            id="not by an admin",
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("admin",)},
            (OTHER_ADMIN,),
            0,
            "completed",
            id="by an owner",
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("write",)}, (FIRST,), 0, "completed", id="by oneself"
        ),
        pytest.param(
            {"reviews": 1, "review_by": ("write",), "no_self_review": True},
            (FIRST,),
            0,
            "submitted",
            id="not by oneself",
        ),
    ],
)
def test_a_gate_is_met_by_approvals_that_fit_all_of_it(
    gate: dict[str, int | bool | tuple[str, ...]],
    reviewers: tuple[bytes, ...],
    humans: int,
    state: str,
) -> None:
    history, done = handed_in(tuple(sorted(gate.items())))
    for who in reviewers:
        history.review(who, done)
    task = fold(history, around(history, humans=humans))
    assert task.state == state
    slow = Slow(TASK, history.ops, (), around(history, humans=humans)).outcome()
    assert (slow.state, slow.refused) == (state, dict(task.refused))


@pytest.mark.parametrize(
    ("named", "known", "state"),
    [
        pytest.param((), 2, "submitted", id="no evidence is named"),
        pytest.param(PROOFS[1:], 2, "submitted", id="evidence of another type"),
        pytest.param(PROOFS[:1], 2, "completed", id="evidence of the type"),
        pytest.param(PROOFS[:1], 0, "submitted", id="which shows nothing: stale, failed"),
    ],
)
def test_a_gate_wants_evidence_that_shows_something(
    named: tuple[bytes, ...], known: int, state: str
) -> None:
    history, _ = handed_in((("evidence", ("test",)),), *named)
    assert fold(history, around(history, proofs=known)).state == state


def test_what_was_built_on_a_met_gate_stays_legal_when_evidence_is_taken_back() -> None:
    history, _ = handed_in((("evidence", ("test",)),), *PROOFS)
    history.reopen(CREATOR)
    taken = history.claim(SECOND)
    for proofs in (2, 0):
        task = fold(history, around(history, proofs=proofs))
        assert (task.state, task.refused) == ("claimed", ())
        assert task.tenure is not None and task.tenure.id == taken.id


def test_without_facts_beside_it_an_outcome_is_exact() -> None:
    history, done = handed_in((("reviews", 1),))
    early = history.reopen(CREATOR)
    history.review(CREATOR, done)
    late = history.assign(CREATOR, SECOND)
    assert dict(fold(history).refused) == {early.id: "wrong_state", late.id: "wrong_state"}


def test_the_policy_binds_as_well_and_names_reviewers() -> None:
    history, done = handed_in(())
    beside = around(history, policy=(("review_by", ("write",)), ("reviews", 1)))
    assert fold(history, beside).state == "submitted"
    history.review(SECOND, done)
    assert fold(history, replace(beside, roles=around(history).roles)).state == "completed"
    control = fold(history, around(history))
    assert [reason for _, reason in control.refused] == ["review_without_rank"]


def test_standing_verdicts_and_the_gate_that_binds_are_shown() -> None:
    history, done = handed_in((("reviews", 2),))
    first = history.act(CREATOR, TaskReview(TASK, done.id, "approve", "well", PROOFS))
    task = fold(history)
    assert task.gate == (("reviews", 2),)
    (review,) = task.reviews
    assert (review.id, review.author, review.verdict) == (first.id, CREATOR, "approve")
    assert (review.note, review.evidence, review.ts) == ("well", PROOFS, first.ts)
    again = TaskReview(TASK, done.id, "approve", "well", PROOFS)
    assert tasks.repeats(task, again, CREATOR) and not tasks.repeats(task, again, ADMIN)
    assert not tasks.repeats(task, replace(again, verdict="reject"), CREATOR)
    assert tasks.refusal(task, again, ADMIN, rho=3) is None
    assert tasks.refusal(task, again, SECOND, rho=1) == "review_without_rank"
    assert tasks.refusal(task, again, SECOND, rho=1, is_named=True) is None
    other = replace(again, completion=fixed("other"))
    assert tasks.refusal(task, other, ADMIN, rho=3) == STALE_REVIEW


def test_the_gate_of_the_next_completion_is_shown_while_there_is_none() -> None:
    history = History()
    history.gate(CREATOR, (("reviews", 3),))
    assert fold(history).gate == (("reviews", 3),)
    assert tasks.is_reviewed(history.ops)
    assert not tasks.is_reviewed(History().ops)
    assert tasks.is_reviewed(History(made(gate=(("reviews", 1),))).ops)


# -- the policy ------------------------------------------------------------------------------


def policies(*acts: tuple[bytes, Open, tuple[int, ...] | None]) -> History:
    """Return the acts on a space: by whom, what, and which of them were seen."""
    history = History(None, entity=fixed("space"))
    for who, policy, sees in acts:
        seen = None if sees is None else [history.ops[one] for one in sees]
        history.act(who, SpacePolicy(policy), seen)
    return history


STRICT: Open = (("gate.reviews", 2),)
LAX: Open = (("gate.reviews", 0),)
BY: Open = (("gate.review_by", ("human",)),)


@pytest.mark.parametrize(
    ("history", "after", "reviews"),
    [
        pytest.param(policies(), (), 1, id="the founding policy"),
        pytest.param(policies((ADMIN, STRICT, None)), (), 2, id="written anew"),
        pytest.param(policies((ADMIN, LAX, None)), (), 0, id="taken away"),
        pytest.param(policies((ADMIN, LAX, None)), (0,), 1, id="taken away after the completion"),
        pytest.param(
            policies((ADMIN, LAX, None), (OTHER_ADMIN, STRICT, ())), (), 2, id="the stricter of two"
        ),
        pytest.param(
            policies((ADMIN, STRICT, None), (OTHER_ADMIN, LAX, None)), (), 0, id="the newer of two"
        ),
        pytest.param(
            policies((ADMIN, STRICT, None), (OTHER_ADMIN, LAX, None)),
            (1,),
            2,
            id="the newer came after the completion",
        ),
        pytest.param(policies((ADMIN, BY, None)), (), 1, id="another field leaves it alone"),
    ],
)
def test_the_policy_that_binds_a_completion(
    history: History, after: tuple[int, ...], reviews: int
) -> None:
    founded: Open = (("audit", "keep"), ("gate.reviews", 1))
    late = {history.ops[one].id for one in after}
    for order in itertools.permutations(history.ops):
        graph = Graph(history.entity, order)
        found = gates.of_policy(founded, graph, lambda op: op.id in late)
        assert found.reviews == reviews


def test_without_a_bench_verdicts_say_nothing_and_a_gate_keeps_a_completion_submitted() -> None:
    history, done = handed_in((("reviews", 1),))
    history.review(CREATOR, done)
    task = tasks.reduce(TASK, history.ops, ())
    assert (task.state, task.reviews, task.gate) == ("submitted", (), (("reviews", 1),))


def test_what_is_legal_from_neither_outcome_stays_refused() -> None:
    history, _ = handed_in((("evidence", ("test",)),), *PROOFS)
    given_back = history.release(FIRST)
    assert dict(fold(history).refused) == {given_back.id: "wrong_state"}


def test_a_verdict_on_a_task_whose_creation_is_one_head_too_many_is_refused() -> None:
    history = History(None)
    for _ in range(8):  # dated before the creation by the one who made it, and named by nobody
        history.act(CREATOR, TaskProgress(TASK, fixed("no tenure"), "blocked", None), [])
    creation = history.act(CREATOR, made(gate=GATES[1]), [], id=TASK)
    history.ops[-1] = replace(creation, lam=50)
    done = history.act(FIRST, TaskComplete(TASK, fixed("no tenure"), "done", (), False), [])
    review = history.review(SECOND, done, sees=[done])
    for bench in (Panel(), None):
        task = tasks.reduce(TASK, history.ops, [], bench)
        assert task.state == tasks.NONE
        assert dict(task.refused)[TASK] == "over_limit" and review.id in dict(task.refused)
    history.ops = history.ops[1:]  # the control: with one head less it is a task
    assert tasks.reduce(TASK, history.ops, [], Panel()).state == "open"
