"""Many processes on one home lose nothing, and what looks for losses would find them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from crowd.home import Asked, errors, holders, misheard, play
from crowd.worker import Told

SAID = Told("1", "send", 1.0, 1.1, None, "evt_a")
TAKEN = Told("1", "take", 1.0, 2.0, None, "evt_b", "task_a", 1)
GIVEN = Told("1", "end", 3.0, 4.0, None, "evt_c", "task_a")
THEN = Told("2", "claim", 3.5, 4.5, None, "evt_d", "task_a", 2)


@pytest.mark.slow
def test_eight_processes_lose_nothing_and_meet_no_lock(tmp_path: Path) -> None:
    ended = play(Asked(8, 4.0, 0.1, "ci"), tmp_path)
    assert ended.problems == []
    # How much is done in so few seconds is the machine's affair.
    assert len({one.who for one in ended.told}) > 1 and ended.heard > 0


@pytest.mark.parametrize(
    ("told", "count"),
    [
        pytest.param([TAKEN, GIVEN, THEN], 0, id="a task is taken once it was given back"),
        pytest.param(
            [TAKEN, GIVEN, THEN._replace(ended=2.9)], 1, id="it is granted while it is held"
        ),
        pytest.param([TAKEN, THEN], 1, id="it is granted though nobody gave it back"),
        pytest.param([TAKEN, GIVEN, THEN._replace(number=1)], 1, id="a fence comes twice"),
        pytest.param(
            [TAKEN, GIVEN, THEN._replace(code="task_already_claimed")], 0, id="who lost holds none"
        ),
    ],
)
def test_two_holders_of_a_task_are_seen(told: Sequence[Told], count: int) -> None:
    assert len(list(holders(told))) == count


@pytest.mark.parametrize(
    ("heard", "count"),
    [
        pytest.param([(1, "evt_a"), (2, "evt_x")], 0, id="all in order"),
        pytest.param([(2, "evt_x")], 1, id="a message that was not heard"),
        pytest.param([(1, "evt_a"), (2, "evt_a")], 1, id="one twice"),
        pytest.param([(2, "evt_a"), (1, "evt_x")], 1, id="one too late"),
    ],
)
def test_what_is_misheard_is_seen(heard: list[tuple[int, str]], count: int) -> None:
    assert len(list(misheard([SAID], [heard]))) == count


def test_errors_that_are_fair_are_none() -> None:
    fair = TAKEN._replace(code="task_already_claimed")
    assert not list(errors([SAID, fair]))
    assert len(list(errors([SAID._replace(code="timeout"), GIVEN._replace(code=fair.code)]))) == 2
