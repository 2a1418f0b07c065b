"""Rounds: contenders measured side by side, so that a ratio means something on a restless machine.

Each round runs every contender once, in a new shuffled order; what is compared are medians of the
same rounds. A contender proves its result before it has a rate: one that raises ``Wrong`` is out,
and its rate is not printed.

Specification: docs/MEASURES.md, section 1.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

SHARE_SAMPLES_MIN = 100  # fewer say nothing about a 95th percentile


class Wrong(Exception):
    """A contender did not do what it was timed for; its text says what was seen."""


class Contender(NamedTuple):
    """Something to measure: ``once`` does it and returns one sample in ``unit``."""

    name: str
    unit: str  # cpu_ms, wall_ms: less is better; per_s: more is better
    once: Callable[[], float]


class Target(NamedTuple):
    """What has to be reached: the median of ``of`` against that of ``to``, or against 1."""

    of: str
    to: str | None
    bound: float | None  # None: the ratio is only told, as beside a peer that promises less
    is_most: bool  # else it is the least
    goal: float | None = None


class Race(NamedTuple):
    """Contenders that are measured together, and what is expected of them."""

    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...] = ()
    rounds: int = 0  # 0: as many as the run makes
    warm: int = 1  # rounds before that are thrown away
    checks: Callable[[], list[str]] = list  # after the rounds: what is wrong, as sentences
    notes: Callable[[], dict[str, float]] = dict  # after the rounds: counts worth keeping
    remarks: tuple[str, ...] = ()  # what each side promises, which peer is absent, as sentences


class Figure(NamedTuple):
    """The samples of one contender."""

    name: str
    unit: str
    samples: tuple[float, ...]
    wrong: str | None = None

    @property
    def median(self) -> float | None:
        """Return the median, None where there is no rate to be had."""
        return None if self.wrong or not self.samples else statistics.median(self.samples)

    def share(self, percent: int) -> float | None:
        """Return a percentile of cost: of rates the slow end. None of too few samples."""
        if self.median is None or len(self.samples) < SHARE_SAMPLES_MIN:
            return None
        worst_last = sorted(self.samples, reverse=self.unit == "per_s")
        return worst_last[min(len(worst_last) - 1, len(worst_last) * percent // 100)]


class Judged(NamedTuple):
    """A target and what came of it."""

    target: Target
    ratio: float | None
    passed: bool


class Outcome(NamedTuple):
    """What a race showed."""

    figures: tuple[Figure, ...]
    judged: tuple[Judged, ...]
    checks: tuple[str, ...]
    notes: dict[str, float]
    remarks: tuple[str, ...] = ()


def run(race: Race, *, rounds: int, chance: random.Random) -> Outcome:
    """Run ``race`` and return what came of it."""
    samples: dict[str, list[float]] = {one.name: [] for one in race.contenders}
    wrong: dict[str, str] = {}
    count = race.rounds or rounds
    for number in range(race.warm + count):
        order = list(race.contenders)
        chance.shuffle(order)
        for one in order:
            if one.name not in wrong:
                _sample(one, samples, wrong, keeps=number >= race.warm)
    figures = tuple(
        Figure(one.name, one.unit, tuple(samples[one.name]), wrong.get(one.name))
        for one in race.contenders
    )
    checks = tuple([f"{name}: {text}" for name, text in wrong.items()] + race.checks())
    judged = tuple(judge(one, figures) for one in race.targets)
    return Outcome(figures, judged, checks, race.notes(), race.remarks)


def _sample(
    one: Contender, samples: dict[str, list[float]], wrong: dict[str, str], *, keeps: bool
) -> None:
    """Take one sample of a contender."""
    gc.collect()  # so that no contender pays for what the one before it left
    try:
        value = one.once()
    except Wrong as error:
        wrong[one.name] = str(error)
        return
    if keeps:
        samples[one.name].append(value)


def judge(target: Target, figures: Sequence[Figure]) -> Judged:
    """Return whether ``target`` was reached; what has no rate reaches nothing."""
    medians = {one.name: one.median for one in figures}
    mine = medians[target.of]
    base = 1.0 if target.to is None else medians[target.to]
    if mine is None or not base:
        return Judged(target, None, passed=False)
    ratio = mine / base
    if target.bound is None:
        return Judged(target, ratio, passed=True)
    return Judged(target, ratio, ratio <= target.bound if target.is_most else ratio >= target.bound)
