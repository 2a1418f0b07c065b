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
from typing import Final, TypeVar

from envoy import limits
from envoy.core.log import Outgoing
from envoy.storage import schema
from envoy.system.db import Connection, Value
from envoy.views import rows

Row = (
    rows.Space
    | rows.Item
    | rows.Member
    | rows.Grant
    | rows.Invite
    | rows.Task
    | rows.Edge
    | rows.Conflict
    | rows.Link
    | rows.Object
    | rows.Record
    | rows.RecordRef
    | rows.Stream
)
_TABLES: Final[dict[type[Row], tuple[str, tuple[str, ...]]]] = {
    rows.Space: ("space", ("sn",)),
    rows.Item: ("item", ("rid",)),
    rows.Member: ("member", ("sn", "an")),
    rows.Grant: ("grant_", ("sn", "id")),
    rows.Invite: ("invite", ("sn", "id")),
    rows.Task: ("task", ("sn", "id")),
    rows.Edge: ("edge", ("sn", "task", "rel", "target")),
    rows.Conflict: ("conflict", ("sn", "id")),
    rows.Link: ("link", ("sn", "event", "at")),
    rows.Object: ("object", ("sn", "id")),
    rows.Record: ("record", ("sn", "id")),
    rows.RecordRef: ("record_ref", ("sn", "record", "at")),
    rows.Stream: ("stream", ("sn", "n")),
}

# What a copy notes about a space in its meta table: it goes with the space.
NOTES: Final = ("answered", "joining", "pins")

T = TypeVar("T", bound=Row)


def _columns(kind: type[Row]) -> str:
    """Return the columns of a row as SQL."""
    return ", ".join(kind._fields)


class RowStore:
    """The rows of every space of one profile.

    Rows are staged and written many at once: at the commit, and before a question about their
    table. What is known to be new is kept apart: SQLite looks for nothing to replace then.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._staged = dict[object, list[Row]]()  # by the class of the row
        self._new = dict[object, list[Row]]()
        self._words = list[tuple[int, str]]()
        self._new_words = list[tuple[int, str]]()

    def forget(self) -> None:
        """Drop what is staged."""
        self._staged.clear()
        self._new.clear()
        self._words.clear()
        self._new_words.clear()

    def flush(self) -> None:
        """Write what is staged."""
        for kind in {**self._new, **self._staged}:
            self._settle(kind)
        for verb, words in (("INSERT", self._new_words), ("INSERT OR REPLACE", self._words)):
            if words:
                sql = " ".join((verb, "INTO words(rowid, body) VALUES(?, ?)"))
                self.connection.run_many(sql, words)
                words.clear()

    def _settle(self, kind: object) -> None:
        """Write the staged rows of one table: the new ones, then others as they were saved."""
        new = self._new.pop(kind, None)
        if new:
            self.connection.run_many(_ADDS[kind], new)
        staged = self._staged.pop(kind, None)
        if staged:
            self.connection.run_many(_INSERTS[kind], staged)

    def add(self, row: Row) -> None:
        """Insert ``row``, whose key no row has yet."""
        kind = type(row)
        new = self._new.get(kind)
        if new is None:
            new = self._new[kind] = []
        new.append(row)

    def save(self, row: Row) -> None:
        """Insert or replace ``row`` by its key."""
        kind = type(row)
        if kind not in self._staged:
            self._staged[kind] = []
        self._staged[kind].append(row)

    def delete(self, row: Row) -> None:
        """Remove the row with the key of ``row``."""
        self._settle(type(row))
        table, key = _TABLES[type(row)]
        where = " AND ".join(f"{one} = ?" for one in key)
        values = [row[type(row)._fields.index(one)] for one in key]
        self.connection.run(" ".join(("DELETE FROM", table, "WHERE", where)), values)

    def _find(self, kind: type[T], where: str, params: Sequence[Value]) -> T | None:
        """Return the first row of ``kind`` that fits."""
        self._settle(kind)
        return self.connection.find(kind, _SELECTS[kind] + where, params)

    def _rows(self, kind: type[T], where: str, params: Sequence[Value]) -> list[T]:
        """Return the rows of ``kind`` that fit."""
        self._settle(kind)
        return self.connection.rows(kind, _SELECTS[kind] + where, params)

    # -- spaces -----------------------------------------------------------------------------

    def space(self, sn: int) -> rows.Space:
        """Return the row of a space that exists."""
        found = self._find(rows.Space, "sn = ?", (sn,))
        assert found is not None, "numbers of spaces come from this table"
        return found

    def find_space(self, space: bytes) -> rows.Space | None:
        """Return the row of a space by its id."""
        return self._find(rows.Space, "id = ?", (space,))

    def spaces(self) -> list[rows.Space]:
        """Return all spaces in the order they came here."""
        return self._rows(rows.Space, "1 ORDER BY sn", ())

    def next_space(self) -> int:
        """Return an unused number of a space."""
        self._settle(rows.Space)
        sql = "SELECT coalesce(max(sn), 0) + 1 FROM space"
        return self.connection.find(int, sql) or 1

    def leave_out(self, space: bytes, at: int) -> None:
        """Note that the profile forgot a space: no repair brings it back."""
        self.connection.run("INSERT OR REPLACE INTO forgotten(id, at) VALUES(?, ?)", (space, at))

    def let_in(self, space: bytes) -> None:
        """Take a space out of those that were forgotten."""
        self.connection.run("DELETE FROM forgotten WHERE id = ?", (space,))

    def drop_space(self, sn: int) -> None:
        """Remove all that this file holds of a space."""
        self.flush()
        run = self.connection.run
        run("DELETE FROM words WHERE rowid IN (SELECT rid FROM event WHERE sn = ?)", (sn,))
        run("DELETE FROM frame WHERE rid IN (SELECT rid FROM event WHERE sn = ?)", (sn,))
        for table in schema.SPACE_TABLES:
            run(" ".join(("DELETE FROM", table, "WHERE sn = ?")), (sn,))
        for what in NOTES:
            self.keep_note(sn, what, None)

    # -- projections --------------------------------------------------------------------------

    def members(self, sn: int) -> dict[bytes, rows.Member]:
        """Return the member rows by did."""
        found = self._rows(rows.Member, "sn = ?", (sn,))
        return {row.did: row for row in found}

    def grants(self, sn: int) -> dict[bytes, rows.Grant]:
        """Return the grant rows by id."""
        found = self._rows(rows.Grant, "sn = ?", (sn,))
        return {row.id: row for row in found}

    def grant(self, sn: int, grant: bytes) -> rows.Grant | None:
        """Return one grant row."""
        return self._find(rows.Grant, "sn = ? AND id = ?", (sn, grant))

    def grants_of(self, sn: int, an: int) -> list[rows.Grant]:
        """Return the live grants to a did, the most senior first."""
        where = "sn = ? AND subject = ? AND status = 'live' ORDER BY senior"
        return self._rows(rows.Grant, where, (sn, an))

    def invites(self, sn: int) -> dict[bytes, rows.Invite]:
        """Return the invite rows by id."""
        found = self._rows(rows.Invite, "sn = ?", (sn,))
        return {row.id: row for row in found}

    def task(self, sn: int, task: bytes) -> rows.Task | None:
        """Return the row of a task."""
        return self._find(rows.Task, "sn = ? AND id = ?", (sn, task))

    def some_tasks(self, sn: int, tasks: Sequence[bytes]) -> list[rows.Task]:
        """Return those rows that there are of some tasks."""
        where = f"sn = ? AND id IN ({', '.join('?' * len(tasks))})"
        return self._rows(rows.Task, where, (sn, *tasks))

    def tasks_of(self, sn: int, an: int) -> list[bytes]:
        """Return, ascending, the tasks that a member holds."""
        self._settle(rows.Task)
        sql = (
            "SELECT id FROM task WHERE sn = ? AND assignee = ?"
            " AND state NOT IN ('completed', 'cancelled') ORDER BY id"
        )
        return self.connection.rows(bytes, sql, (sn, an))

    def task_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three tasks between ``low`` and ``high``."""
        sql = "SELECT id FROM task WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self.connection.rows(bytes, sql, (sn, low, high))

    def ready(self, sn: int, an: int, label: str | None, limit: int) -> list[rows.Task]:
        """Return what a member could take now, the first to be done first."""
        self._settle(rows.Edge)
        return self._rows(rows.Task, schema.READY, (sn, an, label, *schema.FIRST_READY, limit))

    def edges(self, sn: int, task: bytes) -> list[rows.Edge]:
        """Return the edges of a task in their order."""
        return self._rows(rows.Edge, "sn = ? AND task = ? ORDER BY at", (sn, task))

    def is_named(self, sn: int, task: bytes) -> bool:
        """Say whether an edge leads to a task."""
        self._settle(rows.Edge)
        sql = "SELECT 1 FROM edge WHERE sn = ? AND target = ? LIMIT 1"
        return self.connection.find(int, sql, (sn, task)) is not None

    def has_edited_edges(self, sn: int) -> bool:
        """Say whether any edge of a space comes from an edit: without one there is no circle."""
        self._settle(rows.Edge)
        sql = "SELECT 1 FROM edge INDEXED BY edge_edited WHERE sn = ? AND made = 0 LIMIT 1"
        return self.connection.find(int, sql, (sn,)) is not None

    def reach(self, sn: int, rel: str, start: bytes | None) -> list[rows.Edge]:
        """Return all edges of a sort that following them from a task leads to; None: all."""
        if start is None:
            return self._rows(rows.Edge, "sn = ? AND rel = ?", (sn, rel))
        self._settle(rows.Edge)
        return self.connection.rows(rows.Edge, _REACH, (sn, rel, start))

    def conflict(self, sn: int, conflict: bytes) -> rows.Conflict | None:
        """Return the row of a conflict."""
        return self._find(rows.Conflict, "sn = ? AND id = ?", (sn, conflict))

    def conflict_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three conflicts between ``low`` and ``high``."""
        self._settle(rows.Conflict)
        sql = "SELECT id FROM conflict WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self.connection.rows(bytes, sql, (sn, low, high))

    def conflicts(self, sn: int, entity: bytes) -> dict[bytes, rows.Conflict]:
        """Return the conflict rows of an entity by id."""
        found = self._rows(rows.Conflict, "sn = ? AND entity = ?", (sn, entity))
        return {row.id: row for row in found}

    def conflicts_on(self, sn: int, entities: Sequence[bytes]) -> list[rows.Conflict]:
        """Return the conflict rows of some entities."""
        where = f"sn = ? AND entity IN ({', '.join('?' * len(entities))})"
        return self._rows(rows.Conflict, where, (sn, *entities))

    def object(self, sn: int, reference: bytes) -> rows.Object | None:
        """Return the row of a reference to an object."""
        return self._find(rows.Object, "sn = ? AND id = ?", (sn, reference))

    def object_ids(self, sn: int, low: bytes, high: bytes, *, by_object: bool) -> list[bytes]:
        """Return at most three references with an id of theirs, or of their object, in a range."""
        self._settle(rows.Object)
        sql = schema.OBJECT_IDS if by_object else schema.REFERENCE_IDS
        return self.connection.rows(bytes, sql, (sn, low, high))

    def objects(self, sn: int, object: bytes | None = None) -> list[rows.Object]:
        """Return the references to an object, or all, those first that sort first."""
        where = "sn = ?1 AND (?2 IS NULL OR object = ?2) ORDER BY lam, id"
        return self._rows(rows.Object, where, (sn, object))

    def record(self, sn: int, record: bytes) -> rows.Record | None:
        """Return the row of a record."""
        return self._find(rows.Record, "sn = ? AND id = ?", (sn, record))

    def record_refs(self, sn: int, record: bytes) -> list[rows.RecordRef]:
        """Return the references of a record in their order."""
        return self._rows(rows.RecordRef, "sn = ? AND record = ? ORDER BY at", (sn, record))

    def refs_to(self, sn: int, target: bytes) -> list[rows.RecordRef]:
        """Return the references of records to an event."""
        where = "sn = ? AND target = ? ORDER BY record, at"
        return self._rows(rows.RecordRef, where, (sn, target))

    def records_of(self, sn: int, task: bytes) -> list[rows.Record]:
        """Return the records of a task, those first that sort first."""
        return self._rows(rows.Record, "sn = ? AND task = ? ORDER BY lam, id", (sn, task))

    def objects_of(self, sn: int, task: bytes) -> list[rows.Object]:
        """Return the references to objects of a task, those first that sort first."""
        return self._rows(rows.Object, "sn = ? AND task = ? ORDER BY lam, id", (sn, task))

    def judged(self, sn: int, gate: str) -> list[bytes]:
        """Return, ascending, the tasks that stand by a completion and have ``gate`` in theirs."""
        self._settle(rows.Task)
        sql = (
            "SELECT id FROM task WHERE sn = ? AND completion IS NOT NULL AND instr(gate, ?) > 0"
            " ORDER BY id"
        )
        return self.connection.rows(bytes, sql, (sn, gate))

    def item(self, rid: int) -> rows.Item | None:
        """Return the item of an event."""
        return self._find(rows.Item, "rid = ?", (rid,))

    def last_item(self, sn: int) -> tuple[int, bytes] | None:
        """Return (lam, id) of the item that sorts last."""
        self._settle(rows.Item)
        sql = "SELECT lam, id FROM item WHERE sn = ? ORDER BY lam DESC, id DESC LIMIT 1"
        return self.connection.find(_lam_id, sql, (sn,))

    def add_words(self, rid: int, text: str) -> None:
        """Make the words of an item searchable that is new."""
        self._new_words.append((rid, text))

    def index_words(self, rid: int, text: str | None) -> None:
        """Make the words of an item searchable, or no longer (None)."""
        if text is None:
            self.flush()
            self.connection.run("DELETE FROM words WHERE rowid = ?", (rid,))
        else:
            self._words.append((rid, text))

    def drop(self) -> None:
        """Empty the projections, to be made again in the same transaction."""
        self.flush()
        for table in schema.PROJECTION_TABLES:
            self.connection.run(f"DROP TABLE IF EXISTS {table}")
        self.connection.run(schema.PROJECTIONS)
        sql = "INSERT OR REPLACE INTO meta(k, v) VALUES('projection', ?)"
        self.connection.run(sql, (schema.PROJECTION,))

    # -- the stream -----------------------------------------------------------------------------

    def stream_of(self, rid: int) -> list[rows.Stream]:
        """Return what an event put into the stream."""
        return self._rows(rows.Stream, "rid = ? ORDER BY n", (rid,))

    def streams_of(self, sn: int, first: int, last: int) -> list[rows.Stream]:
        """Return what the events of a space with numbers in a range put into the stream."""
        where = "rid BETWEEN ? AND ? AND sn = ? ORDER BY n"
        return self._rows(rows.Stream, where, (first, last, sn))

    def unread(self, sn: int, after: int) -> int:
        """Count the inbox items above an arrival number."""
        self._settle(rows.Stream)
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

    def queued(self, sn: int, what: str) -> set[bytes]:
        """Return the ids of the entries of one sort in the outbox."""
        sql = "SELECT id FROM outbox WHERE sn = ? AND what = ? AND id IS NOT NULL"
        return set(self.connection.rows(bytes, sql, (sn, what)))

    def unsend(self, sn: int, what: Sequence[str]) -> None:
        """Remove the entries of some sorts from the outbox."""
        sql = "DELETE FROM outbox WHERE sn = ? AND what = ?"
        self.connection.run_many(sql, [(sn, one) for one in what])

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
        """Record what a call under an idempotency key answered, and forget what is too old."""
        before = at - limits.IDEMPOTENCY_SECONDS_MAX * 1000
        self.connection.run("DELETE FROM idempotency WHERE sn = ? AND at <= ?", (sn, before))
        sql = "INSERT OR REPLACE INTO idempotency(sn, key, digest, result, at)"
        self.connection.run(f"{sql} VALUES(?, ?, ?, ?, ?)", (sn, key, digest, result, at))

    def drop_reply(self, sn: int, key: str) -> None:
        """Forget an idempotency key."""
        self.connection.run("DELETE FROM idempotency WHERE sn = ? AND key = ?", (sn, key))

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

    def note(self, sn: int, what: str) -> bytes | None:
        """Return what this copy noted about a space, None if it did not."""
        sql = "SELECT v FROM meta WHERE k = ?"
        return self.connection.find(bytes, sql, (f"{what} {sn}",))

    def keep_note(self, sn: int, what: str, data: bytes | None) -> None:
        """Note something about a space in the place of what was noted before; None: forget it."""
        key = f"{what} {sn}"
        self.connection.run("DELETE FROM meta WHERE k = ?", (key,))
        if data is not None:
            self.connection.run("INSERT INTO meta(k, v) VALUES(?, ?)", (key, data))

    def provisional(self, sn: int, an: int) -> list[rows.Task]:
        """Return the tasks that somebody holds by a claim which no hub confirmed."""
        where = "sn = ? AND assignee = ? AND is_claim = 1 AND claim_state = 'provisional'"
        return self._rows(rows.Task, f"{where} ORDER BY id", (sn, an))

    def find_holder(self, sn: int, task: bytes, session: str) -> bytes | None:
        """Return the slot secret of a session for a task, None if it never claimed it."""
        sql = "SELECT secret FROM holder WHERE sn = ? AND task = ? AND session = ?"
        return self.connection.find(bytes, sql, (sn, task, session))


def _insert(kind: type[Row]) -> str:
    """Return the statement that stores rows of ``kind``."""
    marks = ", ".join("?" * len(kind._fields))
    head = " ".join(("INSERT OR REPLACE INTO", _TABLES[kind][0], "(", _columns(kind), ")"))
    return f"{head} VALUES({marks})"


_INSERTS: Final[dict[object, str]] = {kind: _insert(kind) for kind in _TABLES}
_ADDS: Final[dict[object, str]] = {
    kind: sql.replace("INSERT OR REPLACE", "INSERT", 1) for kind, sql in _INSERTS.items()
}

# By the class of the row; a bound type variable is no key of a narrower sort.
_SELECTS: Final[dict[object, str]] = {
    kind: " ".join(("SELECT", _columns(kind), "FROM", table, "WHERE "))
    for kind, (table, _) in _TABLES.items()
}

_REACH: Final = " ".join(
    (
        "WITH RECURSIVE way(id) AS (VALUES(?3) UNION SELECT edge.target FROM way JOIN edge"
        " ON edge.sn = ?1 AND edge.task = way.id AND edge.rel = ?2) SELECT",
        ", ".join(f"edge.{name}" for name in rows.Edge._fields),
        "FROM way JOIN edge ON edge.sn = ?1 AND edge.task = way.id AND edge.rel = ?2",
    )
)


def _lam_id(lam: int, event: bytes) -> tuple[int, bytes]:
    return lam, event


def _reply(digest: bytes, result: str) -> tuple[bytes, str]:
    return digest, result
