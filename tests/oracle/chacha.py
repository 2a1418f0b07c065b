"""ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), in plain ints.

A partner for the ciphers of libsodium and OpenSSL, written from the papers alone.
"""

from __future__ import annotations

CONSTANTS = b"expand 32-byte k"
WORD = 0xFFFFFFFF
PRIME = (1 << 130) - 5
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


class Forged(Exception):
    """The tag does not fit."""


def xchacha_encrypt(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Return ciphertext and tag; ``nonce`` has 24 bytes."""
    return encrypt(hchacha(key, nonce[:16]), bytes(4) + nonce[16:], aad, plaintext)


def encrypt(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Return ciphertext and tag of RFC 8439; ``nonce`` has 12 bytes."""
    ciphertext = _xor_stream(key, nonce, plaintext)
    return ciphertext + _tag(key, nonce, aad, ciphertext)


def decrypt(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return the plaintext of ``encrypt``."""
    ciphertext, tag = sealed[:-16], sealed[-16:]
    if _tag(key, nonce, aad, ciphertext) != tag:
        raise Forged
    return _xor_stream(key, nonce, ciphertext)


def hchacha(key: bytes, nonce: bytes) -> bytes:
    """Return the subkey for the first 16 bytes of a long nonce. Source: the draft, 2.2."""
    state = _words(CONSTANTS + key + nonce)
    _rounds(state)
    return b"".join(word.to_bytes(4, "little") for word in state[:4] + state[12:])


def _block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """Return 64 bytes of key stream. Source: RFC 8439, 2.3."""
    start = _words(CONSTANTS + key + counter.to_bytes(4, "little") + nonce)
    state = list(start)
    _rounds(state)
    return b"".join(
        (mixed + first & WORD).to_bytes(4, "little")
        for mixed, first in zip(state, start, strict=True)
    )


def _xor_stream(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Return ``data`` under the key stream from block 1."""
    blocks = range(1, len(data) // 64 + 2)
    stream = b"".join(_block(key, number, nonce) for number in blocks)
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def _tag(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Return the Poly1305 tag of aad, ciphertext and lengths. Source: RFC 8439, 2.5, 2.8."""
    one_time = _block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & CLAMP
    s = int.from_bytes(one_time[16:32], "little")
    lengths = len(aad).to_bytes(8, "little") + len(ciphertext).to_bytes(8, "little")
    message = _padded(aad) + _padded(ciphertext) + lengths
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\x01", "little")) * r % PRIME
    return (total + s & (1 << 128) - 1).to_bytes(16, "little")


def _padded(data: bytes) -> bytes:
    """Return ``data`` with zeros up to a multiple of 16."""
    return data + bytes(-len(data) % 16)


def _words(data: bytes) -> list[int]:
    """Return ``data`` as little-endian words."""
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _rounds(state: list[int]) -> None:
    """Mix ``state`` by twenty rounds."""
    for _ in range(10):
        for quarter in COLUMNS + DIAGONALS:
            _quarter(state, *quarter)


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """Mix four words. Source: RFC 8439, 2.1."""
    for target, added, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[target] = state[target] + state[added] & WORD
        mixed = state[turned] ^ state[target]
        state[turned] = (mixed << bits | mixed >> 32 - bits) & WORD
