"""Slots: how a claim that is written becomes a claim that is confirmed.

Two members may claim one task at once, and no fold can give a single winner. The hub can: it
appends one claim to the slot of a task and signs a receipt with the slot's next fence. So a claim
is written and committed first, provisional, and then asked for; what the hub answers is taken in
like any other frame. Who is told that the slot moved pulls and looks again; who is told that it is
taken sends the claim plainly, so that its chain has no hole and its loss can be seen.

Laws: a claim is asked for only while it is the effective tenure in this copy, or would be with a
fence. Nothing is believed of the answer but a receipt that the pinned hub signed.

Specification: docs/spec/claims.md, Slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import TaskClaim
from envoy.core.codec import B16, B32, I63, decode, encode
from envoy.core.crypto.sign import sha256
from envoy.core.envelope import ENTROPY_BYTES
from envoy.core.log import Outgoing, ReceiptRow
from envoy.core.structs import Body, replace
from envoy.errors import ConflictError, InternalError, RelayError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import sync
from envoy.replica.batch import Batch
from envoy.replica.ingest import take_read
from envoy.replica.opening import read
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import names, rows

# Each time, somebody else moved the slot between our pull and our call.
TRIES_MAX: Final = 8
HOLDER_BYTES: Final = 16
# Entry of the outbox -> what it asks of the slot.
OPS: Final = {"slot": frames.CLAIM, "free": frames.RELEASE, "renew": frames.RENEW}


class Asked(Body, frozen=True):
    """An entry of the outbox about the slot of ``task``, held by the secret ``holder``."""

    task: B32
    holder: B16
    lease_s: I63


class Decided(NamedTuple):
    """An entry of the outbox about a slot, and how the hub decided."""

    one: Outgoing
    reply: frames.Slotted


def holder(replica: Replica, task: bytes, session: str) -> bytes:
    """Return the secret that a session of this profile holds the slot of ``task`` by."""
    fresh = replica.profile.entropy(ENTROPY_BYTES)[:HOLDER_BYTES]
    return replica.profile.rows.holder(replica.sn, task, session, fresh)


def holder_hash(secret: bytes) -> bytes:
    """Return what a claim says about its holder."""
    return sha256(secret)


def ask(task: bytes, secret: bytes, lease_s: int) -> tuple[str, bytes]:
    """Return the entry of the outbox that asks a hub for the slot of ``task``."""
    return "slot", encode(Asked(task, secret, lease_s))


def give_back(task: bytes, secret: bytes) -> tuple[str, bytes]:
    """Return the entry of the outbox that frees the slot along with an event on ``task``."""
    return "free", encode(Asked(task, secret, 0))


def renewal(replica: Replica, batch: Batch, task: bytes) -> tuple[str, bytes] | None:
    """Return the entry of the outbox that renews my lease along with an event on ``task``.

    None where this session holds no confirmed claim of it: the event goes as any other.
    """
    row = batch.rows.task(batch.sn, task)
    session = replica.profile.session
    if row is None or row.fence is None or row.session != session or row.state in names.ENDED:
        return None
    if row.assignee != batch.events.actor(batch.me):
        return None
    secret, seconds = batch.rows.find_holder(batch.sn, task, session), lease_s(batch, row)
    if secret is None or seconds is None:
        return None
    return "renew", encode(Asked(task, secret, seconds))


def lease_s(batch: Batch, row: rows.Task) -> int | None:
    """Return the seconds by which the claim that holds a task is renewed, None without a claim."""
    claim = None if row.tenure is None else batch.events.entry(batch.sn, row.tenure)
    body = None if claim is None else batch.keys.body(claim)
    if not isinstance(body, TaskClaim):
        return None
    # A longer lease that a heartbeat got is kept.
    left = 0 if row.lease_ms is None else (row.lease_ms - batch.now_ms + 999) // 1000
    return min(max(body.lease_s, left), limits.LEASE_SECONDS_MAX)


def renew(replica: Replica, task: bytes, lease_s: int) -> int:
    """Renew the lease of this session's confirmed claim without an event; return its new end, ms.

    Raises ConflictError(claim_unconfirmed) without a receipt, HubRefusal where the slot is not
    this session's any more, and what the hub's door raises.
    """
    secret = replica.profile.rows.find_holder(replica.sn, task, replica.profile.session)
    if secret is None:
        raise ConflictError("claim_unconfirmed", task_id=to_text("task", task))
    asked = Asked(task, secret, lease_s)
    reply = _ask(replica, frames.RENEW, asked, frame=None)
    _note_lease(replica, asked, reply.until)
    return reply.until


def settle(replica: Replica, *, go: sync.Go = sync.always) -> int | None:
    """Deal with the slot entries that stand first in the outbox; None: there was none.

    Claims of different tasks are dealt with together, one at least and more while ``go`` says so.
    Return how many frames went with them: not those that are to be sent like any other.
    """
    waiting = replica.profile.rows.outgoing(replica.sn, limits.PUSH_FRAMES_MAX)
    if not waiting or waiting[0].what not in OPS:
        return None
    if waiting[0].what != "slot":
        return int(_prolong(replica, waiting[0]))
    return _claim_all(replica, _run(waiting), go)


def _run(waiting: Sequence[Outgoing]) -> list[Outgoing]:
    """Return the claims that stand first, of each task one: the next has to know its fence."""
    run, tasks = list[Outgoing](), set[bytes]()
    for one in waiting:
        task = decode(one.data, Asked).task if one.what == "slot" else None
        if task is None or task in tasks:
            break
        run.append(one)
        tasks.add(task)
    return run


def _claim_all(replica: Replica, run: Sequence[Outgoing], go: sync.Go) -> int:
    """Ask for the slots of a run of claims, then store what the hub decided; return what went.

    Whatever stops the asking, what was decided is stored. What a crash takes along is asked again
    and answered with the same receipt.
    """
    won, lost = list[Decided](), list[Outgoing]()
    try:
        for one in run:
            if (won or lost) and not go():
                break
            reply = _claim(replica, one)
            if reply is None:
                lost.append(one)
            else:
                won.append(Decided(one, reply))
    finally:
        _plainly(replica, lost)
        _confirm(replica, won)
    return len(won)


def _claim(replica: Replica, one: Outgoing) -> frames.Slotted | None:
    """Ask for a slot until the hub decided; None: the claim has lost, here or there."""
    asked, floor = decode(one.data, Asked), 0
    for _ in range(TRIES_MAX):
        if not _may_win(replica, asked.task, one.id):
            break
        try:
            return _call(replica, frames.CLAIM, one, asked, floor=floor)
        except HubRefusal as refusal:
            _leave(refusal)
            if refusal.code == "quota_exceeded":
                replica.full = asked.task
            if refusal.code != "slot_moved":
                break
            sync.pull(replica)
            floor = _issued(replica, asked.task)
    return None


def _leave(refusal: HubRefusal) -> None:
    """Raise where an entry stays as it is, and is asked for again: nothing was decided."""
    if refusal.code == "space_not_found":
        raise refusal  # the next pull makes the hub keep it
    if refusal.code == "rate_limited":
        slower = RelayError("rate_limited")
        slower.details.update(refusal.details)
        raise slower from refusal


def _prolong(replica: Replica, one: Outgoing) -> bool:
    """Free a slot with the event that ends the tenure, or renew it with any other.

    A slot that is not ours any more is neither: the event goes plainly, and this returns False.
    """
    asked, op = decode(one.data, Asked), OPS[one.what]
    try:
        reply = _call(replica, op, one, asked)
    except HubRefusal as refusal:
        _leave(refusal)
        _plainly(replica, [one])
        return False
    _confirm(replica, [Decided(one, reply)])
    if op == frames.RENEW:
        _note_lease(replica, asked, reply.until)
    return True


def _note_lease(replica: Replica, asked: Asked, until: int) -> None:
    """Keep the hub's last word on a lease with the receipt of the claim, and show it."""
    with replica.profile.events.transaction(durable=False):
        batch = replica.batch()
        row = batch.rows.task(batch.sn, asked.task)
        if row is None or row.tenure is None:
            return
        for receipt in batch.events.receipts(batch.sn, row.tenure):
            if receipt.good and (receipt.no, receipt.fence) == (batch.space.hub_no, row.fence):
                batch.events.add_receipt(batch.sn, receipt._replace(until=until))
        batch.refold(asked.task)
        batch.finish()


def _issued(replica: Replica, task: bytes) -> int:
    """Return the highest fence that the pinned hub gave out for a task, to whatever event.

    Anybody may take a slot with an event that is no claim of its task. That gives the task to
    nobody, yet the hub counts on from there, and whoever has read it may say so.
    """
    row = newest(replica, task)
    return 0 if row is None else row.fence


def newest(replica: Replica, task: bytes) -> ReceiptRow | None:
    """Return the receipt by which the slot of a task was given away last, as far as it was read."""
    batch = replica.batch()
    no = batch.space.hub_no
    return batch.events.top_receipt(batch.sn, batch.slot_of(task, no), no)


def ask_anew(replica: Replica, task: bytes, *, session: str, lease_s: int) -> None:
    """Queue the claim that this session holds ``task`` by once more, if no hub confirmed it.

    The slot was held by something that does not count: by no claim of the task, or by that of
    somebody who is out. Whoever claims what it holds already asks whether it is free by now.
    """
    with replica.profile.events.transaction(durable=True):
        batch = replica.batch()
        row, me = batch.rows.task(batch.sn, task), batch.events.actor(batch.me)
        if row is None or row.claim_state != names.PROVISIONAL or row.assignee != me:
            return
        secret = batch.rows.find_holder(batch.sn, task, session)
        is_queued = row.tenure in batch.rows.queued(batch.sn, "slot")
        if is_queued or row.session != session or secret is None:
            return
        what, data = ask(task, secret, lease_s)
        batch.send(what, data, ident=row.tenure)
        batch.finish()


def _call(
    replica: Replica, op: str, one: Outgoing, asked: Asked, *, floor: int = 0
) -> frames.Slotted:
    """Make one slot call with the event of an entry."""
    events = replica.profile.events
    assert one.id is not None, "a slot entry names its event"
    entry = events.entry(replica.sn, one.id)
    assert entry is not None, "an own event is in the log before it is queued"
    return _ask(replica, op, asked, frame=events.frame(entry.rid), floor=floor)


def _ask(
    replica: Replica, op: str, asked: Asked, *, frame: bytes | None, floor: int = 0
) -> frames.Slotted:
    """Make one slot call; ``floor`` is a fence that a claim has seen beside those of claims."""
    space, batch = replica.space, replica.batch()
    claims = op == frames.CLAIM
    seen = max(floor, greatest_fence(batch, asked.task)) if claims else _held(batch, asked)
    call = frames.Slot(
        op=op,
        space=space.id,
        no=space.hub_no,
        slot=batch.slot_of(asked.task, space.hub_no),
        seen=seen,
        holder=asked.holder,
        lease_s=asked.lease_s,
        frame=frame,
    )
    reply = replica.profile.hub.handle(call)
    if not isinstance(reply, frames.Slotted):
        raise InternalError("internal")
    return reply


def _fences(batch: Batch, task: bytes) -> list[tuple[int, bytes]]:
    """Return (fence, holder hash) of the receipts for the claims of a task at the pinned hub."""
    return [
        (row.fence, row.holder)
        for entry in batch.events.entity(batch.sn, task)
        if entry.kind == "task.claim"
        for row in batch.events.receipts(batch.sn, entry.id)
        if row.good and row.no == batch.space.hub_no
    ]


def greatest_fence(batch: Batch, task: bytes) -> int:
    """Return the highest fence known of a task: what the next claim has to have seen."""
    return max([fence for fence, _ in _fences(batch, task)], default=0)


def _held(batch: Batch, asked: Asked) -> int:
    """Return the fence that a secret holds a task by, 0 for none."""
    mine = holder_hash(asked.holder)
    return max([fence for fence, one in _fences(batch, asked.task) if one == mine], default=0)


def _may_win(replica: Replica, task: bytes, claim: bytes | None) -> bool:
    """Say whether a claim is the tenure of its task here, or lacks but a fence to be it.

    What lost to a claim beside it asks for none: its author saw nothing of the other's work, and
    a late fence would undo that.
    """
    store, events = replica.profile.rows, replica.profile.events
    row = store.task(replica.sn, task)
    entry = None if claim is None else events.entry(replica.sn, claim)
    if row is None or entry is None:
        return False
    item = store.item(entry.rid)
    if row.tenure == claim or (item is not None and item.refused == names.OVER_ANOTHER):
        return True
    # Nor could it see a claim that is dated ahead, however long the lease of that is over.
    held = None if row.tenure is None else events.entry(replica.sn, row.tenure)
    over = (row.lease_ms or 0) + limits.LEASE_GRACE_SECONDS * 1000 < entry.ts
    return held is not None and held.ts > entry.ts + limits.CITABLE_AHEAD_MS and over


def _confirm(replica: Replica, won: Sequence[Decided]) -> None:
    """Take in what the hub decided, in one transaction; the frames went with it."""
    if not won:
        return
    issued = [(one.o, reply.receipt) for one, reply in won if reply.receipt is not None]
    if issued:
        page = [read(frame) for _, frame in issued]
        take_read(replica, page, source="hub", sent=[number for number, _ in issued])
    ids, seqs = list[bytes](), list[int]()
    for one, reply in won:
        ids += [] if one.id is None else [one.id]
        ids += [] if reply.receipt is None else [read(reply.receipt).id]
        seqs += reply.seqs
    struck = [one.o for one, reply in won if reply.receipt is None]
    sync.advance(replica, replace(won[-1].reply, seqs=tuple(seqs)), ids, sent=struck)


def _plainly(replica: Replica, lost: Sequence[Outgoing]) -> None:
    """Send the events of some entries as plain frames."""
    if not lost:
        return
    store = replica.profile.rows
    with replica.profile.events.transaction(durable=True):
        store.sent([one.o for one in lost])
        for one in lost:
            store.send_later(replica.sn, "frame", one.id, b"")


def claim_body(
    task: bytes, session: str, lease_s: int, secret: bytes, *, handoff: bytes | None = None
) -> TaskClaim:
    """Return the body of a claim, which may accept a handoff."""
    return TaskClaim(task, session, lease_s, holder_hash(secret), handoff)
