"""Digests: what conflicts and tasks are as bytes, equal on every replica where they are equal.

Specification: docs/spec/store.md, State sum; docs/spec/tasks.md, Conflicts.
"""

from __future__ import annotations

from envoy.core.codec import encode
from envoy.core.crypto.sign import tagged
from envoy.state import tasks
from envoy.state.registers import Conflict


def conflict_id(conflict: Conflict) -> bytes:
    """Return H("conflict", entity, C(kind), the two event ids ascending)."""
    pair = sorted((conflict.winner, conflict.loser))
    return tagged("conflict", conflict.entity, encode(conflict.kind), *pair)


def canonical(task: tasks.Task) -> bytes:
    """Return a task as bytes that are equal where the tasks are, on every replica."""
    tenure = task.tenure
    holding = None if tenure is None else (tenure.id, tenure.holder, tenure.claim_state)
    fence = None if tenure is None else (tenure.no, tenure.fence)
    return encode(
        (
            *(task.id, task.state, task.title, task.body, task.priority, task.due_at),
            *(task.labels, task.needs, task.parent, holding, fence, task.completion),
            *(task.summary, task.evidence, task.refused, task.version),
            *((one.id, one.standing) for one in task.handoffs),
        )
    )
