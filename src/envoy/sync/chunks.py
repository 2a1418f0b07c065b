"""Chunks: the calls by which ciphertexts of objects go to a hub and come back.

A hub keeps a chunk under the hash of its bytes, so it cannot be given another one, and learns
nothing but its size. Apart from ``sync.frames``, whose table of calls this one continues, since no
ordinary write or read of a space carries a chunk.

Specification: docs/spec/object.md, Hub calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core.codec import B32, refuse_unless
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync.frames import Done


class ChunkPut(Body, frozen=True):
    """Keep ``chunk``, whose SHA-256 is ``id``."""

    space: B32
    id: B32
    chunk: bytes

    def check(self) -> None:
        """Refuse nothing at all, and more than a chunk may have."""
        refuse_unless(self.chunk)
        if len(self.chunk) > limits.CHUNK_BYTES_MAX:
            raise RemoteFault("too_large")


class ChunkGet(Body, frozen=True):
    """Ask for the chunk ``id``."""

    space: B32
    id: B32


class ChunkGot(Body, frozen=True):
    """The chunk, nil if the hub does not have it, or not unharmed."""

    chunk: bytes | None


class ChunkHave(Body, frozen=True):
    """Ask which chunks a hub has; at a relay ``refresh`` lets them begin their time anew."""

    space: B32
    ids: tuple[B32, ...]
    refresh: bool

    def check(self) -> None:
        """Refuse a longer list than one answer serves."""
        refuse_unless(1 <= len(self.ids) <= limits.CHUNK_HAVE_MAX)


class ChunkMap(Body, frozen=True):
    """A bit per chunk asked for, the first the highest of the first byte: 1, the hub has it."""

    bits: bytes


CALLS: Final[Mapping[str, tuple[type[Body], type[Body]]]] = {
    "chunk_put": (ChunkPut, Done),
    "chunk_get": (ChunkGet, ChunkGot),
    "chunk_have": (ChunkHave, ChunkMap),
}


def bitmap(found: Sequence[bool]) -> bytes:
    """Return the bits of a ChunkMap."""
    size = -(-len(found) // 8)
    number = sum(1 << (8 * size - 1 - at) for at, one in enumerate(found) if one)
    return number.to_bytes(size)


def among(ids: Sequence[bytes], bits: bytes) -> set[bytes]:
    """Return those of ``ids`` whose bit is set. Raises RemoteFault(malformed)."""
    if len(bits) != -(-len(ids) // 8):
        raise RemoteFault("malformed")
    return {one for at, one in enumerate(ids) if bits[at // 8] >> (7 - at % 8) & 1}
