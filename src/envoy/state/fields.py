"""Fields: what title, body, labels and the rest of a task come to.

A creation fills them, edits change them, and members edit while apart. Title, body, priority, date
and parent are a register each; labels, needs and references are sets in which an addition wins over
a removal that had not seen it. What lost is a conflict, with the act that holds it.

Law 1: a pure function of the acts that count and were not refused.
Law 2: no writer makes a task grow without end: of a set the first limits.LABELS_MAX, or REFS_MAX,
elements count, and what comes after them waits until there is room.

Specification: docs/spec/tasks.md, Registers. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Final, TypeVar

from envoy import limits
from envoy.core.bodies import Ref, TaskCreate, TaskEdit
from envoy.core.structs import State
from envoy.lean import NamedTuple
from envoy.state import registers
from envoy.state.registers import Conflict, ElementT, Graph, Value

T = TypeVar("T")
Edit = tuple[int, TaskEdit]  # with its number in the graph

NO_PARENT: Final = bytes(32)
NEED: Final = "need"
PARENT: Final = "parent"
UNWRITTEN: Final = Value(None, ())  # a field as the creation made it


class Edge(NamedTuple):
    """Another task that a task needs, or that it is a part of, and the act that says so.

    ``made``: by the creation, which can only name what was there before it. ``place`` is that of
    the act.
    """

    rel: str
    to: bytes
    act: bytes
    place: tuple[int, bytes]
    made: bool


class Fields(State, frozen=True):
    """The fields of a task. ``edges`` are its needs in their order, then its parent."""

    title: str
    body: str
    priority: int
    due_at: int | None
    parent: bytes | None
    labels: tuple[str, ...]
    needs: tuple[bytes, ...]
    refs: tuple[Ref, ...]
    edges: tuple[Edge, ...]
    conflicts: tuple[Conflict, ...]


def fields(graph: Graph, made: TaskCreate, refused: Collection[int]) -> Fields:
    """Return what the creation ``made`` and the edits that are not ``refused`` come to."""
    edits: list[Edit] = [
        (number, op.body)
        for number, op in enumerate(graph.ops)
        if isinstance(op.body, TaskEdit) and op.counts and number not in refused
    ]
    titled = _register(graph, edits, lambda edit: edit.title)
    told = _register(graph, edits, lambda edit: edit.body)
    ranked = _register(graph, edits, lambda edit: edit.priority)
    dated = _register(graph, edits, lambda edit: edit.due_at)
    placed = _register(graph, edits, lambda edit: edit.parent)
    body = _value(told, lambda edit: edit.body, made.body)
    needs = _set(graph, made.needs, [(n, one.need, one.unneed) for n, one in edits])
    labels = _set(graph, made.labels, [(n, one.label, one.unlabel) for n, one in edits])
    refs = _set(graph, made.refs, [(n, one.ref, one.unref) for n, one in edits])
    parent = _value(placed, lambda edit: edit.parent, made.parent)
    parent = None if parent == NO_PARENT else parent
    edges = [
        _edge(graph, NEED, need, number) for need, number in islice(needs.items(), limits.REFS_MAX)
    ]
    if parent is not None:
        number = graph.numbers[graph.entity if placed.op is None else placed.op.id]
        edges.append(_edge(graph, PARENT, parent, number))
    found = [one for value in (titled, told, ranked, dated, placed) for one in value.conflicts]
    title = None if titled.op is None else _value(titled, lambda edit: edit.title, made.title)
    return Fields(
        # Who may edit the body alone does not edit the title that was taken from the first one.
        title=named(made.title, made.body) if title is None else named(title, body),
        body=body,
        priority=_value(ranked, lambda edit: edit.priority, made.priority),
        due_at=_value(dated, lambda edit: edit.due_at, made.due_at) or None,
        parent=parent,
        labels=tuple(islice(labels, limits.LABELS_MAX)),
        needs=tuple(islice(needs, limits.REFS_MAX)),
        refs=tuple(islice(refs, limits.REFS_MAX)),
        edges=tuple(edges),
        conflicts=registers.met(found),
    )


def named(title: str | None, body: str) -> str:
    """Return the title, or the first line of the body as far as a title goes."""
    line = title or body.partition("\n")[0]
    return line.encode()[: limits.TITLE_BYTES_MAX].decode(errors="ignore")


def _register(graph: Graph, edits: Sequence[Edit], pick: Callable[[TaskEdit], object]) -> Value:
    """Return the register of the field that ``pick`` returns, without a write if none edits it."""
    if not edits:
        return UNWRITTEN
    writes = {graph.ops[number].id for number, edit in edits if pick(edit) is not None}
    if not writes:
        return UNWRITTEN
    return registers.register(graph, lambda op: op.id in writes)


def _value(value: Value, pick: Callable[[TaskEdit], T | None], otherwise: T) -> T:
    """Return what a register holds, ``otherwise`` where nobody edited the field."""
    body = None if value.op is None else value.op.body
    found = pick(body) if isinstance(body, TaskEdit) else None
    return otherwise if found is None else found


def _set(
    graph: Graph,
    made: Sequence[ElementT],
    changes: Sequence[tuple[int, Sequence[ElementT], Sequence[ElementT]]],
) -> dict[ElementT, int]:
    """Return what lives of a set that was made and changed, each with the act that added it."""
    start = graph.numbers.get(graph.entity, 0)
    if not changes:
        return dict.fromkeys(made, start)
    adds = [(start, one) for one in made]
    adds += [(number, one) for number, come, _ in changes for one in come]
    return registers.alive(graph, adds, [(n, one) for n, _, go in changes for one in go])


def _edge(graph: Graph, rel: str, to: bytes, number: int) -> Edge:
    """Return the edge that an act says."""
    op = graph.ops[number]
    return Edge(rel, to, op.id, op.place, made=isinstance(op.body, TaskCreate))
