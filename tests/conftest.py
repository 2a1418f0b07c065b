"""For every test: how many examples a property is tried with where nobody asked for a number.

`make quick` says ``--hypothesis-profile=quick``; `make test` tries what Hypothesis does by itself.
What needs a program that is not installed is not collected, and the end of a run says so. What
plays whole systems by chance reaches no line that another test should not reach, so it runs without
the cost of being counted.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

import nodetools

HERE = Path(__file__).parent
BY_CHANCE = {"crowd", "faults", "fuzz", "sim"}

settings.register_profile("quick", max_examples=25)


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, also where a shell runs this aside."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what plays by chance out of the coverage."""
    for item in items:
        if item.path.relative_to(HERE).parts[0] in BY_CHANCE:
            item.add_marker("no_cover")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests are not here because their program is not."""
    for name in nodetools.absent():
        terminalreporter.write_line(f"not collected: tests/{name} (tests/nodetools.py)")
