"""Views: every question a read asks of replica.db, each one query by an index.

Rows go out as `views.rows` has them; nothing here decrypts, judges or formats. Each list is read by
the sort key of its page, never by offset, and state by state where one query would have to sort, so
a page costs the same among a thousand events and a hundred thousand.

Laws: read only; SQL is constant text with bound parameters, the phrase of a search too. Answers
that have to fit together are asked for inside one ``snapshot``.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids, limits
from envoy.errors import IntegrityError, UsageError
from envoy.jsontext import dumps
from envoy.lean import NamedTuple
from envoy.storage import schema
from envoy.system.db import Connection, Snapshot
from envoy.views import rows
from envoy.views.history import WHOLE, Filter, Happened, Part
from envoy.views.names import ENDED
from envoy.views.pages import Key

NEWEST: Key = (2**63 - 1, b"\xff" * (ids.ID_BYTES + 1))
FIRST_TASK: Key = (-1, -1, b"")


def columns(table: str, fields: Sequence[str], *, without: Sequence[str] = ()) -> str:
    """Return the columns of ``table`` for a row of these ``fields``, NULL for those left out."""
    return ", ".join(["NULL" if name in without else f"{table}.{name}" for name in fields])


def select(table: str, fields: Sequence[str], *rest: str, without: Sequence[str] = ()) -> str:
    """Return the query for rows of these ``fields`` from ``table``."""
    return " ".join(("SELECT", columns(table, fields, without=without), "FROM", table, *rest))


_SPACES = select("space", rows.Space._fields, "ORDER BY sn")
# Without the encryption keys: 1,216 bytes each, and no read shows one.
_MEMBERS = select("member", rows.Member._fields, "WHERE sn = ?", without=("enc", "access"))
_GRANTS = select(
    "grant_",
    rows.Grant._fields,
    "WHERE sn = ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY senior, id",
)
_INVITES = select("invite", rows.Invite._fields, "WHERE sn = ? ORDER BY created_ms DESC, id")
_PAGE = (
    "AND (item.lam, item.id) < (?2, ?3)"
    " AND (?4 IS NULL OR item.kind IN (SELECT value FROM json_each(?4)))"
    " AND (NOT ?6 OR item.status IN ('ok', 'ok*', 'unsupported'))"
    " ORDER BY item.lam DESC, item.id DESC LIMIT ?5"
)
_HISTORY = select("item", rows.Item._fields, "WHERE item.sn = ?1", _PAGE)
_TASK_HISTORY = select(
    "item",
    rows.Item._fields,
    "WHERE item.sn = ?1 AND (item.task = ?7",
    "OR item.rid = (SELECT rid FROM event WHERE sn = ?1 AND id = ?7))",
    _PAGE,
)
_ABOVE = (
    "SELECT item.id, item.reply_to FROM up JOIN event ON event.sn = ?1 AND event.id = up.above"
    " JOIN item ON item.rid = event.rid"
)
_BELOW = "SELECT item.id FROM down JOIN item ON item.sn = ?1 AND item.reply_to = down.id"
_THREAD = " ".join(
    (
        "WITH RECURSIVE",
        "up(id, above) AS (SELECT id, reply_to FROM item WHERE sn = ?1 AND rid = ?7 UNION",
        _ABOVE,
        "), down(id) AS (SELECT id FROM up UNION",
        _BELOW,
        ")",
        select("item", rows.Item._fields, "JOIN event ON event.rid = item.rid"),
        "JOIN down ON event.sn = ?1 AND event.id = down.id WHERE item.sn = ?1",
        _PAGE,
    )
)
_SEARCH = select(
    "item",
    rows.Item._fields,
    "JOIN words ON words.rowid = item.rid WHERE words.body MATCH ?1 AND words.rowid < ?2",
    "AND (?3 IS NULL OR item.sn = ?3) AND item.status IN ('ok', 'ok*')",
    "ORDER BY words.rowid DESC LIMIT ?4",
)
_NOT_COUNTING = select(
    "item",
    rows.Item._fields,
    # The last condition is that of the index; the planner would take the order for cheaper.
    "INDEXED BY item_status WHERE sn = ? AND status <> 'unsupported'",
    "AND status NOT IN ('ok', 'ok*')",
    "ORDER BY lam DESC, id DESC LIMIT ?",
)
_UNSUPPORTED = select(
    "item",
    rows.Item._fields,
    "INDEXED BY item_status WHERE sn = ? AND status = 'unsupported'",
    "AND status NOT IN ('ok', 'ok*')",
    "ORDER BY lam DESC, id DESC LIMIT ?",
)
_AUTHORITY = select(
    "item",
    rows.Item._fields,
    "INDEXED BY item_rest WHERE sn = ? AND kind <> 'message' AND kind NOT GLOB 'task.*'",
    "ORDER BY lam DESC, id DESC LIMIT ?",
)
_ITEM = select("item", rows.Item._fields, "WHERE item.rid = ?")
_STREAM = " ".join(
    (
        "SELECT",
        columns("stream", rows.Stream._fields),
        ",",
        columns("item", rows.Item._fields),
        ", event.id, event.status FROM stream JOIN event USING(rid) LEFT JOIN item USING(rid)",
    )
)
_MENTIONS = _STREAM.replace("FROM stream", "FROM stream INDEXED BY stream_mention") + (
    " WHERE stream.sn = ? AND stream.reason = 'mention' AND stream.hidden = 0"
    " ORDER BY stream.n DESC LIMIT ?"
)
_POLLS = select(
    "item",
    rows.Item._fields,
    "INDEXED BY item_poll WHERE sn = ? AND kind = 'poll' AND status IN ('ok', 'ok*')",
    "AND redacted IS NULL ORDER BY lam DESC, id DESC LIMIT ?",
)
_FILTER = (
    "AND (?3 IS NULL OR stream.an = ?3) AND (?4 IS NULL OR stream.type = ?4)"
    " AND (?5 = 0 OR stream.type GLOB 'task_*')"
)
_WHERE_UNREAD = (
    "WHERE stream.sn = ?1 AND stream.n > ?2 AND stream.reason IS NOT NULL AND stream.hidden = 0"
)
_NOT_OWN = "AND stream.own = 0"
_COUNT_STREAM = "SELECT count(*) FROM stream"
_TASKS = select(
    "task",
    rows.Task._fields,
    "WHERE sn = ?1 AND state = ?2 AND (priority, lam, id) > (?3, ?4, ?5)",
    "AND (?6 IS NULL OR assignee = ?6)",
    "AND (?7 IS NULL OR EXISTS(SELECT 1 FROM json_each(labels) WHERE value = ?7))",
    "ORDER BY priority, lam, id LIMIT ?8",
)
_TASKS_OF = select(
    "task",
    rows.Task._fields,
    "INDEXED BY task_holder WHERE sn = ? AND assignee = ?",
    "AND state NOT IN (SELECT value FROM json_each(?)) ORDER BY priority, lam, id LIMIT ?",
)
_READY = select("task", rows.Task._fields, "WHERE", schema.READY)
_ENDED = select(
    "task",
    rows.Task._fields,
    "WHERE sn = ? AND state = ? AND priority = ? ORDER BY lam DESC LIMIT ?",
)
_TASK = select("task", rows.Task._fields, "WHERE sn = ? AND id = ?")
_OPEN_CONFLICTS = select(
    "conflict", rows.Conflict._fields, "WHERE sn = ? AND status = 'open' ORDER BY id LIMIT ?"
)
_CONFLICTS = select(
    "conflict", rows.Conflict._fields, "WHERE sn = ? AND entity = ? ORDER BY id LIMIT ?"
)


class Counts(NamedTuple):
    """Of one space, for its line in a list."""

    open: int
    mine: int
    conflicts: int
    held: int


class Views:
    """The answers of one replica.db."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def snapshot(self) -> Snapshot:
        """Return a context in which all answers are of one moment. Keep it short."""
        return self._db.snapshot()

    def is_current(self) -> bool:
        """Return whether tables and projections are those of this version.

        False: a writer has to bring them up first. Raises IntegrityError(schema_too_new).
        """
        version = self._db.find(int, "PRAGMA user_version") or 0
        if version > schema.VERSION:
            # It stands twice; where the other one is of this version, a damaged byte said so.
            noted = self._db.find(int, "SELECT v FROM meta WHERE k = 'schema'") or 0
            code = "schema_too_new" if noted > schema.VERSION else "state_corrupt"
            raise IntegrityError(code, found=version, known=schema.VERSION)
        if version < schema.VERSION:
            return False
        return self._db.find(int, "SELECT v FROM meta WHERE k = 'projection'") in (
            None,
            schema.PROJECTION,
        )

    # -- spaces and members ---------------------------------------------------------------------

    def spaces(self) -> list[rows.Space]:
        """Return every space of the profile."""
        return self._db.rows(rows.Space, _SPACES)

    def members(self, sn: int) -> list[rows.Member]:
        """Return everybody a space ever knew, without their encryption keys."""
        return self._db.rows(rows.Member, _MEMBERS, (sn,))

    def did(self, an: int) -> bytes:
        """Return the did behind a number."""
        found = self._db.find(bytes, "SELECT did FROM actor WHERE an = ?", (an,))
        assert found is not None, "numbers of actors come from this table"
        return found

    def actor(self, did: bytes) -> int | None:
        """Return the number behind a did, None where nothing of it was ever seen."""
        return self._db.find(int, "SELECT an FROM actor WHERE did = ?", (did,))

    def grants(self, sn: int, subject: int | None = None) -> list[rows.Grant]:
        """Return the grants of a space, or those to one member, the most senior first."""
        return self._db.rows(rows.Grant, _GRANTS, (sn, subject))

    def invites(self, sn: int) -> list[rows.Invite]:
        """Return the invites of a space, the newest first."""
        return self._db.rows(rows.Invite, _INVITES, (sn,))

    def counts(self, sn: int, me: int | None) -> Counts:
        """Return how much there is to do in a space, for its line in a list."""
        ended = dumps(ENDED)
        tasks = (
            "SELECT coalesce(sum(n), 0) FROM (SELECT state, count(*) AS n FROM task WHERE sn = ?1"
            " GROUP BY state) WHERE state NOT IN (SELECT value FROM json_each(?2))"
        )
        mine = (
            "SELECT count(*) FROM task INDEXED BY task_holder WHERE sn = ?1 AND assignee = ?3"
            " AND state NOT IN (SELECT value FROM json_each(?2))"
        )
        conflicts = "SELECT count(*) FROM conflict WHERE sn = ? AND status = 'open'"
        held = (
            "SELECT count(*) FROM item INDEXED BY item_status WHERE sn = ? AND status = 'held'"
            " AND status NOT IN ('ok', 'ok*')"
        )
        return Counts(
            self._count(tasks, (sn, ended)),
            self._count(mine, (sn, ended, me)) if me is not None else 0,
            self._count(conflicts, (sn,)),
            self._count(held, (sn,)),
        )

    # -- items ----------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """Return the kinds of events that whoever wrote this file last could read."""
        noted = self._db.find(str, "SELECT v FROM meta WHERE k = 'kinds'")
        return (noted or "").split()

    def history(
        self, sn: int, *, after: Key | None, limit: int, part: Part = WHOLE
    ) -> list[rows.Item]:
        """Return items, the last in the order of the space first, behind ``after`` (lam, id)."""
        kinds = dumps(list(part.kinds)) if part.kinds else None
        params = (sn, *(after or NEWEST), kinds, limit, int(part.counting))
        if part.task is not None:
            return self._db.rows(rows.Item, _TASK_HISTORY, (*params, part.task))
        if part.thread is not None:
            return self._db.rows(rows.Item, _THREAD, (*params, part.thread))
        return self._db.rows(rows.Item, _HISTORY, params)

    def search(self, phrase: str, *, sn: int | None, before: int, limit: int) -> list[rows.Item]:
        """Return the items whose text holds ``phrase``, the last to arrive here first.

        The phrase is quoted, so none of its characters is an operator. Raises UsageError
        (invalid_argument) for one over limits.SEARCH_BYTES_MAX.
        """
        if len(phrase) > limits.SEARCH_BYTES_MAX or len(phrase.encode()) > limits.SEARCH_BYTES_MAX:
            most = limits.SEARCH_BYTES_MAX
            raise UsageError("invalid_argument", argument="query", cause="length", bytes_max=most)
        quoted = '"' + phrase.replace("\0", " ").replace('"', '""') + '"'
        return self._db.rows(rows.Item, _SEARCH, (quoted, before, sn, limit))

    def not_counting(self, sn: int, limit: int) -> list[rows.Item]:
        """Return the newest items that are held, void or invalid."""
        return self._db.rows(rows.Item, _NOT_COUNTING, (sn, limit))

    def unsupported(self, sn: int, limit: int) -> list[rows.Item]:
        """Return the newest items of kinds that this version cannot read."""
        return self._db.rows(rows.Item, _UNSUPPORTED, (sn, limit))

    def authority(self, sn: int, limit: int) -> list[rows.Item]:
        """Return the newest items that are neither said nor done on a task: mostly authority."""
        return self._db.rows(rows.Item, _AUTHORITY, (sn, limit))

    def items(self, sn: int, events: Sequence[bytes]) -> dict[bytes, rows.Item]:
        """Return the items of those of ``events`` that have one."""
        rids = {event: self.rid(sn, event) for event in events}
        found = {
            event: self._db.find(rows.Item, _ITEM, (rid,))
            for event, rid in rids.items()
            if rid is not None
        }
        return {event: item for event, item in found.items() if item is not None}

    def item_counts(self, sn: int, *, alone: bool) -> tuple[int, int]:
        """Return how many items a space has, and how many of them are held, void or invalid.

        ``alone``: it is the only space of the profile. Then SQLite counts pages, not rows.
        """
        every = "SELECT count(*) FROM item"
        one = "SELECT count(*) FROM item INDEXED BY item_space WHERE sn = ?"
        bad = (
            "SELECT count(*) FROM item INDEXED BY item_status WHERE sn = ?"
            " AND status <> 'unsupported' AND status NOT IN ('ok', 'ok*')"
        )
        items = self._count(every, ()) if alone else self._count(one, (sn,))
        return items, self._count(bad, (sn,))

    def events(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three accepted events between ``low`` and ``high``."""
        sql = "SELECT id FROM event WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self._db.rows(bytes, sql, (sn, low, high))

    def rid(self, sn: int, event: bytes) -> int | None:
        """Return the number of an accepted event."""
        sql = "SELECT rid FROM event WHERE sn = ? AND id = ?"
        return self._db.find(int, sql, (sn, event))

    def visible(self, sn: int, events: Sequence[bytes]) -> set[bytes]:
        """Return those of ``events`` that are here and count."""
        sql = "SELECT id FROM event WHERE sn = ? AND id = ? AND status IN ('ok', 'ok*')"
        return {found for one in events for found in self._db.rows(bytes, sql, (sn, one))}

    # -- inbox and stream -----------------------------------------------------------------------

    def unread(self, sn: int, *, after: int, limit: int, which: Filter) -> list[Happened]:
        """Return what is in the inbox above ``after``, the oldest first."""
        own = "" if which.own else _NOT_OWN
        sql = " ".join((_STREAM, _WHERE_UNREAD, own, _FILTER, "ORDER BY stream.n LIMIT ?6"))
        return self._db.rows(_happened, sql, (sn, after, *_filter(which), limit))

    def count_unread(self, sn: int, *, after: int, which: Filter) -> int:
        """Count what is in the inbox above ``after``."""
        own = "" if which.own else _NOT_OWN
        sql = " ".join((_COUNT_STREAM, _WHERE_UNREAD, own, _FILTER))
        return self._count(sql, (sn, after, *_filter(which)))

    def stream(self, sn: int, *, after: int, limit: int) -> list[Happened]:
        """Return what happened above ``after``, the oldest first."""
        sql = _STREAM + " WHERE stream.sn = ? AND stream.n > ? ORDER BY stream.n LIMIT ?"
        return self._db.rows(_happened, sql, (sn, after, limit))

    def mentions(self, sn: int, limit: int) -> list[Happened]:
        """Return the last mentions of this profile."""
        return self._db.rows(_happened, _MENTIONS, (sn, limit))

    def polls(self, sn: int, limit: int) -> list[rows.Item]:
        """Return the last polls that count, the newest first."""
        return self._db.rows(rows.Item, _POLLS, (sn, limit))

    def answered(self, sn: int, events: Sequence[bytes], author: int) -> set[bytes]:
        """Return those of ``events`` that ``author`` replied to."""
        sql = "SELECT reply_to FROM item WHERE sn = ? AND reply_to = ? AND an = ? LIMIT 1"
        return {one for event in events for one in self._db.rows(bytes, sql, (sn, event, author))}

    def of_event(self, rid: int) -> Happened | None:
        """Return the last line of the stream that an event made."""
        sql = " ".join((_STREAM, "WHERE stream.rid = ? ORDER BY stream.n DESC LIMIT 1"))
        return self._db.find(_happened, sql, (rid,))

    def tail(self, sn: int, limit: int) -> list[Happened]:
        """Return the last things that happened, the oldest of them first."""
        sql = _STREAM + " WHERE stream.sn = ? ORDER BY stream.n DESC LIMIT ?"
        return self._db.rows(_happened, sql, (sn, limit))[::-1]

    def newest(self, sn: int) -> int:
        """Return the greatest arrival number of a space, 0 where nothing happened."""
        return self._count("SELECT coalesce(max(n), 0) FROM stream WHERE sn = ?", (sn,))

    # -- tasks ----------------------------------------------------------------------------------

    def tasks(
        self,
        sn: int,
        *,
        states: Sequence[str],
        after: Key | None,
        limit: int,
        assignee: int | None = None,
        label: str | None = None,
    ) -> list[rows.Task]:
        """Return tasks in ``states`` by (priority, lam, id) behind ``after``."""
        found: list[rows.Task] = []
        for state in states:
            params = (sn, state, *(after or FIRST_TASK), assignee, label, limit)
            found += self._db.rows(rows.Task, _TASKS, params)
        found.sort(key=lambda task: (task.priority, task.lam, task.id))
        return found[:limit]

    def ready(
        self, sn: int, me: int | None, *, label: str | None, after: Key | None, limit: int
    ) -> list[rows.Task]:
        """Return what ``me`` could take now, by (priority, date, lam, id) behind ``after``."""
        params = (sn, me, label, *(after or schema.FIRST_READY), limit)
        return self._db.rows(rows.Task, _READY, params)

    def tasks_of(self, sn: int, assignee: int, *, limit: int) -> list[rows.Task]:
        """Return the tasks of one member that have not ended, by (priority, lam, id)."""
        return self._db.rows(rows.Task, _TASKS_OF, (sn, assignee, dumps(ENDED), limit))

    def ended(self, sn: int, limit: int) -> list[rows.Task]:
        """Return the tasks that ended, the youngest first."""
        found: list[rows.Task] = []
        for state in ENDED:
            for priority in range(5):
                found += self._db.rows(rows.Task, _ENDED, (sn, state, priority, limit))
        found.sort(key=lambda task: (-task.lam, task.id))
        return found[:limit]

    def task_counts(self, sn: int) -> dict[str, int]:
        """Return how many tasks are in each state."""
        sql = "SELECT state, count(*) FROM task WHERE sn = ? GROUP BY state"
        return dict(self._db.rows(_pair, sql, (sn,)))

    def task(self, sn: int, task: bytes) -> rows.Task | None:
        """Return one task."""
        return self._db.find(rows.Task, _TASK, (sn, task))

    def task_states(self, sn: int, tasks: Sequence[bytes]) -> dict[bytes, str]:
        """Return the states of those of ``tasks`` that are known."""
        sql = "SELECT state FROM task WHERE sn = ? AND id = ?"
        found = {task: self._db.find(str, sql, (sn, task)) for task in tasks}
        return {task: state for task, state in found.items() if state is not None}

    def task_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three tasks between ``low`` and ``high``."""
        sql = "SELECT id FROM task WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self._db.rows(bytes, sql, (sn, low, high))

    def conflicts(self, sn: int, *, entity: bytes | None, limit: int) -> list[rows.Conflict]:
        """Return the open conflicts of a space, or all of one entity."""
        if entity is None:
            return self._db.rows(rows.Conflict, _OPEN_CONFLICTS, (sn, limit))
        return self._db.rows(rows.Conflict, _CONFLICTS, (sn, entity, limit))

    # -- where this copy stands -------------------------------------------------------------------

    def has_objects(self, sn: int) -> bool:
        """Say whether a space has references to objects."""
        return self._db.find(int, "SELECT 1 FROM object WHERE sn = ? LIMIT 1", (sn,)) is not None

    def has_records(self, sn: int) -> bool:
        """Say whether a space has records that count."""
        return self._db.find(int, "SELECT 1 FROM record WHERE sn = ? LIMIT 1", (sn,)) is not None

    def heads(self, sn: int) -> list[bytes]:
        """Return the heads of all accepted events, ascending."""
        return self._db.rows(
            bytes, "SELECT id FROM head WHERE sn = ? AND frontier ORDER BY id", (sn,)
        )

    def parked(self, sn: int) -> dict[str, int]:
        """Return how many frames wait for a parent or for a key, by that word."""
        sql = "SELECT state, count(*) FROM parked WHERE sn = ? GROUP BY state"
        return dict(self._db.rows(_pair, sql, (sn,)))

    def quarantined(self, sn: int) -> int:
        """Count the frames refused at the door."""
        return self._count("SELECT count(*) FROM quarantine WHERE sn = ?", (sn,))

    def _count(self, sql: str, params: Sequence[int | str | bytes | None]) -> int:
        """Return the one number of a query."""
        return self._db.find(int, sql, params) or 0


def _filter(which: Filter) -> tuple[int | None, str | None, int]:
    return which.author, which.type, int(which.tasks)


def _happened(*values: int | str | bytes | None) -> Happened:
    cut = len(rows.Stream._fields)
    item = rows.Item._make(values[cut:-2]) if values[cut] is not None else None
    event, status = values[-2:]
    assert isinstance(event, bytes) and isinstance(status, str)
    return Happened(rows.Stream._make(values[:cut]), item, event, status)


def _pair(name: str, count: int) -> tuple[str, int]:
    return name, count
