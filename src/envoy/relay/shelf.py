"""Shelf: the chunks of a relay on its disk, each space's in a directory of its own.

Two spaces that have one ciphertext have it twice: a store that kept it once would tell whoever puts
a chunk that somebody else has it.

Specification: docs/spec/relay.md, Chunks.
"""

from __future__ import annotations

import os
from typing import Final

from envoy.core.crypto import sign
from envoy.core.structs import Body
from envoy.relay import rules
from envoy.relay.rules import Allowance
from envoy.relay.tables import RelayStore
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from envoy.system import files
from envoy.system.chunkfiles import ChunkFiles

_PROBE: Final = "probe"


class Shelf:
    """The chunk files below ``root``. May be used by several threads."""

    def __init__(self, root: str) -> None:
        self._root = root

    def has(self, space: bytes, ident: bytes) -> bool:
        """Say whether there is a file for a chunk."""
        return self._of(space).has(ident)

    def read(self, space: bytes, ident: bytes) -> bytes | None:
        """Return a chunk that has its hash, None where there is none or the disk spoilt it."""
        found = self._of(space).read(ident)
        return found if found is not None and sign.sha256(found) == ident else None

    def save(self, space: bytes, ident: bytes, chunk: bytes) -> None:
        """Bring a chunk to the disk, durably. Raises InternalError(storage_failed)."""
        files.ensure_directory(self._root)
        shelf = self._of(space)
        if self.read(space, ident) is None:
            shelf.save(ident, chunk)
        shelf.settle()

    def note(
        self, store: RelayStore, call: chunks.ChunkPut, allowed: Allowance, *, at: int
    ) -> Body:
        """Note a chunk that is on the disk. Raises HubRefusal."""
        if not self.has(call.space, call.id):  # it was swept in between: sent again
            raise HubRefusal("relay_unavailable")
        expires = at + allowed.chunk_days * rules.DAY_MS
        is_new = store.keep_chunk(call.space, call.id, len(call.chunk), expires)
        size = rules.taken(store, call.space)[1] + store.chunk_bytes(call.space)
        if is_new and size > allowed.bytes_max:
            raise HubRefusal("quota_exceeded")
        return frames.Done()

    def have(
        self, store: RelayStore, call: chunks.ChunkHave, allowed: Allowance, *, at: int
    ) -> Body:
        """Tell which chunks are there, and let their time begin anew where that is asked."""
        found = [store.has_chunk(call.space, one) and self.has(call.space, one) for one in call.ids]
        expires = at + allowed.chunk_days * rules.DAY_MS
        if call.refresh:
            for ident, is_there in zip(call.ids, found, strict=True):
                if is_there:
                    store.refresh_chunk(call.space, ident, expires)
        return chunks.ChunkMap(chunks.bitmap(found))

    def drop(self, space: bytes, ident: bytes) -> None:
        """Delete a chunk, if it is there."""
        self._of(space).drop(ident)

    def check(self) -> None:
        """Write and delete a file. Raises InternalError(storage_failed)."""
        files.ensure_directory(self._root)
        path = os.path.join(self._root, _PROBE)
        files.replace(path, b"")
        files.remove(path)

    def _of(self, space: bytes) -> ChunkFiles:
        return ChunkFiles(os.path.join(self._root, space.hex()))
