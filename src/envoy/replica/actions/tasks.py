"""Actions on tasks: make, give, take, work on, give back and finish one.

Each asks the fold inside the lock, by the very rule that every replica asks about the event later:
a refusal is told to the caller and writes nothing, a repeat without effect writes nothing either.
Taking a task is the one act that a hub decides (``replica.slots``).

Specification: docs/spec/tasks.md, docs/spec/claims.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import (
    TaskAssign,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskProgress,
    TaskRelease,
)
from envoy.core.codec import Open
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import (
    AuthorityError,
    ConflictError,
    EnvoyError,
    NotFoundError,
    UsageError,
    error,
)
from envoy.ids import did_text, to_text
from envoy.lean import NamedTuple
from envoy.replica import slots
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.work import usable
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Call, Replica, Written, check_text
from envoy.state import tasks
from envoy.state.claims import NO_FENCE, Fence
from envoy.views import names, rows
from envoy.views.people import stamp
from envoy.views.tasks import needed, version

NORMAL: Final = 2
COUNTING: Final = ("ok", "ok*")
# Reason of the fold -> the code its author is told.
CODES: Final = {
    "wrong_state": "invalid_transition",
    "assign_without_rank": "capability_missing",
    "edit_without_rank": "capability_missing",
    "gate_without_rank": "capability_missing",
    "cancel_without_rank": "capability_missing",
    "reopen_without_tenure": "capability_missing",
    names.OVER_ANOTHER: "task_already_claimed",
    "release_without_tenure": "not_assignee",
    "handoff_without_tenure": "not_assignee",
    "handoff_after_loss": "fence_stale",
    "progress_without_tenure": "not_assignee",
    "complete_without_tenure": "not_assignee",
    "progress_after_loss": "fence_stale",
    "complete_after_loss": "fence_stale",
}


class More(NamedTuple):
    """Further fields of a new task; ``due_ms`` since 1970."""

    labels: tuple[str, ...] = ()
    priority: int = NORMAL
    due_ms: int | None = None
    needs: tuple[bytes, ...] = ()
    parent: bytes | None = None
    gate: Open = ()


PLAIN: Final = More()


def gate(
    reviews: int | None,
    review_by: tuple[str, ...],
    *,
    no_self_review: bool,
    evidence: tuple[str, ...],
) -> tuple[tuple[str, bool | int | tuple[str, ...]], ...]:
    """Return the gate of a new task, ascending by field; a field that asks for nothing is none.

    Who names reviewers and no number of ``reviews`` asks for one.
    """
    pairs = (
        ("evidence", evidence),
        ("no_self_review", no_self_review),
        ("review_by", review_by),
        ("reviews", wanted_reviews(reviews, review_by, before=0)),
    )
    return tuple((field, value) for field, value in pairs if value)


def wanted_reviews(reviews: int | None, review_by: tuple[str, ...], *, before: int) -> int:
    """Return the reviews of a gate that had ``before``: reviewers with no number give at least one.

    ``reviews`` None: no number was said.
    """
    return reviews if reviews is not None else max(before, 1 if review_by else 0)


def create(
    replica: Replica,
    body: str,
    *,
    title: str | None = None,
    assignee: bytes | None = None,
    more: More = PLAIN,
    key: str | None = None,
) -> rows.Transition:
    """Make a task; ``title`` None: the first line of ``body``.

    Raises UsageError, NotFoundError(task_not_found) for what it needs or is part of,
    ConflictError(limit_exceeded).
    """
    check_text(body)
    check_fields(title, more.labels, more.priority)
    check_count(more.labels, more.needs)
    look(replica)
    ranked = (more.labels, more.priority, more.due_ms, more.needs, more.parent)
    made = TaskCreate(title, body, *ranked, (), more.gate, assignee)

    def plan(batch: Batch) -> list[TaskCreate]:
        for task in (*more.needs, *([more.parent] if more.parent else ())):
            check_task(batch, task)
        return [made]

    asked: tuple[object, ...] = ("task create", body, title, assignee)
    if more != PLAIN:
        asked = (*asked, *ranked, *((str(more.gate),) if more.gate else ()))
    written = replica.write(plan, call=Call(key, asked))
    assert written.event is not None, "a new task always writes an event"
    return answer(replica, written.event, None, written)


def check_fields(title: str | None, labels: Sequence[str], priority: int | None) -> None:
    """Refuse what no event may carry."""
    if len((title or "").encode()) > limits.TITLE_BYTES_MAX:
        raise UsageError("invalid_argument", argument="title", bytes_max=limits.TITLE_BYTES_MAX)
    if not 0 <= (priority or 0) <= limits.PRIORITY_MAX:
        raise UsageError("invalid_argument", argument="priority", max=limits.PRIORITY_MAX)
    for label in labels:
        if not 0 < len(label.encode()) <= limits.LABEL_BYTES_MAX:
            raise UsageError("invalid_argument", argument="label", bytes_max=limits.LABEL_BYTES_MAX)


def check_count(labels: Collection[object], wanted: Collection[bytes]) -> None:
    """Refuse more than a task can have."""
    if len(labels) > limits.LABELS_MAX:
        raise ConflictError("limit_exceeded", labels=len(labels), max=limits.LABELS_MAX)
    if len(wanted) > limits.REFS_MAX:
        raise ConflictError("limit_exceeded", needs=len(wanted), max=limits.REFS_MAX)


def check_task(batch: Batch, task: bytes) -> None:
    """Refuse to build on a task that is not here."""
    if batch.rows.task(batch.sn, task) is None:
        raise NotFoundError("task_not_found", task_id=to_text("task", task))


def claim(
    replica: Replica,
    task: bytes,
    *,
    require: str = "any",
    lease_s: int = limits.LEASE_SECONDS_DEFAULT,
    session: str,
    key: str | None = None,
) -> rows.Transition:
    """Take a task for ``session`` and have the hub confirm it.

    Raises ConflictError(task_already_claimed) with holder and fence if somebody else has it or won
    it meanwhile, and (claim_unconfirmed) under ``require`` "confirmed" if the hub did not answer.
    """
    call = Call(key, ("task claim", task, session, lease_s))
    done = ask(replica, task, lease_s=lease_s, session=session, call=call)
    check_won(replica, done, require=require)
    return done


def ask(
    replica: Replica, task: bytes, *, lease_s: int, session: str, call: Call
) -> rows.Transition:
    """Write a claim and ask the hub about it; whoever asked may have won, lost, or not know yet."""
    before = known(replica, task)

    def work(author: Author) -> list[Entry]:
        check_version(replica, author.batch, task)
        secret = slots.holder(replica, task, session)
        body = slots.claim_body(task, session, lease_s, secret)
        if not is_new(author.batch, task, body):
            return []
        return [author.say(body, slot=slots.ask(task, secret, lease_s))]

    written = replica.compose(work, call=call)
    if not written.entries and not written.replayed:
        slots.ask_anew(replica, task, session=session, lease_s=lease_s)
    return answer(replica, task, before, written)


def check_won(replica: Replica, done: rows.Transition, *, require: str) -> None:
    """Refuse to call a claim won that is another's, or unconfirmed where that was asked for.

    One that the hub had no room for is told as such in any case: it stays provisional.
    """
    after = done.after
    mine = after.assignee == replica.profile.events.actor(replica.me)
    if not mine or (done.event is not None and after.tenure != done.event):
        raise _claimed(replica, after)
    is_wanted = require == names.CONFIRMED or replica.full == after.id
    if is_wanted and after.claim_state != names.CONFIRMED:
        raise _unconfirmed(replica, after)


def _unconfirmed(replica: Replica, row: rows.Task) -> EnvoyError:
    """Return why a claim has no receipt; with what holds the slot, if that is known and counts not.

    Whoever can push may take a slot with an event that is no claim, or with a claim that is held.
    Where the hub had no room for one more lease, that is said: waiting for it changes nothing.
    """
    task, found = to_text("task", row.id), slots.newest(replica, row.id)
    if replica.full == row.id:
        most, command = limits.SLOTS_PER_POSTER_MAX, f"envoy task release {task}"
        return error("quota_exceeded", next_command=command, task_id=task, cause="slots", max=most)
    entry = None if found is None else replica.profile.events.entry(replica.sn, found.event)
    if found is None or (found.good and entry is not None and entry.status in COUNTING):
        return ConflictError("claim_unconfirmed", task_id=task)
    return ConflictError(
        "claim_unconfirmed",
        task_id=task,
        slot_event_id=to_text("evt", found.event),
        slot_holder=None if entry is None else did_text(entry.author),
        lease_expires_at=stamp(found.until),
    )


def release(
    replica: Replica, task: bytes, *, note: str | None = None, key: str | None = None
) -> rows.Transition:
    """Give a task back."""
    check_text(note or "")
    call = Call(key, ("task release", task, note))
    return end(replica, task, lambda _: TaskRelease(task, note), call=call)


def assign(replica: Replica, task: bytes, to: bytes, *, key: str | None = None) -> rows.Transition:
    """Give a task to the member ``to``."""
    call = Call(key, ("task assign", task, to))
    return say(replica, task, lambda _: TaskAssign(task, to), call=call)


def progress(
    replica: Replica, task: bytes, to: str, *, note: str | None = None, key: str | None = None
) -> rows.Transition:
    """Say that work goes on (``in_progress``) or is stuck (``blocked``)."""
    check_text(note or "")
    call = Call(key, ("task progress", task, to, note))
    return say(replica, task, lambda tenure: TaskProgress(task, tenure, to, note), call=call)


def complete(
    replica: Replica,
    task: bytes,
    *,
    summary: str = "",
    evidence: Sequence[bytes] = (),
    for_review: bool = False,
    key: str | None = None,
) -> rows.Transition:
    """Say that the work is done, and by what events that can be seen.

    ``for_review``: whatever the gate says, one approval at least is wanted.
    """
    asked = "task submit" if for_review else "task complete"
    check_text(summary)
    shown = tuple(evidence)
    return end(
        replica,
        task,
        lambda tenure: TaskComplete(task, tenure, summary, shown, for_review=for_review),
        needs=shown,
        call=Call(key, (asked, task, summary, list(shown))),
    )


# -- one act -----------------------------------------------------------------------------------

Say = Callable[[bytes], Body]  # from the tenure the task is held by


def say(replica: Replica, task: bytes, say: Say, *, call: Call) -> rows.Transition:
    """Write one act on a task that is not about its slot."""
    before = known(replica, task)

    def work(author: Author) -> list[Entry]:
        check_version(replica, author.batch, task)
        body = say(tenure_of(author.batch, task))
        if not is_new(author.batch, task, body):
            return []
        return [author.say(body, slot=slots.renewal(replica, author.batch, task))]

    return answer(replica, task, before, replica.compose(work, call=call))


def end(
    replica: Replica, task: bytes, say: Say, *, call: Call, needs: Sequence[bytes] = ()
) -> rows.Transition:
    """Write an act that ends the holding of a task; its slot is freed with it."""
    before = known(replica, task)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        check_version(replica, batch, task)
        for ident in needs:
            usable(batch, ident)
        body = say(tenure_of(batch, task))
        if not is_new(batch, task, body):
            return []
        if isinstance(body, TaskComplete):
            batch.check_evidence(task, body.evidence)
        return [author.say(body, slot=freed(batch, task))]

    return answer(replica, task, before, replica.compose(work, call=call))


def freed(batch: Batch, task: bytes) -> tuple[str, bytes] | None:
    """Return the entry of the outbox that frees my slot of a task along with an event."""
    row = batch.rows.task(batch.sn, task)
    if row is None or row.fence is None or row.session is None:
        return None
    secret = batch.rows.find_holder(batch.sn, task, row.session)
    return None if secret is None else slots.give_back(task, secret)


def check_version(replica: Replica, batch: Batch, task: bytes) -> None:
    """Refuse to act on another version of a task than the caller has seen."""
    row = batch.rows.task(batch.sn, task)
    if replica.expects is None or row is None or version(row) == replica.expects:
        return
    raise ConflictError(
        "version_conflict",
        next_command=f"envoy task show {to_text('task', task)}",
        task_id=to_text("task", task),
        version=version(row),
        state=row.state,
    )


def tenure_of(batch: Batch, task: bytes) -> bytes:
    """Return the tenure that an act names, zeros where nobody holds the task."""
    row = batch.rows.task(batch.sn, task)
    return bytes(32) if row is None or row.tenure is None else row.tenure


def is_new(batch: Batch, task: bytes, body: Body) -> bool:
    """Ask the fold about an act: False if it would change nothing. Raises why it is refused."""
    folded = batch.folded(task)
    if folded is None:
        raise NotFoundError("task_not_found", task_id=to_text("task", task))
    if tasks.repeats(folded, body, batch.me):
        return False
    fence = _next_fence(batch, folded) if isinstance(body, TaskClaim) else NO_FENCE
    if isinstance(body, TaskClaim) and _is_other_session(folded, body, batch.me, fence):
        raise _refused(batch, folded, names.OVER_ANOTHER)
    reason = tasks.refusal(folded, body, batch.me, rho=batch.rho(task), fence=fence)
    if reason is not None:
        raise _refused(batch, folded, reason)
    if isinstance(body, TaskClaim):
        _check_needs(batch, task)
    if isinstance(body, TaskComplete):
        batch.check_awaited(folded, body)
    return True


def _check_needs(batch: Batch, task: bytes) -> None:
    """Refuse to take what has to wait for other work."""
    row = batch.rows.task(batch.sn, task)
    assert row is not None, "a folded task has a row"
    found = {one: batch.rows.task(batch.sn, one) for one in needed([row])}
    unmet = {
        to_text("task", one): None if other is None else other.state
        for one, other in found.items()
        if other is None or other.state != names.COMPLETED
    }
    if unmet:
        raise ConflictError(
            "needs_unmet", task_id=to_text("task", task), unmet=list(unmet), states=unmet
        )


def _is_other_session(task: tasks.Task, body: TaskClaim, me: bytes, fence: Fence) -> bool:
    """Say whether another run of this profile has claimed the task and its lease goes on.

    To every replica that is the same member, so only its own machine can keep the two apart.
    """
    tenure = task.tenure
    if tenure is None or tenure.holder != me or tenure.session is None or fence != NO_FENCE:
        return False
    return tenure.session != body.session and task.state not in names.ENDED


def _next_fence(batch: Batch, task: tasks.Task) -> Fence:
    """Return the fence a claim may hope for: none while the holder's lease runs by this clock.

    Advisory: the hub alone decides when a lease is over.
    """
    tenure = task.tenure
    if tenure is None or tenure.lease_until is None or tenure.no is None:
        return NO_FENCE
    grace = limits.LEASE_GRACE_SECONDS * 1000
    if batch.now_ms <= tenure.lease_until + grace:
        return NO_FENCE
    return batch.space.hub_no, slots.greatest_fence(batch, task.id) + 1


def _refused(batch: Batch, task: tasks.Task, reason: str) -> EnvoyError:
    """Return the error for an act that the fold refuses."""
    code = CODES[reason]
    if code == "not_assignee" and task.tenure is None:
        return ConflictError(
            "task_unassigned",
            next_command=f"envoy task claim {to_text('task', task.id)}",
            task_id=to_text("task", task.id),
            state=task.state,
        )
    if code == "task_already_claimed":
        row = batch.rows.task(batch.sn, task.id)
        assert row is not None, "a folded task has a row"
        return claimed_row(batch, row)
    if code == "capability_missing":
        return AuthorityError(
            code, task_id=to_text("task", task.id), state=task.state, required_verb="admin"
        )
    if code == "not_assignee":
        return AuthorityError(code, task_id=to_text("task", task.id), state=task.state)
    return ConflictError(code, task_id=to_text("task", task.id), state=task.state)


def _claimed(replica: Replica, row: rows.Task) -> EnvoyError:
    """Return the error for a task that another holds."""
    return claimed_row(replica.batch(), row)


def claimed_row(batch: Batch, row: rows.Task) -> EnvoyError:
    """Return who holds a task, by which fence and until when."""
    holder = None if row.assignee is None else did_text(batch.events.did(row.assignee))
    return ConflictError(
        "task_already_claimed",
        next_command="envoy task list --status unassigned",
        task_id=to_text("task", row.id),
        holder=holder,
        session=row.session,
        fence=row.fence,
        lease_expires_at=stamp(row.lease_ms),
        claim_state=row.claim_state,
    )


def known(replica: Replica, task: bytes) -> rows.Task:
    """Return the row of a task after a look at the hub. Raises NotFoundError(task_not_found)."""
    look(replica)
    return still(replica, task)


def still(replica: Replica, task: bytes) -> rows.Task:
    """Return the row of a task, which goes if its author is removed meanwhile. Raises as known."""
    row = replica.profile.rows.task(replica.sn, task)
    if row is None:
        raise NotFoundError("task_not_found", task_id=to_text("task", task))
    return row


def answer(
    replica: Replica, task: bytes, before: rows.Task | None, written: Written
) -> rows.Transition:
    """Send what was written and return what it did. Raises NotFoundError(task_not_found)."""
    delivery = deliver(replica)
    return rows.Transition(
        event=written.event,
        n=written.n,
        changed=bool(written.entries) or written.replayed,
        before=before,
        after=still(replica, task),
        replayed=written.replayed,
        delivery=delivery,
    )
