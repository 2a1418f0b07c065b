"""Bundles: the log of a space as one file, for whoever no network reaches.

What a hub has of a space is written one record behind the other: the heads of its epochs, the boxes
that open them, its frames in their order. It is as blind as the hub is, and believed as little:
whoever takes a bundle in pushes it into the hub of the machine and pulls it from there, so every
event is judged as if it had come from any hub.

The last record counts the others and bears the hash of all before it, so that a file that was cut
off or damaged on its way is told of before anything of it is taken in. It is no signature: a bundle
proves nothing that the events in it do not prove.

Laws: read in one pass, a record at a time, each within its bound. One set of records has one form.

Specification: docs/spec/bundle.md. Test vectors: tests/vectors/bundle.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, I63, decode, encode, peek_first, refuse_unless
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync.frames import frame_id

MAGIC: Final = b"ENVOYBDL"
VERSION: Final = 1
_SIZE_BYTES: Final = 4


class Header(Body, frozen=True):
    """What the records are of: a space, and G, which makes a hub keep it."""

    v: I63
    space: B32
    g: bytes

    def check(self) -> None:
        """Refuse another version and a G larger than any."""
        if self.v != VERSION:
            raise RemoteFault("unsupported")
        refuse_unless(len(self.g) <= limits.COMMITMENT_BYTES_MAX)


class HeadRecord(Body, frozen=True):
    """The head of an epoch."""

    sort: str
    epoch: B32
    head: bytes

    def check(self) -> None:
        """Refuse a head larger than any."""
        refuse_unless(len(self.head) <= limits.EPOCH_HEAD_BYTES_MAX)


class BoxRecord(Body, frozen=True):
    """A box of an epoch whose head came before."""

    sort: str
    epoch: B32
    tag: B16
    box: bytes


class FrameRecord(Body, frozen=True):
    """A frame."""

    sort: str
    frame: bytes

    def check(self) -> None:
        """Refuse what is no frame."""
        refuse_unless(len(self.frame) <= limits.ENVELOPE_BYTES_MAX)
        frame_id(self.frame)


class EndRecord(Body, frozen=True):
    """The number of records before this one, and SHA-256 of all bytes before it."""

    sort: str
    count: I63
    sha256: B32


Record = HeadRecord | BoxRecord | FrameRecord
HEAD, BOX, FRAME, END = "head", "box", "frame", "end"
_KINDS: Final[dict[str, type[HeadRecord] | type[BoxRecord] | type[FrameRecord]]] = {
    HEAD: HeadRecord,
    BOX: BoxRecord,
    FRAME: FrameRecord,
}
_ORDER: Final = (HEAD, BOX, FRAME)


def write(header: Header, records: Iterable[Record]) -> Iterator[bytes]:
    """Yield a bundle in pieces; ``records`` are heads, then boxes, then frames."""
    digest, count = sha256(), 0
    for piece in (MAGIC, _sized(encode(header))):
        digest.update(piece)
        yield piece
    for record in records:
        piece = _sized(encode(record))
        digest.update(piece)
        count += 1
        yield piece
    yield _sized(encode(EndRecord(END, count, digest.digest())))


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(_SIZE_BYTES) + data


class Reader:
    """A bundle that is read: its header, then its records, to the end that vouches for them.

    ``read`` returns the next bytes of a file, as many as asked for, fewer only at its end. Raises
    RemoteFault: malformed for what is no bundle, was cut off or damaged, unsupported for another
    version, too_large for a record over the bound.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._digest = sha256()
        refuse_unless(self._take(len(MAGIC)) == MAGIC)
        self.header = decode(self._sized(), Header)

    def records(self) -> Iterator[Record]:
        """Yield the records; only when this ended without a fault is the bundle whole."""
        count, stage = 0, 0
        while True:
            before = self._digest.digest()
            raw = self._sized()
            sort = peek_first(raw)
            if sort == END:
                end = decode(raw, EndRecord)
                refuse_unless((end.count, end.sha256) == (count, before) and not self._read(1))
                return
            refuse_unless(isinstance(sort, str) and sort in _ORDER[stage:])
            assert isinstance(sort, str), "it is one of the words"
            stage = _ORDER.index(sort)
            count += 1
            yield decode(raw, _KINDS[sort])

    def _sized(self) -> bytes:
        """Return what stands behind its length."""
        size = int.from_bytes(self._take(_SIZE_BYTES))
        if size > limits.BUNDLE_RECORD_BYTES_MAX:
            raise RemoteFault("too_large")
        return self._take(size)

    def _take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        found = self._read(count)
        refuse_unless(len(found) == count)
        self._digest.update(found)
        return found
