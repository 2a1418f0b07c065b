"""Chunks: what the calls about ciphertexts of objects mean at the hub of this machine.

A hub has no use for a chunk but to give it back. It takes one only under the hash of its bytes, so
nobody can put a bogus one first, and gives none back that does not have that hash any more: a file
that the disk has spoilt is dropped, and whoever holds the chunk brings it again.

Laws: no chunk is kept for a space that the hub does not have. A chunk is on the disk before the
reply leaves. At this hub chunks do not expire, and nobody is counted.

Specification: docs/spec/object.md, Hub calls.
"""

from __future__ import annotations

from envoy.core.crypto import sign
from envoy.core.structs import Body
from envoy.hub import log
from envoy.hub.sqlite import LogStore
from envoy.sync import chunks
from envoy.sync.frames import Done, HubRefusal
from envoy.system.chunkfiles import ChunkFiles


class ChunkHandler:
    """The chunks of one hub: ``store`` knows its spaces, ``files`` are where they lie."""

    def __init__(self, store: LogStore, files: ChunkFiles) -> None:
        self._store = store
        self._files = files

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``, whose ``check`` has passed. Raises HubRefusal."""
        match call:
            case chunks.ChunkPut():
                return self._put(call)
            case chunks.ChunkGet():
                return self._get(call)
            case chunks.ChunkHave():
                return self._have(call)
        raise HubRefusal("unsupported_operation")

    def _put(self, call: chunks.ChunkPut) -> Done:
        """Keep a chunk, in the place of a file that has its name and other bytes."""
        log.require_space(self._store, call.space)
        if sign.sha256(call.chunk) != call.id:
            raise HubRefusal("malformed")
        if self._files.read(call.id) != call.chunk:
            self._files.save(call.id, call.chunk)
        self._files.settle()
        return Done()

    def _get(self, call: chunks.ChunkGet) -> chunks.ChunkGot:
        """Return a chunk that has its hash."""
        log.require_space(self._store, call.space)
        found = self._files.read(call.id)
        if found is not None and sign.sha256(found) != call.id:
            self._files.drop(call.id)
            found = None
        return chunks.ChunkGot(found)

    def _have(self, call: chunks.ChunkHave) -> chunks.ChunkMap:
        """Tell which chunks are there; whether they are unharmed is seen when one is read."""
        log.require_space(self._store, call.space)
        return chunks.ChunkMap(chunks.bitmap([self._files.has(one) for one in call.ids]))
