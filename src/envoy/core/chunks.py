"""Chunks: long plaintexts as a row of ciphertexts, none of which can be moved, added or left out.

What is larger than an event is cut into pieces of equal size, each sealed on its own, so that it
can be read and written as a stream, with one piece in memory. A piece is bound to its place by its
nonce, which is its number, and to the end by a flag in the nonce: a piece that is missing,
swapped or taken from elsewhere does not open, and a row that was cut short has no last piece.

Laws: one (key, nonce), one plaintext: a key seals one row, once. The last piece is padded, so a
length tells little; whoever reads knows from the content where it ends.

Specification: docs/spec/archive.md, Chunks. Test vectors: tests/vectors/archive.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.crypto.seal import decrypt_chunk, encrypt_chunk
from envoy.core.envelope import bucket
from envoy.errors import RemoteFault

TAG_BYTES: Final = 16
CHUNK_BYTES: Final = limits.CHUNK_BYTES_MAX  # of ciphertext: one request body
PLAIN_BYTES: Final = CHUNK_BYTES - TAG_BYTES
_NUMBER_BYTES: Final = 11
CHUNKS_MAX: Final = 2**32  # far below what the nonce can number, far above any disk


def nonce(number: int, *, last: bool) -> bytes:
    """Return the 12 bytes that bind a chunk to its place, counted from 0, and to the end."""
    assert 0 <= number < CHUNKS_MAX, "a row of chunks is bounded"
    return number.to_bytes(_NUMBER_BYTES) + bytes((last,))


def seal(key: bytes, number: int, aad: bytes, plaintext: bytes, *, last: bool) -> bytes:
    """Return chunk ``number``: of PLAIN_BYTES, or the padded last one of at most as many."""
    if last:
        plaintext = plaintext.ljust(padded(len(plaintext)), b"\0")
    assert last or len(plaintext) == PLAIN_BYTES, "only the last chunk is short"
    return encrypt_chunk(key, nonce(number, last=last), aad, plaintext)


def padded(size: int) -> int:
    """Return how many bytes a last piece of ``size`` bytes has with its padding."""
    return bucket(size + TAG_BYTES) - TAG_BYTES


def can_be_last(size: int) -> bool:
    """Say whether the last chunk of a row can have ``size`` bytes."""
    return size == bucket(size) and size <= CHUNK_BYTES


def open_chunk(key: bytes, number: int, aad: bytes, ciphertext: bytes, *, last: bool) -> bytes:
    """Return the plaintext of chunk ``number``, with the padding of the last one.

    Raises RemoteFault: ``malformed`` for a length that no chunk has, ``cannot_open``.
    """
    size = len(ciphertext)
    if not (can_be_last(size) if last else size == CHUNK_BYTES):
        raise RemoteFault("malformed")
    return decrypt_chunk(key, nonce(number, last=last), aad, ciphertext)
