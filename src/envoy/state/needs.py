"""Needs: which edges between tasks stand where members together made a circle of them.

Each member sees to it that what it needs does not wait for what it does; two members apart cannot.
So the edges of a space are put into one order, and each that closes a circle with those before it
is left out. Edges of creations come first: they name only what was there before them, hence close
no circle among themselves. Only edges of edits are ever left out.

Law 1: a function of the set of edges. What is asked of a part of the graph that is closed under
following edges is the same as asked of the whole.
Law 2: bounded. Only tasks on circles are looked at edge by edge, and of the edges of edits in one
knot of circles the first limits.NEEDS_JUDGED_MAX.

Specification: docs/spec/tasks.md, Needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.lean import NamedTuple

REFUSED: Final = "needs_cycle"


class Edge(NamedTuple):
    """``task`` names ``to``, by an act at ``place``; ``made``: that act created ``task``."""

    task: bytes
    to: bytes
    place: tuple[int, bytes]
    made: bool


Graph = Mapping[bytes, Collection[bytes]]


def left_out(edges: Iterable[Edge]) -> set[tuple[bytes, bytes]]:
    """Return (task, to) of the edges that do not stand."""
    known = list(edges)
    targets = dict[bytes, list[bytes]]()
    for edge in known:
        targets.setdefault(edge.task, []).append(edge.to)
    knots = {task: number for number, knot in enumerate(_knots(targets)) for task in knot}
    inside = dict[int, list[Edge]]()
    for edge in known:
        number = knots.get(edge.task)
        if number is not None and number == knots.get(edge.to):
            inside.setdefault(number, []).append(edge)
    return {one for some in inside.values() for one in _closing(some)}


def reaches(targets: Graph, start: bytes, goal: bytes) -> bool:
    """Say whether following edges from ``start`` leads to ``goal``; nothing leads to itself."""
    todo, seen = [start], {start}
    while todo:
        for one in targets.get(todo.pop(), ()):
            if one == goal:
                return True
            if one not in seen:
                seen.add(one)
                todo.append(one)
    return False


def _closing(edges: Sequence[Edge]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the edges of one knot that close a circle with those before them."""
    targets = dict[bytes, set[bytes]]()
    judged = 0
    for edge in sorted(edges, key=lambda one: (not one.made, one.place, one.task, one.to)):
        if not edge.made:
            judged += 1
            closes = edge.task == edge.to or reaches(targets, edge.to, edge.task)
            if judged > limits.NEEDS_JUDGED_MAX or closes:
                yield edge.task, edge.to
                continue
        targets.setdefault(edge.task, set()).add(edge.to)


class _Walk:
    """Tarjan's search for knots, with a stack of its own: chains are longer than Python's."""

    def __init__(self, targets: Graph) -> None:
        self.targets = targets
        self.number = dict[bytes, int]()
        self.low = dict[bytes, int]()
        self.path = list[bytes]()
        self.on_path = set[bytes]()
        self.found = list[list[bytes]]()

    def visit(self, start: bytes) -> None:
        """Find the knots that ``start`` leads to."""
        stack = [(self._enter(start), iter(self.targets.get(start, ())))]
        while stack:
            task, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                self._leave(task)
                if stack:
                    above = stack[-1][0]
                    self.low[above] = min(self.low[above], self.low[task])
            elif following not in self.number:
                stack.append((self._enter(following), iter(self.targets.get(following, ()))))
            elif following in self.on_path:
                self.low[task] = min(self.low[task], self.number[following])

    def _enter(self, task: bytes) -> bytes:
        """Number a task and put it on the path."""
        self.number[task] = self.low[task] = len(self.number)
        self.path.append(task)
        self.on_path.add(task)
        return task

    def _leave(self, task: bytes) -> None:
        """Take the knot off the path that ``task`` is the first of, if it is one."""
        if self.low[task] != self.number[task]:
            return
        at = self.path.index(task) if self.path[-1] != task else len(self.path) - 1
        knot = self.path[at:]
        del self.path[at:]
        self.on_path.difference_update(knot)
        self.found.append(knot)


def _knots(targets: Graph) -> list[list[bytes]]:
    """Return the tasks that lead to each other; a task alone only where it names itself."""
    walk = _Walk(targets)
    for task in targets:
        if task not in walk.number:
            walk.visit(task)
    return [knot for knot in walk.found if len(knot) > 1 or knot[0] in targets.get(knot[0], ())]
