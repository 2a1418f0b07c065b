"""Knots: the edges between the tasks of a space, as rows, without those that close circles.

A task is folded from its own acts alone; a circle of needs is made by several tasks together. So
edges are gathered while tasks are folded, and once all are, those parts of the graph that changed
are asked which edges stand (``state.needs``).

Laws: what is written is what a rebuild would write: a changed edge can only make or undo circles
that its task leads to, and that part is looked at whole. A space without edited edges has none.

Specification: docs/spec/tasks.md, Needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy.core.log import Entry
from envoy.replica.ports import EventStore, RowStore
from envoy.state import needs, project
from envoy.state.fields import NEED, PARENT
from envoy.views import rows

# From so many tasks on, the whole space is asked at once.
STARTS_MAX: Final = 16


def tie(
    events: EventStore, store: RowStore, sn: int, found: Mapping[bytes, Sequence[rows.Edge]]
) -> None:
    """Write the edges that tasks have now, all of ``found`` before any circle is looked for."""
    knots = Knots(events, store, sn)
    for task, edges in found.items():
        knots.note(task, edges)
    knots.settle()


class Knots:
    """The edges that one batch changed."""

    def __init__(self, events: EventStore, store: RowStore, sn: int) -> None:
        self._events = events
        self._rows = store
        self._sn = sn
        self._starts = set[bytes]()
        self._freed = set[bytes]()  # what an edge led to that is gone: a circle may be undone
        self._edited = set[bytes]()  # tasks whose row was written as if all its edges stood

    def note(self, task: bytes, found: Sequence[rows.Edge]) -> None:
        """Write the edges that a task has now."""
        known = {(one.rel, one.target): one for one in self._rows.edges(self._sn, task)}
        is_changed = False
        for edge in found:
            before = known.pop((edge.rel, edge.target), None)
            if before is None or before._replace(refused=0) != edge:
                self._rows.save(edge)
                is_changed = True
        for gone in known.values():
            self._rows.delete(gone)
            self._freed.add(gone.target)
        if is_changed or known or not all(edge.made for edge in found):
            self._starts.add(task)
        if not all(edge.made for edge in found):
            self._edited.add(task)

    def settle(self) -> None:
        """Leave out the edges that close circles, and show in the rows of tasks what is left."""
        if not self._starts or not (self._edited or self._rows.has_edited_edges(self._sn)):
            return
        starts = sorted({*self._freed, *filter(self._may_close, self._starts)})
        for rel in (NEED, PARENT):
            self._judge(self._reached(rel, starts))
        for task in sorted(self._edited):
            self._show(task)
        for noted in (self._starts, self._freed, self._edited):
            noted.clear()

    def _may_close(self, task: bytes) -> bool:
        """Say whether a circle can lead through a task: something has to lead to it."""
        return task in self._edited or self._rows.is_named(self._sn, task)

    def _reached(self, rel: str, starts: Sequence[bytes]) -> Iterable[rows.Edge]:
        """Return every edge of a sort that is reached from ``starts``, or more, each once."""
        if len(starts) > STARTS_MAX:
            return self._rows.reach(self._sn, rel, None)
        found = dict[tuple[bytes, bytes], rows.Edge]()
        for start in starts:
            for edge in self._rows.reach(self._sn, rel, start):
                found[edge.task, edge.target] = edge
        return found.values()

    def _judge(self, edges: Iterable[rows.Edge]) -> None:
        """Write which of ``edges`` stand."""
        known = list(edges)
        out = needs.left_out(
            needs.Edge(one.task, one.target, (one.lam, one.ident), one.made == 1) for one in known
        )
        for edge in known:
            refused = int((edge.task, edge.target) in out)
            if edge.refused != refused:
                self._rows.save(edge._replace(refused=refused))
                self._edited.add(edge.task)

    def _show(self, task: bytes) -> None:
        """Show of the needs and the parent of a task those that stand, and mark the acts."""
        edges = self._rows.edges(self._sn, task)
        row = self._rows.task(self._sn, task)
        if row is None:
            return
        stands = [one for one in edges if not one.refused]
        wanted = project.ids_text("task", [one.target for one in stands if one.rel == NEED])
        parent = next((one.target for one in stands if one.rel == PARENT), None)
        self._rows.save(row._replace(needs=wanted, parent=parent))
        out = {one.act for one in edges if one.refused}
        for act in sorted({one.act for one in edges}):
            self._mark(self._events.entry(self._sn, act), is_out=act in out)

    def _mark(self, entry: Entry | None, *, is_out: bool) -> None:
        """Mark the line of an act one of whose edges is left out."""
        item = None if entry is None else self._rows.item(entry.rid)
        refused = needs.REFUSED if is_out else None
        if item is not None and item.refused != refused:
            self._rows.save(item._replace(refused=refused))
