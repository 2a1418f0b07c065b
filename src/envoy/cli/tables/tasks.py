"""The commands of tasks, and the Work Record that whoever comes next starts from."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import (
    BODY,
    CURSOR,
    KEY,
    MEMBER,
    PAGE,
    SET_STATUSES,
    SPACE,
    TASK,
    TASK_WRITES,
    WRITES,
    Arg,
    Command,
    limit,
)

STATUSES = (
    "assigned", "unassigned", "claimed", "in_progress", "blocked", "completed", "all",
    "open", "submitted", "changes_requested", "cancelled",
)  # fmt: skip
NOTE = Arg("note", "what to tell the others; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that show it, by commas", "list", word="ID,…")
VERSION_LATER = ("--if-version",)
TASK_OWN = (*WRITES, *TASK_WRITES)

ROWS: tuple[Command, ...] = (
    Command(
        "task list",
        "List tasks, those to be done by default",
        "read.work:tasks",
        (
            SPACE,
            Arg("include_completed", "also what is completed or cancelled", "switch"),
            Arg("status", "only this status", "choice", choices=STATUSES, word="STATUS"),
            Arg("mine", "only what I hold", "switch"),
            Arg("label", "only with this label", word="L"),
            Arg("board", "as columns by status", "switch"),
            *PAGE,
        ),
        "tasks",
    ),
    Command(
        "task show",
        "Show a task with what happened to it",
        "read.work:show",
        (TASK, SPACE),
        "task",
        errors=("task_not_found",),
    ),
    Command(
        "task create",
        "Make a task",
        "write.work:create",
        (
            SPACE,
            *BODY,
            Arg("title", "its title (default: the first line of the text)"),
            Arg("assignee", f"who gets it; {MEMBER}", word="M"),
            KEY,
        ),
        "task",
        errors=("message_too_large", *WRITES),
        later=(
            *("--priority", "--label", "--due", "--needs", "--parent", "--reviews", "--review-by"),
            *("--no-self-review", "--require-evidence"),
        ),
    ),
    Command(
        "task claim",
        "Take a task",
        "write.work:claim",
        (
            TASK,
            SPACE,
            Arg(
                "require",
                "confirmed: answer only once the hub has decided",
                "choice",
                default="any",
                choices=("any", "confirmed"),
            ),
            Arg(
                "lease",
                "how long it is mine without a sign of life",
                "span",
                default=limits.LEASE_SECONDS_DEFAULT * 1000,
                least=limits.LEASE_SECONDS_MIN * 1000,
                most=limits.LEASE_SECONDS_MAX * 1000,
            ),
            KEY,
        ),
        "transition",
        errors=(*TASK_OWN, "task_already_claimed", "claim_unconfirmed"),
        later=VERSION_LATER,
    ),
    Command(
        "task release",
        "Give a task back",
        "write.work:release",
        (TASK, SPACE, NOTE, KEY),
        "transition",
        errors=TASK_OWN,
        later=VERSION_LATER,
    ),
    Command(
        "task assign",
        "Give a task to a member",
        "write.work:assign",
        (
            TASK,
            Arg("assignee", MEMBER, place=True, needed=True, word="M", also=("--member",)),
            SPACE,
            KEY,
        ),
        "transition",
        errors=TASK_OWN,
        later=VERSION_LATER,
    ),
    Command(
        "task set",
        "Set the status of a task",
        "write.work:set_status",
        (
            TASK,
            Arg("status", "where it stands", "choice", True, True, choices=SET_STATUSES),
            SPACE,
            Arg("assignee", f"who gets it, with status assigned; {MEMBER}", word="M"),
            NOTE,
            KEY,
        ),
        "transition",
        errors=TASK_OWN,
        later=VERSION_LATER,
    ),
    Command(
        "task complete",
        "Say that a task is done, and by what that can be seen",
        "write.work:complete",
        (TASK, SPACE, NOTE, EVIDENCE, KEY),
        "transition",
        errors=("event_not_ok", *TASK_OWN),
        later=VERSION_LATER,
    ),
    Command(
        "work-record",
        "Show all that is needed to continue the work",
        "read.work:record",
        (SPACE, limit(limits.HISTORY_ROWS_DEFAULT), CURSOR),
        "work_record",
        later=("--budget", "--for", "--task", "--since"),
    ),
)
