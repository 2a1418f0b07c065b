"""All small histories end as the oracle says, in every order of arrival; and the search leaves out
none.

The reductions of the search (`state.searching`) are held against plain enumerations and deliveries
here, at sizes where those can be gone through; `tools/authority_search.py` searches further.
"""

from __future__ import annotations

import sys
from itertools import permutations, product
from math import factorial
from operator import attrgetter
from pathlib import Path

import pytest

import authority_search
from envoy.core.capability import AuthEvent
from envoy.state import authority_pass
from envoy.state.authority_content import Changed
from envoy.state.authority_ledger import Ledger
from state import delivery
from state.delivery import Replica
from state.families import COME, DUEL, FAMILIES, LEND, RULE
from state.oracled import Oracled, by_envoy, by_oracle
from state.searching import Differs, Search, Walk, bags, search
from state.searching_events import Deed, Family
from state.searching_shapes import Past, classes, counted, form, histories, lines, shapes
from state.told import told

LETTERS = 4  # kinds of act of the longest histories here: what fits the time of a test
EVERY = [pytest.param(one, id=one.name) for one in FAMILIES]


# -- what there is to search -----------------------------------------------------------------


def test_the_shapes_are_the_partial_orders() -> None:
    # Naturally labelled partial orders, and partial orders: OEIS A006455 and A000112.
    assert [len(shapes(count)) for count in range(6)] == [1, 1, 2, 7, 40, 357]
    assert [len(classes(count)) for count in range(6)] == [1, 1, 2, 5, 16, 63]
    assert len(lines((0, 0, 0, 0))) == factorial(4)
    assert lines((0, 1, 3)) == [(0, 1, 2)]
    # Two acts out of two: in a line 4, beside each other 3.
    assert len(list(histories(2, 2))) == 7


@pytest.mark.parametrize(("acts", "letters"), [(1, 7), (2, 7), (3, 7), (4, 4)])
def test_as_many_are_counted_as_are_listed(acts: int, letters: int) -> None:
    listed = list(histories(acts, letters))
    orders = sum(len(lines(shape)) for shape, _ in listed)
    ends = sum(len({order[-1] for order in lines(shape)}) for shape, _ in listed)
    assert counted(acts, letters) == (len(listed), orders)
    assert counted(acts, letters, steps=True) == (len(listed), ends)


def test_each_history_and_each_order_of_it_is_counted_once() -> None:
    # Without symmetries: every ancestry of three numbered acts, the acts on it, each numbering.
    labelled = [
        (shape, order, letters)
        for shape in shapes(3)
        for order in permutations(range(3))
        for letters in product(range(2), repeat=3)
    ]
    forms = {form(shape, letters) for shape, _, letters in labelled}
    assert len(forms) == counted(3, 2).histories
    assert len(shapes(3)) * 2**3 == 56
    assert sum(len(lines(shape)) for shape, _ in forms) == counted(3, 2).deliveries


# -- what the search leaves out --------------------------------------------------------------


def forms_of(one: Search) -> list[tuple[Past, tuple[int, ...]]]:
    """Return the forms of the histories that were checked last."""
    found = []
    for key, answer in one.known.items():
        if answer is not None:
            deeds = one.world.ordered(key)
            number = {deed.name: place for place, deed in enumerate(deeds)}
            shape = tuple(sum(1 << number[name] for name in deed.seen) for deed in deeds)
            found.append(form(shape, tuple(deed.letter for deed in deeds)))
    return found


@pytest.mark.parametrize("walk", list(Walk))
@pytest.mark.parametrize(
    ("acts", "letters"), [pytest.param(3, 3, id="three acts"), pytest.param(4, 2, id="four acts")]
)
def test_the_walk_visits_one_history_of_each_form(acts: int, letters: int, walk: Walk) -> None:
    one = Search(DUEL, walk=walk)
    visited = []
    for bag in bags(acts, letters):
        one.run(bag)
        visited += forms_of(one)
    assert len(visited) == len(set(visited))
    assert set(visited) == {form(shape, done) for shape, done in histories(acts, letters)}


@pytest.mark.parametrize("family", EVERY)
def test_what_is_shared_and_remembered_changes_no_answer(family: Family) -> None:
    one = Search(family)
    for bag in [*bags(2, 4), (4, 5), (5, 6), (6, 6), (0, 1, 2), (3, 4, 6), (2, 2, 5)]:
        one.run(bag)
        for key, answer in one.known.items():
            if answer is not None:
                plain(one, key, {name: str(verdict) for name, verdict in answer.verdicts.items()})


def plain(one: Search, key: frozenset[str], verdicts: dict[str, str]) -> None:
    """Deliver one history in each order from its beginning to a replica that judges all anew."""
    deeds = one.world.ordered(key)
    log = one.world.story(deeds)
    expect = by_oracle(Oracled(told(log)))
    number = {deed.name: place for place, deed in enumerate(deeds)}
    shape = tuple(sum(1 << number[name] for name in deed.seen) for deed in deeds)
    for order in lines(shape):
        replica = Replica(log)
        arrive(replica, list(one.world.start.nodes))
        for place in order:
            arrive(replica, list(deeds[place].arrives))
        arrive(replica, one.world.last)
        assert {name: str(verdict) for name, verdict in replica.verdicts.items()} == verdicts
    assert by_envoy(log, replica) == expect


def arrive(replica: Replica, names: list[str]) -> None:
    """Take in some events, and judge."""
    for name in names:
        replica.accept(name)
    replica.judge()


def test_an_act_is_one_event_in_all_histories_and_ids_can_be_turned_round() -> None:
    up, down = Search(LEND), Search(LEND, descending=True)

    def placed(one: Search) -> list[Deed]:
        found = [
            one.world.deed((letter, twin, frozenset())) for letter in (0, 3) for twin in (0, 1)
        ]
        return sorted(found, key=lambda deed: deed.place)

    assert placed(up) == placed(Search(LEND))
    assert [deed.name for deed in placed(up)] == [deed.name for deed in placed(down)][::-1]


# -- what the search finds -------------------------------------------------------------------


@pytest.mark.parametrize("walk", list(Walk))
def test_causes_that_hang_on_the_order_of_arrival_are_found(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(DUEL, 2, walk=walk)
    monkeypatch.setattr(authority_pass, "_PLACE_OF_KILL", attrgetter("event.index"))
    with pytest.raises(Differs):
        search(DUEL, 3, walk=walk)


@pytest.mark.parametrize("walk", list(Walk))
def test_content_that_is_not_judged_again_is_found(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Changed(grants=frozenset(), closes=False, admits=False)
    monkeypatch.setattr(delivery, "changed", lambda before, after: nothing)
    with pytest.raises(Differs):
        search(DUEL, 2, walk=walk)


def test_a_file_that_hangs_on_the_order_of_arrival_is_found_though_no_verdict_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = Ledger.add

    def add(ledger: Ledger, event: AuthEvent) -> None:
        sound(ledger, event)
        ledger.leaves[b"before " + event.id] = ledger.events[:-1]

    monkeypatch.setattr(Ledger, "add", add)
    Search(COME).run((0, 1, 2))
    with pytest.raises(Differs, match="on the way, in this order"):
        Search(COME, walk=Walk.STEPS).run((0, 1, 2))


# -- the search ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize(
    ("acts", "letters", "descending", "walk"),
    [
        pytest.param(2, 7, True, Walk.ORDERS, id="two acts, ids descending"),
        pytest.param(3, 7, False, Walk.ORDERS, id="three acts"),
        pytest.param(3, LETTERS, True, Walk.STEPS, id="three acts, ids descending"),
        pytest.param(4, LETTERS, False, Walk.STEPS, id="four acts"),
    ],
)
def test_every_small_history_ends_the_same_in_every_order_of_arrival(
    family: Family,
    acts: int,
    letters: int,
    descending: bool,
    walk: Walk,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = search(family, acts, letters, descending=descending, walk=walk)
    with capsys.disabled():
        print(f" [{found.histories} histories, {found.deliveries} {walk.value}]", end="")
    assert found == counted(acts, letters, steps=walk is Walk.STEPS)


# -- the tool --------------------------------------------------------------------------------


def said(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Return what the tool prints, with `--acts 2 --family rule` and more."""
    every = ["authority_search", "--acts", "2", "--family", RULE.name, *words]
    monkeypatch.setattr(sys, "argv", every)
    assert authority_search.main() == 0
    return capsys.readouterr().out


def test_a_search_goes_on_where_another_stopped_and_parts_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    found = said(["--part", "1/2", "--results", first], monkeypatch, capsys)
    assert "14 of 28 bags; 77 histories there are" in found
    found = said(["--seconds", "0", "--part", "2/2", "--results", second], monkeypatch, capsys)
    assert ": 0 histories, 0 deliveries" in found
    found = said(["--part", "2/2", "--results", second], monkeypatch, capsys)
    assert "14 of 28 bags" in found
    found = said(["--seconds", "0", "--results", first, second], monkeypatch, capsys)
    assert "77 histories, 105 deliveries" in found and "all there are" in found
    assert (tmp_path / "first").read_text("utf-8").count("\n") == 14, "nothing was done again"


def test_results_of_other_code_count_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    said(["--results", str(results)], monkeypatch, capsys)
    assert results.read_text("utf-8").count("\n") == 28
    kept = results.read_text("utf-8").replace(authority_search.code(), "0" * 16)
    results.write_text(kept, "utf-8")
    found = said(["--seconds", "0", "--results", str(results)], monkeypatch, capsys)
    assert "0 of 28 bags" in found


def test_a_difference_ends_the_tool_with_its_history(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(authority_pass, "_PLACE_OF_KILL", attrgetter("event.index"))
    monkeypatch.setattr(sys, "argv", ["authority_search", "--acts", "3", "--family", "duel"])
    assert authority_search.main() == 1
    assert "B remove {'subject': 'C'" in capsys.readouterr().out
