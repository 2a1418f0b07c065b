"""Sweep: what a relay forgets by itself, a part at a time.

What is over is looked for by a reader, which may take its time, and deleted by the writer in small
parts, each row only if it is over still. The file of a chunk goes while its row does: who puts the
chunk again at that moment comes behind both, and finds neither.

Laws: frames are never deleted one by one, only with their space, and a space only after a long time
in which nobody at all asked for it. Where the operator keeps spaces for ever none is.

Specification: docs/spec/relay.md, Retention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.lean import NamedTuple
from envoy.relay.shelf import Shelf
from envoy.relay.tables import RelayStore
from envoy.system.db import Value

_DAY_MS: Final = limits.DAY_SECONDS * 1000
# As few as one turn of the writer can delete with all their frames and chunks.
_SPACES: Final = 4


class Retention(NamedTuple):
    """For how many days what nobody asks for is kept; ``space_days`` None: for ever."""

    space_days: int | None = 90
    idle_days: int = 90


class Plan(NamedTuple):
    """What seems to be over: keys by kind with the time they are judged by."""

    rows: Mapping[str, tuple[list[tuple[Value, ...]], int]]
    chunks: list[tuple[bytes, bytes]]
    spaces: list[bytes]
    spaces_before: int
    now_ms: int


class Swept(Body, frozen=True):
    """How many rows of each kind are gone."""

    slots: int
    invites: int
    nonces: int
    usage: int
    boxes: int
    chunks: int
    spaces: int

    def counts(self) -> dict[str, int]:
        """Return the numbers by kind."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def plan(store: RelayStore, kept: Retention, *, now_ms: int) -> Plan:
    """Return some of what seems to be over."""
    idle = now_ms - kept.idle_days * _DAY_MS
    times = {
        "slots": idle,
        "invites": now_ms,
        "nonces": now_ms,
        "usage": idle // _DAY_MS,
        "boxes": idle,
    }
    most = limits.SWEEP_ROWS_MAX
    rows = {kind: (store.ended(kind, before, most), before) for kind, before in times.items()}
    silent, before = list[bytes](), 0
    if kept.space_days is not None:
        before = now_ms - kept.space_days * _DAY_MS
        silent = store.silent_spaces(before, _SPACES)
    return Plan(rows, store.expired_chunks(now_ms, most), silent, before, now_ms)


def work(store: RelayStore, *, plan: Plan, shelf: Shelf) -> Swept:
    """Delete what of ``plan`` is over still, inside a transaction."""
    counts = {
        kind: store.drop_ended(kind, keys, before) for kind, (keys, before) in plan.rows.items()
    }
    chunks = 0
    for space, ident in plan.chunks:
        if store.drop_expired(space, ident, plan.now_ms):
            shelf.drop(space, ident)
            chunks += 1
    spaces = [one for one in plan.spaces if store.is_silent(one, plan.spaces_before)]
    for space in spaces:
        for ident in store.chunk_ids(space):
            shelf.drop(space, ident)
        store.drop_space(space)
    return Swept(**counts, chunks=chunks, spaces=len(spaces))
