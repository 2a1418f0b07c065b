"""Objects: files of any length, sealed into chunks and read back, with a few chunks in memory.

What goes in is cut, sealed and stored while more is read; what comes out is opened, checked and
handed on while more is opened. Chunks stand on this machine and at the hub under the hash of their
bytes, so a transfer that was cut off goes on where it stopped.

Laws: nothing that is read is believed: chunk id, seal, place, end, padding, size and hash are
checked, and what was handed on before a check failed is no file. A chunk that the disk has spoilt
is asked for again. Chunks are durable before an event names them.

Specification: docs/spec/object.md.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from envoy import limits
from envoy.core import chunks as cipher
from envoy.core.crypto.sign import sha256
from envoy.core.objects import OBJECT_BYTES_MAX, PIECE_BYTES, ObjectPut, aad, object_id
from envoy.errors import IntegrityError, RemoteFault, UsageError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.ports import Chunks, Hub, Workers
from envoy.sync import chunks as calls
from envoy.sync.frames import HubRefusal

# How many bytes to read; fewer come only at the end.
Read = Callable[[int], bytes]
Write = Callable[[bytes], object]
_ID_BYTES: Final = 32
# Pieces that are worked on while another is read or handed on: all that is in memory.
AHEAD: Final = 4


class Depot(NamedTuple):
    """Where chunks lie, the threads that work on them, and who is told how many bytes are done."""

    chunks: Chunks
    workers: Workers
    tell: Callable[[int], None]


class Sealed(NamedTuple):
    """An object that lies in the depot, and what a reference has to say of it."""

    object: bytes
    size: int
    key: bytes
    sha256: bytes
    chunks: tuple[bytes, ...]


class _Piece(NamedTuple):
    """A piece of the plaintext and its place."""

    number: int
    plain: bytes
    is_last: bool


class _Place(NamedTuple):
    """A chunk and its place."""

    number: int
    ident: bytes
    is_last: bool


# -- in ----------------------------------------------------------------------------------------


def seal(read: Read, space: bytes, depot: Depot, *, key: bytes) -> Sealed:
    """Seal what ``read`` gives into the depot, durably. ``key`` is 32 fresh random bytes.

    Raises UsageError(object_too_large), InternalError(storage_failed), and what ``read`` raises.
    """
    bound, total, size = aad(space), hashlib.sha256(), 0

    def store(piece: _Piece) -> bytes:
        chunk = cipher.seal(key, piece.number, bound, piece.plain, last=piece.is_last)
        ident = sha256(chunk)
        depot.chunks.save(ident, chunk)
        return ident

    found, begun = list[bytes](), deque[Callable[[], list[bytes]]]()
    for piece in _pieces(read):
        begun.append(depot.workers.begin(store, [piece]))
        total.update(piece.plain)  # while others are sealed and written
        size += len(piece.plain)
        if len(begun) > AHEAD:
            found += begun.popleft()()
        depot.tell(size)
    for wait in begun:
        found += wait()
    depot.chunks.settle()
    return Sealed(object_id(space, found), size, key, total.digest(), tuple(found))


def _pieces(read: Read) -> Iterator[_Piece]:
    """Yield what ``read`` gives in pieces; there always is one."""
    piece, number = read(PIECE_BYTES), 0
    while True:
        following = read(PIECE_BYTES) if len(piece) == PIECE_BYTES else b""
        yield _Piece(number, piece, not following)
        if not following:
            return
        piece, number = following, number + 1
        if number == limits.OBJECT_CHUNKS_MAX:
            raise UsageError("object_too_large", bytes_max=OBJECT_BYTES_MAX)


# -- out ---------------------------------------------------------------------------------------


def gather(body: ObjectPut, space: bytes, depot: Depot, hub: Hub) -> int:
    """Bring what the hub has of the chunks that are not here; return how many are here now."""
    count = 0
    for ident in body.chunks:
        here = depot.chunks.has(ident) or depot.chunks.borrow(ident)
        count += here or _fetch(ident, space, depot.chunks, hub) is not None
    return count


def unseal(body: ObjectPut, space: bytes, depot: Depot, *, hub: Hub, write: Write) -> bool:
    """Hand the object to ``write`` piece by piece; False where a chunk is nowhere to be had.

    What was handed on is the object only if True comes back. Raises IntegrityError
    (signature_invalid) for a reference that is not true of its chunks.
    """
    if object_id(space, body.chunks) != body.object:
        raise _untrue(body, "object")
    total, left = hashlib.sha256(), body.size
    for place, loaded in _loaded(body, space, depot):
        plain = loaded
        if plain is None:
            chunk = _fetch(place.ident, space, depot.chunks, hub)
            if chunk is None:
                return False
            plain = _open(body, place, space, chunk)
        piece = _cut(body, plain, left) if place.is_last else plain
        total.update(piece)
        write(piece)
        left -= len(piece)
        depot.tell(body.size - left)
    if total.digest() != body.sha256:
        raise _untrue(body, "sha256")
    return True


def _loaded(body: ObjectPut, space: bytes, depot: Depot) -> Iterator[tuple[_Place, bytes | None]]:
    """Yield each place with its plaintext, None where no chunk with its hash is here.

    What comes next is read and opened meanwhile.
    """

    def load(place: _Place) -> bytes | None:
        chunk = depot.chunks.read(place.ident)
        if chunk is None or sha256(chunk) != place.ident:
            return None
        return _open(body, place, space, chunk)

    last = len(body.chunks) - 1
    begun = deque[tuple[_Place, Callable[[], list[bytes | None]]]]()
    for at, ident in enumerate(body.chunks):
        place = _Place(at, ident, at == last)
        begun.append((place, depot.workers.begin(load, [place])))
        if len(begun) > AHEAD:
            yield _waited(*begun.popleft())
    for one in begun:
        yield _waited(*one)


def _waited(place: _Place, wait: Callable[[], list[bytes | None]]) -> tuple[_Place, bytes | None]:
    """Return a place with what was loaded for it."""
    (found,) = wait()
    return place, found


def _fetch(ident: bytes, space: bytes, chunks: Chunks, hub: Hub) -> bytes | None:
    """Return a chunk from the hub, and keep it; what lies here under its name is spoilt."""
    chunks.drop(ident)
    try:
        reply = hub.handle(calls.ChunkGet(space, ident))
    except HubRefusal:
        return None
    found = reply.chunk if isinstance(reply, calls.ChunkGot) else None
    if found is None or len(found) > limits.CHUNK_BYTES_MAX or sha256(found) != ident:
        return None
    chunks.save(ident, found)
    return found


def _open(body: ObjectPut, place: _Place, space: bytes, chunk: bytes) -> bytes:
    """Return the plaintext of a chunk that has its hash."""
    try:
        return cipher.open_chunk(body.key, place.number, aad(space), chunk, last=place.is_last)
    except RemoteFault as fault:
        raise _untrue(body, "chunk") from fault


def _cut(body: ObjectPut, plain: bytes, left: int) -> bytes:
    """Return the last piece without its padding, which must be as much as its size needs, of 0."""
    if len(plain) != cipher.padded(left) or plain[left:].strip(b"\0"):
        raise _untrue(body, "padding")
    return plain[:left]


def _untrue(body: ObjectPut, reason: str) -> IntegrityError:
    """Return the error for a reference that says what is not so."""
    return IntegrityError("signature_invalid", object_id=to_text("obj", body.object), reason=reason)


# -- to the hub --------------------------------------------------------------------------------


def split(ids: bytes) -> list[bytes]:
    """Return the chunk ids that are joined in ``ids``."""
    return [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]


def carry(hub: Hub, chunks: Chunks, space: bytes, ids: bytes, *, go: Callable[[], bool]) -> bool:
    """Bring to the hub what it lacks of chunks and is here; say whether there was the time.

    Raises HubRefusal, RelayError.
    """
    wanted = split(ids)
    for start in range(0, len(wanted), limits.CHUNK_HAVE_MAX):
        group = wanted[start : start + limits.CHUNK_HAVE_MAX]
        there = _there(hub, space, group)
        for ident in group:
            if ident in there:
                continue
            if not go():
                return False
            _give(hub, chunks, space, ident)
    chunks.settle()
    return True


def _there(hub: Hub, space: bytes, group: Sequence[bytes]) -> set[bytes]:
    """Return which of a group of chunks the hub has; one that answers nonsense has none."""
    reply = hub.handle(calls.ChunkHave(space, tuple(group), True))
    try:
        return calls.among(group, reply.bits) if isinstance(reply, calls.ChunkMap) else set()
    except RemoteFault:
        return set()


def _give(hub: Hub, chunks: Chunks, space: bytes, ident: bytes) -> None:
    """Bring one chunk to the hub, if it is here and sound."""
    if chunks.lend(ident):
        return
    found = chunks.read(ident)
    if found is None:
        return
    if sha256(found) != ident:
        chunks.drop(ident)
        return
    hub.handle(calls.ChunkPut(space, ident, found))
