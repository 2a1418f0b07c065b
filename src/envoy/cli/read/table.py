"""The commands that only read. How to add one: `cli.table`.

None of them loads a key, a codec or a reducer, and none acknowledges anything: whatever was unread
before a read is unread after it.
"""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import CURSOR, PAGE, SPACE, TASK, Arg, Command, limit

STATUSES = (
    "assigned", "unassigned", "claimed", "in_progress", "blocked", "completed", "all",
    "open", "submitted", "changes_requested", "cancelled",
)  # fmt: skip
WAIT_MOST = limits.WAIT_SECONDS_MAX
MEMBER = Arg("member", "member: did:key, its prefix, @name or @me", word="M")
EXCLUDE_SELF = Arg("exclude_self", "leave out what this profile did", "switch")
SINCE = Arg("since", "only what has a greater cursor than N", "int", word="N")

READS: tuple[Command, ...] = (
    Command(
        "help",
        "Show the commands, or one of them",
        "read.help:show",
        (Arg("topic", "the words of the command", "rest", place=True),),
        "help",
    ),
    Command("version", "Show the version and the build", "read.help:version", (), "version"),
    Command(
        "status",
        "Show identity, spaces and what is unread",
        "read.home:status",
        (),
        "status",
    ),
    Command(
        "spaces",
        "List the spaces of this profile",
        "read.home:spaces",
        PAGE,
        "spaces",
        also=("space list",),
    ),
    Command(
        "identity list",
        "List the profiles of this home",
        "read.home:identities",
        (),
        "identities",
    ),
    Command(
        "identity use",
        "Print the line that makes a shell use a profile",
        "read.home:use",
        (Arg("name", "profile", place=True, needed=True),),
        "identity_use",
    ),
    Command(
        "diagnose",
        "Check the home, the profile and its database",
        "read.home:diagnose",
        (),
        "diagnose",
        later=("--deep",),
    ),
    Command(
        "space members",
        "List the current members of a space",
        "read.space:members",
        (SPACE, MEMBER, *PAGE),
        "members",
    ),
    Command(
        "roster",
        "List everybody a space ever knew",
        "read.space:roster",
        (SPACE, MEMBER, *PAGE),
        "roster",
    ),
    Command(
        "permissions",
        "Show who may do what, and by which grant",
        "read.space:permissions",
        (SPACE, MEMBER, *PAGE),
        "permissions",
    ),
    Command(
        "invites list",
        "List the invites of a space, without their codes",
        "read.space:invites",
        (SPACE, *PAGE),
        "invites",
    ),
    Command(
        "history",
        "Show what was said and done, newest page first",
        "read.talk:history",
        (
            SPACE,
            limit(limits.HISTORY_ROWS_DEFAULT),
            CURSOR,
            Arg("thread", "only the thread of this message", word="ID"),
            Arg("task", "only what belongs to this task", word="T"),
            Arg("kinds", "only these kinds, by commas", "list", word="K,…"),
        ),
        "history",
        errors=("task_not_found",),
    ),
    Command(
        "search",
        "Find a phrase in messages, tasks and notes",
        "read.talk:search",
        (
            Arg("query", "the words, as a phrase", place=True, needed=True),
            SPACE,
            limit(limits.SEARCH_ROWS_DEFAULT),
            CURSOR,
        ),
        "search",
    ),
    Command(
        "inbox count",
        "Count what is unread",
        "read.talk:count",
        (
            SPACE,
            Arg("tasks", "only what concerns tasks", "switch"),
            EXCLUDE_SELF,
            Arg("include_self", "also what this profile did", "switch"),
        ),
        "inbox_count",
    ),
    Command(
        "inbox read",
        "Show what is unread; acknowledges nothing",
        "read.talk:inbox",
        (
            SPACE,
            Arg("wait", "wait until there is something", "switch"),
            Arg(
                "wait_timeout",
                "seconds to wait; 0: for ever",
                "int",
                default=limits.WAIT_SECONDS_DEFAULT,
                word="SEC",
            ),
            Arg("tasks_only", "only what concerns tasks", "switch", also=("--tasks",)),
            Arg("from", "only from this member", word="M"),
            Arg("type", "only this event type", word="K"),
            EXCLUDE_SELF,
            Arg("include_self", "also what this profile did", "switch"),
            *PAGE,
        ),
        "inbox",
        errors=("inbox_wait_timeout",),
    ),
    Command(
        "listen",
        "Show what happens, as it happens",
        "read.watch:listen",
        (
            SPACE,
            Arg("all", "all spaces", "switch"),
            EXCLUDE_SELF,
            Arg("name", "show names beside ids (always so)", "switch"),
            Arg("events", "messages, joins, leaves, epochs, by commas", "list", word="E,…"),
            Arg("no_history", "begin with what comes", "switch"),
            Arg(
                "history",
                "how many recent lines first",
                "int",
                default=limits.LISTEN_ROWS_DEFAULT,
                most=limits.ROWS_MAX,
                word="N",
            ),
            SINCE,
        ),
        "event",
        stream=True,
    ),
    Command(
        "events",
        "Stream events, one JSON object or line each",
        "read.watch:events",
        (
            SPACE,
            Arg("types", "only these event types, by commas", "list", word="T,…"),
            EXCLUDE_SELF,
            Arg("watch_timeout", "seconds, then exit 0", "int", most=WAIT_MOST, word="SEC"),
            SINCE,
        ),
        "event",
        stream=True,
    ),
    Command(
        "wait",
        "Wait for one thing that concerns me",
        "read.watch:wait",
        (
            Arg(
                "for",
                "mine, message, mention, conflict or task:T:STATE",
                default="mine",
                word="WHAT",
            ),
            SPACE,
            Arg(
                "timeout",
                "seconds; 0: look once",
                "int",
                default=limits.WAIT_SECONDS_DEFAULT,
                most=WAIT_MOST,
                word="SEC",
            ),
        ),
        "wait",
        errors=("wait_timeout", "task_not_found"),
    ),
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
        "work-record",
        "Show all that is needed to continue the work",
        "read.work:record",
        (SPACE, limit(limits.HISTORY_ROWS_DEFAULT), CURSOR),
        "work_record",
        later=("--budget", "--for", "--task", "--since"),
    ),
)
