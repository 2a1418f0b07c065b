"""The commands of a profile and its home: to begin, to look around, to be somebody."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import (
    AGENT,
    CROSS_MACHINE,
    HUMAN,
    NAME,
    PAGE,
    PIN,
    SPACE_FLAG,
    SPACE_NAME,
    WRITES,
    Arg,
    Command,
)

RECOVERY = Arg(
    "recovery_output",
    "the 24 recovery words: auto (once, on a terminal), file:PATH, skip or stderr",
    default="auto",
    word="WHERE",
)

LOCK = Arg(
    "lock",
    "how the key lies on the disk",
    "choice",
    default="none",
    choices=("none", "passphrase", "keyring"),
)

ROWS: tuple[Command, ...] = (
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
            PIN,
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
        (NAME, HUMAN, AGENT, RECOVERY, LOCK),
        "init",
        errors=("already_exists", "unsupported_operation"),
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
            LOCK,
        ),
        "identity_create",
        errors=("already_exists", "unsupported_operation"),
    ),
    Command(
        "identity list",
        "List the profiles of this home",
        "read.home:identities",
        PAGE,
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
        "fingerprint",
        "Show the fingerprint of a member to compare it by voice",
        "write.care:fingerprint",
        (
            Arg("member", "member (default: @me)", place=True, word="M"),
            Arg("full", "show all 64 digits, too", "switch"),
            Arg("with", "the safety number with this member (default: me)", word="M"),
            SPACE_FLAG,
        ),
        "fingerprint",
    ),
    Command(
        "diagnose",
        "Check the home, the profile and its database",
        "write.upkeep:diagnose",
        (Arg("deep", "check every event, signature, page and mode bit too", "switch"),),
        "diagnose",
    ),
    Command(
        "diagnose time",
        "Compare this clock with the relay's",
        "write.upkeep:clock",
        (),
        "diagnose_time",
        errors=(
            "clock_skew_ahead",
            "clock_skew_behind",
            "relay_unavailable",
            "relay_inconsistent",
            "egress_denied",
            "space_local_only",
        ),
        more="The relay is that of --relay-url, else that of the first connected space.",
    ),
)
