"""The public words of a task's state: the table of the specification, written a second time."""

from __future__ import annotations

import pytest

from envoy.views import names

# State -> status, lifecycle_state, assignment_state of a task that nobody holds and of a held one,
# claim_state of a confirmed claim, the words of --status that find it (own = the state's name).
TABLE = """
open              assigned    unassigned unassigned unassigned unclaimed own,unassigned,assigned
assigned          assigned    assigned          assigned   assigned   unclaimed own
claimed           assigned    claimed           assigned   assigned   confirmed own,assigned
in_progress       in_progress in_progress       assigned   assigned   confirmed own
submitted         in_progress submitted         assigned   assigned   confirmed own,in_progress
changes_requested in_progress changes_requested assigned   assigned   confirmed own,in_progress
blocked           blocked     blocked           unassigned assigned   confirmed own
completed         completed   completed         unassigned assigned   confirmed own
cancelled         cancelled   cancelled         unassigned assigned   confirmed own
"""
ROWS = [line.replace(",", " ").split() for line in TABLE.strip().splitlines()]
FOUND_BY = {row[0]: {row[0] if word == "own" else word for word in row[6:]} for row in ROWS}


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in ROWS])
def test_a_state_is_shown_as(row: list[str]) -> None:
    state, status, lifecycle, free, held, claim, *_ = row
    assert names.status(state) == status
    assert names.lifecycle_state(state) == lifecycle
    assert names.assignment_state(state, is_held=False) == free
    assert names.assignment_state(state, is_held=True) == held
    assert names.claim_state(state, names.CONFIRMED) == claim


def test_there_is_no_other_state() -> None:
    assert {row[0] for row in ROWS} == set(names.STATES)


@pytest.mark.parametrize("word", names.WORDS)
def test_status_finds(word: str) -> None:
    expected = {state for state, words in FOUND_BY.items() if word in words | {"all"}}
    assert set(names.found_by(word)) == expected and expected


def test_the_default_list_is_what_has_not_ended() -> None:
    assert set(names.found_by(None)) == {row[0] for row in ROWS} - {"completed", "cancelled"}


def test_an_unknown_word_finds_nothing() -> None:
    assert names.found_by("done") == ()
    assert "done" not in names.WORDS


def test_every_word_that_finds_something_is_offered() -> None:
    assert set(names.WORDS) == {names.ALL}.union(*FOUND_BY.values())
