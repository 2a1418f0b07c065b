"""For every test: how many examples a property is tried with where nobody asked for a number.

`make quick` says ``--hypothesis-profile=quick``; `make test` tries what Hypothesis does by itself.
What needs a program that is not installed is not collected, and the end of a run says so.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

import nodetools

settings.register_profile("quick", max_examples=25)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests are not here because their program is not."""
    for name in nodetools.absent():
        terminalreporter.write_line(f"not collected: tests/mcp_face/{name} (tests/nodetools.py)")
