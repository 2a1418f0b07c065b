"""Gate flags of `task edit`, and what a completion is told that its gate keeps waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    found.ok("quickstart", "--space-name", "bughunt")
    return found


def gate(console: Console, task: str) -> dict[str, object]:
    """Return what a task asks for."""
    found: dict[str, object] = console.ok("task", "show", task)["gate"]
    return found


def test_every_field_of_a_gate_is_set_and_taken_away(console: Console) -> None:
    task = console.ok("task", "create", "work")["task_id"]
    console.ok(
        *("task", "edit", task, "--reviews", "2", "--review-by", "human,admin"),
        *("--no-self-review", "--require-evidence", "test,lint"),
    )
    assert gate(console, task) == {
        "reviews": 2,
        "review_by": ["admin", "human"],
        "no_self_review": True,
        "evidence": ["lint", "test"],
    }
    done = console.ok(
        *("task", "edit", task, "--reviews", "0", "--review-by=", "--self-review"),
        *("--require-evidence=", "--title", "other work"),
    )
    assert done["title"] == "other work"
    empty = {"reviews": 0, "review_by": [], "no_self_review": False, "evidence": []}
    assert gate(console, task) == empty
    assert not console.ok("task", "edit", task, "--self-review")["changed"]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["--review-by", "nobody"], "invalid_argument", id="no role"),
        pytest.param(["--review-by", "human-present"], "unsupported_operation", id="reserved"),
        pytest.param(["--self-review", "--no-self-review"], "invalid_argument", id="both"),
        pytest.param(["--reviews", "101"], "invalid_argument", id="too many"),
        pytest.param(["--require-evidence", "t" * 65], "invalid_argument", id="too long a type"),
        pytest.param([], "missing_required_flag", id="nothing"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(console: Console, args: list[str], code: str) -> None:
    task = console.ok("task", "create", "work")["task_id"]
    found = console.call("--json", "task", "edit", task, *args)
    assert (found.status, found.data["error_code"]) == (2, code)


def test_handing_in_again_what_waits_says_for_how_many(console: Console) -> None:
    task = console.ok("task", "create", "work", "--reviews", "2")["task_id"]
    console.ok("task", "claim", task)
    assert console.ok("task", "complete", task)["lifecycle_state"] == "submitted"
    found = console.call("--json", "task", "complete", task)
    assert (found.status, found.data["error_code"]) == (5, "review_required")
    assert found.data["next_action"] == "wait_for_review"
    assert found.data["reviews_missing"] == 2
    assert console.ok("task", "complete", task, "--note", "tested, too")["changed"]


@pytest.mark.parametrize(
    ("args", "reviews"),
    [
        pytest.param(["--review-by", "human"], 1, id="reviewers alone ask for one"),
        pytest.param(["--review-by", "human", "--reviews", "2"], 2, id="a number stands"),
        pytest.param(["--review-by", "human", "--reviews", "0"], 0, id="also none"),
        pytest.param(["--no-self-review"], 0, id="who may not review asks for none"),
    ],
)
def test_who_has_to_approve_is_waited_for(console: Console, args: list[str], reviews: int) -> None:
    made = console.ok("task", "create", "work", *args)["task_id"]
    edited = console.ok("task", "create", "work")["task_id"]
    console.ok("task", "edit", edited, *args)
    assert [gate(console, task)["reviews"] for task in (made, edited)] == [reviews] * 2
    console.ok("task", "claim", made)
    state = console.ok("task", "complete", made)["lifecycle_state"]
    assert state == ("submitted" if reviews else "completed")


def test_reviewers_named_later_leave_the_number_that_was_asked_for(console: Console) -> None:
    task = console.ok("task", "create", "work", "--reviews", "3")["task_id"]
    console.ok("task", "edit", task, "--review-by", "admin")
    assert gate(console, task)["reviews"] == 3
