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
    VERSION,
    WRITES,
    Arg,
    Command,
    limit,
)

STATUSES = (
    "assigned", "unassigned", "claimed", "in_progress", "blocked", "completed", "all",
    "open", "submitted", "changes_requested", "cancelled",
)  # fmt: skip
NORMAL = 2  # priority
READY_ROWS = 20
NOTE = Arg("note", "what to tell the others; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that show it, by commas", "list", word="ID,…")
REASON = Arg("reason", "why, for everybody to read", word="R")
LABEL = Arg("label", "a label; may be repeated", "many", word="L")
DUE = Arg("due", "when it is due: 2026-01-31, a time in RFC 3339, 7d from now", word="T")
NEEDS = Arg("needs", "tasks that come before, by commas", "list", word="T,…")
PRIORITY = Arg("priority", "0, the most urgent, to 4", "int", most=limits.PRIORITY_MAX, word="P")
LEASE = Arg(
    "lease",
    "how long it is mine without a sign of life",
    "span",
    default=limits.LEASE_SECONDS_DEFAULT * 1000,
    least=limits.LEASE_SECONDS_MIN * 1000,
    most=limits.LEASE_SECONDS_MAX * 1000,
)
TASK_OWN = (*WRITES, *TASK_WRITES)
HAND_IN = ("event_not_ok", "evidence_missing", "evidence_stale", "review_required", *TASK_OWN)

GATE = (
    Arg("reviews", "approvals that its completion needs", "int", most=limits.REVIEWS_MAX),
    Arg("review_by", "who has to approve: human or a role", "list", word="WHO,…"),
    Arg("no_self_review", "not by who did the work", "switch"),
    Arg("require_evidence", "types of evidence that it needs", "list", word="K,…"),
)

EDIT_MORE = (
    "Creator and admins change every field, the holder text, labels and needs. What a completion "
    "needs is asked of the next one; an empty list asks for nothing: --review-by=."
)

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
        "write.tasks:create",
        (
            SPACE,
            *BODY,
            Arg("title", "its title (default: the first line of the text)"),
            Arg("assignee", f"who gets it; {MEMBER}", word="M"),
            PRIORITY._replace(default=NORMAL),
            LABEL,
            DUE,
            NEEDS,
            Arg("parent", "task that it is a part of", word="T"),
            *GATE,
            KEY,
        ),
        "task",
        errors=("message_too_large", "task_not_found", *WRITES),
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
            LEASE,
            KEY,
            VERSION,
        ),
        "transition",
        errors=(
            *(*TASK_OWN, "task_already_claimed", "claim_unconfirmed", "needs_unmet"),
            "quota_exceeded",
        ),
    ),
    Command(
        "task release",
        "Give a task back",
        "write.work:release",
        (TASK, SPACE, NOTE, KEY, VERSION),
        "transition",
        errors=TASK_OWN,
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
            VERSION,
        ),
        "transition",
        errors=TASK_OWN,
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
            VERSION,
        ),
        "transition",
        errors=TASK_OWN,
    ),
    Command(
        "task complete",
        "Say that a task is done, and by what that can be seen",
        "write.work:complete",
        (TASK, SPACE, NOTE, EVIDENCE, KEY, VERSION),
        "transition",
        errors=HAND_IN,
        more="A task with a gate is submitted, and completed once its gate is met.",
    ),
    Command(
        "task submit",
        "Hand the work in: one approval at least is wanted",
        "write.records:submit",
        (TASK, SPACE, NOTE, EVIDENCE, KEY, VERSION),
        "transition",
        errors=HAND_IN,
    ),
    Command(
        "task edit",
        "Change the fields of a task",
        "write.tasks:edit",
        (
            TASK,
            SPACE,
            Arg("title", "its title"),
            Arg("body", "its text; - reads it from stdin", word="TEXT"),
            PRIORITY,
            LABEL,
            Arg("unlabel", "a label that goes; may be repeated", "many", word="L"),
            DUE._replace(say=f"{DUE.say}; none"),
            NEEDS._replace(say="all the tasks that come before, by commas; empty: none"),
            *GATE,
            Arg("self_review", "who did the work may review it, too", "switch"),
            KEY,
            VERSION,
        ),
        "transition",
        errors=("message_too_large", "field_invalid", "unsupported_operation", *TASK_OWN),
        more=EDIT_MORE,
    ),
    Command(
        "task ready",
        "List what could be taken now, the first to be done first",
        "write.tasks:ready",
        (
            SPACE,
            Arg("claim", "take the first one that is won", "switch"),
            Arg("label", "only with this label", word="L"),
            limit(READY_ROWS),
            CURSOR,
            KEY,
        ),
        "ready",
        errors=("nothing_ready", "claim_unconfirmed", "quota_exceeded", *WRITES, *TASK_WRITES),
    ),
    Command(
        "task heartbeat",
        "Show a sign of life: the lease of a task is renewed",
        "write.tasks:heartbeat",
        (TASK, SPACE, LEASE),
        "transition",
        errors=(
            *("task_already_claimed", "claim_unconfirmed", "lease_expired", "task_not_found"),
            *("task_unassigned", "not_assignee", "fence_stale", "invalid_transition"),
        ),
        more="No event is written. Any other act on the task by its session renews, too.",
    ),
    Command(
        "task cancel",
        "Say that a task will not be done",
        "write.tasks:cancel",
        (TASK, SPACE, REASON, KEY, VERSION),
        "transition",
        errors=TASK_OWN,
    ),
    Command(
        "task reopen",
        "Open a task again that was completed or cancelled",
        "write.tasks:reopen",
        (TASK, SPACE, REASON, KEY, VERSION),
        "transition",
        errors=TASK_OWN,
    ),
    Command(
        "work-record",
        "Show all that is needed to continue the work",
        "read.work:record",
        (
            SPACE,
            limit(limits.HISTORY_ROWS_DEFAULT),
            CURSOR,
            Arg(
                "budget",
                "at most so many tokens: bytes / 4",
                "int",
                least=800,
                most=99_999_999,
                word="TOKENS",
            ),
            Arg("for", f"from whose point of view; {MEMBER}", word="M"),
            Arg("task", "only about this task", word="T"),
            Arg("since", "only what arrived above this cursor, and what is mine", "int", word="N"),
        ),
        "work_record",
        errors=("task_not_found",),
        asks=("budget", "for", "task", "since"),
        apart="read.brief:record",
    ),
)
