"""Fields, ends and the next task on the command line: each answer against its schema."""

from __future__ import annotations

from typing import Any

import pytest

import schemas
from console import Console
from envoy.cli.write.tasks import moment
from envoy.errors import UsageError


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Console:
    console = Console(tmp_path_factory.mktemp("town"))
    made = console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    console.ok("--profile", "a1", "join", made["invite_code"])
    return console


def did(town: Console, schema: str, *args: str) -> dict[str, Any]:
    """Run a command of the lead; return its answer, which fits ``schema``."""
    found = town.ok("--profile", "lead", *args)
    assert found["schema"] == f"envoy.{schema}/1" and schemas.problems(found, schema) == []
    return found


def made(town: Console, text: str, *args: str) -> str:
    """Return a new task."""
    return str(did(town, "task", "task", "create", text, *args)["task_id"])


def test_every_answer_fits_its_schema(town: Console) -> None:
    task = made(town, "work", "--label", "a", "--due", "2099-01-31", "--priority", "0")
    shown = did(town, "task", "task", "show", task)
    assert (shown["labels"], shown["due_at"]) == (["a"], "2099-01-31T23:59:59.000Z")
    edited = did(town, "transition", "task", "edit", task, "--title", "t", "--needs=")
    assert edited["transition"] == "edit" and edited["version"] != shown["version"]
    taken = did(town, "ready", "task", "ready", "--claim", "--label", "a")
    assert taken["claimed"] == task and taken["tasks"][0]["claim_state"] == "confirmed"
    beat = did(town, "transition", "task", "heartbeat", task, "--lease", "1h")
    assert (beat["event_id"], beat["changed"]) == (None, True)
    assert did(town, "transition", "task", "cancel", task)["lifecycle_state"] == "cancelled"
    assert did(town, "transition", "task", "reopen", task)["lifecycle_state"] == "unassigned"
    message = did(town, "send", "send", "a secret")["message_id"]
    assert did(town, "message_redact", "message", "redact", message, "--reason", "r")["changed"]
    rows = did(town, "history", "history", "--kinds", "message")["records"]
    assert [(one["body"], one["redacted"]) for one in rows] == [(None, True)]
    assert len(rows[0]["body_hash"]) == 64
    record = did(town, "work_record", "work-record")
    entry = record["limits"]["redacted"][0]
    assert entry["reason"] == "redacted"
    assert [one["visibility"] for one in record["activity"] if one["redacted"]] == ["redacted"]
    invite = did(town, "invite", "invite")
    rotated = did(town, "invite", "invites", "rotate", invite["invite_id"])
    assert rotated["ended_invite_id"] == invite["invite_id"] and rotated["role"] == "read"
    dry = did(town, "invite", "invites", "rotate", rotated["invite_id"], "--dry-run")
    assert dry["invite_code"] is None and dry["dry_run"]


def test_a_key_repeats_the_first_answer_of_every_write(town: Console) -> None:
    key = ("--idempotency-key", "once")
    for args in (
        ("space", "create", "other", *key),
        ("invite", "--space", "bughunt", "--idempotency-key", "i"),
        ("inbox", "ack", "bughunt", "--up-to-cursor", "1", "--idempotency-key", "a"),
    ):
        first, again = (town.ok("--profile", "lead", *args) for _ in range(2))
        same = ("space_id", "invite_code", "cursor")
        assert [first.get(one) for one in same] == [again.get(one) for one in same]
    found = town.call("--profile", "lead", "--json", "space", "create", "another", *key)
    assert found.data["error_code"] == "idempotency_mismatch"


def test_ready_tasks_come_page_by_page(town: Console) -> None:
    space = town.ok("--profile", "lead", "space", "create", "pages")["space_id"]
    for number in range(5):
        due = () if number % 2 else ("--due", f"{5 - number}d")
        town.ok("--profile", "lead", "task", "create", f"t{number}", "--space", space, *due)
    whole = town.ok("--profile", "lead", "task", "ready", space)["tasks"]
    pages: list[dict[str, Any]] = []
    cursor = None
    while cursor is not None or not pages:
        more = () if cursor is None else ("--cursor", cursor)
        page = town.ok("--profile", "lead", "task", "ready", space, "--limit", "2", *more)
        pages += page["tasks"]
        cursor = page["page"]["next_cursor"]
    assert [one["title"] for one in pages] == [one["title"] for one in whole]
    assert [one["title"] for one in whole] == ["t4", "t2", "t0", "t1", "t3"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("none", 0, id="none"),
        pytest.param("90s", 1_090_000, id="a span"),
        pytest.param("1970-01-02", 172_799_000, id="the end of a day"),
        pytest.param("1970-01-02T00:00:00Z", 86_400_000, id="a time in UTC"),
        pytest.param("1970-01-02T01:00:00+01:00", 86_400_000, id="a time elsewhere"),
        pytest.param("1970-01-02T00:00:00", 86_400_000, id="without an offset: UTC"),
    ],
)
def test_a_date_is_read(text: str, found: int) -> None:
    assert moment(text, now_ms=1_000_000) == found


@pytest.mark.parametrize("text", ["", "soon", "7", "1969-12-31", "999999999999999d", "\u0661d"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text, now_ms=1_000_000)
