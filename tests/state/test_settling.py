"""Which act settles a conflict, whoever wrote it and in whatever order it came."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import Merge
from envoy.core.records import ConflictResolve
from envoy.state import settling
from envoy.state.registers import OVER_LIMIT
from envoy.state.settling import Sides
from histories import ADMIN, CREATOR, FIRST, History, fixed

CONFLICT, WON, LOST = fixed("conflict"), fixed("won"), fixed("lost")
SIDES = Sides(WON, LOST, FIRST)


def keep(side: bytes) -> ConflictResolve:
    """Return the body of an act that keeps a side."""
    return ConflictResolve(CONFLICT, side, None)


@pytest.mark.parametrize(
    ("side", "me", "rho", "reason"),
    [
        pytest.param(WON, ADMIN, 3, None, id="an admin keeps the winner"),
        pytest.param(LOST, ADMIN, 3, None, id="an admin keeps the loser"),
        pytest.param(LOST, CREATOR, 2, None, id="the creator keeps the loser"),
        pytest.param(WON, FIRST, 1, None, id="the loser gives in"),
        pytest.param(LOST, FIRST, 1, "resolve_without_rank", id="the loser insists"),
        pytest.param(WON, CREATOR, 1, "resolve_without_rank", id="a stranger to it"),
        pytest.param(fixed("third"), ADMIN, 3, "wrong_state", id="an act that is no side"),
    ],
)
def test_whoever_has_rank_or_lost_may_say_so(
    side: bytes, me: bytes, rho: int, reason: str | None
) -> None:
    assert settling.refusal(keep(side), SIDES, me, rho=rho) == reason


@pytest.mark.parametrize("side", [WON, LOST])
def test_who_forked_does_not_settle_it_whatever_its_rank(side: bytes) -> None:
    fork = Sides(WON, LOST, FIRST, is_fork=True)
    for rho in (1, 2, 3):
        assert settling.refusal(keep(side), fork, FIRST, rho=rho) == "resolve_without_rank"
    assert settling.refusal(keep(side), fork, ADMIN, rho=3) is None
    assert settling.refusal(keep(side), SIDES, FIRST, rho=3) is None


def test_there_is_nothing_to_resolve_where_no_conflict_is() -> None:
    assert settling.refusal(keep(WON), None, ADMIN, rho=3) == "wrong_state"


def test_a_later_word_of_rank_replaces_an_earlier_one_and_giving_in_does_not() -> None:
    history = History(None, entity=CONFLICT)
    first = history.act(ADMIN, keep(LOST))
    history.act(FIRST, Merge(CONFLICT))
    undone = history.act(FIRST, keep(WON))
    held = history.act(ADMIN, keep(WON), counts=False)
    for order in itertools.permutations(history.ops):
        found = settling.reduce(CONFLICT, order, SIDES)
        assert (found.by, found.keep) == (first.id, LOST)
        assert found.refused == ((undone.id, "resolve_without_rank"),)
    assert not held.counts
    last = history.act(ADMIN, keep(WON))
    assert settling.reduce(CONFLICT, history.ops, SIDES).by == last.id


@pytest.mark.parametrize("who", [ADMIN, CREATOR], ids=["an admin", "the creator"])
def test_a_word_of_rank_stands_against_giving_in_and_yields_to_rank(who: bytes) -> None:
    history = History(None, entity=CONFLICT)
    word = history.act(who, keep(LOST))
    late = history.act(FIRST, keep(WON))
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    assert (found.by, found.keep) == (word.id, LOST)
    assert found.refused == ((late.id, "resolve_without_rank"),)
    again = history.act(CREATOR, keep(WON))
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    assert (found.by, found.refused) == (again.id, ((late.id, "resolve_without_rank"),))


def test_what_keeps_no_side_says_so_even_after_a_word_of_rank() -> None:
    history = History(None, entity=CONFLICT)
    history.act(ADMIN, keep(LOST))
    neither = history.act(FIRST, keep(fixed("third")))
    given_in = history.act(FIRST, keep(WON))
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    reasons = {neither.id: "wrong_state", given_in.id: "resolve_without_rank"}
    assert dict(found.refused) == reasons


def test_giving_in_counts_until_the_sides_turn() -> None:
    history = History(None, entity=CONFLICT)
    gave_in = history.act(FIRST, keep(WON))
    assert settling.reduce(CONFLICT, history.ops, SIDES).by == gave_in.id
    turned = settling.reduce(CONFLICT, history.ops, Sides(LOST, WON, CREATOR))
    assert turned.by is None and turned.refused == ((gave_in.id, "resolve_without_rank"),)
    assert settling.reduce(CONFLICT, history.ops, None).refused == ((gave_in.id, "wrong_state"),)


def test_rank_wins_where_two_spoke_apart() -> None:
    history = History(None, entity=CONFLICT)
    gave_in = history.act(FIRST, keep(WON), [])
    decided = history.act(ADMIN, keep(LOST), [])
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    assert (found.by, found.refused) == (decided.id, ()) and gave_in.counts


def test_held_acts_settle_and_refuse_nothing() -> None:
    history = History(None, entity=CONFLICT)
    history.act(ADMIN, keep(LOST), counts=False)
    history.act(CREATOR, keep(fixed("third")), counts=False)
    gave_in = history.act(FIRST, keep(WON))
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    assert (found.by, found.keep, found.refused) == (gave_in.id, WON, ())
    history = History(None, entity=CONFLICT)
    for _ in range(9):
        history.act(ADMIN, keep(WON), [], counts=False)
    assert settling.reduce(CONFLICT, history.ops, SIDES).refused == ()


def test_a_flood_of_one_author_is_refused() -> None:
    history = History(None, entity=CONFLICT)
    for _ in range(9):
        history.act(ADMIN, keep(WON), [])
    found = settling.reduce(CONFLICT, history.ops, SIDES)
    assert [reason for _, reason in found.refused] == [OVER_LIMIT]
