"""Capsules: does a handoff prove itself, and how much of what it names is here?

Looked at are the signature of the giver over the very bytes that are kept, the pinned frontier,
each piece of evidence by id and digest, and the countersignature of whoever took over. What is not
here is unknown, never good and never bad. The walk from this copy's heads back to the pinned ones
says how much has come that the giver had not seen.

Laws: it only looks. A walk is bounded, and says where it stopped.

Specification: docs/spec/tasks.md, Handoffs.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from envoy import limits
from envoy.core import envelope
from envoy.core.log import Entry
from envoy.errors import RemoteFault
from envoy.ids import from_text
from envoy.replica import handing
from envoy.replica.batch import Batch
from envoy.replica.replica import Replica
from envoy.views import handoffs, names, rows
from envoy.views.handoffs import BAD, OK, Check, Verified


def digest(batch: Batch, event: bytes) -> bytes | None:
    """Return SHA-256 of the body of an event, None for one that this build cannot read."""
    entry = batch.events.entry(batch.sn, event)
    return None if entry is None else handing.digest(batch.keys.body(entry))


Proof = Callable[[Batch, Entry], bool]


def verify(replica: Replica, row: rows.Record, proof: Proof) -> Verified:
    """Return what this copy can say of a handoff that counts; ``proof`` is asked of its events."""
    batch = replica.batch()
    entry = batch.events.entry(batch.sn, row.id)
    assert entry is not None, "a row comes from an event"
    if not proof(batch, entry):
        return Verified([Check("signature", BAD, row.id)], 0, is_all=False)
    heads = tuple(_heads(row))
    checks = [Check("signature", OK, row.id)]
    for one in handoffs.checks(row, lambda event: _status(batch, event)):
        checks.append(_again(batch, one, proof) if one.name == "evidence" else one)
    act = handoffs.said(row)["act"]
    if handoffs.standing(row) == names.ACCEPTED:
        taken = batch.events.entry(batch.sn, from_text(str(act), "evt"))
        assert taken is not None, "what accepted it is here"
        is_signed = proof(batch, taken)
        checks.append(Check("countersignature", OK if is_signed else BAD, taken.id))
    since, is_all = beside(batch, row.id, heads)
    return Verified(checks, since, is_all=is_all)


def proves_itself(batch: Batch, entry: Entry) -> bool:
    """Say whether the kept frame of an event still has its id, opens, and bears its signature."""
    frame = batch.events.frame(entry.rid)
    try:
        outer = envelope.parse(frame)
        keys = batch.keys.find(outer.epoch)
        if keys is None or envelope.envelope_id(frame) != entry.id:
            return False
        opened = envelope.open_parsed(outer, entry.id, batch.space.id, keys.event_key)
        return envelope.verify(opened)
    except RemoteFault:
        return False


def is_shown(batch: Batch, entry: Entry) -> bool:
    """Say whether an event of a bundle stands in it: then its signature was verified there."""
    return batch.keys.body(entry) is not None


def _heads(row: rows.Record) -> list[bytes]:
    """Return the heads that a handoff pins."""
    pinned = handoffs.said(row)["frontier"]
    assert isinstance(pinned, dict)
    return [from_text(str(one), "evt") for one in pinned["heads"]]


def _status(batch: Batch, event: bytes) -> str | None:
    """Return the verdict on an event, None for one that is not here."""
    entry = batch.events.entry(batch.sn, event)
    return None if entry is None else entry.status


def _again(batch: Batch, check: Check, proof: Proof) -> Check:
    """Return what is to be said of evidence that is as it was when it came, looked at again."""
    entry = batch.events.entry(batch.sn, check.event)
    if check.state != OK or entry is None:
        return check
    if not proof(batch, entry):
        return check._replace(state=BAD, detail="signature")
    record = batch.rows.record(batch.sn, check.event)
    is_back = record is not None and record.retracted is not None
    return check._replace(detail="retracted" if is_back else None)


def beside(batch: Batch, handoff: bytes, pinned: tuple[bytes, ...]) -> tuple[int, bool]:
    """Return how many events are here that ``pinned`` had not seen, and whether all were counted.

    From the newest backwards: whatever a pinned event or its ancestors are not is new. The handoff
    itself is not counted.
    """
    known, old = dict[bytes, Entry](), set[bytes]()
    todo = list[tuple[int, bytes]]()

    def reach(ident: bytes, *, is_old: bool) -> None:
        entry = known.get(ident) or batch.events.entry(batch.sn, ident)
        if entry is None:
            return
        if ident not in known:
            known[ident] = entry
            heappush(todo, (-entry.lam, ident))
        if is_old:
            old.add(ident)

    for head in batch.events.heads(batch.sn, citable=False):
        reach(head.id, is_old=False)
    for one in pinned:
        reach(one, is_old=True)
    new, steps = 0, 0
    while any(ident not in old for _, ident in todo):
        _, ident = heappop(todo)
        new += ident not in old and ident != handoff
        steps += 1
        if steps >= limits.ROWS_MAX:
            return new, False
        for parent in known[ident].parents:
            reach(parent, is_old=ident in old)
    return new, True
