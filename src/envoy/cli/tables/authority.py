"""The commands that change who may do what."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import DRY_RUN, KEY, MEMBER, SPACE, WRITES, Arg, Command

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
# AUTHORITY knows no cap that is not in one of these; from the least to the greatest.
ROLES = ("read", "write", "admin", "owner")
REASON = Arg("reason", "why, for everybody to read", word="R")
WHO = Arg("member", MEMBER, place=True, needed=True, word="MEMBER")
CHANGES = ("outranked", "confirmation_required", *WRITES)
ASKS = "On a terminal it shows who is meant and what ends with it, and asks, unless --yes is given."

ROWS: tuple[Command, ...] = (
    Command(
        "space role",
        "Give a member another role",
        "write.authority:role",
        (
            SPACE,
            Arg("member", MEMBER, needed=True, word="M"),
            Arg("role", "what the member may from here on", "choice", needed=True, choices=ROLES),
            DRY_RUN,
            KEY,
        ),
        "authority",
        errors=CHANGES,
        more=f"A lower role leaves the epoch, too. {ASKS}",
    ),
    Command(
        "space remove",
        "Remove a member, with all open codes, and leave the epoch",
        "write.authority:remove",
        (
            SPACE,
            WHO,
            REASON,
            Arg("undo", "acts of the member on authority to take back", "list", word="ID,…"),
            DRY_RUN,
            KEY,
        ),
        "authority",
        errors=CHANGES,
        more=f"What the member wrote before stays; what it writes beside is held. {ASKS}",
    ),
    Command(
        "revoke",
        "End one grant, delegation or invite",
        "write.authority:revoke",
        (SPACE, Arg("grant", "id of the grant", place=True, needed=True), REASON, DRY_RUN, KEY),
        "authority",
        errors=CHANGES,
        more=ASKS,
    ),
    Command(
        "delegate",
        "Let somebody act under a grant of this profile",
        "write.authority:delegate",
        (
            SPACE,
            Arg("target", f"who; {MEMBER}; or a card string", place=True, needed=True),
            Arg("verb", "what", "choice", needed=True, choices=("read", "write")),
            Arg("scope", "room (the space) or task:ID", default="room", word="room|task:ID"),
            Arg(
                "depth",
                "how often it may be handed on",
                "int",
                default=0,
                most=limits.DELEGATION_DEPTH_MAX,
                word="N",
            ),
            Arg(
                "ttl",
                "how long it holds",
                "span",
                default=DAY_MS,
                least=10 * MINUTE_MS,
                most=30 * DAY_MS,
            ),
            DRY_RUN,
            KEY,
        ),
        "delegation",
        errors=(
            *("enc_key_missing", "task_not_found", "unsupported_operation", "signature_invalid"),
            *CHANGES,
        ),
        more=f"Who is no member reads the space by it: that takes an admin. {ASKS}",
    ),
    Command(
        "space leave",
        "Leave a space and give its tasks back",
        "write.authority:leave",
        (SPACE, DRY_RUN, KEY),
        "authority",
        errors=CHANGES,
        more=ASKS,
    ),
    Command(
        "space rotate",
        "Write under a new epoch from here on",
        "write.authority:rotate",
        (SPACE, DRY_RUN, KEY),
        "authority",
        errors=WRITES,
    ),
    Command(
        "space policy",
        "Show or set what a space asks of work by default",
        "write.authority:policy",
        (
            SPACE,
            Arg("reviews", "reviews that a completion needs", "int", most=limits.REVIEWS_MAX),
            Arg("review_by", "who may review: human or a role", "list", word="WHO,…"),
            Arg("no_self_review", "not by who did the work", "switch"),
            Arg("self_review", "who did the work may review it, too", "switch"),
            Arg("require_evidence", "types of evidence that it needs", "list", word="K,…"),
            Arg(
                "lease",
                "how long a claim holds",
                "span",
                least=limits.LEASE_SECONDS_MIN * 1000,
                most=limits.LEASE_SECONDS_MAX * 1000,
            ),
            Arg("audit", "whether messages may vanish", "choice", choices=("keep", "free")),
            DRY_RUN,
            KEY,
        ),
        "policy",
        errors=("field_invalid", "unsupported_operation", *WRITES),
        more="An empty list asks for nothing any more: --require-evidence= or --review-by=.",
    ),
    Command(
        "agent revoke",
        "Remove an agent from every space of this profile",
        "write.authority:agent_revoke",
        (WHO, REASON, DRY_RUN, KEY),
        "agent_revoke",
        errors=CHANGES,
        more=f"Each space answers for itself; the exit status is of the first that failed. {ASKS}",
    ),
)
