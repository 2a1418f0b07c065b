"""The bench: what it calls a ratio, a missed target, a wrong result; and that its page is true."""

from __future__ import annotations

import gc
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import __main__, report, rounds
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def small_heap() -> Iterator[None]:
    """Keep what other tests left out of the collections before each sample: they take seconds."""
    gc.freeze()
    yield
    gc.unfreeze()


def giving(*values: float) -> Callable[[], float]:
    """Return what gives ``values`` one after the other, and the last one for ever."""
    left: Iterator[float] = iter(values)
    return lambda: next(left, values[-1])


def failing() -> float:
    """Do something wrong."""
    raise Wrong("799 of 800")


def race(mine: Callable[[], float], target: Target) -> Race:
    """Return a race of a contender against a yardstick of 10."""
    return Race(
        (Contender("mine", "per_s", mine), Contender("yard", "per_s", giving(10.0))), (target,)
    )


def run(one: Race) -> rounds.Outcome:
    """Run a race of three rounds."""
    return rounds.run(one, rounds=3, chance=random.Random(1))


CASE = Case("case", "work", lambda _: Race(()))
AT_MOST = Target("mine", "yard", 2.0, is_most=True)
AT_LEAST = Target("mine", "yard", 0.5, is_most=False)


@pytest.mark.parametrize(
    ("mine", "target", "ratio", "passed"),
    [
        pytest.param(giving(20.0), AT_MOST, 2.0, True, id="a cost at its bound is reached"),
        pytest.param(giving(21.0), AT_MOST, 2.1, False, id="a cost above its bound is missed"),
        pytest.param(giving(5.0), AT_LEAST, 0.5, True, id="a rate at its bound is reached"),
        pytest.param(giving(4.0), AT_LEAST, 0.4, False, id="a rate below its bound is missed"),
        pytest.param(
            giving(999.0, 20.0, 20.0, 999.0),
            AT_MOST,
            2.0,
            True,
            id="the median counts, after warm-up",
        ),
        pytest.param(failing, AT_MOST, None, False, id="what is wrong reaches nothing"),
    ],
)
def test_a_target_is_a_ratio_of_medians_of_the_same_rounds(
    mine: Callable[[], float], target: Target, ratio: float | None, passed: bool
) -> None:
    (judged,) = run(race(mine, target)).judged
    assert (judged.ratio, judged.passed) == (ratio, passed)


def test_a_wrong_result_is_told_and_its_rate_is_not() -> None:
    outcome = run(race(failing, AT_MOST))
    played = [report.Played(CASE, outcome, None)]
    text = report.table(played, HEAD)
    assert outcome.checks == ("mine: 799 of 800",)
    assert [one.median for one in outcome.figures] == [None, 10.0]
    assert "WRONG: mine: 799 of 800" in text
    assert not report.is_good(played)


def test_a_right_result_that_reaches_its_target_is_good() -> None:
    played = [report.Played(CASE, run(race(giving(20.0), AT_MOST)), None)]
    text = report.table(played, HEAD)
    assert "2.00x" in text
    assert report.is_good(played)
    assert report.results(played[0])[0]["targets"][0]["pass"] is True


def test_percentiles_need_a_hundred_samples_and_mean_the_slow_end() -> None:
    few = rounds.Figure("few", "cpu_ms", tuple(float(one) for one in range(99)))
    cost = rounds.Figure("cost", "cpu_ms", tuple(float(one) for one in range(100)))
    rate = rounds.Figure("rate", "per_s", cost.samples)
    assert (few.share(95), cost.share(95), rate.share(95)) == (None, 95.0, 4.0)


def test_every_case_stands_in_the_page_of_measures_and_no_other() -> None:
    page = (ROOT / "docs/MEASURES.md").read_text("utf-8")
    suite = page.partition("## 3. The suite")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z0-9._]+)`", suite, re.MULTILINE))
    assert named == {one.name for one in __main__.CASES}


HEAD = {
    "at": "2000-01-01T00:00:00+00:00",
    "commit": "0",
    "command": "python -m bench",
    "machine": dict.fromkeys(
        ("cpu", "cores", "memory_mb", "file_system", "kernel", "python", "sqlite"), "?"
    ),
    "seed": 1,
    "load": 0.0,
    "noisy": False,
}
