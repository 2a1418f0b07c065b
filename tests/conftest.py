"""For every test: how many examples a property is tried with, and what the end of a run says.

`make quick` says ``--hypothesis-profile=quick``; `make test` tries what Hypothesis does by itself.
What needs a program that is not installed is not collected, and the end of a run says so. What
plays whole systems by chance reaches no line that another test should not reach, and what looks at
the sources runs none, so both go without the cost of being counted, which is nearly as much again.
"""

from __future__ import annotations

import gc
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

import nodetools

HERE = Path(__file__).parent
ABUSE = re.compile(r"abuse/test_([a-z]\d+)\.py")  # a row of docs/threat-model.md
BY_CHANCE = {"crowd", "faults", "fuzz", "sim"}
OF_THE_HOUSE = {"mutation", "test_docs.py", "test_layers.py", "test_tidy.py", "test_tools.py"}

settings.register_profile("quick", max_examples=25)


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, also where a shell runs this aside."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what plays by chance, and what tries no line of Envoy, out of the coverage."""
    for item in items:
        if item.path.relative_to(HERE).parts[0] in BY_CHANCE | OF_THE_HOUSE:
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Let the collector look no more through all the tests there are: it would at every turn."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of how many rows of the threat model each test that ran passed, and what is not here."""
    rows = dict[str, bool]()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            found = ABUSE.search(getattr(report, "nodeid", ""))
            if found is not None and outcome in ("passed", "failed", "error"):
                rows[found[1]] = rows.get(found[1], True) and outcome == "passed"
    if rows:
        terminalreporter.write_line(f"repelled {sum(rows.values())}/{len(rows)}")
    for name in nodetools.absent():
        terminalreporter.write_line(f"not collected: tests/{name} (tests/nodetools.py)")
