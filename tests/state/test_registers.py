"""Registers: who saw whom, which write wins, and how many acts of one author count."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core.bodies import Merge, SpaceUpdate
from envoy.core.dag import tie
from envoy.core.structs import replace
from envoy.state import registers
from envoy.state.registers import PAGE_BITS, Graph, Loss, Op, Value
from histories import ADMIN, FIRST, SECOND, TASK, THIRD, History, fixed


def graph(history: History) -> Graph:
    """Return the graph of a history."""
    return Graph(history.entity, history.ops)


def write(
    history: History, author: bytes, text: str, sees: list[Op] | None = None, *, counts: bool = True
) -> Op:
    """Append a write of the field that ``field`` reads."""
    return history.act(author, SpaceUpdate(text, None), sees, counts=counts)


def field(history: History) -> Value:
    """Return the value of the field."""
    return registers.register(graph(history), lambda op: isinstance(op.body, SpaceUpdate))


def lost(value: Value) -> list[tuple[bytes, bytes, str, bool]]:
    """Return winner, loser, rule and whether it is open, of each conflict."""
    return [(one.winner, one.loser, one.rule, one.is_open) for one in value.conflicts]


# -- sets of acts ----------------------------------------------------------------------------

numbers = st.sets(st.integers(0, 3 * PAGE_BITS))


def pages(some: set[int]) -> registers.Pages:
    """Return a set as pages."""
    return registers.union([registers.single(one) for one in sorted(some)])


@settings(deadline=None)
@given(numbers, numbers, st.integers(0, 3 * PAGE_BITS))
def test_pages_are_sets(some: set[int], others: set[int], number: int) -> None:
    one, other = pages(some), pages(others)
    assert registers.members(one) == sorted(some)
    assert registers.members(registers.union([one, other])) == sorted(some | others)
    assert registers.members(registers.without(one, other)) == sorted(some - others)
    assert registers.members(registers.add(one, number)) == sorted(some | {number})
    assert registers.has(one, number) == (number in some)


def test_no_numbers_are_no_pages() -> None:
    assert registers.union([]) == registers.union([(), ()]) == ()
    assert registers.members(()) == [] and not registers.has((), 0)


# -- who saw whom ----------------------------------------------------------------------------


def test_an_act_saw_what_it_names_and_what_that_had_seen() -> None:
    history = History()
    first = history.claim(FIRST)
    second = history.release(FIRST)
    beside = history.claim(SECOND, [first])
    found = graph(history)
    at = found.numbers
    assert found.saw(at[second.id], at[TASK])
    assert found.saw(at[beside.id], at[first.id])
    assert not found.saw(at[beside.id], at[second.id])
    assert not found.saw(at[second.id], at[beside.id])
    assert not found.saw(at[first.id], at[first.id])


def test_ids_of_other_entities_in_a_basis_are_ignored() -> None:
    history = History()
    history.claim(FIRST)
    control = graph(history)
    history.ops[1] = replace(history.ops[1], basis=tuple(sorted((TASK, fixed("elsewhere")))))
    assert graph(history).basis == control.basis == [(), (0,)]
    assert graph(history).heads == control.heads


def test_of_a_basis_only_what_no_other_of_it_saw_is_kept() -> None:
    history = History()
    first = history.claim(FIRST)
    history.act(SECOND, Merge(TASK), [history.ops[0], first])
    assert graph(history).basis[2] == (1,)


def test_heads_are_what_nobody_names_ascending() -> None:
    history = History()
    some = [history.claim(author, history.ops[:1]) for author in (FIRST, SECOND, THIRD)]
    assert graph(history).heads == tuple(sorted(op.id for op in some))
    last = history.act(FIRST, Merge(TASK))
    assert graph(history).heads == (last.id,)


def test_a_held_act_does_not_tear_the_graph() -> None:
    history = History()
    first = write(history, ADMIN, "one")
    held = write(history, ADMIN, "two", counts=False)
    last = write(history, ADMIN, "three", [held])
    assert graph(history).saw(3, graph(history).numbers[first.id])
    assert (field(history).op, lost(field(history))) == (last, [])


# -- the limit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "over"),
    [
        pytest.param(limits.OPS_BESIDE_MAX - 1, 0, id="seven heads of an author count"),
        pytest.param(limits.OPS_BESIDE_MAX, 0, id="eight heads of an author count"),
        pytest.param(limits.OPS_BESIDE_MAX + 1, 1, id="the ninth head is one too many"),
    ],
)
def test_an_authors_heads_are_bounded(count: int, over: int) -> None:
    history = History()
    some = [history.claim(FIRST, history.ops[:1]) for _ in range(count)]
    others = [history.claim(SECOND, history.ops[:1]) for _ in range(limits.OPS_BESIDE_MAX)]
    found = graph(history)
    refused = sorted(some, key=lambda op: op.id)[limits.OPS_BESIDE_MAX :]
    assert found.over == refused and len(refused) == over
    assert found.heads == tuple(sorted(op.id for op in (*some, *others) if op not in refused))


def test_an_act_that_another_has_seen_counts_whatever_their_number() -> None:
    history = History()
    for _ in range(3 * limits.OPS_BESIDE_MAX):
        history.claim(FIRST, history.ops[:1])
    control = graph(history)
    history.act(SECOND, Merge(TASK))
    assert len(control.over) == 2 * limits.OPS_BESIDE_MAX
    assert graph(history).over == []


# -- registers -------------------------------------------------------------------------------


def test_a_field_that_nobody_wrote_has_no_value() -> None:
    assert field(History()) == Value(None, ())


def test_a_write_replaces_what_it_saw() -> None:
    history = History()
    write(history, ADMIN, "one")
    last = write(history, FIRST, "two")
    assert field(history) == Value(last, ())


def test_of_writes_beside_each_other_the_higher_rank_wins_against_any_tie() -> None:
    for high, low in ((FIRST, SECOND), (SECOND, FIRST)):
        history = History()
        two = write(history, low, "l", history.ops[:1])
        one = write(history, high, "h", history.ops[:1])
        history.ops[2] = replace(one, rho=3)
        found = field(history)
        assert (found.op, lost(found)) == (history.ops[2], [(one.id, two.id, "rank", True)])


def test_of_equals_the_smaller_hash_with_the_entity_wins() -> None:
    history = History()
    two = write(history, SECOND, "b", history.ops[:1])
    one = write(history, FIRST, "a", history.ops[:1])
    assert tie(TASK, FIRST) < tie(TASK, SECOND)
    found = field(history)
    assert (found.op, lost(found)) == (one, [(one.id, two.id, "tie", True)])


def test_all_that_are_equal_lose_to_the_smallest_hash_of_entity_then_author() -> None:
    writers = [fixed(("writer", number)) for number in range(8)]
    history = History()
    for who in writers:
        write(history, who, "w", history.ops[:1])
    least = min(writers, key=lambda who: hashlib.sha256(TASK + who).digest())
    found = field(history)
    assert found.op is not None and found.op.author == least
    assert {one.winner for one in found.conflicts} == {found.op.id}
    assert len(found.conflicts) == len(writers) - 1


def test_of_one_authors_the_later_in_order_wins_and_an_admitted_one_stands_with_its_admit() -> None:
    history = History()
    early = write(history, FIRST, "a", history.ops[:1])
    seen = history.act(SECOND, Merge(TASK), history.ops[:1])
    late = write(history, FIRST, "b", [seen])
    found = field(history)
    assert (found.op, lost(found)) == (late, [(late.id, early.id, "order", True)])
    history.ops[1] = replace(early, admitted=(9, fixed("admit")))
    admitted = field(history)
    assert admitted.op == history.ops[1]
    assert lost(admitted) == [(early.id, late.id, "order", True)]


def test_a_conflict_is_settled_by_a_write_that_saw_both_sides() -> None:
    history = History()
    two = write(history, SECOND, "b", history.ops[:1])
    one = write(history, FIRST, "a", history.ops[:1])
    history.act(THIRD, Merge(TASK))
    assert lost(field(history)) == [(one.id, two.id, "tie", True)]
    last = write(history, THIRD, "c")
    found = field(history)
    assert (found.op, lost(found)) == (last, [(one.id, two.id, "tie", False)])


def test_conflicts_are_in_the_order_of_the_losers_whatever_they_are_called() -> None:
    history = History()
    for who in (FIRST, SECOND, THIRD):
        history.claim(who)
    some = [Loss("a", 1, 3, "tie"), Loss("b", 3, 2, "tie"), Loss("c", 0, 1, "tie")]
    kept = registers.conflicts(graph(history), some, ())
    assert [one.kind for one in kept] == ["c", "b", "a"]


@pytest.mark.parametrize("order", [(True, False), (False, True), (False, False)])
def test_acts_that_met_on_two_fields_are_one_conflict_open_while_one_is(
    order: tuple[bool, ...],
) -> None:
    some = [registers.Conflict(TASK, "x", FIRST, SECOND, "tie", is_open=one) for one in order]
    assert [one.is_open for one in registers.met(some)] == [any(order)]


def test_of_a_pair_of_acts_one_conflict_of_a_kind_is_kept_the_first_that_was_recorded() -> None:
    history = History()
    history.claim(FIRST)
    history.claim(SECOND)
    found = graph(history)
    some = [Loss("x", 2, 1, "tie"), Loss("x", 1, 2, "rank"), Loss("y", 1, 2, "rank")]
    kept = registers.conflicts(found, some, ())
    assert [(one.kind, one.winner, one.rule) for one in kept] == [
        ("x", history.ops[2].id, "tie"),
        ("y", history.ops[1].id, "rank"),
    ]


def test_a_conflict_is_open_until_who_decides_anew_saw_both_sides_not_one() -> None:
    history = History()
    one, other = (history.claim(who, history.ops[:1]) for who in (FIRST, SECOND))
    found = graph(history)
    sides = (found.numbers[one.id], found.numbers[other.id])
    for loss in (Loss("x", *sides, "tie"), Loss("x", *sides[::-1], "tie")):
        for seen, is_open in ((set[int](), True), ({1}, True), ({2}, True), ({1, 2}, False)):
            (kept,) = registers.conflicts(found, [loss], pages(seen))
            assert kept.is_open is is_open


@pytest.mark.parametrize("between", range(1, 12))
def test_of_two_writes_that_one_admit_let_in_the_earlier_stands_however_far_they_are_apart(
    between: int,
) -> None:
    history = History()
    write(history, FIRST, "a", history.ops[:1])
    seen = history.ops[0]
    for _ in range(between):
        seen = history.act(SECOND, Merge(TASK), [seen])
    write(history, FIRST, "b", [seen])
    place = (99, fixed("admit"))
    history.ops = [replace(op, admitted=place) if op.author == FIRST else op for op in history.ops]
    for order in (history.ops, history.ops[::-1]):
        history.ops = order
        value = field(history).op
        assert value is not None and value.body == SpaceUpdate("a", None)


# -- add-wins sets ---------------------------------------------------------------------------


def test_an_element_lives_while_an_add_of_it_was_not_seen_by_a_remove() -> None:
    history = History()
    first = history.act(FIRST, Merge(TASK))
    second = history.act(SECOND, Merge(TASK), history.ops[:1])
    saw_all = history.act(FIRST, Merge(TASK), [first, second])
    saw_first = history.act(THIRD, Merge(TASK), [first])
    found = graph(history)
    order = [found.numbers[op.id] for op in (first, second, saw_all, saw_first)]
    added, beside, all_seen, some_seen = order
    adds = [(added, "x"), (beside, "y"), (beside, "x")]
    assert registers.living(found, adds, []) == ("x", "y")
    assert registers.living(found, adds, [(all_seen, "x")]) == ("y",)
    assert registers.living(found, adds, [(some_seen, "x")]) == ("y", "x")
    assert registers.living(found, adds, [(some_seen, "z")]) == ("x", "y")
