"""Polls: a question with options is put, shown, found, hidden and answered like a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console

ASK = ("send", "--poll-question", "Which parser?", "--poll-options", "old, new")


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    code = found.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")["invite_code"]
    found.ok("--profile", "a1", "join", code)
    return found


def test_a_poll_is_shown_with_its_options(console: Console) -> None:
    put = console.ok("--profile", "a1", *ASK)
    (row,) = console.ok("--profile", "lead", "history", "--kinds", "poll")["records"]
    assert (row["event_id"], row["event_type"]) == (put["event_id"], "new_message")
    assert row["poll"] == {"question": "Which parser?", "options": ["old", "new"]}
    assert row["body"] == "Which parser?\n- old\n- new"
    (hit,) = console.ok("--profile", "lead", "search", "new")["hits"]
    assert hit["event_id"] == put["event_id"]
    other = console.ok("--profile", "lead", "send", "hello")
    rows = console.ok("--profile", "lead", "history")["records"]
    assert {row["event_id"]: row["poll"] for row in rows}[other["event_id"]] is None


def test_a_poll_is_in_the_inbox_and_an_open_question_until_it_is_answered(
    console: Console,
) -> None:
    put = console.ok("--profile", "a1", *ASK)
    inbox = console.ok("--profile", "lead", "inbox", "read")["messages"]
    assert [one["inbox_reason"] for one in inbox if one["kind"] == "poll"] == ["message"]
    record = console.ok("--profile", "lead", "work-record")
    (question,) = record["open_questions"]
    assert (question["reason"], question["id"]) == ("poll", put["event_id"])
    assert [one["poll"] for one in record["activity"] if one["kind"] == "poll"] != [None]
    assert console.ok("--profile", "a1", "work-record")["open_questions"] == []
    console.ok("--profile", "lead", "send", "new", "--reply-to", put["event_id"])
    assert console.ok("--profile", "lead", "work-record")["open_questions"] == []


def test_what_records_leave_open_is_an_open_question(console: Console) -> None:
    made = console.ok("--profile", "a1", "record", "add", "decision", "new")["record_id"]
    said = console.ok(
        *("--profile", "lead", "record", "add", "objection", "too slow"),
        *("--field", "severity=major", "--ref", f"contradicts:{made}"),
    )["record_id"]
    put_off = console.ok(
        *("--profile", "lead", "record", "add", "approval", "later"),
        *("--field", "verdict=defer", "--subject", "git:parser@4f1c"),
    )["record_id"]
    console.ok(
        *("--profile", "lead", "record", "add", "approval", "yes"),
        *("--field", "verdict=approve", "--subject", "git:lexer@4f1c"),
    )
    found = console.ok("--profile", "a1", "work-record")["open_questions"]
    assert [(one["reason"], one["id"], one["text"]) for one in found] == [
        ("objection", said, "too slow"),
        ("deferred_approval", put_off, "later"),
    ]
    console.ok("--profile", "lead", "record", "add", "decision", "ok", "--ref", f"answers:{said}")
    console.ok("--profile", "lead", "record", "retract", put_off)
    assert console.ok("--profile", "a1", "work-record")["open_questions"] == []


def test_a_poll_that_is_hidden_shows_no_word_of_it(console: Console) -> None:
    put = console.ok("--profile", "a1", *ASK)["message_id"]
    refused = console.call("--profile", "a2", "--json", "message", "redact", put)
    assert refused.status == 3
    console.ok("--profile", "lead", "message", "redact", put)
    (row,) = console.ok("--profile", "lead", "history", "--kinds", "poll")["records"]
    assert (row["poll"], row["body"], row["redacted"]) == (None, None, True)
    assert console.ok("--profile", "lead", "search", "parser")["hits"] == []
    assert console.ok("--profile", "lead", "work-record")["open_questions"] == []


def test_a_key_puts_a_poll_once(console: Console) -> None:
    args = ("--profile", "a1", *ASK, "--idempotency-key", "k1")
    first, again = console.ok(*args), console.ok(*args)
    assert first["event_id"] == again["event_id"]
    assert (first["replayed"], again["replayed"]) == (False, True)


@pytest.mark.parametrize(
    ("args", "code", "argument"),
    [
        pytest.param(
            ["--poll-question", "q"], "missing_required_flag", "--poll-options", id="no options"
        ),
        pytest.param(
            ["--poll-options", "a,b"], "missing_required_flag", "--poll-question", id="no question"
        ),
        pytest.param(
            ["--poll-question", "q", "--poll-options", "a"],
            "invalid_argument",
            "--poll-options",
            id="one option",
        ),
        pytest.param(
            ["--poll-question", "q", "--poll-options", ",".join(map(str, range(21)))],
            "invalid_argument",
            "--poll-options",
            id="21 options",
        ),
        pytest.param(
            ["--poll-question", "q", "--poll-options", "a,b,a"],
            "invalid_argument",
            "--poll-options",
            id="an option twice",
        ),
        pytest.param(
            ["--poll-question", "a\nb", "--poll-options", "a,b"],
            "invalid_argument",
            "--poll-question",
            id="two lines",
        ),
        pytest.param(
            ["hello", "--poll-question", "q", "--poll-options", "a,b"],
            "invalid_argument",
            "--poll-question",
            id="a message beside it",
        ),
        pytest.param(
            ["--task", "t", "--poll-question", "q", "--poll-options", "a,b"],
            "invalid_argument",
            "--task",
            id="a task beside it",
        ),
        pytest.param(
            ["--assignee", "@a1", "--poll-question", "q", "--poll-options", "a,b"],
            "invalid_argument",
            "--poll-question",
            id="an assignee",
        ),
    ],
)
def test_flags_that_make_no_poll_are_refused(
    console: Console, args: list[str], code: str, argument: str
) -> None:
    found = console.call("--profile", "a1", "--json", "send", *args)
    assert (found.status, found.data["error_code"]) == (2, code)
    assert found.data["argument"] == argument
