"""The commands of verdicts on work that was handed in, and of typed records."""

from __future__ import annotations

from envoy.cli.args import (
    BODY,
    KEY,
    PAGE,
    SPACE,
    SPACE_FLAG,
    TASK,
    TASK_WRITES,
    VERSION,
    WRITES,
    Arg,
    Command,
)
from envoy.views.records import KINDS

NOTE = Arg("note", "why, for everybody to read; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that it rests on, by commas", "list", word="ID,…")
ERRORS = ("event_not_ok", "self_review_denied", *WRITES, *TASK_WRITES)
RECORD = Arg("record", "record: id or unique prefix", place=True, needed=True)
ARGS = (TASK, SPACE, NOTE, EVIDENCE, KEY, VERSION)

# What Envoy answers where it fails itself, as other programs do that run commands.
EXIT_FAILED = 125
RUN_MORE = (
    "It exits as the command does, with 128 + N where signal N ended it, and with 125 where Envoy "
    "fails. The output is shown as it comes, on stderr with --json. What looks like a password or "
    "a token in the command or at the end of its output is not recorded."
)

ROWS: tuple[Command, ...] = (
    Command(
        "run",
        "Run a command and record what came of it as evidence",
        "write.running:run",
        (
            Arg("command", "what to run, with its arguments, after --", "rest", True, True),
            SPACE_FLAG,
            Arg("task", "task that it is run for; its lease is renewed meanwhile", word="T"),
            Arg("type", "the type of the evidence, as a gate names it", default="test"),
            Arg("cwd", "directory to run it in (default: this one)", word="D"),
            Arg("keep_output", "share all of its output as an object", "switch"),
            KEY,
        ),
        "run",
        errors=("task_not_found", "event_not_ok", *WRITES),
        more=RUN_MORE,
        failed=EXIT_FAILED,
    ),
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
        errors=("evidence_missing", "evidence_stale", *ERRORS),
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
