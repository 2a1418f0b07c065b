"""The commands of handoffs: to pass work on with all that its next holder has to know."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import KEY, MEMBER, SPACE, TASK, TASK_WRITES, VERSION, WRITES, Arg, Command

HANDOFF = Arg("handoff", "handoff: id or unique prefix", place=True, needed=True)
SOUND = ("event_not_ok", "signature_invalid")

ROWS: tuple[Command, ...] = (
    Command(
        "handoff create",
        "Pass a task of mine on: what to do next, what is done, open, risky; seen until here",
        "write.handoffs:create",
        (
            TASK,
            SPACE,
            Arg("to", f"who takes over, else whoever does; {MEMBER}", word="M"),
            Arg("next", "what is to be done first; - reads it from stdin", needed=True),
            Arg("done", "what is done; may be repeated", "many", word="TEXT"),
            Arg("remaining", "what remains; may be repeated", "many", word="TEXT"),
            Arg("command", "a command that helps; may be repeated", "many", word="CMD"),
            Arg("risk", "what may go wrong; may be repeated", "many", word="TEXT"),
            Arg("question", "what is not known; may be repeated", "many", word="TEXT"),
            Arg("evidence", "events that it rests on, by commas", "list", word="ID,…"),
            KEY,
            VERSION,
        ),
        "handoff",
        errors=("message_too_large", "event_not_ok", *WRITES, *TASK_WRITES),
        more="It ends my tenure and frees the slot. What I have seen is pinned and signed in it.",
    ),
    Command(
        "handoff accept",
        "Take a task over: countersign its handoff, with a new fence",
        "write.handoffs:accept",
        (
            HANDOFF,
            SPACE,
            Arg(
                "require",
                "what to be content with",
                "choice",
                default="any",
                choices=("confirmed", "any"),
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
            VERSION,
        ),
        "transition",
        errors=(
            *("task_already_claimed", "claim_unconfirmed", "needs_unmet"),
            *(*SOUND, *WRITES, *TASK_WRITES),
        ),
    ),
    Command(
        "handoff verify",
        "Check a handoff: signatures, the pinned frontier, evidence, what is not known here",
        "write.handover:verify",
        (
            Arg("handoff", "its id, a unique prefix, or an audit bundle", place=True, needed=True),
            SPACE,
        ),
        "handoff_verified",
        errors=(*SOUND, "audit_invalid"),
        more="It looks at this copy alone; `envoy sync` first brings what the hub has. Of a file"
        " that `envoy audit export` wrote all is checked, without a profile; shown is the newest"
        " handoff in it that is offered, else the newest.",
    ),
)
