"""Every planted fault of the authority modules is noticed by stories, search or oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from state.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
SECONDS = 60


def checked(source: Path) -> subprocess.CompletedProcess[str]:
    """Run `state.mutant_check` over the package below `source`."""
    path = os.pathsep.join([str(source), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-m", "state.mutant_check"],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package."""
    found = tmp_path_factory.mktemp("mutants")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/envoy", found / "envoy", ignore=ignore)
    return found


def test_each_fault_is_planted_in_one_place() -> None:
    counts = {
        one.fault: (ROOT / "src/envoy" / one.module).read_text("utf-8").count(one.old)
        for one in MUTANTS
    }
    assert {fault: count for fault, count in counts.items() if count != 1} == {}
    assert len(counts) == len(MUTANTS)


@pytest.mark.slow
def test_sound_code_passes_the_check(source: Path) -> None:
    found = checked(source)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [pytest.param(one, id=one.fault) for one in MUTANTS])
def test_a_planted_fault_is_noticed(mutant: Mutant, source: Path) -> None:
    path = source / "envoy" / mutant.module
    sound = path.read_text("utf-8")
    assert sound.count(mutant.old) == 1
    path.write_text(sound.replace(mutant.old, mutant.new), "utf-8")
    try:
        assert checked(source).returncode != 0, "nobody noticed: a test is missing"
    finally:
        path.write_text(sound, "utf-8")
