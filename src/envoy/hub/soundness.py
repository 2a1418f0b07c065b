"""Soundness: is the hub of this machine what it says, frame by frame and sum by sum?

It computes again all that a hub keeps of a log: the id of every frame, dense numbers, hub chain,
sum and count; the space behind G, the epoch behind a head, the receipt behind a slot. Everything
here only looks; each finding is a sentence of our own with ids in it.

Specification: docs/spec/home.md, Looking deeply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from envoy.core import codec
from envoy.core.crypto import sign
from envoy.errors import RemoteFault
from envoy.hub import sqlite
from envoy.hub.sqlite import LogStore, SpaceRow
from envoy.sync import frames
from envoy.system import tables

INSTANCE_BYTES: Final = 16
NO_SUM: Final = bytes(32)
# What the columns of a space hold. Damage may make any of them NULL, whatever its table says.
_TYPES: Final = (bytes, bytes, bytes, int, bytes, bytes, int, int, int, int)


def findings(store: LogStore) -> Iterator[str]:
    """Yield what is wrong with the hub, nothing if it is sound."""
    wrong = list(tables.findings(store.connection, sqlite.SCHEMA))
    yield from wrong
    if wrong:
        return
    if len(store.instance) != INSTANCE_BYTES or len(store.seed) != sign.KEY_BYTES:
        yield "its instance or its key is damaged"
    sql = "SELECT * FROM space ORDER BY space"
    for row in store.connection.rows(SpaceRow, sql):
        yield from _space(store, row)
    spaces = {one.space for one in store.connection.rows(SpaceRow, sql)}
    strays = store.connection.rows(bytes, "SELECT DISTINCT space FROM frame")
    yield from ("frames of a space that it does not have" for one in strays if one not in spaces)
    yield from _heads(store)
    yield from _statements(store)


def of_some(store: LogStore, count: int, *, go: Callable[[], bool]) -> tuple[int, list[str]]:
    """Look at up to ``count`` spaces, drawn by lot, while ``go`` allows; also return how many."""
    sql = "SELECT * FROM space ORDER BY random() LIMIT ?"
    done, wrong = 0, list[str]()
    for row in store.connection.rows(SpaceRow, sql, (count,)):
        if not go():
            break
        wrong += _space(store, row)
        done += 1
    return done, wrong


def _space(store: LogStore, row: SpaceRow) -> Iterator[str]:
    """Yield what is wrong with the log of one space."""
    if tuple(type(one) for one in row) != _TYPES:
        yield "a space whose row holds what is none of its columns"
        return
    name = f"space {row.space.hex()[:8]}"
    if sign.tagged("genesis", row.g) != row.space:
        yield f"{name}: its id does not follow from what it was founded by"
    h, total, size, number = NO_SUM, NO_SUM, 0, 0
    h = frames.chain_start(store.instance_of(row.space), row.space)
    sql = "SELECT seq, id, body FROM frame WHERE space = ? ORDER BY seq"
    for seq, ident, body in store.connection.each(_frame, sql, (row.space,)):
        number += 1
        if seq != number:
            yield f"{name}: frame {number} is missing"
            return
        if not (isinstance(ident, bytes) and isinstance(body, bytes)) or _id_of(body) != ident:
            yield f"{name}: frame {number} was altered"
            return
        h, total = frames.chain_after(h, [ident]), frames.sum_after(total, [ident])
        size += len(body)
    if (row.head, row.frame_count) != (number, number):
        yield f"{name}: {number} frames, but it counts {row.frame_count}"
    if (row.h, row.sum, row.byte_count) != (h, total, size):
        yield f"{name}: hub chain, sum or size do not follow from its frames"
    yield from _slots(store, row.space, name)


def _slots(store: LogStore, space: bytes, name: str) -> Iterator[str]:
    """Yield the slots whose receipt is none."""
    sql = (
        "SELECT count(*) FROM slot s LEFT JOIN frame f ON f.space = s.space AND f.seq = s.receipt"
        " WHERE s.space = ? AND (f.id IS NULL OR length(s.holder_hash) <> 32 OR s.fence < 1)"
    )
    bad = store.connection.find(int, sql, (space,))
    if bad:
        yield f"{name}: {bad} slots without a receipt"


def _heads(store: LogStore) -> Iterator[str]:
    """Yield the heads that do not give their epochs, and boxes without a head."""
    bad = 0
    sql = "SELECT space, epoch, head FROM epoch"
    for space, epoch, head in store.connection.each(_three, sql):
        try:
            bad += codec.decode(head, frames.EpochHead).epoch(space) != epoch
        except RemoteFault:
            bad += 1
    if bad:
        yield f"{bad} heads of epochs were altered"
    sql = (
        "SELECT count(*) FROM box b LEFT JOIN epoch e ON e.space = b.space AND e.epoch = b.epoch"
        " WHERE e.head IS NULL OR length(b.box) <> ?"
    )
    lost = store.connection.find(int, sql, (frames.BOX_BYTES,))
    if lost:
        yield f"{lost} boxes of no epoch"


def _statements(store: LogStore) -> Iterator[str]:
    """Yield how many keys statements no longer verify."""
    bad = 0
    for did, statement, sig in store.connection.each(
        _three, "SELECT did, statement, sig FROM keys"
    ):
        try:
            said = codec.decode(statement, frames.KeysStatement)
            good = said.did == did and sign.verify(did, "keys", sig, statement)
        except (AssertionError, RemoteFault):
            good = False
        bad += not good
    if bad:
        yield f"{bad} keys statements were altered"


def _id_of(body: bytes) -> bytes | None:
    """Return the id of a frame, None for bytes that are none."""
    try:
        return frames.frame_id(body)
    except RemoteFault:
        return None


def _frame(seq: int, ident: object, body: object) -> tuple[int, object, object]:
    return seq, ident, body


def _three(first: bytes, second: bytes, third: bytes) -> tuple[bytes, bytes, bytes]:
    return first, second, third
