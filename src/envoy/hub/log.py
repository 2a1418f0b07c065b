"""Log: how frames enter a space at a hub. Dense numbers, one hub chain, one sum, one time.

Both a push and a claim append here, inside the transaction of their caller. A frame that is known
keeps its number, so a call that is repeated after a lost answer changes nothing but the time.

Specification: docs/spec/frames.md, Log.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.core.receipt import LogState
from envoy.hub.sqlite import FrameRow, LogStore, SpaceRow
from envoy.sync import frames
from envoy.sync.frames import HubRefusal


def require_space(store: LogStore, space: bytes) -> SpaceRow:
    """Return the row of ``space``. Raises HubRefusal(space_not_found)."""
    row = store.find_space(space)
    if row is None:
        raise HubRefusal("space_not_found")
    return row


def append(
    store: LogStore, row: SpaceRow, pushed: Iterable[bytes]
) -> tuple[SpaceRow, tuple[int, ...]]:
    """Append what is new of ``pushed`` at the time ``row.at``; return the row and every number."""
    fresh = dict[bytes, FrameRow]()
    seqs = list[int]()
    for frame in pushed:
        ident = frames.frame_id(frame)
        seq = fresh[ident].seq if ident in fresh else store.find_seq(row.space, ident)
        if seq is None:
            seq = row.head + len(fresh) + 1
            fresh[ident] = FrameRow(seq, ident, row.at, frame)
        seqs.append(seq)
    store.add_frames(row.space, fresh.values())
    row = row._replace(
        head=row.head + len(fresh),
        h=frames.chain_after(row.h, fresh),
        sum=frames.sum_after(row.sum, fresh),
        frame_count=row.frame_count + len(fresh),
        byte_count=row.byte_count + sum(len(new.body) for new in fresh.values()),
    )
    store.save_space(row)
    return row, tuple(seqs)


def state_of(store: LogStore, row: SpaceRow) -> LogState:
    """Return what the hub signs about where the space stands."""
    return LogState(store.instance_of(row.space), row.space, row.head, row.h, row.at)


def head_of(store: LogStore, row: SpaceRow) -> frames.Head:
    """Return where the space stands, as a reply."""
    instance = store.instance_of(row.space)
    return frames.Head(instance, row.head, row.h, row.sum, row.frame_count, row.rev, row.at)
