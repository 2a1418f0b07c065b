"""RowStore: the projections, the outbox and the memory of answered calls, in replica.db.

A row of ``views.rows`` is stored under the columns that its fields name; reads take them back from
``storage.views`` without loading this module. Projections are disposable, the rest is not: the
stream numbers are in other hands, the outbox is what was promised to a hub, the replies are what a
caller's retry is answered with.

Laws: all writes happen inside ``EventStore.transaction``, on the same connection.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core.log import Outgoing
from envoy.system.db import Connection
from envoy.views import rows

_TABLES: Final[dict[type, tuple[str, tuple[str, ...]]]] = {
    rows.Space: ("space", ("sn",)),
    rows.Item: ("item", ("rid",)),
    rows.Member: ("member", ("sn", "an")),
    rows.Grant: ("grant_", ("sn", "id")),
    rows.Invite: ("invite", ("sn", "id")),
    rows.Task: ("task", ("sn", "id")),
    rows.Conflict: ("conflict", ("sn", "id")),
    rows.Stream: ("stream", ("sn", "n")),
}
Row = (
    rows.Space
    | rows.Item
    | rows.Member
    | rows.Grant
    | rows.Invite
    | rows.Task
    | rows.Conflict
    | rows.Stream
)


def _columns(kind: type[Row]) -> str:
    """Return the columns of a row as SQL."""
    return ", ".join(kind._fields)


class RowStore:
    """The rows of every space of one profile."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def save(self, row: Row) -> None:
        """Insert or replace ``row`` by its key."""
        table, _ = _TABLES[type(row)]
        marks = ", ".join("?" * len(row))
        sql = " ".join(("INSERT OR REPLACE INTO", table, "(", _columns(type(row)), ")"))
        self.connection.run(f"{sql} VALUES({marks})", row)

    def delete(self, row: Row) -> None:
        """Remove the row with the key of ``row``."""
        table, key = _TABLES[type(row)]
        where = " AND ".join(f"{one} = ?" for one in key)
        values = [row[type(row)._fields.index(one)] for one in key]
        self.connection.run(" ".join(("DELETE FROM", table, "WHERE", where)), values)

    # -- spaces -----------------------------------------------------------------------------

    def space(self, sn: int) -> rows.Space:
        """Return the row of a space that exists."""
        found = self.connection.find(rows.Space, _select(rows.Space, "sn = ?"), (sn,))
        assert found is not None, "numbers of spaces come from this table"
        return found

    def find_space(self, space: bytes) -> rows.Space | None:
        """Return the row of a space by its id."""
        return self.connection.find(rows.Space, _select(rows.Space, "id = ?"), (space,))

    def spaces(self) -> list[rows.Space]:
        """Return all spaces in the order they came here."""
        return self.connection.rows(rows.Space, _select(rows.Space, "1 ORDER BY sn"))

    def next_space(self) -> int:
        """Return an unused number of a space."""
        sql = "SELECT coalesce(max(sn), 0) + 1 FROM space"
        return self.connection.find(int, sql) or 1

    # -- projections --------------------------------------------------------------------------

    def members(self, sn: int) -> dict[bytes, rows.Member]:
        """Return the member rows by did."""
        found = self.connection.rows(rows.Member, _select(rows.Member, "sn = ?"), (sn,))
        return {row.did: row for row in found}

    def grants(self, sn: int) -> dict[bytes, rows.Grant]:
        """Return the grant rows by id."""
        found = self.connection.rows(rows.Grant, _select(rows.Grant, "sn = ?"), (sn,))
        return {row.id: row for row in found}

    def grant(self, sn: int, grant: bytes) -> rows.Grant | None:
        """Return one grant row."""
        where = _select(rows.Grant, "sn = ? AND id = ?")
        return self.connection.find(rows.Grant, where, (sn, grant))

    def grants_of(self, sn: int, an: int) -> list[rows.Grant]:
        """Return the live grants to a did, the most senior first."""
        where = "sn = ? AND subject = ? AND status = 'live' ORDER BY senior"
        return self.connection.rows(rows.Grant, _select(rows.Grant, where), (sn, an))

    def invites(self, sn: int) -> dict[bytes, rows.Invite]:
        """Return the invite rows by id."""
        found = self.connection.rows(rows.Invite, _select(rows.Invite, "sn = ?"), (sn,))
        return {row.id: row for row in found}

    def task(self, sn: int, task: bytes) -> rows.Task | None:
        """Return the row of a task."""
        return self.connection.find(rows.Task, _select(rows.Task, "sn = ? AND id = ?"), (sn, task))

    def conflicts(self, sn: int, entity: bytes) -> dict[bytes, rows.Conflict]:
        """Return the conflict rows of an entity by id."""
        where = _select(rows.Conflict, "sn = ? AND entity = ?")
        return {row.id: row for row in self.connection.rows(rows.Conflict, where, (sn, entity))}

    def item(self, rid: int) -> rows.Item | None:
        """Return the item of an event."""
        return self.connection.find(rows.Item, _select(rows.Item, "rid = ?"), (rid,))

    def last_item(self, sn: int) -> tuple[int, bytes] | None:
        """Return (lam, id) of the item that sorts last."""
        sql = "SELECT lam, id FROM item WHERE sn = ? ORDER BY lam DESC, id DESC LIMIT 1"
        return self.connection.find(_lam_id, sql, (sn,))

    def index_words(self, rid: int, text: str | None) -> None:
        """Make the words of an item searchable, or no longer (None)."""
        if text is None:
            self.connection.run("DELETE FROM words WHERE rowid = ?", (rid,))
        else:
            sql = "INSERT OR REPLACE INTO words(rowid, body) VALUES(?, ?)"
            self.connection.run(sql, (rid, text))

    # -- the stream -----------------------------------------------------------------------------

    def stream_of(self, rid: int) -> list[rows.Stream]:
        """Return what an event put into the stream."""
        where = _select(rows.Stream, "rid = ? ORDER BY n")
        return self.connection.rows(rows.Stream, where, (rid,))

    def unread(self, sn: int, after: int) -> int:
        """Count the inbox items above an arrival number."""
        sql = (
            "SELECT count(*) FROM stream INDEXED BY stream_inbox"
            " WHERE sn = ? AND n > ? AND reason IS NOT NULL AND own = 0 AND hidden = 0"
        )
        return self.connection.find(int, sql, (sn, after)) or 0

    # -- outbox -----------------------------------------------------------------------------------

    def outgoing(self, sn: int, limit: int) -> list[Outgoing]:
        """Return the first entries of the outbox."""
        sql = "SELECT o, what, id, data FROM outbox WHERE sn = ? ORDER BY o LIMIT ?"
        return self.connection.rows(Outgoing, sql, (sn, limit))

    def send_later(self, sn: int, what: str, ident: bytes | None, data: bytes) -> None:
        """Append to the outbox."""
        sql = "INSERT INTO outbox(sn, what, id, data) VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (sn, what, ident, data))

    def sent(self, numbers: Sequence[int]) -> None:
        """Remove entries from the outbox."""
        sql = "DELETE FROM outbox WHERE o = ?"
        self.connection.run_many(sql, [(number,) for number in numbers])

    def pending(self, sn: int) -> int:
        """Count the entries of the outbox."""
        sql = "SELECT count(*) FROM outbox WHERE sn = ?"
        return self.connection.find(int, sql, (sn,)) or 0

    # -- answered calls and slot secrets ----------------------------------------------------------

    def find_reply(self, sn: int, key: str, after: int) -> tuple[bytes, str] | None:
        """Return (digest, result) of an idempotency key used since ``after``."""
        sql = "SELECT digest, result FROM idempotency WHERE sn = ? AND key = ? AND at > ?"
        return self.connection.find(_reply, sql, (sn, key, after))

    def keep_reply(self, sn: int, key: str, digest: bytes, result: str, *, at: int) -> None:
        """Record what a call under an idempotency key answered."""
        sql = "INSERT OR REPLACE INTO idempotency(sn, key, digest, result, at)"
        self.connection.run(f"{sql} VALUES(?, ?, ?, ?, ?)", (sn, key, digest, result, at))

    def holder(self, sn: int, task: bytes, session: str, fresh: bytes) -> bytes:
        """Return the slot secret of a session for a task, ``fresh`` the first time."""
        sql = "SELECT secret FROM holder WHERE sn = ? AND task = ? AND session = ?"
        found = self.connection.find(bytes, sql, (sn, task, session))
        if found is not None:
            return found
        sql = "INSERT INTO holder(sn, task, session, secret) VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (sn, task, session, fresh))
        return fresh

    def claimer_tag(self, lookup: bytes, fresh: bytes) -> bytes:
        """Return the tag this profile fetches an invite with, ``fresh`` the first time.

        It is stored before it is used: asked again after a crash, the hub burns no other use.
        """
        key = f"claimer {lookup.hex()}"
        found = self.connection.find(bytes, "SELECT v FROM meta WHERE k = ?", (key,))
        if found is None:
            self.connection.run("INSERT INTO meta(k, v) VALUES(?, ?)", (key, fresh))
        return found or fresh

    def find_holder(self, sn: int, task: bytes, session: str) -> bytes | None:
        """Return the slot secret of a session for a task, None if it never claimed it."""
        sql = "SELECT secret FROM holder WHERE sn = ? AND task = ? AND session = ?"
        return self.connection.find(bytes, sql, (sn, task, session))


def _select(kind: type[Row], where: str) -> str:
    """Return the query for rows of ``kind``."""
    return " ".join(("SELECT", _columns(kind), "FROM", _TABLES[kind][0], "WHERE", where))


def _lam_id(lam: int, event: bytes) -> tuple[int, bytes]:
    return lam, event


def _reply(digest: bytes, result: str) -> tuple[bytes, str]:
    return digest, result
