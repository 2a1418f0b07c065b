"""XChaCha20-Poly1305: what keeps content from everybody without the key, and a hub has none.

It stands apart from ``sign`` because hubs sign and verify, but nothing that they reach can
decrypt: blindness is provable from imports. The aad begins with a label and binds the place of
the ciphertext, so none can be moved (THREATS K1). This cipher does not commit to its key: whoever
opens an epoch's events checks the epoch id first (PROTOCOL section 6).

Law: one (key, nonce), one plaintext. ``NONCE_ZERO`` is only for a key that seals once.

Specification: docs/spec/codec.md, Ciphers. Test vectors: tests/vectors/aead.json.
"""

from __future__ import annotations

from typing import Final

from nacl._sodium import ffi, lib

from envoy.core.crypto.sign import exactly, prefixed
from envoy.errors import RemoteFault

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
NONCE_ZERO: Final = bytes(NONCE_BYTES)
_BYTES: Final = ffi.typeof("unsigned char[]")
_room: Final = ffi.new_allocator(should_clear_after_alloc=False)  # every byte of it is written


def encrypt(key: bytes, nonce: bytes, label: str, ctx: bytes, plaintext: bytes) -> bytes:
    """Return AEAD(key, nonce, label, ctx, plaintext): as long as ``plaintext`` and 16 bytes."""
    return encrypt_raw(key, nonce, prefixed(label, ctx), plaintext)


def decrypt(key: bytes, nonce: bytes, label: str, ctx: bytes, ciphertext: bytes) -> bytes:
    """Return the plaintext. Raises RemoteFault(cannot_open) if any bit differs from ``encrypt``."""
    return decrypt_raw(key, nonce, prefixed(label, ctx), ciphertext)


def encrypt_raw(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Return the plain ciphertext, without a label: call ``encrypt`` instead."""
    sealed = ffi.new("unsigned char[]", len(plaintext) + TAG_BYTES)
    lib.crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed,
        ffi.NULL,
        plaintext,
        len(plaintext),
        aad,
        len(aad),
        ffi.NULL,
        exactly(nonce, NONCE_BYTES),
        exactly(key, KEY_BYTES),
    )
    return bytes(ffi.buffer(sealed))


def decrypt_raw(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Return the plaintext of a ciphertext without a label: call ``decrypt`` instead."""
    if len(ciphertext) < TAG_BYTES:
        raise RemoteFault("cannot_open")
    opened = _room(_BYTES, len(ciphertext) - TAG_BYTES)
    failed = lib.crypto_aead_xchacha20poly1305_ietf_decrypt(
        opened,
        ffi.NULL,
        ffi.NULL,
        ciphertext,
        len(ciphertext),
        aad,
        len(aad),
        exactly(nonce, NONCE_BYTES),
        exactly(key, KEY_BYTES),
    )
    if failed:
        raise RemoteFault("cannot_open")
    return bytes(ffi.buffer(opened))


def decrypt_once(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Return the plaintext by the key of this nonce alone, which ``seal.once_key`` derives.

    XChaCha20 is ChaCha20 under a key of its own for each nonce; whoever is given that one opens
    this ciphertext and no other. ``aad`` is as in ``decrypt_raw``. Raises RemoteFault(cannot_open).
    """
    if len(ciphertext) < TAG_BYTES:
        raise RemoteFault("cannot_open")
    opened = _room(_BYTES, len(ciphertext) - TAG_BYTES)
    failed = lib.crypto_aead_chacha20poly1305_ietf_decrypt(
        opened,
        ffi.NULL,
        ffi.NULL,
        ciphertext,
        len(ciphertext),
        aad,
        len(aad),
        bytes(4) + exactly(nonce, NONCE_BYTES)[16:],
        exactly(key, KEY_BYTES),
    )
    if failed:
        raise RemoteFault("cannot_open")
    return bytes(ffi.buffer(opened))
