"""Heads: what no later event names yet, of the log and of each entity.

They move with every event, so while a transaction runs they are kept in memory and written once at
its end: a page of a thousand events changes a few rows instead of thousands.

An event that is invalid by its own bytes is a head of the log (``frontier``), and hides nothing
from those who choose what to cite (``citable``).

Specification: docs/spec/store.md, Heads.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy.core.log import Entry, Head, split
from envoy.lean import NamedTuple
from envoy.system.db import Connection

Find = Callable[[int, bytes], Entry | None]


class Top(NamedTuple):
    """A head and of which of the two graphs it is one, as it is stored."""

    id: bytes
    an: int
    lam: int
    ts: int
    frontier: int
    citable: int


class Heads:
    """The heads of one space while a transaction runs."""

    def __init__(self, connection: Connection, sn: int, find: Find) -> None:
        self._find = find
        self._connection = connection
        self._sn = sn
        sql = "SELECT id, an, lam, ts, frontier, citable FROM head WHERE sn = ?"
        self._before = {top.id: top for top in connection.rows(Top, sql, (sn,))}
        self._now = dict(self._before)
        self._entities = dict[bytes, dict[bytes, int]]()
        self._stored = dict[bytes, dict[bytes, int]]()

    def move(self, entry: Entry) -> None:
        """Make ``entry`` a head and what it names none."""
        now, citable = self._now, entry.fault is None
        for parent in entry.parents:
            top = now.pop(parent, None)
            if top is not None and not citable and top.citable:
                now[parent] = top._replace(frontier=0)
        ident, entity = entry.id, entry.entity
        row = (ident, entry.an, entry.lam, entry.ts, 1, int(citable))
        now[ident] = tuple.__new__(Top, row)  # at once: this is made for every event
        if entity is not None and entity != ident and citable:
            heads = self._load(entity)
            for one in split(entry.basis):
                heads.pop(one, None)
            heads[entry.id] = entry.lam

    def log(self, *, citable: bool) -> list[Head]:
        """Return the heads of the log, ascending by id."""
        tops = self._now.values()
        found = [top for top in tops if (top.citable if citable else top.frontier)]
        return sorted(Head(top.id, top.an, top.lam, top.ts) for top in found)

    def entity(self, entity: bytes) -> list[tuple[bytes, int]]:
        """Return (event, lam) of the heads of an entity, ascending by id."""
        return sorted(self._load(entity).items())

    def _load(self, entity: bytes) -> dict[bytes, int]:
        """Return the heads of an entity, read once.

        An entity that nobody acted on since has no row: its head is the event that created it.
        """
        found = self._entities.get(entity)
        if found is None:
            sql = "SELECT id, lam FROM entity_head WHERE sn = ? AND entity = ?"
            stored = dict(self._connection.rows(_pair, sql, (self._sn, entity)))
            self._stored[entity] = dict(stored)
            found = self._entities[entity] = stored or self._created(entity)
        return found

    def _created(self, entity: bytes) -> dict[bytes, int]:
        """Return the event that created an entity as its head, nothing where it has none."""
        made = self._find(self._sn, entity)
        return {} if made is None or made.fault is not None else {entity: made.lam}

    def flush(self) -> None:
        """Write what changed."""
        if self._now == self._before and self._entities == self._stored:
            return
        run_many, sn = self._connection.run_many, self._sn
        gone = [(sn, one) for one in self._before if one not in self._now]
        new = [(sn, *top) for one, top in self._now.items() if self._before.get(one) != top]
        run_many("DELETE FROM head WHERE sn = ? AND id = ?", gone)
        sql = "INSERT OR REPLACE INTO head(sn, id, an, lam, ts, frontier, citable)"
        run_many(f"{sql} VALUES(?, ?, ?, ?, ?, ?, ?)", new)
        self._before = dict(self._now)
        self._flush_entities()

    def _flush_entities(self) -> None:
        """Write what changed among the heads of entities."""
        gone, new = list[tuple[int, bytes, bytes]](), list[tuple[int, bytes, bytes, int]]()
        for entity, heads in self._entities.items():
            before = self._stored[entity]
            gone += [(self._sn, entity, one) for one in before if one not in heads]
            new += [(self._sn, entity, one, heads[one]) for one in heads if one not in before]
            self._stored[entity] = dict(heads)
        run_many = self._connection.run_many
        run_many("DELETE FROM entity_head WHERE sn = ? AND entity = ? AND id = ?", gone)
        run_many("INSERT INTO entity_head(sn, entity, id, lam) VALUES(?, ?, ?, ?)", new)


def _pair(event: bytes, lam: int) -> tuple[bytes, int]:
    return event, lam
