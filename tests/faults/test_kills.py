"""kill -9 of the command line and of the MCP server; that of the relay is tests/relay/test_kill."""

from __future__ import annotations

import pytest

from faults.suite import run


def test_killed_commands_lose_nothing_that_they_acknowledged() -> None:
    done = run("kills", "--only", "cli", "--count", "4")
    assert done.status == 0 and done.figures["count"] == 4, done.out
    assert done.figures["acknowledged"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("what", "count"), [("cli", 20), ("process", 10), ("mcp", 2)])
def test_killed_again_and_again_they_lose_nothing(what: str, count: int) -> None:
    done = run("kills", "--only", what, "--count", f"{count}")
    assert done.status == 0 and done.figures["count"] == count, done.out
    assert done.figures["acknowledged"] > 0


# Who counts as acknowledged what was never written.
LOST = "suite.calls.told = lambda said: {bytes(32)}"


def test_control_what_is_in_the_ledger_and_not_there_is_a_failure() -> None:
    done = run("kills", "--only", "cli", "--count", "2", program=LOST)
    assert done.status == 1 and "acknowledged and lost" in done.out, done.out
