"""The commands of verdicts on work that was handed in, and of typed records."""

from __future__ import annotations

from envoy.cli.args import BODY, KEY, PAGE, SPACE, TASK, TASK_WRITES, VERSION, WRITES, Arg, Command
from envoy.views.records import KINDS

NOTE = Arg("note", "why, for everybody to read; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that it rests on, by commas", "list", word="ID,…")
ERRORS = ("event_not_ok", "self_review_denied", *WRITES, *TASK_WRITES)
RECORD = Arg("record", "record: id or unique prefix", place=True, needed=True)
ARGS = (TASK, SPACE, NOTE, EVIDENCE, KEY, VERSION)

ROWS: tuple[Command, ...] = (
    Command(
        "record add",
        "Add evidence, a decision, an objection: something that others can point at",
        "write.records:add",
        (
            Arg("kind", "what it is", "choice", True, True, choices=KINDS),
            *BODY,
            SPACE,
            Arg("task", "task that it belongs to", word="T"),
            Arg("type", "its type, as a gate names it: test", word="TYPE"),
            Arg("subject", "what it speaks of: scheme:name@digest", word="S"),
            Arg("field", "a field of it: result=pass; may be repeated", "many", word="K=V"),
            Arg(
                "ref", "what it relates to: contradicts:ID; may be repeated", "many", word="REL:ID"
            ),
            KEY,
        ),
        "record",
        errors=("message_too_large", "task_not_found", "event_not_ok", "field_invalid", *WRITES),
    ),
    Command(
        "record list",
        "List records with where each of them stands, newest first",
        "read.records:records",
        (SPACE, Arg("task", "only those of a task", word="T"), *PAGE),
        "records",
        errors=("task_not_found",),
    ),
    Command(
        "record show",
        "Show a record, what corrects it and what refers to it",
        "read.records:record",
        (RECORD, SPACE),
        "record_details",
    ),
    Command(
        "record retract",
        "Take a record back; it is shown as retracted",
        "write.records:retract",
        (
            RECORD,
            SPACE,
            Arg("reason", "why, for everybody to read", word="R"),
            KEY,
        ),
        "record",
        errors=WRITES,
    ),
    Command(
        "review list",
        "List what is handed in and waits for my approval",
        "read.records:reviews",
        (
            SPACE,
            Arg("mine", "only what waits for me (default)", "switch"),
            Arg("all", "all that is handed in", "switch"),
            *PAGE,
        ),
        "reviews",
    ),
    Command(
        "review show",
        "Show what a task is asked for, what it has and what is missing",
        "read.records:review",
        (TASK, SPACE),
        "review",
        errors=("task_not_found",),
    ),
    Command(
        "review approve",
        "Approve what was handed in; the last approval that is needed completes",
        "write.records:approve",
        ARGS,
        "transition",
        errors=ERRORS,
    ),
    Command(
        "review request-changes",
        "Ask for changes: the task stays with its holder; --note is needed",
        "write.records:request_changes",
        ARGS,
        "transition",
        errors=ERRORS,
    ),
    Command(
        "review reject",
        "Reject what was handed in: the task is open again; --note is needed",
        "write.records:reject",
        ARGS,
        "transition",
        errors=ERRORS,
    ),
)
