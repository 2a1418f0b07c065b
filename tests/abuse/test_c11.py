"""C11: human is what a member calls itself: shown as declared, and no proof that a human was there.

An agent that calls itself human meets a gate that asks for one, in the open; a gate that would need
proof is refused by every face until there is one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console


@pytest.fixture
def stage(tmp_path: Path) -> tuple[Console, str]:
    """Return a console with a lead, an agent, one that poses as a human, and a gated task."""
    console = Console(tmp_path)
    made = console.ok("--profile", "lead", "quickstart", "--space-name", "x", "--reusable")
    console.ok("--profile", "a1", "join", "--agent", made["invite_code"])
    console.ok("--profile", "poser", "join", "--human", made["invite_code"])
    lead = ("--profile", "lead")
    task = console.ok(
        *lead, "task", "create", "work", "--review-by", "human,write", "--reviews", "1"
    )["task_id"]
    console.ok(*lead, "task", "claim", task)
    console.ok(*lead, "task", "complete", task, "--note", "done")
    return console, task


def review(console: Console, profile: str, task: str) -> str:
    """Let a profile approve; return the state of the task."""
    done = console.call("--json", "--profile", profile, "review", "approve", task)
    assert done.status in (0, 4, 5), done
    return str(console.ok("--profile", "lead", "task", "show", task)["state"])


def test_an_agent_is_no_human_and_who_says_so_is_shown_as_declared(
    stage: tuple[Console, str],
) -> None:
    console, task = stage
    assert review(console, "a1", task) == "submitted"
    assert review(console, "poser", task) == "completed"
    found = console.ok("--profile", "lead", "review", "show", task)
    said = {one["by"]["display_name"]: (one["human"], one["counts"]) for one in found["verdicts"]}
    assert said == {"a1": (None, False), "poser": ("declared", True)}
    shown = console.call("--profile", "lead", "review", "show", task).out
    assert shown.count("declares to be human") == 1 and shown.count("does not count") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("task", "create", "x", "--review-by", "human-present"),
        ("space", "policy", "--review-by", "human-present"),
    ],
)
def test_a_gate_that_needs_proof_is_refused(
    command: tuple[str, ...], stage: tuple[Console, str]
) -> None:
    console, _ = stage
    found = console.call("--json", "--profile", "lead", *command)
    assert (found.status, found.data["error_code"]) == (2, "unsupported_operation")


def test_a_profile_cannot_change_what_it_was_called_when_it_was_invited_unseen(
    stage: tuple[Console, str],
) -> None:
    console, _ = stage
    members = console.ok("--profile", "lead", "space", "members")["members"]
    kinds = {one["display_name"]: one["kind"] for one in members}
    assert kinds == {"lead": "agent", "a1": "agent", "poser": "human"}
