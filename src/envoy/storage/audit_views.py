"""Audit views: what a copy holds and lacks, counted from replica.db without a key.

Asked for by the `audit` commands only, so no hot read loads it.

Laws: read only; SQL is constant text with bound parameters; lists are bounded, or streamed.

Specification: docs/spec/audit.md; docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envoy.lean import NamedTuple
from envoy.storage.views import select
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.audit import EVERYTHING, Act, Chain, EpochFact, Fork, Given, Slice

_CHAINS: Final = (
    "SELECT c.an, c.chain, c.forked, count(*), count(DISTINCT e.seq), max(e.seq),"
    " (SELECT count(*) FROM event o WHERE o.cn = c.cn AND o.status NOT IN ('ok', 'ok*'))"
    " FROM chain c JOIN event e USING(cn) WHERE c.sn = ? GROUP BY c.cn ORDER BY c.an, c.chain"
)
_FORKS: Final = (
    "SELECT c.an, f.seq, f.first, f.second FROM fork f JOIN chain c USING(cn)"
    " WHERE f.sn = ? ORDER BY c.an, f.seq, f.second LIMIT ?"
)
# Of several that made one epoch the one that sorts first.
_EPOCHS: Final = (
    "SELECT p.id, p.secret IS NOT NULL, e.id, e.lam, a.body FROM epoch p"
    " LEFT JOIN authority a ON a.sn = p.sn AND a.rid = (SELECT b.rid FROM authority b"
    " JOIN event c ON c.rid = b.rid WHERE b.sn = p.sn AND b.epoch = p.id"
    " AND c.kind IN ('genesis', 'epoch.create') AND c.status = 'ok'"
    " ORDER BY c.lam, c.id LIMIT 1)"
    " LEFT JOIN event e ON e.rid = a.rid WHERE p.sn = ? ORDER BY p.id"
)
# Whoever creates an entity is stored without its id, which is that of the event.
_ACT: Final = (
    "SELECT id, kind, an, ts, status, cause,"
    " CASE entity WHEN x'' THEN id ELSE entity END FROM event"
)
# By one author, not before a time, about one task: each if it is asked for.
_PART: Final = (
    "WHERE event.sn = ?1 AND (?2 IS NULL OR event.an = ?2) AND (?3 IS NULL OR event.ts >= ?3)"
    " AND (?4 IS NULL OR event.id = ?4 OR event.entity = ?4 OR event.id IN ("
    "SELECT id FROM item WHERE sn = ?1 AND task = ?4 UNION"
    " SELECT id FROM record WHERE sn = ?1 AND task = ?4 UNION"
    " SELECT id FROM object WHERE sn = ?1 AND task = ?4))"
)
# What is chosen by the words of a header, as `Chosen` chooses: author, since, task.
_PICKED: Final = (
    "((?2 IS NULL OR e.an = (SELECT an FROM actor WHERE did = ?2)) AND (?3 IS NULL OR e.ts >= ?3)"
    " AND (?4 IS NULL OR e.id = ?4 OR e.entity = ?4 OR e.id IN ("
    "SELECT id FROM item WHERE sn = ?1 AND task = ?4 UNION"
    " SELECT id FROM record WHERE sn = ?1 AND task = ?4 UNION"
    " SELECT id FROM object WHERE sn = ?1 AND task = ?4)))"
)
# From what is picked to all that its states follow from, see docs/spec/audit.md, File. What rtrim
# leaves of a subject is `scheme:name@`: all up to its last @.
_PICKS: Final = " ".join(
    ("SELECT e.id FROM event e WHERE e.sn = ?1 AND (e.entity = ?5 OR", _PICKED, ")")
)
_STEPS: Final = (
    _PICKS,
    "SELECT e.id FROM chosen c JOIN event e ON e.sn = ?1 AND e.entity = c.id"
    " AND length(e.entity) > 0",
    "SELECT e.id FROM chosen c JOIN conflict k ON k.sn = ?1 AND k.entity = c.id"
    " JOIN event e ON e.sn = ?1 AND e.entity = k.id AND length(e.entity) > 0",
    "SELECT f.record FROM chosen c JOIN record t ON t.sn = ?1 AND t.id = c.id"
    " JOIN record_ref f ON f.sn = ?1 AND f.target = c.id",
    "SELECT l.target FROM chosen c JOIN link l ON l.sn = ?1 AND l.event = c.id"
    " AND l.rel IN ('evidence', 'repairs') JOIN event e ON e.sn = ?1 AND e.id = l.target",
    "SELECT r.id FROM chosen c JOIN record t ON t.sn = ?1 AND t.id = c.id AND t.subject <> ''"
    " JOIN record r ON r.sn = ?1 AND r.task = t.task AND (r.lam, r.id) > (t.lam, t.id)"
    " AND rtrim(r.subject, replace(r.subject, '@', ''))"
    " = rtrim(t.subject, replace(t.subject, '@', ''))",
    "SELECT o.id FROM chosen c JOIN record t ON t.sn = ?1 AND t.id = c.id AND t.subject <> ''"
    " JOIN object o ON o.sn = ?1 AND o.task = t.task"
    " LEFT JOIN object p ON p.sn = ?1 AND p.id = o.supersedes"
    " WHERE rtrim(t.subject, replace(t.subject, '@', ''))"
    " IN ('object:' || o.name || '@', 'object:' || p.name || '@')",
)
_BESIDE: Final = " ".join(
    (
        "WITH RECURSIVE chosen(id) AS (",
        " UNION ".join(_STEPS),
        ") SELECT c.id FROM chosen c JOIN event e ON e.sn = ?1 AND e.id = c.id WHERE NOT",
        _PICKED,
    )
)
_ACTS: Final = f"{_ACT} {_PART} ORDER BY lam DESC, id DESC LIMIT ?5"
_KINDS: Final = " ".join(
    (
        "SELECT kind, status, count(*) FROM event",
        _PART,
        "GROUP BY kind, status ORDER BY kind, status",
    )
)
_GIVEN: Final = (
    "SELECT g.id, g.kind, g.subject, g.author, g.role, g.verb, g.status, a.epoch"
    " FROM grant_ g JOIN authority a ON a.sn = g.sn AND a.ix = g.ix"
    " WHERE g.sn = ?1 AND (?2 IS NULL OR g.author = ?2 OR g.subject = ?2) ORDER BY g.senior, g.id"
)
# What others said that names something the member wrote, by an explicit reference.
_RESTING: Final = (
    "SELECT count(DISTINCT l.event) FROM event mine JOIN link l ON l.sn = mine.sn"
    " AND l.target = mine.id JOIN event e ON e.sn = l.sn AND e.id = l.event"
    " WHERE mine.sn = ?1 AND mine.an = ?2 AND e.an <> ?2 AND mine.kind <> 'genesis'"
)

_RECORDS: Final = select("record", rows.Record._fields, "WHERE sn = ? ORDER BY lam, id")


class Picked(NamedTuple):
    """What the words of a header choose: by a did, since a time in ms, about a task."""

    member: bytes | None
    since: int | None
    task: bytes | None


class AuditViews:
    """The answers of one replica.db about the soundness and the actors of a space."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- what is here -----------------------------------------------------------------------------

    def verdicts(self, sn: int, part: Slice = EVERYTHING) -> list[tuple[str, str, int]]:
        """Return (kind, status, count) of the accepted events of a part."""
        return self._db.rows(_triple, _KINDS, (sn, *part))

    def chains(self, sn: int) -> list[Chain]:
        """Return every chain of a space, by author."""
        return self._db.rows(Chain, _CHAINS, (sn,))

    def forks(self, sn: int, limit: int) -> list[Fork]:
        """Return the proofs that an author wrote two events in one place."""
        return self._db.rows(Fork, _FORKS, (sn, limit))

    def fork_count(self, sn: int) -> int:
        """Count the proofs of forks."""
        return self._count("SELECT count(*) FROM fork WHERE sn = ?", sn)

    def epochs(self, sn: int) -> list[EpochFact]:
        """Return the epochs that are known, ascending by id."""
        return self._db.rows(EpochFact, _EPOCHS, (sn,))

    def receipts(self, sn: int) -> tuple[int, int]:
        """Return how many receipts are kept, and how many of them count."""
        good = "SELECT count(*) FROM receipt WHERE sn = ? AND good = 1"
        return self._count("SELECT count(*) FROM receipt WHERE sn = ?", sn), self._count(good, sn)

    def refused(self, sn: int) -> dict[str, int]:
        """Return how many frames were refused, by code."""
        sql = "SELECT code, count(*) FROM quarantine WHERE sn = ? GROUP BY code ORDER BY code"
        return dict(self._db.rows(_pair, sql, (sn,)))

    def dropped(self, sn: int) -> int:
        """Count the frames that waited, lost their place and are fetched again."""
        return self._count("SELECT count(*) FROM dropped WHERE sn = ?", sn)

    def heads(self, sn: int) -> list[bytes]:
        """Return, ascending, the ids of the heads of all accepted events."""
        sql = "SELECT id FROM head WHERE sn = ? AND frontier = 1 ORDER BY id"
        return self._db.rows(bytes, sql, (sn,))

    def ordered(self, sn: int) -> Iterator[int]:
        """Yield the numbers of all accepted events, least (lam, id) first."""
        sql = "SELECT rid FROM event WHERE sn = ? ORDER BY lam, id"
        return self._db.each(int, sql, (sn,))

    def about(self, sn: int, task: bytes) -> set[bytes]:
        """Return the ids of what was said on a task: messages, records, objects and acts."""
        sql = (
            "SELECT id FROM item WHERE sn = ?1 AND task = ?2 UNION"
            " SELECT id FROM record WHERE sn = ?1 AND task = ?2 UNION"
            " SELECT id FROM object WHERE sn = ?1 AND task = ?2"
        )
        return set(self._db.rows(bytes, sql, (sn, task)))

    def gone(self, sn: int) -> set[bytes]:
        """Return the ids of what was redacted or taken back: messages and references to objects."""
        sql = (
            "SELECT id FROM item WHERE sn = ?1 AND redacted IS NOT NULL UNION"
            " SELECT id FROM object WHERE sn = ?1 AND retracted IS NOT NULL"
        )
        return set(self._db.rows(bytes, sql, (sn,)))

    def beside(self, sn: int, space: bytes, picked: Picked) -> set[bytes]:
        """Return what is not picked and makes the states of what is.

        Acts on it and on the space, records that refer to it or speak of another version, evidence
        that it names; and so on from these.
        """
        return set(self._db.rows(bytes, _BESIDE, (sn, *picked, space)))

    # -- one actor --------------------------------------------------------------------------------

    def acts(self, sn: int, part: Slice, limit: int) -> list[Act]:
        """Return the newest acts of a part."""
        return self._db.rows(Act, _ACTS, (sn, *part, limit))

    def each_act(self, sn: int) -> Iterator[Act]:
        """Yield every act, least (lam, id) first."""
        return self._db.each(Act, f"{_ACT} WHERE sn = ? ORDER BY lam, id", (sn,))

    def each_link(self, sn: int) -> Iterator[rows.Link]:
        """Yield everything that an event names, ascending by event."""
        sql = "SELECT sn, event, at, rel, target FROM link WHERE sn = ? ORDER BY event, at"
        return self._db.each(rows.Link, sql, (sn,))

    def each_record(self, sn: int) -> Iterator[rows.Record]:
        """Yield every record that counts, least (lam, id) first."""
        return self._db.each(rows.Record, _RECORDS, (sn,))

    def kind(self, sn: int, event: bytes) -> str | None:
        """Return the kind of an event; None for one that is not here."""
        return self._db.find(str, "SELECT kind FROM event WHERE sn = ? AND id = ?", (sn, event))

    def given(self, sn: int, an: int | None) -> list[Given]:
        """Return the grants from or to a member, or all, the most senior first."""
        return self._db.rows(Given, _GIVEN, (sn, an))

    def resting(self, sn: int, an: int) -> int:
        """Count what others wrote that names something a member wrote."""
        return self._db.find(int, _RESTING, (sn, an)) or 0

    def _count(self, sql: str, sn: int) -> int:
        return self._db.find(int, sql, (sn,)) or 0


def _pair(word: str, count: int) -> tuple[str, int]:
    return word, count


def _triple(kind: str, status: str, count: int) -> tuple[str, str, int]:
    return kind, status, count
