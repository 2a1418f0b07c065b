"""Renewal: a hub that fails its checks is made anew from what can still be read of it.

Frames prove themselves by their ids, heads by their epochs, statements by their signatures; boxes
and invites are kept as they stand, their readers try them. The new database is another instance, so
every replica reads it from the beginning and sends what it lacks. Its signing key is that of the
old one where a space still names it: then its receipts go on counting.

Slots are not kept: fences go on rising from what claimers have seen (docs/spec/frames.md, Slots).

Laws: the old file is moved aside before the new one takes its name, and is never written again.

Specification: docs/spec/home.md, Repair.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeVar

from envoy import limits
from envoy.core import codec
from envoy.core.crypto import sign
from envoy.errors import EnvoyError, RemoteFault
from envoy.hub import log
from envoy.hub.sqlite import (
    FILE_NAME,
    LOCK_NAME,
    RENEWED,
    BoxPlace,
    InviteRow,
    LogStore,
    SpaceRow,
    open_store,
    swap,
)
from envoy.lean import NamedTuple
from envoy.sync import frames
from envoy.system import db, files, host
from envoy.system.db import Connection, Value

T = TypeVar("T")
KEY_BYTES: Final = 32
PAGE: Final = 256
DRAFT: Final = "draft"
NO_SUM: Final = bytes(32)


class Renewed(NamedTuple):
    """What a renewal kept."""

    spaces: int
    frames: int
    is_same_key: bool


class _Old:
    """The damaged database, as far as it can be read."""

    def __init__(self, connection: Connection | None) -> None:
        self._db = connection

    def rows(self, make: Callable[..., T], sql: str, params: Sequence[Value] = ()) -> list[T]:
        """Return the rows of a query up to the first damage."""
        found = list[T]()
        if self._db is None:
            return found
        try:
            found.extend(self._db.each(make, sql, params))
        except (EnvoyError, AssertionError, TypeError, ValueError):
            return found
        return found

    def both(self, make: Callable[..., T], sql: str, order: str) -> list[T]:
        """Return the rows up to the first damage, then those from the end back to it."""
        found = self.rows(make, f"{sql} ORDER BY {order}")
        known = set(found)
        back = ", ".join(f"{one} DESC" for one in order.split(", "))
        return found + [
            one for one in self.rows(make, f"{sql} ORDER BY {back}") if one not in known
        ]

    def bodies(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield space and bytes of all frames in the order they were appended."""
        last = max(self.rows(int, "SELECT coalesce(max(rowid), 0) FROM frame"), default=0)
        counts = self.rows(int, "SELECT coalesce(sum(head), 0) FROM space")
        last = last or max([one for one in counts if one < limits.JSON_INT_MAX], default=0)
        after = 0
        while after < last:
            sql = "SELECT rowid, space, body FROM frame WHERE rowid > ? ORDER BY rowid LIMIT ?"
            page = self.rows(_frame, sql, (after, PAGE))
            if not page:
                reach = range(after + 1, min(after + PAGE, last) + 1)
                one_sql = "SELECT rowid, space, body FROM frame WHERE rowid = ?"
                page = [one for row in reach for one in self.rows(_frame, one_sql, (row,))]
                after = reach.stop - 1
            else:
                after = page[-1][0]
            yield from [(space, body) for _, space, body in page]

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()


def renew(directory: str, *, pinned: Collection[bytes]) -> Renewed:
    """Make the hub in ``directory`` anew; ``pinned``: the hub keys that spaces here believe.

    Raises IntegrityError, InternalError, WaitTimeoutError(timeout).
    """
    place, lock_path = os.path.join(directory, FILE_NAME), os.path.join(directory, LOCK_NAME)
    with files.lock(lock_path, timeout_s=limits.LOCK_SECONDS_MAX):
        old = _open_old(place)
        try:
            done = _fill(os.path.join(directory, DRAFT), old, pinned)
        finally:
            old.close()
        draft = os.path.join(directory, DRAFT, FILE_NAME)
        db.seal_off(draft)
        files.rename(draft, place + RENEWED)
        swap(place)
    return done


def _open_old(place: str) -> _Old:
    """Return what is left of the old database."""
    try:
        return _Old(db.connect(place, read_only=True, damaged=True))
    except EnvoyError:
        return _Old(None)


def _fill(draft: str, old: _Old, pinned: Collection[bytes]) -> Renewed:
    """Make a new database in the directory ``draft`` from the old one."""
    files.ensure_directory(draft)
    for name in (FILE_NAME, FILE_NAME + "-wal", FILE_NAME + "-shm"):
        files.remove(os.path.join(draft, name))
    store = open_store(draft)
    try:
        keys = old.rows(bytes, "SELECT v FROM meta WHERE k = 'key'")
        same = [one for one in keys if len(one) == KEY_BYTES and sign.public_key(one) in pinned]
        with store.transaction():
            if same:
                store.connection.run("UPDATE meta SET v = ? WHERE k = 'key'", same[:1])
            spaces = _spaces(store, old)
            count = _frames(store, old, spaces)
            _heads_and_boxes(store, old, spaces)
            _invites(store, old)
            _statements(store, old)
    finally:
        store.close()
    return Renewed(len(spaces), count, bool(same))


def _spaces(store: LogStore, old: _Old) -> set[bytes]:
    """Add the spaces whose G gives their id."""
    found = set[bytes]()
    for space, g, root_pub, at in old.both(_space, "SELECT space, g, root_pub, at FROM space", "1"):
        if space in found or sign.tagged("genesis", g) != space:
            continue
        h = frames.chain_start(store.instance, space)
        at = min(max(at, 0), host.now_ms())  # hub time that was damaged must not stand still
        store.add_space(SpaceRow(space, g, root_pub, 0, h, NO_SUM, 0, 0, 0, at))
        found.add(space)
    return found


def _frames(store: LogStore, old: _Old, spaces: set[bytes]) -> int:
    """Append what is a frame, in its order; bytes that are none were damaged."""
    count = 0
    for space, body in old.bodies():
        row = store.find_space(space) if space in spaces else None
        if row is None or len(body) > limits.ENVELOPE_BYTES_MAX:
            continue
        try:
            _, numbers = log.append(store, row, [body])
        except RemoteFault:
            continue
        count += len(numbers)
    return count


def _heads_and_boxes(store: LogStore, old: _Old, spaces: set[bytes]) -> None:
    """Add the heads that give their epochs, and the boxes of those."""
    known = set[tuple[bytes, bytes]]()
    sql = "SELECT space, epoch, head, poster FROM epoch"
    for space, epoch, head, poster in old.both(_four, sql, "rowid"):
        try:
            fits = codec.decode(head, frames.EpochHead).epoch(space) == epoch
        except RemoteFault:
            continue
        if fits and space in spaces and len(poster) == KEY_BYTES:
            store.add_epoch(space, epoch, head, poster)
            known.add((space, epoch))
    sql = "SELECT space, epoch, tag, poster, n, at, box FROM box"
    for place, number, at, box in old.both(_box, sql, "arrival"):
        sizes = (len(place.tag), len(place.poster), len(box))
        fits = (place.space, place.epoch) in known and sizes == (16, KEY_BYTES, frames.BOX_BYTES)
        if fits and 0 <= number < limits.BOXES_PER_TAG_MAX and not store.has_box(place, box):
            store.add_box(place, box, number=store.tag_count(place), at=at)


def _invites(store: LogStore, old: _Old) -> None:
    """Add the invites that have not ended, and who fetched them."""
    latest = host.now_ms() + limits.INVITE_SECONDS_MAX * 1000
    sql = "SELECT lookup, fetch_hash, revoke_hash, blob, expires, uses_left FROM invite"
    for lookup, row in old.both(_invite, sql, "rowid"):
        sizes = (len(lookup), len(row.fetch_hash), len(row.revoke_hash), len(row.blob))
        fits = sizes == (16, 32, 32, limits.INVITE_BLOB_BYTES)
        fits = fits and row.expires <= latest and 0 <= row.uses_left <= limits.INVITE_USES_MAX
        if fits and store.find_invite(lookup) is None:
            store.add_invite(lookup, row)
    for lookup, tag in old.both(_pair, "SELECT lookup, tag FROM invite_item", "lookup, tag"):
        if store.find_invite(lookup) is not None and not store.has_fetched(lookup, tag):
            store.connection.run("INSERT INTO invite_item(lookup, tag) VALUES(?, ?)", (lookup, tag))
    sql = "SELECT lookup, tag, request, reply FROM invite_item WHERE request IS NOT NULL"
    for lookup, tag, request, reply in old.both(_asked, sql, "lookup, tag"):
        if len(request) == limits.JOIN_REQUEST_BYTES and store.has_fetched(lookup, tag):
            store.keep_request(lookup, tag, request)
            if reply is not None and len(reply) == limits.JOIN_REQUEST_BYTES:
                store.keep_reply(lookup, tag, reply)


def _statements(store: LogStore, old: _Old) -> None:
    """Add the keys statements whose signatures hold."""
    for statement, sig in old.both(_pair, "SELECT statement, sig FROM keys", "rowid"):
        try:
            said = codec.decode(statement, frames.KeysStatement)
        except RemoteFault:
            continue
        if len(sig) == sign.SIG_BYTES and sign.verify(said.did, "keys", sig, statement):
            store.save_keys(said.did, said.no, statement, sig)


def _pair(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    return first, second


def _asked(
    lookup: bytes, tag: bytes, request: bytes, reply: bytes | None
) -> tuple[bytes, bytes, bytes, bytes | None]:
    return lookup, tag, request, reply


def _four(
    first: bytes, second: bytes, third: bytes, fourth: bytes
) -> tuple[bytes, bytes, bytes, bytes]:
    return first, second, third, fourth


def _space(space: bytes, g: bytes, root_pub: bytes, at: int) -> tuple[bytes, bytes, bytes, int]:
    return space, g, root_pub, at


def _box(space: bytes, epoch: bytes, tag: bytes, *rest: object) -> tuple[BoxPlace, int, int, bytes]:
    poster, number, at, box = rest
    assert isinstance(poster, bytes) and isinstance(number, int), "the table is STRICT"
    assert isinstance(at, int) and isinstance(box, bytes), "the table is STRICT"
    return BoxPlace(space, epoch, tag, poster), number, at, box


def _invite(lookup: bytes, fetch: bytes, revoke: bytes, *rest: object) -> tuple[bytes, InviteRow]:
    blob, expires, uses = rest
    assert isinstance(blob, bytes) and isinstance(expires, int), "the table is STRICT"
    assert isinstance(uses, int), "the table is STRICT"
    return lookup, InviteRow(fetch, revoke, blob, expires, uses)


def _frame(row: int, space: bytes, body: bytes) -> tuple[int, bytes, bytes]:
    return row, space, body
