"""Salvage: what can still be read of a damaged replica.db, row by row.

A page that was lost takes some rows along, not the file. Each table is read from its beginning up
to the damage, from its end back to it, and where rows have numbers, one by one in between. What
comes out is a guess and nothing more: whoever uses it checks every id, key and signature anew.

Laws: read only; nothing that the file holds raises, except for a file that is newer than this
build, which is no damage.

Specification: docs/spec/home.md, Repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from envoy.core.log import EpochRow, Outgoing, Parked
from envoy.errors import EnvoyError
from envoy.lean import NamedTuple
from envoy.storage import schema
from envoy.storage.home import Paths
from envoy.system import db, upgrade
from envoy.system.db import Connection, Value

T = TypeVar("T")
PAGE: Final = 256
_NEWEST: Final = "SELECT coalesce(max(rid), 0) FROM"
_LAST: Final = f"{_NEWEST} frame"


class LostSpace(NamedTuple):
    """A space that the damaged file had; ``sn`` is its number there."""

    sn: int
    id: bytes
    genesis: bytes
    ack_n: int
    next_n: int
    reserved_n: int
    muted: int
    pinned: int


class LostFrame(NamedTuple):
    """The bytes of a frame; ``told`` its arrival number, 0 where there is none."""

    rid: int
    bytes: bytes
    told: int


class Reply(NamedTuple):
    """The answer to a call under an idempotency key."""

    key: str
    digest: bytes
    result: str
    at: int


class Holder(NamedTuple):
    """The secret of a session for a slot."""

    task: bytes
    session: str
    secret: bytes


class Salvage:
    """A damaged file, opened for reading; None in the place of the connection: nothing is left."""

    def __init__(self, connection: Connection | None) -> None:
        self._db = connection

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def spaces(self) -> list[LostSpace]:
        """Return the spaces of the file."""
        sql = "SELECT sn, id, genesis, ack_n, next_n, reserved_n, muted, pinned FROM space"
        return self._both(LostSpace, sql, (), "sn")

    def forgotten(self) -> list[tuple[bytes, int]]:
        """Return the spaces that the profile forgot, and when."""
        return self._both(_pair, "SELECT id, at FROM forgotten", (), "id")

    def note(self, key: str) -> str | int | None:
        """Return a note of the file."""
        found = self._try(_same, "SELECT v FROM meta WHERE k = ?", (key,))
        return found[0] if found else None

    def tags(self) -> list[tuple[str, bytes]]:
        """Return the tags under which invites were fetched, by their keys in the notes."""
        found = self._both(_note, "SELECT k, v FROM meta WHERE k GLOB 'claimer *'", (), "k")
        return [(key, tag) for key, tag in found if isinstance(tag, bytes)]

    def epochs(self, sn: int) -> list[EpochRow]:
        """Return what is known of the epochs of a space."""
        sql = "SELECT id, head, secret, created, lam, asked_ms FROM epoch WHERE sn = ?"
        return self._both(EpochRow, sql, (sn,), "id")

    def parked(self, sn: int) -> list[Parked]:
        """Return the frames that wait."""
        sql = "SELECT id, state, why, author, at, bytes FROM parked WHERE sn = ?"
        return self._both(Parked, sql, (sn,), "id")

    def receipts(self, sn: int) -> list[bytes]:
        """Return the frames of the receipts."""
        return self._both(bytes, "SELECT bytes FROM receipt WHERE sn = ?", (sn,), "id")

    def outbox(self, sn: int) -> list[Outgoing]:
        """Return what was not sent, in its order."""
        return self._both(Outgoing, "SELECT o, what, id, data FROM outbox WHERE sn = ?", (sn,), "o")

    def holders(self, sn: int) -> list[Holder]:
        """Return the secrets for slots."""
        sql = "SELECT task, session, secret FROM holder WHERE sn = ?"
        return self._both(Holder, sql, (sn,), "task, session")

    def replies(self, sn: int) -> list[Reply]:
        """Return the answered calls."""
        sql = "SELECT key, digest, result, at FROM idempotency WHERE sn = ?"
        return self._both(Reply, sql, (sn,), "key")

    def frames(self) -> Iterator[LostFrame]:
        """Yield every envelope that can be read, in the order of its arrival.

        Whose space it is, its own bytes say.
        """
        last = max(self._try(int, _LAST), default=0) or self._last()
        after = 0
        while after < last:
            sql = "SELECT rid, bytes, 0 FROM frame WHERE rid > ? ORDER BY rid LIMIT ?"
            page = self._try(LostFrame, sql, (after, PAGE))
            if not page:  # damage: row by row, as far as a page reaches
                reach = range(after + 1, min(after + PAGE, last) + 1)
                page = [one for rid in reach for one in self._frame(rid)]
                after = reach.stop - 1
            else:
                after = page[-1].rid
            yield from [one._replace(told=self._told(one.rid)) for one in page]

    def _last(self) -> int:
        """Return the greatest number of an event that anything still tells of."""
        tables = ("event", "item", "stream")
        found = [self._try(int, " ".join((_NEWEST, one))) for one in tables]
        return max((one for few in found for one in few), default=0)

    def _frame(self, rid: int) -> list[LostFrame]:
        return self._try(LostFrame, "SELECT rid, bytes, 0 FROM frame WHERE rid = ?", (rid,))

    def _told(self, rid: int) -> int:
        """Return the arrival number of an event, 0 where none can be read."""
        found = self._try(int, "SELECT coalesce(min(n), 0) FROM stream WHERE rid = ?", (rid,))
        return found[0] if found else 0

    def _both(
        self, make: Callable[..., T], sql: str, params: Sequence[Value], order: str
    ) -> list[T]:
        """Return the rows up to the first damage, and those behind it read from the end."""
        found, whole = self._walk(make, f"{sql} ORDER BY {order}", params)
        if whole:
            return found
        backward = ", ".join(f"{one} DESC" for one in order.split(", "))
        rest, _ = self._walk(make, f"{sql} ORDER BY {backward}", params)
        return found + rest[::-1]

    def _walk(
        self, make: Callable[..., T], sql: str, params: Sequence[Value]
    ) -> tuple[list[T], bool]:
        """Return the rows before the first damage, and whether there was none."""
        found = list[T]()
        if self._db is None:
            return found, True
        try:
            found.extend(self._db.each(make, sql, params))
        except (EnvoyError, TypeError, ValueError):
            return found, False
        return found, True

    def _try(self, make: Callable[..., T], sql: str, params: Sequence[Value] = ()) -> list[T]:
        """Return the rows of a query that reads no further than it must; none where it fails."""
        found, whole = self._walk(make, sql, params)
        return found if whole else []


def open_salvage(where: Paths) -> Salvage:
    """Return what is left of the file of a profile. Raises IntegrityError(schema_too_new)."""
    try:
        connection = db.connect(where.replica, read_only=True, damaged=True, key=where.db_key)
    except EnvoyError:
        return Salvage(None)
    try:
        upgrade.checked_version(connection, schema.VERSION)
    except EnvoyError as error:
        if error.code == "schema_too_new":
            connection.close()
            raise
    return Salvage(connection)


def _same(value: str | int) -> str | int:
    return value


def _pair(ident: bytes, at: int) -> tuple[bytes, int]:
    return ident, at


def _note(key: str, value: Value) -> tuple[str, Value]:
    return key, value
