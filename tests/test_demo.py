"""The demo: runs whole, ends well, and would not if a claim of it did not hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
THIS_ENVOY = (
    "import sys; sys.path[:0] = {path!r}; from envoy.cli.main import main; sys.exit(main())"
)
SAYS_NOTHING = "print('{{}}')"
IS_NO_COMMAND = "print('hello'); raise ValueError"


def play(tmp_path: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Play the demo with an `envoy` that is the Python program ``program``."""
    envoy = tmp_path / "envoy"
    envoy.write_text(f"#!{sys.executable}\n{program.format(path=sys.path)}\n", "utf-8")
    envoy.chmod(0o700)
    return subprocess.run(
        [sys.executable, str(DEMO / "run.py"), str(envoy)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_tests_of_the_package_fail_before_anybody_mends_it() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest"],
        cwd=DEMO / "package",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Ran 10 tests" in done.stderr
    assert "FAILED (failures=4)" in done.stderr


@pytest.mark.prove  # `make demo` ends with an error where one does not hold, and CI runs that
def test_every_claim_of_the_demo_holds(tmp_path: Path) -> None:
    done = play(tmp_path, THIS_ENVOY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok   it is right about who did what, on what evidence" in done.stdout
    assert "ok   the desk has just that" in done.stdout
    assert "ok   it is taken over under a greater fence" in done.stdout
    assert "ok   and takes over under the next fence" in done.stdout
    assert "ok   it is sound, without profile and hub" in done.stdout
    assert "\x1b" not in done.stdout
    assert 'Traceback (most recent call last):\n  File "/' not in done.stdout


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(SAYS_NOTHING, id="succeeds and says nothing"),
        pytest.param(IS_NO_COMMAND, id="crashes"),
    ],
)
def test_a_demo_with_a_command_that_does_not_work_ends_loudly(tmp_path: Path, program: str) -> None:
    done = play(tmp_path, program)
    assert done.returncode == 1
    assert "The demo FAILED: " in done.stderr


def test_the_demo_leaves_nothing_in_the_package() -> None:
    names = {path.name for path in (DEMO / "package").rglob("*") if path.is_file()}
    assert {name for name in names if not name.endswith(".pyc")} == {
        *("README.md", "__init__.py", "words.py", "numbers.py", "table.py"),
        *("test_words.py", "test_numbers.py", "test_table.py"),
    }
