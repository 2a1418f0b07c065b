"""Registers: what one entity's acts had seen of each other, and how their values merge.

Members write while apart, so "the newest write" does not exist. Each act names the heads of its
entity that its author had seen (``basis``); from these alone every replica computes who saw whom,
whichever way the acts arrived. A write that another has seen is replaced by it. Of those that none
has seen one wins by rank and hash, and each other is kept as a conflict.

Law 1: everything here is a function of the SET of acts. No arrival order, no clock.
Law 2: an entity's graph holds every act that passes the structural rules, held ones too, so that a
verdict does not tear it; only counting acts take part in registers.
Law 3: of an author's acts that no other has seen the first limits.OPS_BESIDE_MAX count. That bounds
what one writer can make all others fold (THREATS D15) and never bars what comes later (D19).

Specification: docs/spec/tasks.md, Acts. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Final, TypeVar

from envoy import limits
from envoy.core.dag import linearise, tie
from envoy.core.structs import Body, State
from envoy.lean import NamedTuple

OVER_LIMIT: Final = "over_limit"
FIELD_CONFLICT: Final = "field_conflict"
# Sets of acts are bitsets in pages: one page is all that most entities need, and in a history of
# 100,000 acts an act shares all but one page with the act before it.
PAGE_BITS: Final = 2048

Pages = tuple[int, ...]
ElementT = TypeVar("ElementT", bound=Hashable)


class Op(State, frozen=True):
    """One accepted act on an entity, with what pass 1 found out about it.

    ``rho`` is 3 for owners and admins, 2 for the creator, else 1; ``counts`` says that its verdict
    is ok or ok*; ``admitted`` is the (lam, id) of the admit that made it ok*.
    """

    id: bytes
    author: bytes
    lam: int
    ts: int
    kind: str
    body: Body
    basis: tuple[bytes, ...]
    rho: int
    counts: bool
    admitted: tuple[int, bytes] | None

    @property
    def place(self) -> tuple[int, bytes]:
        """Return where the act stands in the order: an admitted one, where its admit does."""
        return self.admitted or (self.lam, self.id)


class Conflict(State, frozen=True):
    """Two acts that met: which stands, by which rule, and whether anybody acted on both since.

    Its id, H("conflict", entity, C(kind), the two event ids ascending), is made by whoever stores
    it: a reducer sees no bytes.
    """

    entity: bytes
    kind: str
    winner: bytes
    loser: bytes
    rule: str
    is_open: bool


class Loss(NamedTuple):
    """A conflict by the numbers of a graph: ``winner`` stands by ``rule``, ``loser`` does not."""

    kind: str
    winner: int
    loser: int
    rule: str


class Value(NamedTuple):
    """The winning write of a field, and what lost to it or to a write before it."""

    op: Op | None
    conflicts: tuple[Conflict, ...]


class Graph:
    """The acts of one entity in causal order, and who saw whom.

    Acts are named by their number in that order. ``basis`` holds for each the numbers it names
    without those that another of them saw, ``tips`` the acts that no other saw, ``heads`` their
    ids, ascending: what the next act names. ``over`` are the acts beyond the limit, not in ``ops``.
    ``numbers`` finds an act by its id.
    """

    __slots__ = ("basis", "entity", "heads", "numbers", "ops", "over", "seen", "tips")

    def __init__(self, entity: bytes, ops: Iterable[Op]) -> None:
        every = linearise(ops)
        named = {one for op in every for one in op.basis}
        self.entity = entity
        self.over = _over_limit(every, named)
        dropped = {op.id for op in self.over}
        self.ops = [op for op in every if op.id not in dropped]
        self.tips = tuple(n for n, op in enumerate(self.ops) if op.id not in named)
        self.heads = tuple(sorted(self.ops[n].id for n in self.tips))
        self.basis: list[tuple[int, ...]] = []
        self.seen: list[Pages] = []
        self.numbers: dict[bytes, int] = {}
        for number, op in enumerate(self.ops):
            self._place([self.numbers[one] for one in op.basis if one in self.numbers])
            self.numbers[op.id] = number

    def _place(self, basis: Sequence[int]) -> None:
        """Append what the next act saw: ``basis`` and all that those saw."""
        before = union([self.seen[one] for one in basis])
        # What another of them saw says nothing; one alone nobody saw.
        heads = basis if len(basis) == 1 else [one for one in basis if not has(before, one)]
        for one in heads:
            before = add(before, one)
        self.basis.append(tuple(heads))
        self.seen.append(before)

    def saw(self, later: int, earlier: int) -> bool:
        """Say whether act ``later`` had seen act ``earlier``."""
        return has(self.seen[later], earlier)

    def newest(self, among: Sequence[int]) -> list[int]:
        """Return those of ``among`` that no other of them saw."""
        if len(among) < 2:
            return list(among)
        covered = union([self.seen[one] for one in among])
        return [one for one in among if not has(covered, one)]


def has(pages: Pages, number: int) -> bool:
    """Say whether ``number`` is in the set."""
    page, bit = divmod(number, PAGE_BITS)
    return page < len(pages) and pages[page] >> bit & 1 == 1


def add(pages: Pages, number: int) -> Pages:
    """Return the set with ``number`` in it; all pages but one are shared."""
    page, bit = divmod(number, PAGE_BITS)
    if page < len(pages):
        return (*pages[:page], pages[page] | 1 << bit, *pages[page + 1 :])
    return (*pages, *(0,) * (page - len(pages)), 1 << bit)


def single(number: int) -> Pages:
    """Return the set of one number."""
    return add((), number)


def union(sets: Sequence[Pages]) -> Pages:
    """Return the numbers that are in any of ``sets``."""
    if len(sets) == 1:
        return sets[0]
    joined = [0] * max((len(pages) for pages in sets), default=0)
    for pages in sets:
        for number, page in enumerate(pages):
            joined[number] |= page
    return tuple(joined)


def without(pages: Pages, others: Pages) -> Pages:
    """Return the numbers of ``pages`` that are not in ``others``."""
    kept = [page & ~other for page, other in zip(pages, others, strict=False)]
    return (*kept, *pages[len(kept) :])


def members(pages: Pages) -> list[int]:
    """Return the numbers in the set, ascending."""
    found = list[int]()
    for number, page in enumerate(pages):
        rest = page
        while rest:
            found.append(number * PAGE_BITS + (rest & -rest).bit_length() - 1)
            rest &= rest - 1
    return found


def _over_limit(every: Sequence[Op], named: set[bytes]) -> list[Op]:
    """Return the acts of ``every``, in order, that are one head too many of their author."""
    counts, over = dict[bytes, int](), list[Op]()
    for op in every:
        if op.id not in named:
            counts[op.author] = counts.get(op.author, 0) + 1
            if counts[op.author] > limits.OPS_BESIDE_MAX:
                over.append(op)
    return over


def conflicts(graph: Graph, losses: Iterable[Loss], cover: Pages) -> tuple[Conflict, ...]:
    """Return each of ``losses`` once, in the order of the losers.

    A conflict is open until an act that decides anew has seen both sides: ``cover`` are the acts
    that such acts have seen.
    """
    found = dict[tuple[str, int, int], Loss]()
    for loss in losses:
        first, last = sorted((loss.winner, loss.loser))
        found.setdefault((loss.kind, first, last), loss)
    return tuple(
        Conflict(
            entity=graph.entity,
            kind=one.kind,
            winner=graph.ops[one.winner].id,
            loser=graph.ops[one.loser].id,
            rule=one.rule,
            is_open=not (has(cover, one.winner) and has(cover, one.loser)),
        )
        for one in sorted(found.values(), key=lambda one: (one.loser, one.winner, one.kind))
    )


def register(graph: Graph, is_write: Callable[[Op], bool]) -> Value:
    """Return the value of a field whose writes are the counting acts that ``is_write`` names.

    Of the writes no other has seen: higher rho, then smaller SHA-256(entity || author), then
    greater (lam, id). Source: docs/spec/tasks.md, Registers.
    """
    writes = {n for n, op in enumerate(graph.ops) if op.counts and is_write(op)}
    before, last = _heads_before(graph, writes)
    losses = [one for n in writes for one in _field_losses(graph, before[n])]
    losses += _field_losses(graph, last)
    winner = graph.ops[_by_rank(graph, last)[0]] if last else None
    return Value(winner, conflicts(graph, losses, union([graph.seen[one] for one in last])))


def _heads_before(
    graph: Graph, writes: Collection[int]
) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Return for each act the heads among ``writes`` that it saw, and those of the whole graph."""
    before, after = list[tuple[int, ...]](), list[tuple[int, ...]]()
    for number, basis in enumerate(graph.basis):
        before.append(_joined(graph, [after[one] for one in basis]))
        after.append((number,) if number in writes else before[-1])
    return before, _joined(graph, [after[one] for one in graph.tips])


def _joined(graph: Graph, views: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the heads of the union of sets whose heads are ``views``."""
    if len(views) == 1:
        return views[0]
    return tuple(graph.newest(sorted({one for view in views for one in view})))


def _by_rank(graph: Graph, heads: Sequence[int]) -> list[int]:
    """Return ``heads``, the winner first."""
    found = sorted(heads, key=lambda one: graph.ops[one].place, reverse=True)
    found.sort(key=lambda one: tie(graph.entity, graph.ops[one].author))
    return sorted(found, key=lambda one: -graph.ops[one].rho)


def _field_losses(graph: Graph, heads: Sequence[int]) -> list[Loss]:
    """Return what is kept of all ``heads`` but the winner."""
    if len(heads) < 2:
        return []
    winner, *losers = _by_rank(graph, heads)
    return [Loss(FIELD_CONFLICT, winner, one, _rule(graph, winner, one)) for one in losers]


def _rule(graph: Graph, winner: int, loser: int) -> str:
    """Return by which of the three rules ``winner`` came first."""
    one, other = graph.ops[winner], graph.ops[loser]
    if one.rho != other.rho:
        return "rank"
    return "tie" if one.author != other.author else "order"


def met(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """Return the conflicts of several fields, each pair of acts once.

    Two acts can meet on several fields: that is one conflict, open as long as it is on one of them.
    """
    found = dict[tuple[bytes, bytes], Conflict]()
    for one in sorted(conflicts, key=lambda one: one.is_open):
        found[one.loser, one.winner] = one
    return tuple(found.values())


def living(
    graph: Graph,
    adds: Iterable[tuple[int, ElementT]],
    removes: Iterable[tuple[int, ElementT]],
) -> tuple[ElementT, ...]:
    """Return the elements of an add-wins set, in the order of their first living add."""
    return tuple(alive(graph, adds, removes))


def alive(
    graph: Graph,
    adds: Iterable[tuple[int, ElementT]],
    removes: Iterable[tuple[int, ElementT]],
) -> dict[ElementT, int]:
    """Return the elements of an add-wins set with the number of their first living add.

    ``adds`` and ``removes`` pair the number of a counting act with an element. An element lives
    while an add of it was not seen by a remove of it.
    """
    gone = dict[ElementT, list[Pages]]()
    for number, element in removes:
        gone.setdefault(element, []).append(graph.seen[number])
    behind = {element: union(seen) for element, seen in gone.items()}
    found = dict[ElementT, int]()
    for number, element in adds:
        if element not in found and not has(behind.get(element, ()), number):
            found[element] = number
    return found
