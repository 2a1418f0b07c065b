"""Behind: what pushes of a group write, all of it in three statements behind the last of them.

A statement costs more to ask for than to do, and each one lets another thread in between. So the
writer's store keeps what it read of a space (row, instance, what was used today, bytes of chunks)
as long as nobody else commits; it looks for all frames of a group at once; and what a push adds is
only noted: the frames, rows and counts of a whole group are written together, before its commit or
before any other statement of the group. A push that is refused has noted nothing, so it needs no
savepoint; every other call has one, and writes at once.

Laws: what is kept is what the database would answer. It is forgotten where another connection
committed, where something is undone, and of a space about which something else than a push was
done. No statement but those here runs while something is noted: ``connection`` writes it first.

Specification: docs/spec/relay.md, Groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import lru_cache
from itertools import chain
from typing import Final

from envoy.errors import InternalError, RemoteFault
from envoy.hub.sqlite import FrameRow, LogStore, SpaceRow
from envoy.sync import frames
from envoy.system import db
from envoy.system.db import Value

_SPACES_MAX: Final = 4096
_FIND: Final = "SELECT * FROM space WHERE space = ?"
_SEQ: Final = "SELECT seq FROM frame WHERE space = ? AND id = ?"
_BORN: Final = "SELECT instance FROM born WHERE space = ?"
_SHELF: Final = "SELECT n FROM shelf WHERE space = ?"
_USED: Final = "SELECT n FROM usage WHERE space = ? AND who = ? AND day = ?"
_APPEND: Final = "INSERT INTO frame(space, seq, id, at, body) {}"
_SAVE: Final = (
    "UPDATE space SET head = column2, h = column3, sum = column4, count = column5,"
    " bytes = column6, at = column7 FROM ({}) WHERE space = column1"
)
_USE: Final = "INSERT OR REPLACE INTO usage {}"
_SEQS: Final = (
    "SELECT frame.space, frame.id, frame.seq FROM ({}) CROSS JOIN frame"
    " ON frame.space = column1 AND frame.id = column2"
)
_ROWS_MAX: Final = 64  # of one statement
Row = tuple[Value, ...]
_Used = tuple[bytes, bytes, int]  # of a space, by whom, on which day


@lru_cache
def _filled(sql: str, rows: int, columns: int) -> str:
    """Return a statement with so many rows of parameters."""
    row = f"({', '.join('?' * columns)})"
    return sql.format("VALUES " + ", ".join([row] * rows))


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield rows in parts whose sizes are powers of two: that leaves few statements to compile."""
    at = 0
    while at < len(rows):
        size = min(_ROWS_MAX, 1 << (len(rows) - at).bit_length() - 1)
        yield rows[at : at + size]
        at += size


class Layer:
    """What is noted and not written yet."""

    __slots__ = ("frames", "rows", "used")

    def __init__(self) -> None:
        self.frames = dict[tuple[bytes, bytes], FrameRow]()  # by space and id
        self.rows = dict[bytes, SpaceRow]()
        self.used = dict[_Used, int]()

    def add(self, other: Layer) -> None:
        """Note what ``other`` has, which came behind this."""
        self.frames.update(other.frames)
        self.rows.update(other.rows)
        self.used.update(other.used)

    def write(self, connection: db.Connection) -> None:
        """Write everything, and have nothing."""
        new = [(space, *row) for (space, _), row in self.frames.items()]
        changed = [
            (row.space, row.head, row.h, row.sum, row.frame_count, row.byte_count, row.at)
            for row in self.rows.values()
        ]
        counted = [(*key, n) for key, n in self.used.items()]
        for sql, rows in ((_APPEND, new), (_SAVE, changed), (_USE, counted)):
            for part in _parts(rows):
                connection.run(_filled(sql, len(part), len(part[0])), list(chain(*part)))
        self.clear()

    def clear(self) -> None:
        """Have nothing."""
        self.frames.clear()
        self.rows.clear()
        self.used.clear()


class Behind(LogStore):
    """A log store that writes pushes behind. ``is_kept`` False: it is a reader's, and keeps none.

    ``_waiting`` is noted of calls that are done, ``_part`` of the one that is done now, None where
    that one writes at once.
    """

    def __init__(self, connection: db.Connection, lock_path: str, *, is_kept: bool) -> None:
        self._is_kept = is_kept
        self._is_inside = False
        self._waiting = Layer()
        self._part: Layer | None = None
        self._rows = dict[bytes, SpaceRow]()
        self._instances = dict[bytes, bytes]()
        self._shelves = dict[bytes, int]()
        self._used = dict[_Used, int]()
        # Looked for ahead: good until something else than noting is done.
        self._seqs = dict[tuple[bytes, bytes], int | None]()
        self._version = 0
        super().__init__(connection, lock_path)

    @property
    def connection(self) -> db.Connection:
        """Return the database with all that was noted."""
        if self._part is not None or self._waiting.rows:
            self._settle()
        return self._raw

    @connection.setter
    def connection(self, found: db.Connection) -> None:
        """Take the database."""
        self._raw = found

    @property
    def reading(self) -> db.Connection:
        """Return the database as it is, to read tables that nothing is noted of."""
        return self._raw

    def group(self) -> AbstractContextManager[object]:
        """Return a context manager: all calls of a group, durable together at its end."""
        return Group(self, self._raw.write_transaction(self._lock_path, sync="full"))

    def item(self, space: bytes = b"", *, is_push: bool = False) -> AbstractContextManager[object]:
        """Return a context manager: what is written in it can be undone alone in its group.

        It is about ``space`` alone, empty: about any. ``is_push``: it does nothing but push.
        """
        return Item(self, space, is_push=is_push)

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context manager: what is written in it is part of its item, or undone.

        Inside an item with that item: what goes through here ends the whole of it.
        """
        return nullcontext() if self._is_inside else self.item()

    # -- what a push asks and adds ----------------------------------------------------------

    def find_space(self, space: bytes) -> SpaceRow | None:
        """Return the row of ``space``, or None."""
        if self._part is not None and space in self._part.rows:
            return self._part.rows[space]
        row = self._rows.get(space)
        if row is None:
            row = self._raw.find(SpaceRow, _FIND, (space,))
            if row is not None and self._is_kept:
                self._rows[space] = row
        return row

    def save_space(self, row: SpaceRow) -> None:
        """Write what an append changes of a space."""
        if self._part is not None:
            self._part.rows[row.space] = row
            return
        super().save_space(row)
        if self._is_kept:
            self._rows[row.space] = row

    def find_seq(self, space: bytes, frame_id: bytes) -> int | None:
        """Return the number of a frame, or None."""
        key = (space, frame_id)
        noted = self._waiting.frames.get(key)
        if noted is not None:
            return noted.seq
        if key in self._seqs:
            return self._seqs[key]
        return self._raw.find(int, _SEQ, key)

    def look_ahead(self, pushes: Iterable[tuple[bytes, Sequence[bytes]]]) -> None:
        """Look for all frames that a group pushes at once, by space, before anything is done."""
        wanted = list[tuple[bytes, bytes]]()
        for space, pushed in pushes:
            with suppress(RemoteFault):  # it is refused when its turn comes
                wanted += [(space, frames.frame_id(frame)) for frame in pushed]
        found = dict.fromkeys(wanted, None) | {
            (space, ident): seq
            for part in _parts(wanted)
            for space, ident, seq in self._raw.rows(
                _place, _filled(_SEQS, len(part), 2), list(chain(*part))
            )
        }
        self._seqs = found

    def add_frames(self, space: bytes, rows: Iterable[FrameRow]) -> None:
        """Append frames; their numbers are dense by the caller's word."""
        if self._part is None:
            super().add_frames(space, rows)
            return
        for row in rows:
            self._part.frames[space, row.id] = row

    def instance_of(self, space: bytes) -> bytes:
        """Return the instance of the log of ``space``: drawn when it was begun."""
        known = self._instances.get(space)
        if known is None:
            known = self._raw.find(bytes, _BORN, (space,)) or self.instance
            if self._is_kept:
                self._instances[space] = known
        return known

    def chunk_bytes(self, space: bytes) -> int:
        """Return the bytes of all chunks of ``space``, as they were counted along."""
        known = self._shelves.get(space)
        if known is None:
            known = self._raw.find(int, _SHELF, (space,)) or 0
            if self._is_inside:
                self._shelves[space] = known
        return known

    def use(self, space: bytes, who: bytes, day: int, n: int) -> int:
        """Count ``n`` more of what ``who`` takes of ``space``; return what it took on ``day``.

        ``who`` empty: all together.
        """
        key = (space, who, day)
        noted = {} if self._part is None else self._part.used
        known = noted.get(key, self._used.get(key))
        if known is None:
            known = self._raw.find(int, _USED, key) or 0
        if self._part is not None:
            noted[key] = known + n
        else:
            self._raw.run(_filled(_USE, 1, 4), (*key, known + n))
            self._used.pop(key, None)
        return known + n

    # -- what is kept and noted -------------------------------------------------------------

    def forget(self) -> None:
        """Keep nothing of what was read: it is undone, or somebody else wrote."""
        for kept in (self._rows, self._instances, self._shelves, self._used, self._seqs):
            kept.clear()

    def _forget_space(self, space: bytes) -> None:
        """Keep nothing of a space about which something was done, empty: about any."""
        self._seqs.clear()
        if not space:
            self.forget()
            return
        self._rows.pop(space, None)
        self._instances.pop(space, None)
        self._shelves.pop(space, None)
        for key in [one for one in self._used if one[0] == space]:
            del self._used[key]

    def _settle(self) -> None:
        """Write what was noted; a push that does something else goes on like every other call."""
        part, self._part = self._part, None
        self._seqs.clear()
        self._waiting.write(self._raw)
        if part is not None:
            self._raw.run("SAVEPOINT item")
            self._keep(part)
            part.write(self._raw)

    def _keep(self, part: Layer) -> None:
        self._rows.update(part.rows)
        self._used.update(part.used)

    def _accept(self, part: Layer) -> None:
        """Note what a push added that is done."""
        self._keep(part)
        self._waiting.add(part)

    def _begin(self) -> None:
        """Begin a group: what is kept is good unless somebody else committed, and is bounded."""
        version = db.data_version(self._raw)
        if version != self._version or len(self._rows) > _SPACES_MAX:
            self._version = version
            self.forget()

    def _drop(self) -> None:
        """Forget a group that is undone."""
        self._waiting.clear()
        self._part, self._is_inside = None, False
        self.forget()


class Item:
    """A part of a group that can be undone alone: a push that is only noted, or a savepoint."""

    __slots__ = ("_is_push", "_space", "_store", "_was_inside")

    def __init__(self, store: Behind, space: bytes, *, is_push: bool) -> None:
        self._store = store
        self._space = space
        self._is_push = is_push

    def __enter__(self) -> None:
        store = self._store
        self._was_inside = store._is_inside
        if self._is_push and not self._was_inside:
            store._part = Layer()
        else:
            store.connection.run("SAVEPOINT item")
        store._is_inside = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        store, part = self._store, self._store._part
        store._is_inside = self._was_inside
        store._part = None
        if part is not None:
            if kind is None:
                store._accept(part)
            return
        if kind is not None:
            store.forget()
            store.connection.run("ROLLBACK TO item")
        store.connection.run("RELEASE item")
        if not self._is_push:
            store._forget_space(self._space)


class Group:
    """The transaction of all calls of a group."""

    __slots__ = ("_store", "_transaction")

    def __init__(self, store: Behind, transaction: db.WriteTransaction) -> None:
        self._store = store
        self._transaction = transaction

    def __enter__(self) -> None:
        self._transaction.__enter__()
        is_begun = False
        try:
            self._store._begin()
            is_begun = True
        finally:
            if not is_begun:
                self._leave(is_good=False)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        is_good = False
        try:
            if kind is None:
                self._store._settle()
                is_good = True
        finally:
            self._leave(is_good=is_good)

    def _leave(self, *, is_good: bool) -> None:
        """Commit, or undo and forget."""
        is_kept = False
        try:
            self._transaction.__exit__(None if is_good else InternalError)
            is_kept = is_good
        finally:
            if not is_kept:
                self._store._drop()


def _place(space: bytes, ident: bytes, seq: int) -> tuple[bytes, bytes, int]:
    return space, ident, seq
