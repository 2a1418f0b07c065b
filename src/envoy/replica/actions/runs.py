"""Actions around a command that is run for a task: may it be recorded, keep the task meanwhile.

A command can take hours, and it would be bad to learn only then that nothing can be put down about
it, or that the task it was run for went to somebody else. So what can be refused is refused before
it starts, and the lease of the task is renewed while it runs.

Specification: docs/spec/records.md, Runs.
"""

from __future__ import annotations

from envoy.replica import slots
from envoy.replica.actions.deliver import look
from envoy.replica.replica import Author, Call, Replica
from envoy.views import names, rows


def check(replica: Replica, kind: str) -> None:
    """Refuse what an event of ``kind`` would be refused for now by the space and my grants.

    Raises ConflictError(space_closed), AuthorityError.
    """
    look(replica)
    with replica.profile.events.transaction(durable=False):
        Author(replica.profile, replica.batch()).check(kind)


def asked(key: str | None, *args: object) -> Call:
    """Return what stands for a run with these arguments, for a retry to be told from another."""
    return Call(key, ("run", *args))


def lease_of(replica: Replica, task: bytes) -> int | None:
    """Return the seconds of the lease that this session holds a task by, None for no such claim."""
    row = replica.profile.rows.task(replica.sn, task)
    if row is None or not _is_held(replica, row):
        return None
    with replica.profile.events.transaction(durable=False):
        return slots.lease_s(replica.batch(), row)


def _is_held(replica: Replica, row: rows.Task) -> bool:
    """Say whether this session has a task by a confirmed claim."""
    mine = row.assignee == replica.profile.events.actor(replica.me)
    mine &= row.session == replica.profile.session
    return mine and row.fence is not None and row.state not in names.ENDED
