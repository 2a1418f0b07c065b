"""Actions on what a task says: change its fields, end it, open it again.

What a field is to be is asked for; what changes is worked out inside the lock, from the task as it
stands there, so that a set is changed only by what really comes and goes.

Specification: docs/spec/tasks.md, Registers and Needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy import limits
from envoy.core.bodies import TaskCancel, TaskEdit, TaskReopen
from envoy.core.log import Entry
from envoy.core.records import TaskGate
from envoy.errors import UsageError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import gating, slots
from envoy.replica.actions.tasks import (
    answer,
    check_count,
    check_fields,
    check_task,
    check_version,
    end,
    is_new,
    known,
    say,
    still,
    wanted_reviews,
)
from envoy.replica.batch import Batch
from envoy.replica.projector import Projector
from envoy.replica.replica import Author, Call, Replica, check_text
from envoy.state import gates, needs
from envoy.state.fields import NEED
from envoy.state.gates import Gate
from envoy.views import rows
from envoy.views.tasks import listed, needed


class Asked(NamedTuple):
    """What a task is to ask of its completion: None leaves a field alone."""

    reviews: int | None = None
    review_by: tuple[str, ...] | None = None
    no_self_review: bool | None = None
    evidence: tuple[str, ...] | None = None


class Changes(NamedTuple):
    """What the fields of a task are to be: None leaves one alone, ``due_ms`` 0 takes it away.

    ``needs`` are all that it needs from here on; labels come and go.
    """

    title: str | None = None
    body: str | None = None
    priority: int | None = None
    due_ms: int | None = None
    needs: tuple[bytes, ...] | None = None
    label: tuple[str, ...] = ()
    unlabel: tuple[str, ...] = ()
    gate: Asked | None = None


def edit(
    replica: Replica, task: bytes, changes: Changes, *, key: str | None = None
) -> rows.Transition:
    """Change fields of a task.

    Raises as ``tasks.create`` does, UsageError(field_invalid) where its needs would close a circle,
    AuthorityError(capability_missing).
    """
    check_text(changes.body or "")
    check_fields(changes.title, (*changes.label, *changes.unlabel), changes.priority)
    before = known(replica, task)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        check_version(replica, batch, task)
        row = still(replica, task)
        body, found = _edited(row, changes), list[Entry]()
        if is_new(batch, task, body):
            check_count({*listed(row.labels), *body.label} - {*body.unlabel}, changes.needs or ())
            _check_needs(batch, task, body.need)
            found.append(author.say(body, slot=slots.renewal(replica, batch, task)))
        gate = _gate(batch, task, changes.gate)
        if gate is not None and is_new(batch, task, gate):
            found.append(author.say(gate, slot=slots.renewal(replica, batch, task)))
        return found

    asked = ("task edit", task, *changes[:4], _plain(changes.needs))
    gated = () if changes.gate is None else (str(changes.gate),)
    call = Call(key, (*asked, list(changes.label), list(changes.unlabel), *gated))
    return answer(replica, task, before, replica.compose(work, call=call))


def cancel(
    replica: Replica, task: bytes, *, reason: str = "", key: str | None = None
) -> rows.Transition:
    """Say that a task will not be done; its slot is free."""
    check_reason(reason)
    call = Call(key, ("task cancel", task, reason))
    return end(replica, task, lambda _: TaskCancel(task, reason), call=call)


def reopen(
    replica: Replica, task: bytes, *, reason: str = "", key: str | None = None
) -> rows.Transition:
    """Open a task that was completed or cancelled."""
    check_reason(reason)
    call = Call(key, ("task reopen", task, reason))
    return say(replica, task, lambda _: TaskReopen(task, reason), call=call)


def check_reason(reason: str) -> None:
    """Refuse a reason that is longer than one line."""
    if len(reason.encode()) > limits.TITLE_BYTES_MAX:
        raise UsageError("invalid_argument", argument="reason", bytes_max=limits.TITLE_BYTES_MAX)


# -- the parts ---------------------------------------------------------------------------------


def _edited(row: rows.Task, changes: Changes) -> TaskEdit:
    """Return the edit that makes a task what is wanted."""
    before = needed([row])
    wanted = before if changes.needs is None else changes.needs
    return TaskEdit(
        task=row.id,
        title=changes.title,
        body=changes.body,
        priority=changes.priority,
        due_at=changes.due_ms,
        parent=None,
        label=changes.label,
        unlabel=changes.unlabel,
        need=tuple(one for one in wanted if one not in before),
        unneed=tuple(one for one in before if one not in wanted),
        ref=(),
        unref=(),
    )


def _gate(batch: Batch, task: bytes, wanted: Asked | None) -> TaskGate | None:
    """Return the gate that makes a task ask for what is wanted, None where it does already."""
    folded = None if wanted is None else batch.folded(task)
    if wanted is None or folded is None:
        return None
    before = gating.own(Projector(batch, batch.rows), folded)
    by, types = wanted.review_by, wanted.evidence
    after = Gate(
        reviews=wanted_reviews(wanted.reviews, by or (), before=before.reviews),
        review_by=before.review_by if by is None else tuple(sorted({*by})),
        no_self_review=(
            before.no_self_review if wanted.no_self_review is None else wanted.no_self_review
        ),
        evidence=before.evidence if types is None else tuple(sorted({*types})),
    )
    return None if after == before else TaskGate(task, gates.written(after))


def _plain(found: Sequence[bytes] | None) -> list[bytes] | None:
    """Return what stands for needs in the digest of a call."""
    return None if found is None else list(found)


def _check_needs(batch: Batch, task: bytes, wanted: Sequence[bytes]) -> None:
    """Refuse needs that are not here, or that wait for this task themselves."""
    for need in wanted:
        check_task(batch, need)
        targets = _targets(batch, need)
        if need == task or needs.reaches(targets, need, task):
            raise UsageError(
                "field_invalid",
                field="needs",
                cause=needs.REFUSED,
                task_id=to_text("task", task),
                need=to_text("task", need),
            )


def _targets(batch: Batch, start: bytes) -> Mapping[bytes, Sequence[bytes]]:
    """Return the needs that stand, of ``start`` and of all that it leads to."""
    found = dict[bytes, list[bytes]]()
    for edge in batch.rows.reach(batch.sn, NEED, start):
        if not edge.refused:
            found.setdefault(edge.task, []).append(edge.target)
    return found
