"""Turns: what became of a task beside the acts that were told of as they came.

One act can turn a task by what else is known: a receipt confirms a claim, a gate makes a completion
a submission, an approval completes. Beside the projector, which tells of it.

Specification: docs/spec/store.md, Stream.
"""

from __future__ import annotations

from envoy.jsontext import loads
from envoy.lean import NamedTuple
from envoy.views import names, rows

SENIOR = ("owner", "admin")
ROLES = ("read", "write", "admin", "owner")  # rising


class Turn(NamedTuple):
    """A type for the stream, the event behind it, and why it is in my inbox."""

    type: str
    event: bytes
    reason: str | None


def _is_named(gate: str, role: str | None) -> bool:
    """Say whether a gate makes a reviewer of who has ``role``."""
    if role is None or '"review_by"' not in gate:
        return False
    found = loads(gate)
    by = found.get("review_by") if isinstance(found, dict) else None
    roles = [one for one in by if one in ROLES] if isinstance(by, list) else []
    return bool(by) and all(ROLES.index(role) >= ROLES.index(str(one)) for one in roles)


def turns(
    before: rows.Task | None, after: rows.Task, *, me: int, role: str | None, news: bool
) -> list[Turn]:
    """Return what is told of a change from ``before`` to ``after``.

    ``me`` and ``role`` are this profile's; ``news`` says that the completion that ``after`` stands
    by came just now, so that it is told of already.
    """
    found = list[Turn]()
    tenure, done = after.tenure, after.completion
    is_same = before is not None and before.tenure == tenure
    if before and tenure and is_same and before.claim_state != after.claim_state:
        found.append(Turn("task_claimed", tenure, None))
    was = None if before is None else (before.state, before.completion)
    if done is None or was == (after.state, done):
        return found
    if after.state == names.SUBMITTED:
        can = after.creator == me or role in SENIOR or _is_named(after.gate, role)
        reviews = can and after.completed_by != me
        found.append(Turn("task_submitted", done, "review_wanted" if reviews else None))
    if after.state == names.COMPLETED and not news:
        found.append(Turn("task_completed", done, None))
    return found
