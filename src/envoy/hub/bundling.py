"""Bundling: what the hub of this machine has of a space, out of a file and into one.

The hub is blind, so a bundle is: it holds what any relay would see. Taking one in is a number of
ordinary calls, each of which may be repeated, so a bundle may be taken in twice.

Specification: docs/spec/bundle.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.hub.sqlite import LogStore
from envoy.lean import NamedTuple
from envoy.sync import bundles, frames
from envoy.sync.bundles import (
    BOX,
    FRAME,
    HEAD,
    VERSION,
    BoxRecord,
    FrameRecord,
    Header,
    HeadRecord,
    Reader,
    Record,
)
from envoy.sync.frames import HubRefusal

# Boxes that a hub has no room for are missed by nobody who has another, or asks for one.
_SKIPPED: Final = frozenset(("quota_exceeded", "not_found", "malformed"))


class Counts(NamedTuple):
    """What a bundle holds, or what of it was new."""

    frames: int
    heads: int
    boxes: int


def pieces(store: LogStore, space: bytes, tell: Callable[[Counts], None]) -> Iterator[bytes]:
    """Yield the bytes of a bundle of ``space``, which the hub has; ``tell`` what is in it."""
    counted = {HEAD: 0, BOX: 0, FRAME: 0}

    def counting() -> Iterator[Record]:
        for record in _records_of(store, space):
            counted[record.sort] += 1
            yield record

    row = store.find_space(space)
    assert row is not None, "it was just exchanged with"
    yield from bundles.write(Header(VERSION, space, row.g), counting())
    tell(Counts(counted[FRAME], counted[HEAD], counted[BOX]))


def check(read: Callable[[int], bytes]) -> bytes:
    """Read a bundle to its end; return the space that it is of. Raises RemoteFault."""
    reader = Reader(read)
    for _ in reader.records():
        pass
    return reader.header.space


def load(near: Callable[[Body], Body], read: Callable[[int], bytes]) -> Counts:
    """Push what a bundle holds into the hub that ``near`` calls; return what was read.

    Raises RemoteFault for what is no bundle, or holds what no hub takes.
    """
    reader = Reader(read)
    try:
        return _load(near, reader.header, reader.records())
    except HubRefusal as refusal:
        raise RemoteFault("malformed") from refusal


def _records_of(store: LogStore, space: bytes) -> Iterator[Record]:
    """Yield all that a bundle of ``space`` has: heads, the oldest first, boxes, then frames."""
    epochs = list(reversed(store.epochs(space)))
    for epoch in epochs:
        found = store.find_epoch(space, epoch)
        if found is not None:
            yield HeadRecord(HEAD, epoch, found[0])
    for epoch in epochs:
        for tag, box in store.all_boxes(space, epoch):
            yield BoxRecord(BOX, epoch, tag, box)
    after = 0
    while page := store.frames_after(
        space, after, limit=limits.PAGE_FRAMES_MAX, bytes_max=limits.PAGE_BYTES_MAX
    ):
        for frame in page:
            yield FrameRecord(FRAME, frame)
        after += len(page)


def _load(near: Callable[[Body], Body], header: Header, records: Iterable[Record]) -> Counts:
    """Push the records of a bundle into the hub that ``near`` calls; return what was read."""
    near(frames.Create(header.space, header.g, None))
    heads = boxes = count = size = 0
    page = list[bytes]()
    for record in records:
        match record:
            case HeadRecord():
                heads += _tried(near, frames.EpochPut(header.space, record.epoch, record.head))
            case BoxRecord():
                box = frames.Box(record.tag, record.box)
                boxes += _tried(near, frames.BoxPut(header.space, record.epoch, (box,)))
            case FrameRecord():
                full = len(page) == limits.PUSH_FRAMES_MAX
                if page and (full or size + len(record.frame) > limits.PUSH_BYTES_MAX):
                    near(frames.Push(header.space, tuple(page)))
                    page, size = [], 0
                page.append(record.frame)
                size += len(record.frame)
                count += 1
    if page:
        near(frames.Push(header.space, tuple(page)))
    return Counts(count, heads, boxes)


def _tried(near: Callable[[Body], Body], call: Body) -> int:
    """Make a call whose refusal for good is no harm; return 1 if it was answered."""
    try:
        near(call)
    except HubRefusal as refusal:
        if refusal.code not in _SKIPPED:
            raise
        return 0
    return 1
