"""The commands that explain verdicts, let held content count, and show cards."""

from __future__ import annotations

from envoy.cli.args import (
    KEY,
    MEMBER,
    PAGE,
    SPACE,
    SPACE_FLAG,
    WRITES,
    Arg,
    Command,
)

VERBS = ("read", "write", "grant", "admin", "own")
EVENT = Arg("event", "event: id or unique prefix", place=True, needed=True)
# The public product has four names for whose card it is.
AGENT_CARD = Arg(
    "agent", f"whose; {MEMBER} (default)", also=("--identity", "--id", "--did"), word="ID"
)

ROWS: tuple[Command, ...] = (
    Command(
        "can",
        "Say whether a member may do something, and by which grants",
        "read.desk:can",
        (
            Arg("member", MEMBER, place=True, needed=True),
            Arg("verb", "what", "choice", place=True, needed=True, choices=VERBS),
            SPACE,
            Arg("task", "about this task", word="T"),
            Arg("at", "as this event saw it, not as of now", word="EVENT"),
        ),
        "can",
        errors=("task_not_found",),
        more="Exits 0 with either answer: `allowed` is in the answer.",
    ),
    Command(
        "why",
        "Say why an event counts or does not: rule, cause, grants",
        "read.desk:why",
        (EVENT, SPACE),
        "why",
    ),
    Command(
        "quarantine list",
        "List what does not count, and what was refused at the door",
        "read.desk:quarantine",
        (SPACE, *PAGE),
        "quarantine",
    ),
    Command(
        "quarantine show",
        "Show one of them, with its text and why it lies there",
        "read.desk:show",
        (EVENT, SPACE),
        "quarantine_show",
    ),
    Command(
        "quarantine admit",
        "Let held events count, or all that a revocation holds",
        "write.desk:admit",
        (
            Arg("event", "events, or a revocation", "rest", place=True, needed=True),
            SPACE_FLAG,
            Arg("reason", "why, for all to read", needed=True, word="R"),
            Arg("dry_run", "show what it would release, write nothing", "switch"),
            KEY,
        ),
        "admit",
        errors=("event_not_ok", *WRITES),
        more="Only admins and owners. What is void or invalid is never admitted.",
    ),
    Command(
        "card publish",
        "Say how others shall see this profile: hints, never authority",
        "write.cards:publish",
        (
            Arg("name", "name on the card", word="N"),
            Arg("capabilities", "what this profile can do, by commas", "list", word="A,B"),
            Arg("version", "version of what runs it", word="V"),
            Arg("service", "how it is reached; empty: not said", word="X"),
            SPACE_FLAG,
            KEY,
        ),
        "card_publish",
        errors=WRITES,
        more="Without --space it goes to every space. What is not given stays as it is.",
    ),
    Command(
        "card show",
        "Show the card of a member, its signature checked",
        "write.cards:one",
        (AGENT_CARD, SPACE_FLAG),
        "card",
        errors=("signature_invalid",),
        more="One's own comes with its card string: by that others delegate to who shares no hub.",
    ),
    Command(
        "card list",
        "List the cards of everybody",
        "write.cards:all_of",
        (SPACE, *PAGE),
        "cards",
        errors=("signature_invalid",),
    ),
)
