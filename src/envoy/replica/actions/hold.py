"""Actions of who works: find what is ready, take the first one that is won, show a sign of life.

What is ready is a list for one member at one moment, and others read it too; so `take` walks it and
asks for one task after the other until the hub has confirmed one. A heartbeat is no event: only the
hub hears of it, and only the hub decides when a lease is over.

Specification: docs/spec/claims.md, Leases and Slots; docs/spec/tasks.md, Needs.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.errors import AuthorityError, ConflictError, EnvoyError, WaitTimeoutError
from envoy.ids import to_text
from envoy.replica import replies, slots
from envoy.replica.actions import recall, tasks
from envoy.replica.actions.deliver import look
from envoy.replica.replica import Call, Replica
from envoy.sync.frames import HubRefusal
from envoy.views import names, rows

# A task for which one of these comes is another's by now, or not to be had yet.
NEXT: Final = frozenset(
    {"task_already_claimed", "needs_unmet", "invalid_transition", "task_not_found", "clock_ahead"}
)
WON: Final = "won"  # noted with the answer of a walk once the hub has confirmed its claim


def ready(replica: Replica, *, label: str | None, limit: int) -> list[rows.Task]:
    """Return the first tasks that this profile could take now."""
    look(replica)
    return replica.profile.rows.ready(
        replica.sn, replica.profile.events.actor(replica.me), label, limit
    )


def take(
    replica: Replica, *, label: str | None, limit: int, session: str, key: str | None = None
) -> rows.Transition:
    """Take the first ready task whose claim the hub confirms.

    Raises WaitTimeoutError(nothing_ready), ConflictError(claim_unconfirmed) where the hub is away:
    a second claim would be as unsure as the first.
    """
    call = Call(key, ("task ready", label))
    before = _told(replica, call)
    if before is not None:
        return before
    for task in ready(replica, label=label, limit=limit):
        try:
            done = tasks.ask(
                replica,
                task.id,
                lease_s=limits.LEASE_SECONDS_DEFAULT,
                session=session,
                call=call,
            )
            won = _told(replica, call) if done.replayed else _won(replica, call, done)
        except EnvoyError as error:
            if error.code not in NEXT:
                raise
            continue
        if won is not None:  # else another process with this key was first, and lost
            return won
    raise WaitTimeoutError(
        "nothing_ready",
        next_command=f"envoy task list --space {to_text('space', replica.space.id)}",
        timed_out=False,
    )


def _told(replica: Replica, call: Call) -> rows.Transition | None:
    """Return what the walk took that ``call`` repeats, None for a new one.

    The key is kept with the claim, so a walk that broke off does not take a second task: it is
    asked again what came of its claim. Raises ConflictError(claim_unconfirmed).
    """
    told = recall.told(replica, call)
    if told is None or told.event is None:
        return None
    entry = replica.profile.events.entry(replica.sn, told.event)
    assert entry is not None and entry.entity is not None, "a claim that was written here stays"
    before = tasks.known(replica, entry.entity)
    done = tasks.answer(replica, entry.entity, before, told)
    if told.note == WON:
        return done
    try:
        return _won(replica, call, done)
    except EnvoyError as error:
        if error.code not in NEXT:
            raise
    return None


def _won(replica: Replica, call: Call, done: rows.Transition) -> rows.Transition:
    """Note that the hub confirmed the claim of a walk; a key whose claim was lost is free again."""
    try:
        tasks.check_won(replica, done, require=names.CONFIRMED)
    except EnvoyError as error:
        if error.code in NEXT:
            _keep(replica, call, None)
        raise
    if done.event is not None:
        _keep(replica, call, f"{done.event.hex()} {'' if done.n is None else done.n} {WON}")
    return done


def _keep(replica: Replica, call: Call, told: str | None) -> None:
    """Keep what a walk is answered, None: nothing."""
    if call.key is None:
        return
    with replica.profile.events.transaction(durable=True):
        if told is None:
            replica.profile.rows.drop_reply(replica.sn, call.key)
        else:
            replies.keep(replica.profile, replica.sn, call, told)


def heartbeat(replica: Replica, task: bytes, *, lease_s: int) -> rows.Transition:
    """Renew the lease of a task that this session holds; nothing is written.

    Raises AuthorityError(not_assignee), ConflictError (task_unassigned, task_already_claimed for
    another session, claim_unconfirmed, lease_expired, fence_stale, invalid_transition), and what a
    hub that is away raises.
    """
    before = tasks.known(replica, task)
    _check_hold(replica, before)
    try:
        slots.renew(replica, task, lease_s)
    except HubRefusal as refusal:
        raise _lapsed(replica, before, refusal) from refusal
    return rows.Transition(
        event=None,
        n=None,
        changed=True,
        before=before,
        after=tasks.still(replica, task),
        replayed=False,
        delivery="delivered",
    )


def _check_hold(replica: Replica, row: rows.Task) -> None:
    """Refuse a sign of life from who does not hold the task by a confirmed claim."""
    task = to_text("task", row.id)
    if row.state in names.ENDED:
        raise ConflictError("invalid_transition", task_id=task, state=row.state)
    if row.assignee is None:
        raise ConflictError("task_unassigned", task_id=task, state=row.state)
    if row.assignee != replica.profile.events.actor(replica.me):
        raise AuthorityError("not_assignee", task_id=task, state=row.state)
    if row.is_claim and row.session != replica.profile.session:
        raise ConflictError("task_already_claimed", task_id=task, session=row.session)
    if row.fence is None:
        raise ConflictError("claim_unconfirmed", task_id=task, state=row.state)


def _lapsed(replica: Replica, before: rows.Task, refusal: HubRefusal) -> ConflictError:
    """Return why the hub does not renew: another has the task, or the slot is free."""
    look(replica)
    after = replica.profile.rows.task(replica.sn, before.id)
    is_mine = after is not None and after.tenure == before.tenure
    code = "lease_expired" if is_mine and refusal.code == "slot_moved" else "fence_stale"
    return ConflictError(
        code,
        next_command=f"envoy task claim {to_text('task', before.id)}" if is_mine else None,
        task_id=to_text("task", before.id),
        fence=None if after is None else after.fence,
    )
