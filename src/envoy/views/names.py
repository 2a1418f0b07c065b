"""Names: the states of a task and the public words that show each of them.

A fold knows nine states. Scripts know the words of the existing product: ``status``,
``lifecycle_state``, ``assignment_state``, ``claim_state`` and what ``--status`` finds. Reducers and
reads both take the words from this one table, so a state has one meaning on every face. Words are
wire contract: add, never rename.

Specification: docs/spec/tasks.md, Public names. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from envoy.lean import NamedTuple

# States, the letters of the specification beside them.
OPEN = "open"  # O
ASSIGNED = "assigned"  # A
CLAIMED = "claimed"  # C
IN_PROGRESS = "in_progress"  # P
BLOCKED = "blocked"  # B
SUBMITTED = "submitted"  # S
CHANGES_REQUESTED = "changes_requested"  # R
COMPLETED = "completed"  # D
CANCELLED = "cancelled"  # X

UNASSIGNED = "unassigned"
ALL = "all"

# claim_state of a task; a claim that is not its tenure is lost, which is no state of the task
UNCLAIMED = "unclaimed"
PROVISIONAL = "provisional"
CONFIRMED = "confirmed"

# Why the fold refuses a claim over another's that it saw, until the hub gives it a greater fence.
OVER_ANOTHER = "claim_of_owned"

# What became of a handoff.
OFFERED = "offered"
ACCEPTED = "accepted"  # by a claim that names it
WITHDRAWN = "withdrawn"  # its giver took the task back
SUPERSEDED = "superseded"  # something else came upon it, or beside it and won


class Name(NamedTuple):
    """How a state is shown. ``assigned`` None: as its tenure says; so with ``claimed``."""

    status: str
    lifecycle: str
    assigned: bool | None
    claimed: bool | None
    found_by: tuple[str, ...]


NAMES = {
    OPEN: Name(ASSIGNED, UNASSIGNED, False, False, (UNASSIGNED, ASSIGNED, OPEN)),
    ASSIGNED: Name(ASSIGNED, ASSIGNED, True, False, (ASSIGNED,)),
    CLAIMED: Name(ASSIGNED, CLAIMED, True, None, (CLAIMED, ASSIGNED)),
    IN_PROGRESS: Name(IN_PROGRESS, IN_PROGRESS, True, None, (IN_PROGRESS,)),
    BLOCKED: Name(BLOCKED, BLOCKED, None, None, (BLOCKED,)),
    SUBMITTED: Name(IN_PROGRESS, SUBMITTED, True, None, (IN_PROGRESS, SUBMITTED)),
    CHANGES_REQUESTED: Name(
        IN_PROGRESS, CHANGES_REQUESTED, True, None, (IN_PROGRESS, CHANGES_REQUESTED)
    ),
    COMPLETED: Name(COMPLETED, COMPLETED, None, None, (COMPLETED,)),
    CANCELLED: Name(CANCELLED, CANCELLED, None, None, (CANCELLED,)),
}
STATES = tuple(NAMES)
ENDED = (COMPLETED, CANCELLED)
# Somebody has it and works on it.
AT_WORK = (CLAIMED, IN_PROGRESS, BLOCKED, CHANGES_REQUESTED)


def status(state: str) -> str:
    """Return the public ``status`` of a state."""
    return NAMES[state].status


def lifecycle_state(state: str) -> str:
    """Return the public ``lifecycle_state`` of a state."""
    return NAMES[state].lifecycle


def assignment_state(state: str, *, is_held: bool) -> str:
    """Return ``assigned`` or ``unassigned``; ``is_held`` says that somebody has the tenure."""
    assigned = NAMES[state].assigned
    return ASSIGNED if (is_held if assigned is None else assigned) else UNASSIGNED


def claim_state(state: str, tenure: str) -> str:
    """Return the public ``claim_state``; ``tenure`` is that of the tenure itself."""
    return UNCLAIMED if NAMES[state].claimed is False else tenure


def found_by(word: str | None) -> tuple[str, ...]:
    """Return the states that ``--status WORD`` lists, none for an unknown word.

    None is the default list: all that has not ended.
    """
    if word is None:
        return tuple(state for state in STATES if state not in ENDED)
    return STATES if word == ALL else tuple(s for s in STATES if word in NAMES[s].found_by)


# What `--status` accepts, the public words first.
WORDS = (
    ASSIGNED,
    UNASSIGNED,
    CLAIMED,
    IN_PROGRESS,
    BLOCKED,
    COMPLETED,
    ALL,
    OPEN,
    SUBMITTED,
    CHANGES_REQUESTED,
    CANCELLED,
)

# All types of the stream of events. docs/spec/messages.md, Lines.
EVENT_TYPES = (
    *("agent_card_published", "capability_granted", "capability_revoked", "conflict_opened"),
    *("conflict_resolved", "epoch_bumped", "event_admitted", "event_held", "handoff_accepted"),
    *("handoff_created", "invite_created", "invite_revoked", "member_joined", "member_left"),
    *("message_changed", "new_message", "object_added", "object_retracted", "record_added"),
    *("record_retracted", "review_recorded", "room_created", "space_closed", "space_updated"),
    *("task_assigned", "task_cancelled", "task_claimed", "task_completed", "task_created"),
    *("task_edited", "task_progress", "task_released", "task_reopened", "task_submitted"),
)
# Why something is in an inbox. docs/spec/messages.md, Inbox.
INBOX_REASONS = (
    *("message", "mention", "assigned", "review_wanted", "verdict", "conflict", "handoff", "held"),
    "authority",
)
