"""The commands about conflicts, and about what events name."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import KEY, MEMBER, PAGE, SPACE, WRITES, Arg, Command

CONFLICT = Arg("conflict", "conflict: id or unique prefix", place=True, needed=True)

ROWS: tuple[Command, ...] = (
    Command(
        "conflicts list",
        "List what met, the open ones first: both sides and the rule",
        "read.conflicts:listed",
        (SPACE, Arg("mine", "only where I wrote one of the sides", "switch"), *PAGE),
        "conflicts",
    ),
    Command(
        "conflicts show",
        "Show a conflict: both sides, which stands by which rule, what to do",
        "read.conflicts:show",
        (CONFLICT, SPACE),
        "conflict",
    ),
    Command(
        "conflicts resolve",
        "Mark a conflict as resolved; nothing else changes",
        "write.conflicts:resolve",
        (
            CONFLICT,
            SPACE,
            Arg("keep", f"the side: its event, or its author ({MEMBER})", needed=True, word="SIDE"),
            Arg("note", "why, for everybody to read; - reads it from stdin", word="TEXT"),
            KEY,
        ),
        "conflict_resolved",
        errors=("invalid_transition", "message_too_large", *WRITES),
        more="By admins, the creator of the task, or the loser, who keeps the winner. For another"
        " outcome use the ordinary commands: assign, edit, review, reopen.",
    ),
    Command(
        "provenance",
        "Show what an event rests on, or what rests on it, by explicit references",
        "read.provenance:show",
        (
            Arg("event", "event, task or record: id or unique prefix", place=True, needed=True),
            SPACE,
            Arg(
                "depth",
                "steps",
                "int",
                default=limits.PROVENANCE_DEPTH_DEFAULT,
                least=1,
                most=limits.PROVENANCE_DEPTH_MAX,
                word="N",
            ),
            Arg(
                "direction",
                "back to what it rests on, or forward",
                "choice",
                default="back",
                choices=("back", "forward"),
            ),
        ),
        "provenance",
        more="Nothing is inferred: what nobody named is no edge.",
    ),
)
