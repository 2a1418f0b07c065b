"""Cards: what somebody hands over to be known by, as one line of text.

Who shares no space and no hub with us states nothing that we could read. Its card string says who
it is, where boxes for it go, and how it wants to be shown; it is pasted from any place that people
trust for that. Names on it give nothing: who it is says the key alone.

Laws: pure; nothing of a string is believed before both signatures hold, and they are of one did.

Specification: docs/spec/identity.md, Card strings. Test vectors: tests/vectors/people.json.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from envoy import limits
from envoy.core.bodies import Card, Statement
from envoy.core.codec import B32, B64, I63, decode, encode, peek_first, refuse_unless
from envoy.core.crypto import sign
from envoy.core.identity import Identity, check_statement, make_statement
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple

PREFIX: Final = "envoy-card:"
VERSION: Final = 1


class Known(NamedTuple):
    """Who a card string is of, its labels, and the statement of its card key."""

    did: bytes
    card: Card
    keys: Statement


class _CardString(Body, frozen=True):
    """What the text holds. ``card`` is C(Card), ``sig`` its signature by ``did``."""

    v: I63
    did: B32
    card: bytes
    sig: B64
    keys: Statement


def make(identity: Identity, card: Card, *, ts: int) -> str:
    """Return the card string of ``identity``; ``ts`` is milliseconds since 1970, a label."""
    body = encode(card)
    assert decode(body, Card) == card, "what is signed here is read everywhere"
    sig = sign.sign(identity.signing_seed, "card", body)
    keys = Statement(*make_statement(identity, None, no=0, ts=ts))
    return _text(encode(_CardString(VERSION, identity.did, body, sig, keys)))


def read(text: str) -> Known:
    """Return what a card string says, all of it checked.

    Raises RemoteFault: malformed, too_large, non_canonical, unsupported for a later version,
    bad_key for a statement of another did, wrong_space for one that is not of its card key,
    bad_signature.
    """
    raw = _bytes(text)
    version = peek_first(raw)
    if isinstance(version, int) and version > VERSION:
        raise RemoteFault("unsupported")
    found = decode(raw, _CardString)
    refuse_unless(found.v == VERSION)
    check_statement(found.keys.statement, found.keys.sig, did=found.did, space=None)
    if not sign.verify(found.did, "card", found.sig, found.card):
        raise RemoteFault("bad_signature")
    return Known(found.did, decode(found.card, Card), found.keys)


def _text(raw: bytes) -> str:
    """Return bytes as the text of a card string: base64url without padding."""
    return PREFIX + urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Return the bytes of a card string, which is in its one form."""
    if len(text) > limits.CARD_SYMBOLS_MAX:
        raise RemoteFault("too_large")
    symbols = text.removeprefix(PREFIX)
    try:
        raw = urlsafe_b64decode(symbols + "=" * (-len(symbols) % 4))
    except ValueError as error:  # binascii.Error, or a letter that is not ASCII
        raise RemoteFault("malformed") from error
    if _text(raw) != text:
        raise RemoteFault("malformed")
    return raw
