"""Gathering: what folding asks the store about many entities, asked about all of them at once.

A page may bring a thousand tasks, and the fold of each begins with the same questions: which acts
are there on it, what row has it, is it disputed. Beside the projector, which it is a part of: a few
hundred entities are asked about together, and what the batch has in its hands is not read again.

Laws: an answer is what the store would say. Acts do not change while entities are folded; a row
that folding may write is told once, and whoever asks again is answered by the store.

Specification: docs/spec/store.md, Projections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import EventStore, RowStore
from envoy.views import rows

# Entities that are asked about together; more would be kept in memory for no gain.
TOGETHER: Final = 500
# What is its own row and is folded with no other act.
LONE: Final = ("message", "poll")


class Gathered:
    """What is known of the entities that a batch folds."""

    def __init__(self, events: EventStore, store: RowStore, sn: int, keys: KeyRing) -> None:
        self._events = events
        self._rows = store
        self._sn = sn
        self._keys = keys
        self._bodies = dict[int, Body]()
        self._unrefused = set[int]()
        self._acts = dict[bytes, list[Entry]]()
        self._tasks = dict[bytes, rows.Task | None]()
        self._conflicts = dict[bytes, dict[bytes, rows.Conflict]]()

    # -- what this batch brought ------------------------------------------------------------------

    def note(self, entry: Entry, body: Body) -> None:
        """Keep the body of an event that is new: its fold asks for it soon."""
        if entry.kind not in LONE:
            self._bodies[entry.rid] = body

    def lined(self, entry: Entry) -> None:
        """Note that the line of an event was written, as one that no fold refused."""
        if entry.kind not in LONE:
            self._unrefused.add(entry.rid)

    def body(self, entry: Entry) -> Body | None:
        """Return the body of an accepted event, None if it is not of its kind."""
        return self._bodies.get(entry.rid) or self._keys.body(entry)

    def is_settled(self, entry: Entry, reason: str | None) -> bool:
        """Say whether the line of an event surely says ``reason`` already, the word of its fold."""
        if reason is None and entry.rid in self._unrefused:
            return True
        self._unrefused.discard(entry.rid)
        return False

    # -- what the store has -----------------------------------------------------------------------

    def gather(self, entities: Sequence[bytes]) -> None:
        """Ask about ``entities``, at most ``TOGETHER``; what was asked before is forgotten."""
        sn, found = self._sn, dict[bytes, rows.Task]()
        self._acts, self._conflicts = {}, {one: {} for one in entities}
        if entities:
            self._acts = self._events.acts(sn, entities)
            found = {row.id: row for row in self._rows.some_tasks(sn, entities)}
            for row in self._rows.conflicts_on(sn, entities):
                self._conflicts[row.entity][row.id] = row
        self._tasks = {one: found.get(one) for one in entities}

    def acts(self, entity: bytes) -> list[Entry]:
        """Return the acts on an entity."""
        found = self._acts.get(entity)
        return self._events.entity(self._sn, entity) if found is None else found

    def task(self, task: bytes) -> rows.Task | None:
        """Return the row of a task as it stood before it was folded."""
        if task in self._tasks:
            return self._tasks.pop(task)
        return self._rows.task(self._sn, task)

    def conflicts(self, entity: bytes) -> dict[bytes, rows.Conflict]:
        """Return the conflict rows of an entity by id, as they stood before it was folded."""
        found = self._conflicts.pop(entity, None)
        return self._rows.conflicts(self._sn, entity) if found is None else found
