"""Slots: one winner per task, decided by a hub that does not know the tasks.

A slot has a row: the fence of its newest claim, the hash of the holder's secret, the claim, the
end of the lease. A claim is a compare-and-append: it names the highest fence its author knows, so
who has not read the previous holder's events is sent to read them first. Claim and signed receipt
enter the log in one transaction; nobody learns of a fence that could still be lost.

Laws: fences of a slot only rise, also after its row was evicted or lost, since ``seen`` is the
floor then; the floor is bounded, so nobody lifts a fence out of reach. No live lease is ever taken
away or evicted. Time is the hub's, which never runs back for a space. What is refused leaves
nothing behind.

Specification: docs/spec/frames.md, Slots. Test vectors: tests/vectors/slot.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core import receipt
from envoy.core.crypto import sign
from envoy.hub import log
from envoy.hub.sqlite import LogStore, SlotRow, SpaceRow
from envoy.sync import frames
from envoy.sync.frames import HubRefusal, Slot, Slotted

GRACE_MS: Final = limits.LEASE_GRACE_SECONDS * 1000


def slot(store: LogStore, call: Slot, *, cap: bytes, now_ms: int) -> Slotted:
    """Do ``call``, inside a transaction of ``store``; ``cap`` is who pays for a new row.

    Raises HubRefusal: slot_moved (``fence`` of the row, -1 without one), slot_taken (``until``),
    quota_exceeded, space_not_found.
    """
    space = log.require_space(store, call.space)
    space = space._replace(at=max(now_ms, space.at))
    row = store.find_slot(call.space, call.slot)
    if call.op != frames.CLAIM:
        return _prolong(store, call, space, row)
    assert call.frame is not None, "Slot.check refuses a claim without its event"
    event = frames.frame_id(call.frame)
    if row is not None and row.event == event:  # the answer to the first time was lost
        issued = store.frame_at(call.space, row.receipt)
        return _answer(store, space, (call.frame, issued), until=row.until, issued=issued)
    _refuse_claim(call, row, at=space.at)
    if row is None or row.cap != cap:
        _make_room(store, call.space, cap, at=space.at, new=row is None)
    return _award(store, call, space, event=event, cap=cap)


def _refuse_claim(call: Slot, row: SlotRow | None, *, at: int) -> None:
    """Raise the refusal of a claim that does not know the row, or that comes too early."""
    if row is None:
        if call.seen > limits.SLOT_SEEN_MAX:
            raise HubRefusal("slot_moved", fence=-1)
        return
    if call.seen != row.fence:
        raise HubRefusal("slot_moved", fence=row.fence)
    if row.until + GRACE_MS > at:
        raise HubRefusal("slot_taken", until=row.until)


def _make_room(store: LogStore, space: bytes, cap: bytes, *, at: int, new: bool) -> None:
    """Evict a row where ``cap``, or the space, has all it may have; never one whose lease runs.

    ``new``: the space gets another row; otherwise ``cap`` takes over one that somebody else had.
    """
    every, own = store.slot_counts(space, cap)
    ended_by = at - GRACE_MS
    if own >= limits.SLOTS_PER_POSTER_MAX:
        room = store.evict_slot(space, cap, ended_by=ended_by)
    elif new and every >= limits.SLOTS_MAX:
        room = store.evict_slot(space, None, ended_by=ended_by)
    else:
        room = True
    if not room:
        raise HubRefusal("quota_exceeded")


def _award(store: LogStore, call: Slot, space: SpaceRow, *, event: bytes, cap: bytes) -> Slotted:
    """Append the claim and the receipt for it, and write the row."""
    assert call.frame is not None
    holder_hash = sign.sha256(call.holder)
    fence, until = call.seen + 1, space.at + call.lease_s * 1000
    award = receipt.Award(
        call.space,
        call.no,
        store.instance_of(call.space),
        call.slot,
        fence,
        event,
        holder_hash,
        space.at,
        until,
    )
    issued = receipt.issue_receipt(store.seed, award)
    slotted = _answer(store, space, (call.frame, issued), until=until, issued=issued)
    row = SlotRow(fence, holder_hash, event, until, cap, slotted.seqs[-1])
    store.save_slot(call.space, call.slot, row)
    return slotted


def _prolong(store: LogStore, call: Slot, space: SpaceRow, row: SlotRow | None) -> Slotted:
    """Renew or release the slot of its holder.

    A release frees the slot at once: the grace is for a holder who does not know that its lease
    ran out, and this one does.
    """
    if row is None or call.seen != row.fence:
        raise HubRefusal("slot_moved", fence=-1 if row is None else row.fence)
    if sign.sha256(call.holder) != row.holder_hash:
        raise HubRefusal("slot_taken", until=row.until)
    until = space.at + call.lease_s * 1000
    ends = until if call.op == frames.RENEW else min(row.until, space.at - GRACE_MS)
    store.save_slot(call.space, call.slot, row._replace(until=ends))
    pushed = () if call.frame is None else (call.frame,)
    return _answer(store, space, pushed, until=until, issued=None)


def _answer(
    store: LogStore,
    space: SpaceRow,
    pushed: tuple[bytes, ...],
    *,
    until: int,
    issued: bytes | None,
) -> Slotted:
    """Append what is new of ``pushed`` and return the reply."""
    space, seqs = log.append(store, space, pushed)
    state = log.state_of(store, space)
    sig = receipt.sign_push(store.seed, state)
    return Slotted(
        state.instance, seqs, space.head, space.h, space.at, sig, until=until, receipt=issued
    )
