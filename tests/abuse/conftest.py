"""The machine that attacks run on, and the count at the end: how many rows were repelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from replica.world import Actor, World

ROW = re.compile(r"abuse/test_([a-z]\d+)\.py")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return an empty machine whose databases are closed afterwards."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Actor]]:
    """Return a founder and a writer who have read each other, for all tests of a module."""
    made = World(tmp_path_factory.mktemp("pair"))
    yield made.team("lead", "agent")
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of how many rows of the threat model every test that ran has passed."""
    rows = dict[str, bool]()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            found = ROW.search(getattr(report, "nodeid", ""))
            if found is not None and outcome in ("passed", "failed", "error"):
                rows[found[1]] = rows.get(found[1], True) and outcome == "passed"
    if rows:
        terminalreporter.write_line(f"repelled {sum(rows.values())}/{len(rows)}")
