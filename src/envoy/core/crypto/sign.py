"""Hashes, key derivation and Ed25519: all that a hub may know of cryptography.

Every hash, MAC, signature and key has a label of its own, so that bytes made for one purpose can
never be replayed as another (THREATS S4). ``LABELS`` is the whole list: no function here takes a
label that is not in it, and tests hold that none stands twice. After the label come fixed-length
parts and C values, and at most one free part, at the end: then no two lists of parts join to the
same bytes.

There is one verifier, libsodium by PyNaCl: libraries differ on small-order keys and odd encodings,
and replicas that differ on one signature differ for ever. A public key counts only if
``is_valid_key`` says so: a mixed-order key would verify only a part of all messages.

``nacl._sodium`` is the library without PyNaCl's own layer, which would cost a hot write more than
the signature does. The name is private: PyNaCl is pinned, and tests hold what is used of it.

Specification: docs/spec/codec.md, Labels. Test vectors: tests/vectors/sign.json, did.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from nacl._sodium import ffi, lib

from envoy.errors import InternalError
from envoy.ids import sha256 as hasher
from envoy.lean import Protocol

SUITE: Final = 1  # HPKE X-Wing, XChaCha20-Poly1305, Ed25519; fixed by the genesis of a space
SEED_BYTES: Final = 32
KEY_BYTES: Final = 32
SIG_BYTES: Final = 64
_HASH_BYTES: Final = 32
_BLOCK_BYTES: Final = 64
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_NULL: Final = ffi.NULL
_EXPAND_MAX: Final = 255 * _HASH_BYTES  # RFC 5869

# Label -> its one purpose. A key's derivation and its one use share theirs. A label is never used
# for anything else, whatever became of its purpose, so those of later code stand here already.
LABELS: Final[Mapping[str, str]] = {
    # ids (H)
    "genesis": "space id",
    "genesis-body": "hash of the first body, shown to a hub instead of the body",
    "env": "event id, over the envelope",
    "rcpt": "id of a receipt frame",
    "conflict": "conflict id",
    "object": "object id",
    # identity
    "id-sign": "signing seed of an identity",
    "id-enc": "X-Wing seed of an encryption key",
    "id-backup": "key of archives that the 24 words open",
    "id-db": "key of an encrypted replica.db",
    "id-check": "tells that an unlocked root is the one of its file",
    "id-sum": "checksum of identity.json",
    "access": "access seed of an identity for a space",
    "space-root": "seed of the root key of a space",
    "account": "account seed of an identity at a relay",
    "lock": "wrapping of the root at rest",
    "kid": "id of an encryption key",
    "keys": "keys statement (SIG)",
    "card": "card string (SIG)",
    # events and envelopes
    "event": "signature of an event",
    "salt": "salt of an event, which is its nonce",
    "evt": "event key and its AEAD",
    # epochs
    "commit": "commitment to an epoch secret",
    "hist": "wrap key and the AEAD of prev_wrap",
    "epoch-creator": "creator tag of an epoch",
    "wrap": "hash of prev_wrap",
    "epoch": "epoch id",
    "epoch-seal": "HPKE info of a box",
    "box-tag": "tag that a box is found by",
    # objects and archives
    "obj": "AEAD of an object's chunk",
    "export": "key and AEAD of an archive",
    # invites
    "invite": "salt of the invite key (EXT)",
    "invite-check": "check symbol of an invite code",
    "invite-code": "secret of an invite code, from the access seed of its minter",
    "inv-lookup": "lookup id of an invite",
    "inv-blob": "blob key of an invite",
    "inv-fetch_auth": "fetch secret of an invite",
    "inv-redeem": "redeem seed of an invite",
    "inv-access": "access seed of an invite",
    "inv-enc": "X-Wing seed of an invite",
    "blob": "AEAD of an invite's blob",
    "join": "redeem proof (SIG)",
    "join-request": "HPKE info of a join request",
    "join-reply": "HPKE info of the answer to a join request",
    # slots and receipts
    "slot": "opaque name of a task at a hub",
    "receipt": "signature of a receipt",
    # hubs
    "hub-chain": "hub chain",
    "push-receipt": "signature of a push reply",
    "rbsr": "fingerprint of a range",
    "space-delete": "order to delete a space (SIG)",
    "cap": "link of a capability chain (SIG)",
    "session": "session proof (SIG)",
    "access-state": "access statement (SIG)",
    # people
    "fp": "fingerprint of a key",
    "sn": "pair of keys of a safety number",
    "sn-digits": "digits of a safety number",
    "space-fp": "fingerprint of a space",
    # state
    "state": "state hash of a space",
    "frontier": "frontier hash of a Work Record",
    # audit
    "audit": "running hash of an audit bundle",
    "audit-seal": "signature under an audit bundle",
}
_PREFIXES: Final = {label: b"envoy/1 " + label.encode() + b"\0" for label in LABELS}

# Chooses the fast code for this CPU. 0, or 1 if somebody did it before; -1 cannot happen on a
# system that has entropy, and would mean slow code, not wrong code.
SODIUM_READY: Final[int] = lib.sodium_init()


class Digest(Protocol):
    """What a library makes of bytes: the one thing that is asked of it."""

    def digest(self) -> bytes:
        """Return the hash, 32 bytes."""


# The SHA-256 in use: at first the one that loads quickly.
_HASHER: Final[list[Callable[[bytes], Digest]]] = [hasher]


def use_hasher(make: Callable[[bytes], Digest]) -> None:
    """Hash with ``make`` from here on, another SHA-256: for a process with much to hash.

    OpenSSL takes 5 ms to load and is then four times as fast on an envelope.
    """
    _HASHER[0] = make


def prefixed(label: str, *parts: bytes) -> bytes:
    """Return "envoy/1 " || label || 00 || parts: what a tag, a signature or an aad begins with."""
    return b"".join((_PREFIXES[label], *parts))


def sha256(*parts: bytes) -> bytes:
    """Return the plain SHA-256 of ``parts``: for digests that others compute too."""
    return _HASHER[0](b"".join(parts)).digest()


def tagged(label: str, *parts: bytes) -> bytes:
    """Return H(label, parts), 32 bytes."""
    return _HASHER[0](b"".join((_PREFIXES[label], *parts))).digest()


def extract(salt: bytes, ikm: bytes) -> bytes:
    """Return EXT(salt, ikm): HKDF-Extract with SHA-256, 32 bytes. Source: RFC 5869, 2.2."""
    return _hmac(salt, ikm)


def expand(key: bytes, label: str, *ctx: bytes, length: int = 32) -> bytes:
    """Return KDF(key, label, ctx, length): HKDF-Expand with SHA-256. ``key`` has 32 bytes.

    One HMAC call up to 32 bytes. Source: RFC 5869, 2.3.
    """
    return hkdf_expand(exactly(key, KEY_BYTES), prefixed(label, *ctx), length)


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """Return ``length`` bytes of plain HKDF-Expand, without a label: call ``expand`` instead."""
    assert 0 < length <= _EXPAND_MAX, "length out of bounds"
    block = stream = _hmac(key, info + b"\x01")
    while len(stream) < length:
        count = len(stream) // _HASH_BYTES + 1
        block = _hmac(key, block + info + bytes((count,)))
        stream += block
    return stream[:length]


def public_key(seed: bytes) -> bytes:
    """Return the Ed25519 public key, 32 bytes, of a ``seed`` of 32 bytes. Source: RFC 8032."""
    return _secret_key(seed)[SEED_BYTES:]


def sign(seed: bytes, label: str, *parts: bytes) -> bytes:
    """Return SIG(seed, label, parts), 64 bytes."""
    return sign_raw(seed, prefixed(label, *parts))


def verify(pk: bytes, label: str, sig: bytes, *parts: bytes) -> bool:
    """Say whether ``sig`` is the signature of ``parts`` under ``label`` by ``pk``.

    Refuses s >= L, small-order and odd encodings of R and of the key. Does not see that a key is
    of mixed order: ask ``is_valid_key`` where a key enters. Releases the GIL.
    """
    if len(sig) != SIG_BYTES:
        return False
    signed = b"".join((sig, _PREFIXES[label], *parts))
    # At once, not by ``_opens``: a thread that verifies holds the GIL for these lines alone.
    opened = lib.crypto_sign_open(_NULL, _NULL, signed, len(signed), exactly(pk, KEY_BYTES))
    return bool(opened == 0)


@lru_cache(maxsize=4096)  # 43 us each; a space has at most 200 members and a few thousand keys
def is_valid_key(pk: bytes) -> bool:
    """Say whether ``pk`` is 32 bytes that encode, in the one way, a point of the main subgroup."""
    return len(pk) == KEY_BYTES and lib.crypto_core_ed25519_is_valid_point(pk) == 1


def exactly(value: bytes, size: int) -> bytes:
    """Return ``value``, which must have ``size`` bytes: C code would read on behind a short one.

    Raises InternalError(internal): lengths of foreign values were judged when they were decoded.
    """
    if len(value) != size:
        raise InternalError("internal")
    return value


def sign_raw(seed: bytes, message: bytes) -> bytes:
    """Return the plain Ed25519 signature, without a label: call ``sign`` instead."""
    signed = ffi.new("unsigned char[]", SIG_BYTES + len(message))
    lib.crypto_sign(signed, ffi.NULL, message, len(message), _secret_key(seed))
    return bytes(ffi.buffer(signed, SIG_BYTES))


def verify_raw(pk: bytes, sig: bytes, message: bytes) -> bool:
    """Say whether ``sig`` is a plain Ed25519 signature, without a label: call ``verify``."""
    return len(sig) == SIG_BYTES and _opens(pk, sig + message)


def _opens(pk: bytes, signed: bytes) -> bool:
    """Say whether ``signed``, a signature and its message, is by ``pk``; the message is no news."""
    key = exactly(pk, KEY_BYTES)
    return bool(lib.crypto_sign_open(_NULL, _NULL, signed, len(signed), key) == 0)


@lru_cache(maxsize=16)  # a process signs with few keys, and each derivation costs as much as SIG
def _secret_key(seed: bytes) -> bytes:
    """Return seed || public key, the form that libsodium signs with."""
    public = ffi.new("unsigned char[]", KEY_BYTES)
    secret = ffi.new("unsigned char[]", SEED_BYTES + KEY_BYTES)
    lib.crypto_sign_seed_keypair(public, secret, exactly(seed, SEED_BYTES))
    return bytes(ffi.buffer(secret))


def _hmac(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256, 32 bytes. Source: RFC 2104.

    Not the hmac module: it loads OpenSSL, a third of a bare Python's start, and is slower here.
    """
    block = (_digest(key) if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner = _digest(block.translate(_INNER_PAD) + message)
    return _digest(block.translate(_OUTER_PAD) + inner)


def _digest(data: bytes) -> bytes:
    """Return the SHA-256 of ``data``."""
    return _HASHER[0](data).digest()
