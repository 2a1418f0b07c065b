"""A second way to make events, epochs and invites, from docs/spec alone; nothing of envoy is used.

Signatures and ChaCha20-Poly1305 are OpenSSL's where Envoy's are libsodium's, HKDF is written out,
HChaCha20 and the codec are ``oracle.chacha`` and ``oracle.messagepack``. What envoy makes must be
what is made here.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oracle import chacha, messagepack

ZERO_NONCE = bytes(24)
FIELDS = (
    *("v", "space", "epoch", "salt", "author", "chain", "seq", "prev", "deps", "lam"),
    *("auth", "ts", "kind", "basis", "body"),
)
Fields = dict[str, object]


def prefix(label: str) -> bytes:
    """Return what every hash, key, signature and aad begins with."""
    return b"envoy/1 " + label.encode() + b"\x00"


def h(label: str, *parts: bytes) -> bytes:
    """Return H(label, parts)."""
    return hashlib.sha256(prefix(label) + b"".join(parts)).digest()


def ext(salt: bytes, ikm: bytes) -> bytes:
    """Return EXT(salt, ikm)."""
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def kdf(key: bytes, label: str, *ctx: bytes, length: int = 32) -> bytes:
    """Return KDF(key, label, ctx, length) for a length of at most 32."""
    block = prefix(label) + b"".join(ctx) + b"\x01"
    return hmac.new(key, block, hashlib.sha256).digest()[:length]


def sig(seed: bytes, label: str, *parts: bytes) -> bytes:
    """Return SIG(seed, label, parts)."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(prefix(label) + b"".join(parts))


def public(seed: bytes) -> bytes:
    """Return the Ed25519 public key of ``seed``."""
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def aead(key: bytes, nonce: bytes, label: str, ctx: bytes, plaintext: bytes) -> bytes:
    """Return AEAD(key, nonce, label, ctx, plaintext): XChaCha20-Poly1305."""
    inside = ChaCha20Poly1305(chacha.hchacha(key, nonce[:16]))
    return inside.encrypt(bytes(4) + nonce[16:], plaintext, prefix(label) + ctx)


def padded(length: int) -> int:
    """Return P(length), found by trying."""
    for size in (256, 512, 1024, 2048, 4096):
        if length <= size:
            return size
    power = 4096
    while power * 2 <= length:
        power *= 2
    size = power
    while size < length:
        size += power // 16
    return size


def inner(fields: Fields) -> bytes:
    """Return C(inner) of ``fields``, whatever they are."""
    return messagepack.write(list(fields.values()))


def pack(signature: bytes, raw: bytes) -> bytes:
    """Return the plaintext of an envelope."""
    zeros = padded(len(raw) + 84) - len(raw) - 84
    return signature + len(raw).to_bytes(4, "big") + raw + bytes(zeros)


class Place(NamedTuple):
    """Where an event is sealed: its space, epoch and event key."""

    space: bytes
    epoch: bytes
    key: bytes


def seal(place: Place, salt: bytes, plaintext: bytes) -> bytes:
    """Return the envelope of ``plaintext``."""
    ctx = b"\x01" + place.space + place.epoch + salt
    ct = aead(place.key, salt, "evt", ctx, plaintext)
    return messagepack.write([1, place.epoch, salt, ct])


def author(place: Place, seed: bytes, fields: Fields, entropy: bytes) -> bytes:
    """Return the envelope of ``fields``; their salt is put in here."""
    salt = kdf(entropy, "salt", inner(fields | {"salt": bytes(24)}), length=24)
    raw = inner(fields | {"salt": salt})
    return seal(place, salt, pack(sig(seed, "event", raw), raw))


class Epoch(NamedTuple):
    """An epoch and all that follows from it."""

    root: bytes
    commitment: bytes
    event_key: bytes
    wrap_key: bytes
    tag: bytes
    prev_wrap: bytes | None
    wrap: bytes
    id: bytes
    head: bytes


def box_info(enc_pk: bytes, space: bytes, epoch_id: bytes) -> bytes:
    """Return the HPKE info of a box for ``enc_pk``."""
    return prefix("epoch-seal") + space + epoch_id + h("kid", enc_pk)[:16]


def epoch(
    space: bytes, creator: bytes, nonce: bytes, secret: bytes, entries: list[list[bytes]]
) -> Epoch:
    """Return the epoch of ``secret``; ``entries`` are [id, t, w, K] of older ones, ascending."""
    root = ext(space, secret)
    tag = h("epoch-creator", creator, nonce)
    wrap_key, commitment = kdf(root, "hist"), kdf(root, "commit", space)
    prev_wrap, wrap = None, bytes(32)
    if entries:
        prev_wrap = aead(wrap_key, ZERO_NONCE, "hist", space + tag, messagepack.write(entries))
        wrap = h("wrap", prev_wrap)
    made = h("epoch", space, tag, commitment, wrap)
    head = messagepack.write([1, tag, commitment, prev_wrap])
    event_key = kdf(root, "evt")
    return Epoch(root, commitment, event_key, wrap_key, tag, prev_wrap, wrap, made, head)
