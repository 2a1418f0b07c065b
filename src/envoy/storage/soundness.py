"""Soundness: does a replica.db agree with itself, as far as that can be seen without a key?

Counts, sums and references between tables are computed again. What the log means is another
question (``replica.inspection``); so is whether the projections are those of the log, which is
answered by folding a copy of the file again and comparing ``digests``.

Laws: it only looks. Ask a connection that was just opened (``system.db.full_check``).

Specification: docs/spec/home.md, Looking deeply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envoy.core.crypto.sign import sha256
from envoy.storage import schema
from envoy.system import tables
from envoy.system.db import Connection, Value
from envoy.views.names import EVENT_TYPES, INBOX_REASONS

SUM_MODULUS: Final = 1 << 256
_SEEN: Final = ("event", "receipt", "parked", "dropped", "quarantine")
# What must lead somewhere: words for it, and a query that counts what leads nowhere.
_WORDS: Final = {
    "type": ("SELECT DISTINCT type FROM stream", frozenset(EVENT_TYPES)),
    "reason": (
        "SELECT DISTINCT reason FROM stream WHERE reason IS NOT NULL",
        frozenset(INBOX_REASONS),
    ),
}
_REFERENCES: Final = (
    (
        "events without author, chain or place",
        "SELECT count(*) FROM event e LEFT JOIN actor a USING(an) LEFT JOIN chain c USING(cn)"
        " LEFT JOIN seen s ON s.k = e.seen LEFT JOIN space p ON p.sn = e.sn"
        " WHERE a.an IS NULL OR c.cn IS NULL OR s.k IS NULL OR p.sn IS NULL",
    ),
    (
        "events without their frame",
        "SELECT count(*) FROM event LEFT JOIN frame USING(rid) WHERE frame.rid IS NULL",
    ),
    (
        "frames without their event",
        "SELECT count(*) FROM frame LEFT JOIN event USING(rid) WHERE event.rid IS NULL",
    ),
    (
        "entries of the stream without their event",
        "SELECT count(*) FROM stream LEFT JOIN event USING(rid) WHERE event.rid IS NULL",
    ),
    (
        "entries of the stream beyond the next number",
        "SELECT count(*) FROM stream JOIN space USING(sn) WHERE stream.n >= space.next_n",
    ),
    (
        "entries of the stream that are not as their event",
        "SELECT count(*) FROM stream t JOIN event e USING(rid) LEFT JOIN item i USING(rid)"
        " WHERE t.sn <> e.sn OR t.an <> e.an OR t.at <> e.ts"
        " OR t.own NOT IN (0, 1) OR t.hidden NOT IN (0, 1)"
        " OR (t.type NOT GLOB 'conflict_*' AND t.object NOT IN"
        " (e.id, ifnull(e.entity, e.id), ifnull(i.task, e.id), ifnull(i.target, e.id))"
        " AND NOT EXISTS (SELECT 1 FROM event o WHERE o.sn = t.sn AND o.id = t.object))",
    ),
    (
        "frames to be sent that are not here",
        "SELECT count(*) FROM outbox o LEFT JOIN event e ON e.sn = o.sn AND e.id = o.id"
        " WHERE o.what IN ('frame', 'slot', 'free') AND e.rid IS NULL",
    ),
    (
        "wrong counts of what is to be sent",
        "SELECT count(*) FROM space s WHERE pending <>"
        " (SELECT count(*) FROM outbox o WHERE o.sn = s.sn)",
    ),
    (
        "wrong counts of events",
        "SELECT count(*) FROM space s WHERE events <>"
        " (SELECT count(*) FROM event e WHERE e.sn = s.sn)",
    ),
    (
        "wrong counts of what is unread",
        "SELECT count(*) FROM space s WHERE unread <> (SELECT count(*) FROM stream t"
        " WHERE t.sn = s.sn AND t.n > s.ack_n AND reason IS NOT NULL AND own = 0 AND hidden = 0)",
    ),
    (
        "spaces of a mode that is none",
        "SELECT count(*) FROM space WHERE mode NOT IN ('local_only', 'connected')",
    ),
    (
        "cursors beyond what is here",
        "SELECT count(*) FROM space WHERE ack_n >= next_n OR cursor < 0 OR ack_n < 0",
    ),
)


def findings(connection: Connection) -> Iterator[str]:
    """Yield what contradicts itself, in our own words; nothing if the file is sound."""
    wrong = list(shape(connection))
    yield from wrong
    for what, sql in () if wrong else _REFERENCES:
        count = connection.find(int, sql)
        if count:
            yield f"{count} {what}"
    for what, (sql, known) in () if wrong else _WORDS.items():
        if not known.issuperset(connection.rows(str, sql)):
            yield f"a {what} in the stream that is none"
    sums = "SELECT sn, frame_sum, frame_count FROM space"
    for sn, total, number in () if wrong else connection.rows(_space, sums):
        yield from _sums(connection, sn, total, number)


def shape(connection: Connection) -> Iterator[str]:
    """Yield what is not as this version makes it, of a file of this version.

    Projections by other rules are dropped soon, so they may look otherwise.
    """
    noted = connection.find(int, "SELECT v FROM meta WHERE k = 'projection'")
    but = () if noted in (None, schema.PROJECTION) else schema.PROJECTION_TABLES
    yield from tables.findings(connection, schema.LOG + schema.PROJECTIONS, but=but)


def _sums(connection: Connection, sn: int, total: bytes, number: int) -> Iterator[str]:
    """Yield if the sum of the frames ever seen does not follow from their ids."""
    found = count = 0
    for table in _SEEN:
        for ident in connection.each(
            bytes, " ".join(("SELECT id FROM", table, "WHERE sn = ?")), (sn,)
        ):
            found, count = found + int.from_bytes(ident, "little"), count + 1
    if (count, (found % SUM_MODULUS).to_bytes(32, "little")) != (number, total):
        yield "the sum of all frames seen does not follow from their ids"


def digests(connection: Connection) -> dict[str, bytes]:
    """Return a hash of what a rebuild makes anew, by table, verdicts and counts among them."""
    found = {}
    for table in schema.PROJECTION_TABLES:
        if table != "words":
            found[table] = _digest(connection, " ".join(("SELECT * FROM", table)))
    # The words are kept without their texts: the index itself tells what is in it.
    connection.run("CREATE VIRTUAL TABLE temp.spoken USING fts5vocab(main, words, instance)")
    found["words"] = _digest(connection, 'SELECT term, doc, "offset" FROM temp.spoken')
    connection.run("DROP TABLE temp.spoken")
    found["space"] = _digest(connection, "SELECT * FROM space")
    found["verdicts"] = _digest(connection, "SELECT rid, status, cause, cause_by FROM event")
    return found


def _digest(connection: Connection, sql: str) -> bytes:
    """Return a hash over the rows of a query, in whatever order they come."""
    return sha256("\n".join(sorted(connection.rows(_text, sql))).encode())


def _text(*values: Value) -> str:
    return repr(values)


def _space(sn: int, total: bytes, number: int) -> tuple[int, bytes, int]:
    return sn, total, number
