"""Depot: the chunk files of a profile, and those of the hub of this machine beside them.

A chunk that a replica here holds need not be copied to the hub of the same machine: both give the
one file a name. So an object costs its size once, however many profiles of the machine have it;
the price is that what the disk spoils is spoilt for all of them, and comes from another machine.

Law: nothing but a sound chunk is lent.

Specification: docs/spec/object.md, Files.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from envoy import ids
from envoy.storage import home
from envoy.system.chunkfiles import ChunkFiles

OBJECTS = "objects"
HUB_CHUNKS = "chunks"
_ID_BYTES = 32


def at_hub(where: home.Paths) -> ChunkFiles:
    """Return the chunk files of the hub of this machine."""
    return ChunkFiles(os.path.join(home.hub_directory(where), HUB_CHUNKS))


class Depot:
    """The chunks of one profile; what ``replica.ports.Chunks`` asks for."""

    def __init__(self, where: home.Paths) -> None:
        self._own = ChunkFiles(os.path.join(where.profile, OBJECTS))
        self._hub = at_hub(where)
        self._sound = set[bytes]()  # written by this process

    def has(self, ident: bytes) -> bool:
        """Say whether there is a file for that chunk, whatever it holds."""
        return self._own.has(ident)

    def read(self, ident: bytes) -> bytes | None:
        """Return what the file of a chunk holds, None if there is none."""
        return self._own.read(ident)

    def save(self, ident: bytes, chunk: bytes) -> None:
        """Write a chunk in the place of whatever has its name."""
        self._own.save(ident, chunk)
        self._sound.add(ident)

    def drop(self, ident: bytes) -> None:
        """Delete the file of a chunk, if there is one."""
        self._own.drop(ident)

    def settle(self) -> None:
        """Make what was saved or lent survive a loss of power."""
        self._own.settle()
        self._hub.settle()

    def lend(self, ident: bytes) -> bool:
        """Give the hub of this machine the file of a chunk that is here and sound."""
        if ident not in self._sound:
            chunk = self._own.read(ident)
            if chunk is None or ids.sha256(chunk).digest() != ident:
                return False
        return self._hub.share(self._own, ident)

    def borrow(self, ident: bytes) -> bool:
        """Take the file of a chunk from the hub of this machine, whatever it holds."""
        return self._own.share(self._hub, ident)

    def sweep(self, is_named: Callable[[bytes], bool]) -> int:
        """Delete old files that are no chunk, or one that nothing names; return how many."""
        return self._own.sweep(is_named)

    def count(self, joined: bytes) -> int:
        """Return how many chunks of a reference are on this machine, here or at its hub."""
        found = (joined[at : at + _ID_BYTES] for at in range(0, len(joined), _ID_BYTES))
        return sum(self._own.has(ident) or self._hub.has(ident) for ident in found)
