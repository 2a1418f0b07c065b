"""Whatever happens to members, network, disks and hub, copies of equal sets are equal.

Nothing that anybody was told of is lost, who was removed counts and reads no more.

`python -m sim` plays more seeds, replays one, shrinks what fails and keeps it in `tests/regress`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.plan import STEPS_LONG, draw
from sim.run import run
from sim.shrink import KEPT, read

ROOT = Path(__file__).parents[2]
GROUP = 10


@pytest.mark.parametrize("first", range(0, 30, GROUP))
def test_seeds_hold_every_invariant(first: int) -> None:
    failed = [run(draw(seed)) for seed in range(first, first + GROUP)]
    assert [(one.seed, one.failure) for one in failed if one.failure] == []


@pytest.mark.prove
@pytest.mark.parametrize("first", range(30, 110, GROUP))
def test_more_seeds_hold_every_invariant(first: int) -> None:
    test_seeds_hold_every_invariant(first)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_long_seeds_hold_every_invariant_on_every_copy(seed: int) -> None:
    assert run(draw(seed, steps=STEPS_LONG), deep=True).failure is None


@pytest.mark.parametrize(
    "path", [pytest.param(one, id=one.stem) for one in sorted(KEPT.glob("*.json"))]
)
def test_what_was_found_once_stays_mended(path: Path) -> None:
    assert run(read(path), deep=True).failure is None


def traced(seed: int, hashes: str) -> str:
    """Return what a process with another seed for its hashes says of a seed."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-m", "sim", "--seed", str(seed), "--trace"],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.parametrize("seed", [5])
def test_a_seed_goes_the_same_way_in_every_process(seed: int) -> None:
    first, second = traced(seed, "1"), traced(seed, "2")
    assert first == second
    assert run(draw(seed)).trace in first


def test_seeds_meet_every_sort_of_fault_and_every_act() -> None:
    kinds = {action.kind for seed in range(30) for action in draw(seed).actions}
    wanted = {
        "remove",
        "join",
        "claim",
        "rotate",
        "storm",
        "cut",
        "restore",
        "clone",
        "omit",
        "defy",
    }
    assert wanted <= kinds
