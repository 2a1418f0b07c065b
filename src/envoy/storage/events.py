"""EventStore: the log of one profile in replica.db, as ``replica.ports.EventStore`` asks for it.

It keeps what was received and judged, and answers questions about ancestry by numbers: an actor, a
chain, a set of seen authority events are interned, so that a hundred thousand events stay small and
a verdict needs no bytes of an envelope. It decides nothing.

Laws: an accepted event and its envelope are never rewritten; only its verdict is. All writes happen
inside ``transaction``. Ids of frames are remembered for ever, so that sums with a hub match,
whatever became of their bytes.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from envoy import limits
from envoy.core.log import Authority, Entry, EpochRow, Head, ReceiptRow
from envoy.lean import Protocol
from envoy.storage.heads import Heads
from envoy.storage.numbers import Numbers
from envoy.storage.parking import Parking
from envoy.system.db import Connection, Value

_ENTRY: Final = (
    "SELECT e.rid, e.id, e.kind, e.an, a.did, e.cn, c.chain, e.seq, e.lam, e.ts, e.auth, s.bits,"
    " e.ix, CASE e.entity WHEN x'' THEN e.id ELSE e.entity END, e.fault, e.status, e.cause,"
    " e.cause_by, e.prev, e.deps, e.basis"
    " FROM event e JOIN actor a USING(an) JOIN chain c USING(cn) JOIN seen s ON s.k = e.seen"
)
# Page by page in the order of arrival: by an index of the space each page would sort all of it.
_ENTRY_NEXT: Final = _ENTRY.replace("event e", "event e NOT INDEXED")
_BY_ID: Final = f"{_ENTRY} WHERE e.sn = ? AND e.id"
_BY_ENTITY: Final = f"{_ENTRY} WHERE e.sn = ? AND length(e.entity) > 0 AND e.entity"
_FRAMES_OF: Final = "SELECT id, bytes FROM event JOIN frame USING(rid) WHERE sn = ? AND id"
# The fields of an Entry by their places, then space, number of the set of seen events, and entity.
_INSERT: Final = (
    "INSERT INTO event(rid, sn, id, kind, an, cn, seq, lam, ts, auth, seen, ix, entity, fault,"
    " status, cause, cause_by, prev, deps, basis)"
    " VALUES(?1, ?22, ?2, ?3, ?4, ?6, ?8, ?9, ?10, ?11, ?23, ?13, ?24, ?15,"
    " ?16, ?17, ?18, ?19, ?20, ?21)"
)


class Staging(Protocol):
    """What gathers rows while a transaction runs."""

    def flush(self) -> None:
        """Write what is staged."""

    def forget(self) -> None:
        """Drop what is staged and remembered."""


class EventStore:
    """The events of every space of one profile, their frames, keys and receipts."""

    def __init__(self, connection: Connection, lock_path: str) -> None:
        self.connection = connection
        self.parking = Parking(connection)
        self.stores: list[Staging] = [self, self.parking]
        self._lock = lock_path
        self._numbers = Numbers(connection)
        self._numbered = dict[tuple[int, bytes, bytes], tuple[int, int]]()
        self._seen = dict[tuple[int, bytes], int]()  # numbers of sets of seen authority events
        self._entries = dict[tuple[int, bytes], Entry]()
        self._heads = dict[int, Heads]()
        self._staged = list[tuple[Value, ...]]()
        self._frames = list[tuple[int, bytes]]()
        self._last_rid = 0
        self._last_id = b""
        self._is_open = False  # a transaction runs: what was read stays true until its end

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Take the lock and write; ``durable``: the commit survives power loss (FULL).

        What is staged is written before the commit, or forgotten with the transaction.
        """
        begin, sync = self.connection.write_transaction, "full" if durable else "normal"
        with begin(self._lock, sync=sync), _uncollected():
            self._forget_all()
            self._is_open = True
            try:
                yield
                for store in self.stores:
                    store.flush()
            finally:
                self._is_open = False
                self._forget_all()

    def _forget_all(self) -> None:
        """Drop what every store has staged and remembered."""
        for store in self.stores:
            store.forget()

    def forget(self) -> None:
        """Drop what is staged and remembered: another process may write from here on."""
        self._numbers.forget()
        self._numbered.clear()
        self._seen.clear()
        self._entries.clear()
        self._heads.clear()
        self._staged.clear()
        self._frames.clear()
        self._last_rid = 0

    def flush(self) -> None:
        """Write the staged events and the heads they moved."""
        if self._staged:
            self.connection.witness(self._last_id)
            self.connection.run_many(_INSERT, self._staged)
            self.connection.run_many("INSERT INTO frame(rid, bytes) VALUES(?, ?)", self._frames)
            self._staged.clear()
            self._frames.clear()
        for heads in self._heads.values():
            heads.flush()

    # -- names ------------------------------------------------------------------------------

    def actor(self, did: bytes) -> int:
        """Return the local number of ``did``, a new one the first time."""
        return self._numbers.actor(did)

    def did(self, an: int) -> bytes:
        """Return the did with that number."""
        found = self.connection.find(bytes, "SELECT did FROM actor WHERE an = ?", (an,))
        assert found is not None, "numbers of actors come from this table"
        return found

    def chain(self, sn: int, author: bytes, chain: bytes) -> int:
        """Return the local number of a chain, a new one the first time."""
        return self._numbers.chain(sn, author, chain)

    # -- events -----------------------------------------------------------------------------

    def at(self, rid: int) -> Entry:
        """Return the accepted event with that number."""
        found = self.connection.find(Entry, f"{_ENTRY} WHERE e.rid = ?", (rid,))
        assert found is not None, "numbers of events come from this table"
        return found

    def entry(self, sn: int, event: bytes) -> Entry | None:
        """Return an accepted event by its id."""
        found = self._entries.get((sn, event))
        if found is None:
            sql = f"{_ENTRY} WHERE e.sn = ? AND e.id = ?"
            found = self.connection.find(Entry, sql, (sn, event))
            if found is not None and self._is_open:
                self._entries[sn, event] = found
        return found

    def event_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three accepted events between ``low`` and ``high``."""
        sql = "SELECT id FROM event WHERE sn = ? AND id BETWEEN ? AND ? LIMIT 3"
        return self.connection.rows(bytes, sql, (sn, low, high))

    def number(self, sn: int, author: bytes, chain: bytes) -> tuple[int, int, int]:
        """Return the numbers of the event that is added next, of its author and its chain."""
        if not self._last_rid:
            sql = "SELECT coalesce(max(rid), 0) FROM event"
            self._last_rid = self.connection.find(int, sql) or 0
        found = self._numbered.get((sn, author, chain))
        if found is None:
            found = self._numbers.actor(author), self._numbers.chain(sn, author, chain)
            self._numbered[sn, author, chain] = found
        return self._last_rid + 1, *found

    def add_event(self, sn: int, entry: Entry, frame: bytes) -> None:
        """Append an accepted event, numbered by ``number``, with its envelope.

        The heads of the log and of its entity move with it.
        """
        assert entry.rid == self._last_rid + 1, "numbered just before"
        rid, ident, seen = entry.rid, entry.id, entry.seen
        self._last_rid, self._last_id = rid, ident
        number = self._seen.get((sn, seen))
        if number is None:
            number = self._seen[sn, seen] = self._numbers.seen(sn, seen)
        self._staged.append(_columns(sn, entry, number))
        self._frames.append((rid, frame))
        self._entries[sn, ident] = entry
        self._tops(sn).move(entry)

    def _tops(self, sn: int) -> Heads:
        """Return the heads of a space, read once in a transaction."""
        found = self._heads.get(sn)
        if found is None:
            found = self._heads[sn] = Heads(self.connection, sn, self.entry)
        return found

    def at_seq(self, cn: int, seq: int) -> list[bytes]:
        """Return the events with that place in a chain: more than one is a fork."""
        self.flush()
        sql = "SELECT id FROM event WHERE cn = ? AND seq = ? ORDER BY rid"
        return self.connection.rows(bytes, sql, (cn, seq))

    def newest_seq(self, cn: int) -> int:
        """Return the greatest seq of a chain among the events that are written, -1 for none."""
        sql = "SELECT coalesce(max(seq), -1) FROM event WHERE cn = ?"
        found = self.connection.find(int, sql, (cn,))
        return -1 if found is None else found

    def add_fork(self, sn: int, cn: int, seq: int, pair: tuple[bytes, bytes]) -> None:
        """Keep two events of one place in a chain as proof against their author."""
        self.connection.run("UPDATE chain SET forked = 1 WHERE cn = ?", (cn,))
        sql = "INSERT OR IGNORE INTO fork(sn, cn, seq, first, second) VALUES(?, ?, ?, ?, ?)"
        self.connection.run(sql, (sn, cn, seq, *pair))

    def chain_ends(self, sn: int, an: int) -> list[bytes]:
        """Return the last event of each chain of an author, of a fork the one that came last."""
        self.flush()
        sql = (
            "SELECT (SELECT id FROM event WHERE cn = c.cn ORDER BY seq DESC, rid DESC LIMIT 1)"
            " FROM chain c WHERE c.sn = ? AND c.an = ?"
            " AND EXISTS (SELECT 1 FROM event WHERE cn = c.cn) ORDER BY c.cn"
        )
        return self.connection.rows(bytes, sql, (sn, an))

    def first_forks(self, sn: int, author: bytes) -> list[tuple[bytes, bytes]]:
        """Return of the first forked chains of an author the two least ids in the least place.

        First are the limits.OPS_BESIDE_MAX chains with the least ids: no order of arrival.
        """
        self.flush()
        sql = (
            "SELECT c.cn, (SELECT min(seq) FROM fork f WHERE f.sn = c.sn AND f.cn = c.cn)"
            " FROM chain c JOIN actor a USING(an) WHERE c.sn = ? AND a.did = ? AND c.forked"
            " ORDER BY c.chain LIMIT ?"
        )
        found = list[tuple[bytes, bytes]]()
        place = "SELECT id FROM event WHERE cn = ? AND seq = ? ORDER BY id LIMIT 2"
        for chain in self.connection.rows(_pair, sql, (sn, author, limits.OPS_BESIDE_MAX)):
            low, high = self.connection.rows(bytes, place, chain)
            found.append((low, high))
        return found

    def forked(self, sn: int) -> dict[int, int]:
        """Return the forked chains of a space and the number of their author."""
        sql = "SELECT cn, an FROM chain WHERE sn = ? AND forked"
        return dict(self.connection.rows(_pair, sql, (sn,)))

    def kinds(self) -> set[str]:
        """Return the kinds that whoever folded this log last could read."""
        noted = self.connection.find(str, "SELECT v FROM meta WHERE k = 'kinds'")
        return set((noted or "").split())

    def note_kinds(self, kinds: Iterable[str]) -> None:
        """Note the kinds that can be read now."""
        sql = "INSERT OR REPLACE INTO meta(k, v) VALUES('kinds', ?)"
        self.connection.run(sql, (" ".join(sorted(kinds)),))

    def reread(self, sn: int, entry: Entry) -> None:
        """Write entity, fault and status of an event that can be read now."""
        entity = b"" if entry.entity == entry.id else entry.entity
        sql = "UPDATE event SET entity = ?, fault = ? WHERE rid = ?"
        self.connection.run(sql, (entity, entry.fault, entry.rid))
        self.set_verdict(sn, entry)

    def remake_heads(self, sn: int) -> None:
        """Make the heads of the log and of every entity anew, from the events as they are."""
        self.flush()
        self.connection.run("DELETE FROM head WHERE sn = ?", (sn,))
        self.connection.run("DELETE FROM entity_head WHERE sn = ?", (sn,))
        heads = self._heads[sn] = Heads(self.connection, sn, self.entry)
        sql = f"{_ENTRY_NEXT} WHERE e.sn = ? ORDER BY e.rid"
        for entry in self.connection.rows(Entry, sql, (sn,)):
            heads.move(entry)

    def set_verdict(self, sn: int, entry: Entry) -> None:
        """Write the verdict that ``entry`` has now."""
        self.flush()
        sql = "UPDATE event SET status = ?, cause = ?, cause_by = ? WHERE rid = ?"
        self.connection.run(sql, (entry.status, entry.cause, entry.cause_by, entry.rid))
        self._entries[sn, entry.id] = entry

    def frame(self, rid: int) -> bytes:
        """Return the envelope of an event."""
        self.flush()
        found = self.connection.find(bytes, "SELECT bytes FROM frame WHERE rid = ?", (rid,))
        assert found is not None, "an event is stored with its frame"
        return found

    def frames_of(self, sn: int, events: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the envelopes of accepted events by their ids."""
        self.flush()
        return dict(self.connection.rows(_two, _among(_FRAMES_OF, events), (sn, *events)))

    def frames(self, sn: int, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return (rid, envelope) of the events behind ``after``: what refills a hub."""
        self.flush()
        sql = (
            "SELECT rid, bytes FROM event NOT INDEXED JOIN frame USING(rid)"
            " WHERE sn = ? AND rid > ? ORDER BY rid LIMIT ?"
        )
        return self.connection.rows(_rid_frame, sql, (sn, after, limit))

    def entries(self, sn: int, *, after: int, limit: int) -> list[Entry]:
        """Return the events behind ``after`` in the order of their arrival."""
        self.flush()
        sql = f"{_ENTRY_NEXT} WHERE e.sn = ? AND e.rid > ? ORDER BY e.rid LIMIT ?"
        return self.connection.rows(Entry, sql, (sn, after, limit))

    def of_kind(self, sn: int, kind: str, *, after: int) -> list[Entry]:
        """Return the events of a kind behind ``after`` in the order of their arrival."""
        self.flush()
        sql = f"{_ENTRY_NEXT} WHERE e.sn = ? AND e.rid > ? AND e.kind = ? ORDER BY e.rid"
        return self.connection.rows(Entry, sql, (sn, after, kind))

    def count_after(self, sn: int, rid: int) -> int:
        """Count the events that arrived behind ``rid``."""
        self.flush()
        sql = "SELECT count(*) FROM event NOT INDEXED WHERE sn = ? AND rid > ?"
        return self.connection.find(int, sql, (sn, rid)) or 0

    def under(self, sn: int, auth: bytes) -> list[Entry]:
        """Return the content events under a grant."""
        self.flush()
        sql = f"{_ENTRY} WHERE e.sn = ? AND e.auth = ? AND e.ix IS NULL"
        return self.connection.rows(Entry, sql, (sn, auth))

    def contents(self, sn: int) -> Iterator[Entry]:
        """Yield every content event, least (lam, id) first."""
        self.flush()
        sql = f"{_ENTRY} WHERE e.sn = ? AND e.ix IS NULL ORDER BY e.lam, e.id"
        return self.connection.each(Entry, sql, (sn,))

    def entity(self, sn: int, entity: bytes) -> list[Entry]:
        """Return the operations on an entity."""
        self.flush()
        made = self.connection.rows(Entry, f"{_ENTRY} WHERE e.sn = ? AND e.id = ?", (sn, entity))
        where = "e.sn = ? AND e.entity = ? AND length(e.entity) > 0"
        rest = self.connection.rows(Entry, f"{_ENTRY} WHERE {where}", (sn, entity))
        return [one for one in made if one.entity == entity] + rest

    def acts(self, sn: int, entities: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        """Return the operations on each of some entities, as ``entity`` does."""
        self.flush()
        found: dict[bytes, list[Entry]] = {one: [] for one in entities}
        made = [one for ident in entities if (one := self._entries.get((sn, ident)))]
        old = [one for one in entities if (sn, one) not in self._entries]
        if old:
            made += self.connection.rows(Entry, _among(_BY_ID, old), (sn, *old))
        rest = self.connection.rows(Entry, _among(_BY_ENTITY, entities), (sn, *entities))
        for entry in (*(one for one in made if one.entity == one.id), *rest):
            assert entry.entity is not None, "it was asked for by its entity"
            found[entry.entity].append(entry)
        return found

    def heads(self, sn: int, *, citable: bool) -> list[Head]:
        """Return the heads of the log; ``citable``: of the log without invalid events."""
        return self._tops(sn).log(citable=citable)

    def entity_heads(self, sn: int, entity: bytes) -> list[tuple[bytes, int]]:
        """Return (event, lam) of the heads of an entity."""
        return self._tops(sn).entity(entity)

    # -- authority --------------------------------------------------------------------------

    def authority(self, sn: int) -> list[Authority]:
        """Return all authority events in the order of their numbers."""
        self.flush()
        # By the table of authority: events have no index by number, and are many.
        sql = f"{_ENTRY} JOIN authority x USING(rid) WHERE x.sn = ? ORDER BY x.ix"
        entries = self.connection.rows(Entry, sql, (sn,))
        sql = "SELECT epoch, body FROM authority WHERE sn = ? ORDER BY ix"
        found = self.connection.rows(_epoch_body, sql, (sn,))
        return [Authority(one, *rest) for one, rest in zip(entries, found, strict=True)]

    def add_authority(self, sn: int, entry: Entry, *, epoch: bytes, body: bytes) -> None:
        """Record body and epoch of an authority event."""
        sql = "INSERT INTO authority(sn, ix, rid, epoch, body) VALUES(?, ?, ?, ?, ?)"
        self.connection.run(sql, (sn, entry.ix, entry.rid, epoch, body))

    def past(self, sn: int, ix: int) -> list[tuple[int, int, bytes]]:
        """Return (cn, seq, tip) of what a revocation had seen, empty where none was stored."""
        sql = "SELECT cn, seq, tip FROM past WHERE sn = ? AND ix = ?"
        return self.connection.rows(_tip, sql, (sn, ix))

    def add_past(self, sn: int, ix: int, tips: Iterable[tuple[int, int, bytes]]) -> None:
        """Store what a revocation had seen."""
        sql = "INSERT OR IGNORE INTO past(sn, ix, cn, seq, tip) VALUES(?, ?, ?, ?, ?)"
        self.connection.run_many(sql, [(sn, ix, *tip) for tip in tips])

    # -- epochs and receipts ----------------------------------------------------------------

    def epoch(self, sn: int, epoch: bytes) -> EpochRow | None:
        """Return an epoch."""
        sql = "SELECT id, head, secret, created, lam, asked_ms FROM epoch WHERE sn = ? AND id = ?"
        return self.connection.find(EpochRow, sql, (sn, epoch))

    def epochs(self, sn: int) -> list[EpochRow]:
        """Return all epochs."""
        sql = "SELECT id, head, secret, created, lam, asked_ms FROM epoch WHERE sn = ? ORDER BY id"
        return self.connection.rows(EpochRow, sql, (sn,))

    def put_epoch(self, sn: int, row: EpochRow) -> None:
        """Add what ``row`` knows of an epoch to what is known; nothing known is ever lost."""
        columns = ("head", "secret", "created", "lam", "asked_ms")
        kept = ", ".join(f"{one} = coalesce(excluded.{one}, {one})" for one in columns)
        sql = f"INSERT INTO epoch(sn, id, {', '.join(columns)}) VALUES(?, ?, ?, ?, ?, ?, ?)"
        self.connection.run(f"{sql} ON CONFLICT(sn, id) DO UPDATE SET {kept}", (sn, *row))

    def add_receipt(self, sn: int, row: ReceiptRow) -> None:
        """Keep a receipt."""
        sql = (
            "INSERT OR REPLACE INTO receipt(sn, id, event, slot, no, instance, fence, holder, at,"
            " until, good, bytes) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        self.connection.run(sql, (sn, *row))

    def drop_receipt(self, sn: int, receipt: bytes) -> None:
        """Forget a receipt that no pinned hub speaks for."""
        self.connection.run("DELETE FROM receipt WHERE sn = ? AND id = ?", (sn, receipt))

    def receipts(self, sn: int, event: bytes) -> list[ReceiptRow]:
        """Return the receipts for an event."""
        sql = (
            "SELECT id, event, slot, no, instance, fence, holder, at, until, good, bytes"
            " FROM receipt WHERE sn = ? AND event = ? ORDER BY id"
        )
        return self.connection.rows(ReceiptRow, sql, (sn, event))

    def top_receipt(self, sn: int, slot: bytes, no: int) -> ReceiptRow | None:
        """Return the receipt with the highest fence of a slot, whatever it is for; None: none."""
        sql = (
            "SELECT id, event, slot, no, instance, fence, holder, at, until, good, bytes"
            " FROM receipt WHERE sn = ? AND slot = ? AND no = ? ORDER BY fence DESC, id LIMIT 1"
        )
        return self.connection.find(ReceiptRow, sql, (sn, slot, no))

    def receipt_frames(self, sn: int) -> list[bytes]:
        """Return the frames of all receipts: what refills a hub."""
        return self.connection.rows(bytes, "SELECT bytes FROM receipt WHERE sn = ?", (sn,))

    def unknown(self, sn: int, frames: Sequence[bytes]) -> set[bytes]:
        """Return those frame ids that were never seen here, whatever became of the others."""
        self.flush()
        found = set(frames)
        marks = ", ".join("?" * len(frames))
        for table in ("event", "receipt", "parked", "dropped", "quarantine"):
            some = " ".join(("SELECT sn FROM", table, "WHERE sn = ? LIMIT 1"))
            if self.connection.find(int, some, (sn,)) is None:
                continue  # most spaces have few of these: a page need not be looked up in them
            sql = " ".join(("SELECT id FROM", table, "WHERE sn = ? AND id IN (", marks, ")"))
            found.difference_update(self.connection.rows(bytes, sql, (sn, *frames)))
        return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles of garbage meanwhile: a page makes none, and ten thousand small rows."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _columns(sn: int, entry: Entry, seen: int) -> tuple[Value, ...]:
    """Return ``entry`` and what ``_INSERT`` has beside it; ``seen`` is the number of its set.

    What creates an entity is found by its id: that column is empty, and costs no index.
    """
    ident, entity = entry.id, entry.entity
    return (*entry, sn, seen, b"" if entity == ident else entity)


def _among(sql: str, values: Sequence[bytes]) -> str:
    """Return a query with a mark for each of the values that it ends with."""
    return f"{sql} IN ({', '.join('?' * len(values))})"


def _two(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    return first, second


def _pair(first: int, second: int) -> tuple[int, int]:
    return first, second


def _rid_frame(rid: int, frame: bytes) -> tuple[int, bytes]:
    return rid, frame


def _epoch_body(epoch: bytes, body: bytes) -> tuple[bytes, bytes]:
    return epoch, body


def _tip(cn: int, seq: int, tip: bytes) -> tuple[int, int, bytes]:
    return cn, seq, tip
