"""Reviews and records on the command line: each answer against its schema."""

from __future__ import annotations

from typing import Any

import schemas
from console import Console


def did(town: Console, who: str, schema: str, *args: str) -> dict[str, Any]:
    """Run a command; return its answer, which fits ``schema``."""
    found = town.ok("--profile", who, *args)
    assert found["schema"] == f"envoy.{schema}/1" and schemas.problems(found, schema) == []
    return found


def test_every_answer_fits_its_schema(tmp_path: Any) -> None:
    town = Console(tmp_path)
    made = town.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    town.ok("--profile", "a1", "join", made["invite_code"])
    gate = ("--reviews", "1", "--review-by", "human", "--require-evidence", "test")
    task = did(town, "lead", "task", "task", "create", "work", *gate)
    assert task["gate"] == {
        **{"reviews": 1, "review_by": ["human"]},
        **{"no_self_review": False, "evidence": ["test"]},
    }
    ident = task["task_id"]
    did(town, "a1", "transition", "task", "claim", ident)
    said = ("--type", "test", "--subject", "git:a@1", "--field", "result=pass", "--task", ident)
    record = did(town, "a1", "record", "record", "add", "evidence", "ran", *said)
    assert (record["state"], record["grade"]) == ("current", "self_reported")
    assert record["fields"] == [{"name": "result", "value": "pass"}]
    done = did(town, "a1", "transition", "task", "submit", ident, "--evidence", record["record_id"])
    assert done["lifecycle_state"] == "submitted"
    judged = did(town, "lead", "transition", "review", "approve", ident, "--note", "well")
    assert (judged["transition"], judged["lifecycle_state"]) == ("approve", "completed")
    shown = did(town, "lead", "task", "task", "show", ident)
    assert [one["verdict"] for one in shown["reviews"]] == ["approve"]
    back = did(town, "a1", "record", "record", "retract", record["record_id"])
    assert (back["state"], back["changed"]) == ("retracted", True)
    again = did(town, "lead", "transition", "review", "reject", ident, "--note", "no")
    assert again["lifecycle_state"] == "unassigned"
