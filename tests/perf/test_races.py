"""Races of eight processes for the same tasks: one confirmed winner each, everywhere the same.

The case `claim.race` of the bench, with fewer tasks; what it is held to is tried here as well.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bench.cases import writers
from bench.rounds import Wrong
from bench.setting import Setting

RACES = 160


@pytest.mark.prove
def test_of_eight_who_race_for_each_of_many_tasks_one_wins_and_seven_know_who(
    tmp_path: Path,
) -> None:
    setting = Setting(tmp_path, tmp_path, True, "", ExitStack(), RACES)
    race = writers.play_race(setting)
    assert race.contenders[0].once() > 0
    losers = (len(writers.PROFILES) - 1) * RACES // 2
    assert race.notes() == {"races": RACES, "told": losers}


def answer(me: str, won: list[str], told: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return what one process says of a race."""
    return {"me": me, "won": won, "told": told}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([answer("a", ["t"], []), answer("b", ["t"], [])], id="two winners"),
        pytest.param([answer("a", [], []), answer("b", [], [])], id="no winner"),
        pytest.param(
            [answer("a", ["t"], []), answer("b", [], [("task_already_claimed", "t", "c")])],
            id="a loser who is told of another",
        ),
        pytest.param(
            [answer("a", ["t"], []), answer("b", [], [("claim_unconfirmed", "t", "a")])],
            id="a loser who is told nothing certain",
        ),
    ],
)
def test_a_race_that_went_wrong_has_no_rate(answers: list[dict[str, Any]]) -> None:
    with pytest.raises(Wrong):
        writers.check_claims(answers, 1)


def test_a_race_that_went_well_is_let_through() -> None:
    told = [("task_already_claimed", "t", "a")]
    writers.check_claims([answer("a", ["t"], []), answer("b", [], told)], 1)
