"""Receipt: a hub's signed word that a claim won its slot, or that it took frames in.

A fold over events cannot give a single winner; a hub can, because it appends one claim at a time.
Its word is a frame of the log itself: it is stored in the transaction that decides the claim, and
it reaches every replica by the same sync, so no second step can be lost. A receipt orders and
attests, it grants nothing: it counts only beside an accepted claim of the same slot and holder, by
a hub key that the space has pinned, and of several for one claim only the least fence counts. Who
judges that is ``state.claims``; here are the bytes and the signature.

A reply to a push is signed too. Two signed heads of one number prove that a hub rewrote its log.

Specification: docs/spec/receipt.md. Test vectors: tests/vectors/receipt.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, B64, I63, decode, encode, peek_first, refuse_unless
from envoy.core.crypto import sign
from envoy.core.structs import Body, State, replace
from envoy.errors import RemoteFault

LABEL: Final = "rcpt/1"
_FAMILY: Final = "rcpt/"
_UNSIGNED: Final = bytes(sign.SIG_BYTES)


class Receipt(Body, frozen=True):
    """``event`` holds ``slot`` under ``fence``, by the hub that is pinned as number ``no``.

    ``holder`` is the SHA-256 of the 16 bytes that the claimer keeps; ``at`` and ``until`` are
    milliseconds of the hub's clock.
    """

    label: str
    space: B32
    no: I63
    instance: B16
    slot: B32
    fence: I63
    event: B32
    holder: B32
    at: I63
    until: I63
    sig: B64

    def check(self) -> None:
        """Refuse another label, a fence no hub gives, and a lease that ends before it begins."""
        refuse_unless(self.label == LABEL and self.fence >= 1 and self.until >= self.at)


class Award(State, frozen=True):
    """What a hub decided and is about to sign; the fields are those of ``Receipt``."""

    space: bytes
    no: int
    instance: bytes
    slot: bytes
    fence: int
    event: bytes
    holder: bytes
    at: int
    until: int


class LogState(State, frozen=True):
    """Where the log of a space stands at a hub: its newest number, the hub chain, its time."""

    instance: bytes
    space: bytes
    head: int
    h: bytes
    at: int


def issue_receipt(seed: bytes, award: Award) -> bytes:
    """Return the receipt frame for ``award``, signed by the hub key of ``seed``."""
    draft = Receipt(
        LABEL,
        award.space,
        award.no,
        award.instance,
        award.slot,
        award.fence,
        award.event,
        award.holder,
        award.at,
        award.until,
        _UNSIGNED,
    )
    return encode(replace(draft, sig=sign.sign(seed, "receipt", _signed_part(draft))))


def read_receipt(frame: bytes, space: bytes) -> Receipt:
    """Return the receipt in ``frame``, a frame of ``space``. Its signature is not judged yet.

    Raises RemoteFault: ``too_large``, ``unsupported`` for a later label, ``malformed``,
    ``non_canonical``, ``wrong_space``. Source: docs/spec/receipt.md, Reading.
    """
    if len(frame) > limits.ENVELOPE_BYTES_MAX:
        raise RemoteFault("too_large")
    label = peek_first(frame)
    if isinstance(label, str) and label != LABEL and label.startswith(_FAMILY):
        raise RemoteFault("unsupported")
    receipt = decode(frame, Receipt)
    if receipt.space != space:
        raise RemoteFault("wrong_space")
    return receipt


def is_signed(receipt: Receipt, hub_key: bytes) -> bool:
    """Say whether ``hub_key``, the one pinned as ``receipt.no``, signed ``receipt``."""
    return sign.verify(hub_key, "receipt", receipt.sig, _signed_part(receipt))


def receipt_id(frame: bytes) -> bytes:
    """Return the id, 32 bytes, of a receipt frame."""
    return sign.tagged("rcpt", frame)


def sign_push(seed: bytes, state: LogState) -> bytes:
    """Return the signature of a push reply, by the hub key of ``seed``."""
    return sign.sign(seed, "push-receipt", _state_part(state))


def is_push_signed(state: LogState, sig: bytes, hub_key: bytes) -> bool:
    """Say whether ``hub_key`` signed that its log of the space stood at ``state``."""
    return sign.verify(hub_key, "push-receipt", sig, _state_part(state))


def _signed_part(receipt: Receipt) -> bytes:
    """Return C of the ten fields before the signature."""
    return encode(
        (
            receipt.label,
            receipt.space,
            receipt.no,
            receipt.instance,
            receipt.slot,
            receipt.fence,
            receipt.event,
            receipt.holder,
            receipt.at,
            receipt.until,
        )
    )


def _state_part(state: LogState) -> bytes:
    """Return C of the five fields that a push reply signs."""
    return encode((state.instance, state.space, state.head, state.h, state.at))
