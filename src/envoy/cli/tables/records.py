"""The commands of verdicts on work that was handed in."""

from __future__ import annotations

from envoy.cli.args import KEY, SPACE, TASK, TASK_WRITES, VERSION, WRITES, Arg, Command

NOTE = Arg("note", "why, for everybody to read; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that it rests on, by commas", "list", word="ID,…")
ERRORS = ("event_not_ok", "self_review_denied", *WRITES, *TASK_WRITES)
ARGS = (TASK, SPACE, NOTE, EVIDENCE, KEY, VERSION)

ROWS: tuple[Command, ...] = (
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
