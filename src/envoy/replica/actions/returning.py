"""Returning: everything that a session holds in one space, released in one batch.

A session that ends has no time: one look at the hub, one commit, one delivery for all its tasks.

Laws: what this copy knows by then decides. A task that is another's by now, or another session's,
or that ended, is left out; whatever else refuses, refuses the whole, and leases run out.

Specification: docs/spec/hooks.md, session-end; docs/spec/tasks.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import TaskRelease
from envoy.core.log import Entry
from envoy.errors import EnvoyError
from envoy.replica.actions import tasks
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.replica import Author, Replica
from envoy.views import names


def release_all(replica: Replica, given: Sequence[bytes]) -> Sequence[Entry]:
    """Release those of the tasks ``given`` that the session of the profile holds still.

    Return what was written. Raises as ``Replica.compose`` does.
    """
    look(replica)

    def work(author: Author) -> list[Entry]:
        return [
            author.say(TaskRelease(task, None), slot=tasks.freed(author.batch, task))
            for task in given
            if is_held(replica, author, task)
        ]

    written = replica.compose(work)
    deliver(replica)
    return written.entries


def is_held(replica: Replica, author: Author, task: bytes) -> bool:
    """Say whether the session of the profile holds ``task``, and may release it."""
    row = author.batch.rows.task(author.batch.sn, task)
    if row is None or row.session != replica.profile.session or row.state not in names.AT_WORK:
        return False
    try:
        author.batch.check_cited(task, row.tenure)  # else one task would stop all the others
        return tasks.is_new(author.batch, task, TaskRelease(task, None))
    except EnvoyError:
        return False
