"""The commands that make spaces and bring members into them."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import (
    AGENT,
    CROSS_MACHINE,
    DRY_RUN,
    HUMAN,
    KEY,
    MEMBER_FLAG,
    NAME,
    PAGE,
    PIN,
    SPACE,
    SPACE_NAME,
    WRITES,
    Arg,
    Command,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# The public words for the two roles that an invite may give.
INVITE_ROLES = ("write", "read", "reader", "append", "writer")
DESCRIPTION = Arg("description", "what the space is for", word="D")
TTL = Arg(
    "ttl",
    "how long the code is good",
    "span",
    default=limits.INVITE_SECONDS_DEFAULT * 1000,
    least=1000,
    most=limits.INVITE_SECONDS_MAX * 1000,
)

RELAY = (
    Arg("relay", "origin of the relay (default: ENVOY_RELAY_URL)", word="URL"),
    PIN,
    Arg("isolate", "over connections of its own, with no other space", "switch"),
)
# What a relay may answer where it is asked in so many words.
TO_RELAY = (
    *("relay_unavailable", "relay_inconsistent", "egress_denied", "auth_failed", "rate_limited"),
    *("quota_exceeded", "subscription_required", "clock_skew_ahead", "clock_skew_behind"),
)

ROWS: tuple[Command, ...] = (
    Command(
        "spaces",
        "List the spaces of this profile",
        "read.home:spaces",
        PAGE,
        "spaces",
        also=("space list",),
    ),
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
            PIN,
            KEY,
        ),
        "space",
        errors=("connected_intent_unsatisfied", "idempotency_mismatch"),
    ),
    Command(
        "space update",
        "Change name or description of a space",
        "write.space:update",
        (SPACE, Arg("name", SPACE_NAME, word="N"), DESCRIPTION, KEY),
        "space",
        errors=WRITES,
        later=("--disappearing",),
    ),
    Command(
        "space close",
        "End a space for everybody; it stays readable",
        "write.space:close",
        (SPACE, DRY_RUN, KEY),
        "changed",
        errors=("confirmation_required", "outranked", *WRITES),
        more="Final. On a terminal it asks first, unless --yes is given.",
    ),
    Command(
        "space connect",
        "Put a space on a relay, with all its history",
        "write.connect:connect",
        (SPACE, *RELAY),
        "connection",
        errors=(*TO_RELAY, "space_closed", "capability_missing"),
        more="It may be repeated. The space goes on working on this machine as it did.",
    ),
    Command(
        "space attach",
        "Get a space back from a relay, after recover",
        "write.connect:attach",
        (SPACE._replace(say="id of the space, in full", needed=True), *RELAY),
        "connection",
        errors=(*TO_RELAY, "capability_missing", "epoch_revoked"),
    ),
    Command(
        "space members",
        "List the current members of a space",
        "read.space:members",
        (SPACE, MEMBER_FLAG, *PAGE),
        "members",
    ),
    Command(
        "roster",
        "List everybody a space ever knew",
        "read.space:roster",
        (SPACE, MEMBER_FLAG, *PAGE),
        "roster",
    ),
    Command(
        "permissions",
        "Show who may do what, and by which grant",
        "read.space:permissions",
        (SPACE, MEMBER_FLAG, *PAGE),
        "permissions",
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
            Arg(
                "mode",
                "open: whoever has the code joins; approve: it asks, and you let in",
                "choice",
                default="open",
                choices=("open", "approve"),
            ),
            Arg("publish", "at the relay of the space, or make none", "switch"),
            Arg("local_only", "not at the relay, which a connected space does", "switch"),
            DRY_RUN,
            KEY,
        ),
        "invite",
        errors=("space_local_only", "relay_unavailable", *WRITES),
        also=("space invite",),
    ),
    Command(
        "invites list",
        "List the invites of a space, without their codes",
        "read.space:invites",
        (SPACE, *PAGE),
        "invites",
    ),
    Command(
        "invites revoke",
        "End an invite; whoever has joined by it stays",
        "write.space:revoke",
        (
            SPACE,
            Arg("invite", "id or code of the invite", place=True, needed=True, word="ID_OR_CODE"),
            DRY_RUN,
            KEY,
        ),
        "changed",
        errors=("invalid_invite", "outranked", *WRITES),
    ),
    Command(
        "invites rotate",
        "End an invite and make another one, in one act",
        "write.invites:rotate",
        (
            SPACE,
            Arg("invite", "id or code of the invite", place=True, needed=True, word="ID_OR_CODE"),
            Arg(
                "max_uses",
                f"how many may join; 0: {limits.INVITE_USES_MAX}",
                "int",
                default=1,
                most=limits.INVITE_USES_MAX,
                word="N",
            ),
            TTL._replace(default=HOUR_MS // 2),
            Arg("role", "what they may", "choice", default="read", choices=INVITE_ROLES),
            DRY_RUN,
            KEY,
        ),
        "invite",
        errors=("invalid_invite", "outranked", *WRITES),
    ),
    Command(
        "invites pending",
        "List who asks to be let in by your codes",
        "write.approve:pending",
        (SPACE, *PAGE),
        "join_requests",
        errors=WRITES,
    ),
    Command(
        "invites approve",
        "Let in somebody who asked",
        "write.approve:approve",
        (
            Arg("request", "id of the request", place=True, needed=True, word="REQ"),
            SPACE,
            DRY_RUN,
            KEY,
        ),
        "join_approved",
        errors=(
            *("invalid_invite", "invite_already_redeemed", "enc_key_missing", "limit_exceeded"),
            *("outranked", "confirmation_required", *WRITES),
        ),
        more="On a terminal it shows who is meant and asks, unless --yes is given.",
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
            Arg("allow_relay_lookup", "ask the relay of --relay-url or of the URI", "switch"),
            KEY,
        ),
        "join",
        errors=(
            *("invalid_invite", "invite_already_redeemed", "space_closed", "limit_exceeded"),
            *("hosted_relay_invite_not_found", "idempotency_mismatch", "epoch_revoked", *TO_RELAY),
        ),
        more="A relay is asked only where the URI or --relay-url names one.",
    ),
)
