"""Pins: which hub orders the slots of a space, as number n, and whose receipts therefore count.

The genesis names the first hub, each `hub.pin` of an admin the next. Authority may take a pin back,
also long after receipts were read under it. So a receipt under a number above 0 is never refused
for good: it is kept, or parked, and looked at again whenever the pins change. Then all copies count
the same receipts, in whatever order pins and receipts came.

Laws: hub keys order and attest, they grant nothing. Of several pins of one number the most senior
one counts, then the least (lam, id).

Specification: docs/spec/receipt.md, Pins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from envoy.core import receipt
from envoy.core.bodies import Genesis, HubPin
from envoy.core.log import Parked, ReceiptRow
from envoy.errors import RemoteFault
from envoy.lean import Protocol
from envoy.replica.ports import EventStore
from envoy.state.authority import Judgement, place
from envoy.state.claims import Receipt
from envoy.state.registers import Op

UNSUPPORTED: Final = "unsupported"
Pins = Mapping[int, bytes]  # number -> the key that signs its receipts


class Taking(Protocol):
    """A batch, as far as receipts go into it."""

    events: EventStore
    sn: int

    def add_receipt(self, row: ReceiptRow) -> None:
        """Keep a receipt; it counts once the claim that it fits is here."""


def pins_of(judgement: Judgement) -> dict[int, bytes]:
    """Return the keys of the hubs of a space by their numbers."""
    ledger = judgement.ledger
    found = dict[int, bytes]()
    for event in ledger.by_kind["genesis"][:1]:
        assert isinstance(event.body, Genesis), "a ledger begins with the genesis"
        found[0] = event.body.hub
    ok = [one for one in ledger.by_kind.get("hub.pin", ()) if judgement.is_ok(one.id)]
    for event in sorted(ok, key=lambda one: (ledger.rank(one), place(one)), reverse=True):
        assert isinstance(event.body, HubPin), "the kind says so"
        found[event.body.no] = event.body.hub
    return found


def row_of(frame: bytes, ident: bytes, space: bytes, pins: Pins) -> ReceiptRow:
    """Return the row of a receipt that a pinned hub signed.

    Raises RemoteFault: unsupported for a number whose pin is not here, or does not fit; for number
    0, which never changes, bad_signature.
    """
    found = receipt.read_receipt(frame, space)
    key = pins.get(found.no)
    if key is None or not receipt.is_signed(found, key):
        raise RemoteFault("bad_signature" if found.no == 0 else UNSUPPORTED)
    return ReceiptRow(
        id=ident,
        event=found.event,
        slot=found.slot,
        no=found.no,
        instance=found.instance,
        fence=found.fence,
        holder=found.holder,
        at=found.at,
        until=found.until,
        good=0,
        bytes=frame,
    )


def receipts_of(events: EventStore, sn: int, ops: Iterable[Op]) -> list[Receipt]:
    """Return the receipts that count for the claims among ``ops``."""
    return [
        Receipt(
            event=row.event,
            no=row.no,
            fence=row.fence,
            holder=row.holder,
            at=row.at,
            until=row.until,
            instance=row.instance,
            id=row.id,
        )
        for op in ops
        if op.kind == "task.claim"
        for row in events.receipts(sn, op.id)
        if row.good
    ]


def look_again(batch: Taking, space: bytes, pins: Pins) -> Iterable[bytes]:
    """Look at every receipt again after the pins have changed; yield claims that lost one.

    A receipt that no pin speaks for any more is parked for the space, one that waited so is kept.
    """
    events, sn, parking = batch.events, batch.sn, batch.events.parking
    for frame in events.receipt_frames(sn):
        ident = receipt.receipt_id(frame)
        try:
            row_of(frame, ident, space, pins)
        except RemoteFault:
            lost = receipt.read_receipt(frame, space)
            events.drop_receipt(sn, ident)
            parking.park(sn, Parked(ident, UNSUPPORTED, space, None, lost.at, frame))
            yield lost.event
    for waits in parking.parked(sn, UNSUPPORTED, space):
        try:
            row = row_of(waits.bytes, waits.id, space, pins)
        except RemoteFault:
            continue
        parking.unpark(sn, waits.id)
        batch.add_receipt(row)
