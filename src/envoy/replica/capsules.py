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
from typing import Final

from envoy import limits
from envoy.core import envelope
from envoy.core.bodies import Ref
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256, tagged
from envoy.core.kinds import KINDS
from envoy.core.log import Entry
from envoy.core.records import TaskHandoff
from envoy.errors import RemoteFault
from envoy.ids import from_text
from envoy.replica.batch import Batch
from envoy.replica.replica import Replica
from envoy.views import handoffs, names, rows
from envoy.views.handoffs import BAD, OK, UNKNOWN, Check, Verified

COUNTING: Final = ("ok", "ok*")


def digest(batch: Batch, event: bytes) -> bytes | None:
    """Return SHA-256 of the body of an event, None for one that this build cannot read."""
    entry = batch.events.entry(batch.sn, event)
    body = None if entry is None else batch.keys.body(entry)
    return None if body is None else sha256(encode(body))


Proof = Callable[[Batch, Entry], bool]


def verify(replica: Replica, row: rows.Record, proof: Proof) -> Verified:
    """Return what this copy can say of a handoff that counts; ``proof`` is asked of its events."""
    batch = replica.batch()
    entry = batch.events.entry(batch.sn, row.id)
    assert entry is not None, "a row comes from an event"
    if not proof(batch, entry):
        return Verified([Check("signature", BAD, row.id)], 0, is_all=False)
    body = batch.keys.body(entry)
    assert isinstance(body, TaskHandoff), "its row was made of it"
    checks = [Check("signature", OK, row.id), _frontier(body, row.id)]
    for head in body.frontier.heads:
        is_here = batch.events.entry(batch.sn, head) is not None
        checks.append(Check("head", OK if is_here else UNKNOWN, head))
    checks += [_evidence(batch, one, proof) for one in body.evidence]
    act = handoffs.said(row)["act"]
    if handoffs.standing(row) == names.ACCEPTED:
        taken = batch.events.entry(batch.sn, from_text(str(act), "evt"))
        assert taken is not None, "what accepted it is here"
        is_signed = proof(batch, taken)
        checks.append(Check("countersignature", OK if is_signed else BAD, taken.id))
    since, is_all = beside(batch, row.id, body.frontier.heads)
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


def _frontier(body: TaskHandoff, ident: bytes) -> Check:
    """Say whether the pinned hash is that of the pinned heads."""
    is_right = body.frontier.hash == tagged("frontier", *body.frontier.heads)
    return Check("frontier", OK if is_right else BAD, ident)


def _evidence(batch: Batch, ref: Ref, proof: Proof) -> Check:
    """Say whether a piece of evidence is here, counts, and is what the giver meant."""
    entry = batch.events.entry(batch.sn, ref.id)
    if entry is None or entry.kind not in KINDS:  # of an unknown kind, or a stub of a bundle
        return Check("evidence", UNKNOWN, ref.id, "missing" if entry is None else "digest")
    if entry.status not in COUNTING:
        return Check("evidence", BAD, ref.id, entry.status)
    if not proof(batch, entry):
        return Check("evidence", BAD, ref.id, "signature")
    found = digest(batch, ref.id)
    if found is None or ref.hash is None:
        return Check("evidence", UNKNOWN, ref.id, "digest")
    if found != ref.hash:
        return Check("evidence", BAD, ref.id, "digest")
    record = batch.rows.record(batch.sn, ref.id)
    is_back = record is not None and record.retracted is not None
    return Check("evidence", OK, ref.id, "retracted" if is_back else None)


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
