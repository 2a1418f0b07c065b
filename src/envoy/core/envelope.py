"""Envelope: a sealed event, all that a hub and a wire ever see of one.

It shows a suite, an epoch id, a salt and a padded length; author, kind, parents and text are
inside. Its hash is the event's id. Between inner, signature, nonce, padding and epoch there is no
freedom left: two envelopes of one inner are made only by its author, so nobody can frame another
for a fork. An envelope is opened cheapest check first, and each failure has its own door code.

Nonces: the salt is an HMAC over the whole event under 32 fresh random bytes, so that even a
restored, cloned or constant generator never seals two plaintexts under one nonce (THREATS K6). A
built envelope is only ever sent again, never sealed again.

Specification: docs/spec/event.md. Test vectors: tests/vectors/envelope.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.codec import B24, B32, I64, decode, encode, peek_first
from envoy.core.crypto.aead import TAG_BYTES, decrypt_once, decrypt_raw, encrypt
from envoy.core.crypto.sign import (
    SIG_BYTES,
    SUITE,
    exactly,
    expand,
    is_valid_key,
    prefixed,
    public_key,
    tagged,
)
from envoy.core.event import (
    SALT_BYTES,
    Event,
    Links,
    build_inner,
    identified,
    is_signed,
    parse_inner,
    sign_inner,
    with_salt,
)
from envoy.core.structs import Body, State
from envoy.errors import InternalError, RemoteFault

ENTROPY_BYTES: Final = 32
OPENER_BYTES: Final = 32
_LENGTH_BYTES: Final = 4
_INNER_AT: Final = SIG_BYTES + _LENGTH_BYTES
OVERHEAD_BYTES: Final = _INNER_AT + TAG_BYTES  # 84: what the ciphertext has beside inner and zeros
_SUITE_BYTE: Final = bytes((SUITE,))


class Outer(Body, frozen=True, gc=False):
    """An envelope as it stands on the wire."""

    suite: I64
    epoch: B32
    salt: B24
    ct: bytes


class Opened(State, frozen=True, gc=False):
    """An event of which only the signature is unchecked: ``verify`` does that."""

    event: Event
    inner: bytes
    sig: bytes


class Writer(State, frozen=True):
    """Who writes where: the keys that events of one author in one epoch are made with."""

    space: bytes
    epoch: bytes
    event_key: bytes
    seed: bytes

    def __repr__(self) -> str:
        return "Writer(...)"  # a secret in a traceback would be one in a log


def bucket(length: int) -> int:
    """Return P(length): 256, 512, 1024, 2048, 4096, then steps of a sixteenth to a thirty-second.

    A length tells little then, and costs 6.3 % at most. Source: docs/spec/event.md, Seal.
    """
    if length <= 256:
        return 256
    if length <= 4096:
        return 1 << (length - 1).bit_length()
    step = 1 << (length.bit_length() - 5)
    return -(-length // step) * step


def envelope_id(envelope: bytes) -> bytes:
    """Return the id of the event that ``envelope`` holds, 32 bytes."""
    return tagged("env", envelope)


def parse(envelope: bytes) -> Outer:
    """Return what an envelope shows without a key.

    Raises RemoteFault: ``too_large``, ``unknown_suite``, ``malformed``, ``non_canonical``.
    Source: docs/spec/event.md, Opening.
    """
    if len(envelope) > limits.ENVELOPE_BYTES_MAX:
        raise RemoteFault("too_large")
    try:
        outer = decode(envelope, Outer)
        suite: int | str | None = outer.suite
    except RemoteFault:
        # Of another suite it may look otherwise behind the number.
        suite = peek_first(envelope)
        if not isinstance(suite, int) or suite == SUITE:
            raise
    if suite != SUITE:
        raise RemoteFault("unknown_suite")
    size = len(outer.ct)
    if size > limits.CIPHERTEXT_BYTES_MAX:
        raise RemoteFault("too_large")
    if size != bucket(size):
        raise RemoteFault("malformed")
    return outer


def open_outer(envelope: bytes, space: bytes, event_key: bytes) -> Opened:
    """Return what ``envelope`` holds, all checked but the signature, links and body.

    Raises RemoteFault as ``parse`` does, and ``cannot_open``, ``unsupported``, ``wrong_space``,
    ``bad_key``. The one step left here that costs much is ``verify``, for threads to do.
    """
    return open_parsed(parse(envelope), envelope_id(envelope), space, event_key)


def open_parsed(outer: Outer, event_id: bytes, space: bytes, event_key: bytes) -> Opened:
    """Return what ``open_outer`` does, for whoever has parsed and identified the envelope."""
    pt = decrypt_raw(event_key, outer.salt, _bound(outer, space), outer.ct)
    return _read(outer, event_id, space, pt)


def open_shown(outer: Outer, event_id: bytes, space: bytes, opener: bytes) -> Opened:
    """Return what ``open_parsed`` does, by the key that opens this envelope alone.

    ``opener`` is ``core.crypto.seal.once_key`` of event key and salt. It binds the text less than
    an epoch's secret does: docs/spec/audit.md, What it proves.
    """
    pt = decrypt_once(opener, outer.salt, _bound(outer, space), outer.ct)
    return _read(outer, event_id, space, pt)


def _read(outer: Outer, event_id: bytes, space: bytes, pt: bytes) -> Opened:
    """Return what the plaintext of ``outer`` says."""
    raw = _unpadded(pt)
    inner = parse_inner(raw)
    if (inner.space, inner.epoch, inner.salt) != (space, outer.epoch, outer.salt):
        raise RemoteFault("wrong_space")
    if not is_valid_key(inner.author):
        raise RemoteFault("bad_key")
    return Opened(identified(inner, event_id), raw, pt[:SIG_BYTES])


def verify(opened: Opened) -> bool:
    """Say whether the event was signed by its author. Releases the GIL while it verifies."""
    return is_signed(opened.event.author, opened.sig, opened.inner)


def open_envelope(envelope: bytes, space: bytes, event_key: bytes) -> Event:
    """Return the authentic event in ``envelope``; links and body are judged elsewhere.

    Raises RemoteFault as ``open_outer`` does, and ``bad_signature``.
    """
    opened = open_outer(envelope, space, event_key)
    if not verify(opened):
        raise RemoteFault("bad_signature")
    return opened.event


def author_event(
    writer: Writer, *, links: Links, kind: str, body: bytes, entropy: bytes
) -> tuple[bytes, Event]:
    """Return a new envelope and its event. ``entropy`` is 32 bytes drawn for this call.

    ``body`` is C(body), which the author has decoded as its kind. What is sealed is decoded first
    by the rules that everybody opens it by. Raises UsageError(message_too_large), and
    InternalError(internal) for links or a kind that no door would let in.
    """
    author = public_key(writer.seed)
    blank = build_inner(writer.space, writer.epoch, author, links=links, kind=kind, body=body)
    salt = expand(exactly(entropy, ENTROPY_BYTES), "salt", blank, length=SALT_BYTES)
    raw = with_salt(blank, salt)
    try:
        inner = parse_inner(raw)
    except RemoteFault as error:
        raise InternalError("internal") from error
    envelope = seal(writer, salt=salt, sig=sign_inner(writer.seed, raw), inner=raw)
    return envelope, identified(inner, envelope_id(envelope))


def seal(writer: Writer, *, salt: bytes, sig: bytes, inner: bytes) -> bytes:
    """Return the envelope of a signed ``inner`` whose salt is ``salt``: call ``author_event``."""
    zeros = bytes(bucket(len(inner) + OVERHEAD_BYTES) - OVERHEAD_BYTES - len(inner))
    pt = b"".join((sig, len(inner).to_bytes(_LENGTH_BYTES), inner, zeros))
    place = _place(writer.space, writer.epoch, salt)
    return encode((SUITE, writer.epoch, salt, encrypt(writer.event_key, salt, "evt", place, pt)))


def _place(space: bytes, epoch: bytes, salt: bytes) -> bytes:
    """Return what binds a ciphertext to its place: u8 suite || space || epoch || salt."""
    return b"".join((_SUITE_BYTE, space, epoch, salt))


def _bound(outer: Outer, space: bytes) -> bytes:
    """Return the aad that the ciphertext of ``outer`` was made with."""
    return prefixed("evt", _SUITE_BYTE, space, outer.epoch, outer.salt)


def _unpadded(pt: bytes) -> bytes:
    """Return C(inner) of ``pt`` = signature || u32 length || C(inner) || zeros.

    Another padding of the same inner would be another id of one event: ``non_canonical``.
    """
    size, whole = int.from_bytes(pt[SIG_BYTES:_INNER_AT]), len(pt)
    end = _INNER_AT + size
    if end > whole:
        raise RemoteFault("malformed")
    if bucket(size + OVERHEAD_BYTES) != whole + TAG_BYTES or pt[end:] != bytes(whole - end):
        raise RemoteFault("non_canonical")
    return pt[_INNER_AT:end]
