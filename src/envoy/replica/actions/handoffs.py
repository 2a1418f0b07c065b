"""Actions on handoffs: pass a task on with all that its next holder has to know, and take it over.

A handoff ends the tenure of its giver and frees the slot in one act; from then on the task is the
taker's to take, who countersigns by a claim that names it and gets the next fence of the slot.
Whoever takes over checks first: what does not prove itself is not accepted.

Specification: docs/spec/tasks.md, Handoffs; docs/spec/claims.md.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.bodies import Ref
from envoy.core.crypto.sign import tagged
from envoy.core.log import Entry
from envoy.core.records import Frontier, TaskHandoff
from envoy.errors import AuthorityError, ConflictError, IntegrityError, NotFoundError
from envoy.ids import did_text, to_text
from envoy.lean import NamedTuple
from envoy.replica import capsules, slots
from envoy.replica.actions import tasks
from envoy.replica.actions.deliver import look
from envoy.replica.actions.work import usable
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Call, Replica, check_text
from envoy.views import handoffs, names, rows

COUNTING: Final = ("ok", "ok*")


class Capsule(NamedTuple):
    """What a giver says: the next action, and what else there is to know. Texts, and events."""

    next: str
    completed: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    evidence: tuple[bytes, ...] = ()


def create(
    replica: Replica,
    task: bytes,
    said: Capsule,
    *,
    to: bytes | None = None,
    key: str | None = None,
) -> rows.Transition:
    """Pass a task that I hold on: to the member ``to``, or to whoever takes it.

    Raises AuthorityError(not_assignee), ConflictError (task_unassigned, fence_stale,
    invalid_transition, event_not_ok), NotFoundError, UsageError(message_too_large).
    """
    check_text(said.next)
    before = tasks.known(replica, task)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        tasks.check_version(replica, batch, task)
        for ident in said.evidence:
            usable(batch, ident)
        author.gather()
        body = _body(batch, task, said, to)
        tasks.is_new(batch, task, body)
        return [author.say(body, slot=tasks.freed(batch, task))]

    asked = ("handoff create", task, to, *map(str, said[:6]), list(said.evidence))
    return tasks.answer(replica, task, before, replica.compose(work, call=Call(key, asked)))


def _body(batch: Batch, task: bytes, said: Capsule, to: bytes | None) -> TaskHandoff:
    """Return the capsule with what this copy has seen pinned in it."""
    row = batch.rows.task(batch.sn, task)
    state = names.OPEN if row is None else row.state
    heads = [head.id for head in batch.events.heads(batch.sn, citable=True)][: limits.DEPS_MAX]
    return TaskHandoff(
        task,
        tasks.tenure_of(batch, task),
        to,
        state,
        *said[:6],
        tuple(Ref(None, one, capsules.digest(batch, one)) for one in said.evidence),
        Frontier(tagged("frontier", *heads), tuple(heads)),
    )


def accept(
    replica: Replica,
    handoff: bytes,
    *,
    session: str,
    lease_s: int = limits.LEASE_SECONDS_DEFAULT,
    require: str = "any",
    key: str | None = None,
) -> rows.Transition:
    """Take a task over by countersigning its handoff; the hub gives the next fence.

    Raises NotFoundError(not_found), IntegrityError(signature_invalid) for what does not prove
    itself, AuthorityError(not_assignee) where it is for another, ConflictError (event_not_ok,
    invalid_transition, task_already_claimed, claim_unconfirmed).
    """
    row = known(replica, handoff)
    assert row.task is not None, "a handoff is of a task"
    task = row.task
    checked(replica, row)
    before = tasks.known(replica, task)

    def work(author: Author) -> list[Entry]:
        batch = author.batch
        tasks.check_version(replica, batch, task)
        if is_accepted(batch, handoff, session):
            return []
        secret = slots.holder(replica, task, session)
        body = slots.claim_body(task, session, lease_s, secret, handoff=handoff)
        tasks.is_new(batch, task, body)
        return [author.say(body, slot=slots.ask(task, secret, lease_s))]

    call = Call(key, ("handoff accept", handoff, session, lease_s))
    done = tasks.answer(replica, task, before, replica.compose(work, call=call))
    tasks.check_won(replica, done, require=require)
    return done


def known(replica: Replica, handoff: bytes) -> rows.Record:
    """Return the row of a handoff that counts, after a look at the hub."""
    look(replica)
    row = replica.profile.rows.record(replica.sn, handoff)
    if row is not None and row.kind == handoffs.KIND:
        return row
    entry = replica.profile.events.entry(replica.sn, handoff)
    if entry is None or entry.kind != "task.handoff":
        raise NotFoundError("not_found", kind=handoffs.KIND)
    item = replica.profile.rows.item(entry.rid)
    refused = None if item is None else item.refused
    status = "refused" if entry.status in COUNTING else entry.status
    raise ConflictError("event_not_ok", status=status, cause=refused or entry.cause)


def checked(
    replica: Replica, row: rows.Record, proof: capsules.Proof = capsules.proves_itself
) -> handoffs.Verified:
    """Return what this copy can say of a handoff. Raises IntegrityError(signature_invalid)."""
    found = capsules.verify(replica, row, proof)
    bad = [one for one in found.checks if one.state == handoffs.BAD]
    if bad:
        raise IntegrityError(
            "signature_invalid",
            handoff_id=to_text("rec", row.id),
            cause=bad[0].name,
            event_ids=[to_text("evt", one.event) for one in bad],
        )
    return found


def is_accepted(batch: Batch, handoff: bytes, session: str) -> bool:
    """Say whether this session has accepted it before. Raises where nobody can any more."""
    row = batch.rows.record(batch.sn, handoff)
    if row is None or row.task is None:
        raise ConflictError("event_not_ok", status="refused")
    task, me = batch.rows.task(batch.sn, row.task), batch.events.actor(batch.me)
    standing, said = handoffs.standing(row), handoffs.said(row)
    if standing == names.OFFERED:
        if said["to"] is not None and said["to"] != did_text(batch.me):
            raise AuthorityError(
                "not_assignee", task_id=to_text("task", row.task), assignee_id=said["to"]
            )
        return False
    assert task is not None, "a task that was handed over has a row"
    is_mine = task.assignee == me and task.tenure is not None
    if standing == names.ACCEPTED and is_mine and task.session == session:
        return said["act"] == to_text("evt", task.tenure or b"")
    if standing == names.ACCEPTED and task.assignee is not None:
        raise tasks.claimed_row(batch, task)
    raise ConflictError(
        "invalid_transition", task_id=to_text("task", row.task), state=task.state, cause=standing
    )
