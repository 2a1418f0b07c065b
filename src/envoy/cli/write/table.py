"""The commands that write. How to add one: `cli.table`."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import (
    BODY,
    KEY,
    SPACE,
    TASK,
    TASK_WRITES,
    WRITES,
    Arg,
    Command,
    limit,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# The public words for the two roles that an invite may give.
INVITE_ROLES = ("write", "read", "reader", "append", "writer")
STATUSES = ("assigned", "in_progress", "blocked", "completed")

NAME = Arg("name", "how others see me (default: the profile's name)", word="N")
HUMAN = Arg("human", "I am a human", "switch")
AGENT = Arg("agent", "I am an agent (default)", "switch")
RECOVERY = Arg(
    "recovery_output",
    "the 24 recovery words: auto (once, on a terminal), file:PATH, skip or stderr",
    default="auto",
    word="WHERE",
)
SPACE_NAME = "name of the space"
DESCRIPTION = Arg("description", "what the space is for", word="D")
TTL = Arg(
    "ttl",
    "how long the code is good",
    "span",
    default=limits.INVITE_SECONDS_DEFAULT * 1000,
    least=1000,
    most=limits.INVITE_SECONDS_MAX * 1000,
)
CROSS_MACHINE = Arg("cross_machine", "for members on other machines: needs a relay", "switch")
MEMBER = "member: did:key, its prefix, @name or @me"
NOTE = Arg("note", "what to tell the others; - reads it from stdin", word="TEXT")
EVIDENCE = Arg("evidence", "events that show it, by commas", "list", word="ID,…")
VERSION_LATER = ("--if-version",)
TASK_OWN = (*WRITES, *TASK_WRITES)

HOME: tuple[Command, ...] = (
    Command(
        "fingerprint",
        "Show the fingerprint of a member to compare it by voice",
        "write.care:fingerprint",
        (Arg("member", "member (default: @me)", place=True, word="M"), SPACE._replace(place=False)),
        "fingerprint",
        later=("--full", "--with"),
    ),
    Command(
        "quickstart",
        "Make an identity, a space and an invite",
        "write.home:quickstart",
        (
            NAME,
            Arg("space_name", SPACE_NAME + " (default: that of this directory)", word="N"),
            HUMAN,
            AGENT,
            Arg("wait", "wait until somebody joins", "switch"),
            Arg("reusable", f"an invite for {limits.INVITE_USES_MAX} instead of one", "switch"),
            CROSS_MACHINE,
            Arg("publish_invite", "publish the invite: needs a relay", "switch", also=("--open",)),
            RECOVERY,
            Arg("show_recovery_phrase", "the same as --recovery-output stderr", "switch"),
        ),
        "quickstart",
        errors=("connected_intent_unsatisfied", "wait_timeout", "already_exists", *WRITES),
    ),
    Command(
        "init",
        "Make the identity of a profile",
        "write.home:init",
        (NAME, HUMAN, AGENT, RECOVERY),
        "init",
        errors=("already_exists",),
        later=("--lock",),
    ),
    Command(
        "identity create",
        "Make another profile with its own identity",
        "write.home:create",
        (
            Arg("name", "profile, and how others see it", place=True, needed=True),
            HUMAN,
            AGENT,
            RECOVERY,
        ),
        "identity_create",
        errors=("already_exists",),
        later=("--lock",),
    ),
)

SPACES: tuple[Command, ...] = (
    Command(
        "space create",
        "Found a space",
        "write.space:create",
        (
            Arg("name", SPACE_NAME, place=True, needed=True),
            Arg(
                "expires",
                "shown as ended after this time",
                "span",
                least=HOUR_MS,
                most=30 * DAY_MS,
            ),
            DESCRIPTION,
            CROSS_MACHINE,
        ),
        "space",
        errors=("connected_intent_unsatisfied",),
    ),
    Command(
        "space update",
        "Change name or description of a space",
        "write.space:update",
        (SPACE, Arg("name", SPACE_NAME, word="N"), DESCRIPTION),
        "space",
        errors=WRITES,
        later=("--disappearing",),
    ),
    Command(
        "space close",
        "End a space for everybody; it stays readable",
        "write.space:close",
        (SPACE,),
        "changed",
        errors=("confirmation_required", "outranked", *WRITES),
        later=("--dry-run",),
        more="Final. On a terminal it asks first, unless --yes is given.",
    ),
    Command(
        "invite",
        "Make a code by which others join a space",
        "write.space:invite",
        (
            SPACE,
            Arg(
                "max_uses",
                f"how many may join; 0: {limits.INVITE_USES_MAX}",
                "int",
                default=1,
                most=limits.INVITE_USES_MAX,
                word="N",
            ),
            TTL,
            Arg("role", "what they may", "choice", default="write", choices=INVITE_ROLES),
            Arg("publish", "publish it: needs a connected space", "switch"),
            Arg("local_only", "do not publish it (always so in a local space)", "switch"),
        ),
        "invite",
        errors=("space_local_only", *WRITES),
        also=("space invite",),
        later=("--mode", "--dry-run"),
    ),
    Command(
        "invites revoke",
        "End an invite; whoever has joined by it stays",
        "write.space:revoke",
        (
            SPACE,
            Arg("invite", "id or code of the invite", place=True, needed=True, word="ID_OR_CODE"),
        ),
        "changed",
        errors=("invalid_invite", "outranked", *WRITES),
        later=("--dry-run",),
    ),
    Command(
        "join",
        "Join a space by its code",
        "write.space:join",
        (
            Arg("code", "code or URI; - reads it from stdin", place=True, needed=True),
            NAME,
            AGENT,
            HUMAN,
            Arg("allow_relay_lookup", "ask a relay where this machine knows no invite", "switch"),
        ),
        "join",
        errors=("invalid_invite", "invite_already_redeemed", "space_closed", "limit_exceeded"),
    ),
)

TALK: tuple[Command, ...] = (
    Command(
        "send",
        "Say something in a space",
        "write.work:send",
        (
            *BODY,
            SPACE,
            Arg("as", "write as this profile", word="PROFILE"),
            Arg("reply_to", "message that it answers", word="ID"),
            Arg("refs", "events that it refers to, by commas", "list", word="ID,…"),
            Arg("ref", "event with a relation: supports:ID; may be repeated", "many"),
            Arg("task", "make a task of this text instead", word="TEXT"),
            Arg("assignee", f"who gets the task; {MEMBER}", word="M"),
            Arg("task_id", "task that it is about", word="T"),
            Arg("task_status", "set the status of that task, too", "choice", choices=STATUSES),
            KEY,
        ),
        "send",
        errors=("message_too_large", "event_not_ok", *WRITES, *TASK_WRITES),
        later=(
            "--attach",
            "--poll-question",
            "--poll-options",
            "--vdr",
            "--ttl",
            "--delegation",
        ),
    ),
    Command(
        "inbox ack",
        "Acknowledge what was seen to",
        "write.inbox:ack",
        (SPACE, Arg("up_to_cursor", "up to this cursor; without it, all", "int", word="N")),
        "inbox_ack",
    ),
    Command(
        "inbox read-ack",
        "Show what is unread and acknowledge just that",
        "write.inbox:read_ack",
        (
            SPACE,
            Arg("include_self", "show also what this profile did", "switch"),
            limit(limits.LIST_ROWS_DEFAULT),
        ),
        "inbox_read_ack",
    ),
    Command(
        "sync",
        "Exchange with the hub until both have the same",
        "write.inbox:sync",
        (SPACE,),
        "sync",
        later=("--verify", "--to", "--from"),
    ),
)

TASKS: tuple[Command, ...] = (
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
            Arg("status", "where it stands", "choice", True, True, choices=STATUSES),
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
)

ROWS: tuple[Command, ...] = (*HOME, *SPACES, *TALK, *TASKS)
