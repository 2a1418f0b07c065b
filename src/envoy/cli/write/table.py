"""The commands that write. How to add one: `cli.table`."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import KEY, SPACE, TASK, TASK_WRITES, WRITES, Arg, Command

ROWS: tuple[Command, ...] = (
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
        errors=(*WRITES, *TASK_WRITES, "task_already_claimed", "claim_unconfirmed", "needs_unmet"),
        later=("--if-version",),
    ),
)
