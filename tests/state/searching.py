"""Searching: every small history there is, in every order of arrival, against the oracle.

A history is a fixed beginning and then `n` acts, each with a kind and target out of a family's
alphabet, by one of three actors. What an act saw beside the beginning is any set of the others that
is closed under ancestry: an author need not see its own earlier acts, so forks and backdating are
in. Histories that differ only in the order in which they are written down are one: of each ancestry
one labelling is taken, and of the ways to put acts on it one for each symmetry of it. Ids ascend
with the number of the act, or descend; they decide ties of lam.

Content is probed, not enumerated: each actor with a role speaks beside all acts and after all, and
so does, right after it and having seen nothing else, whoever is given something by an act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import cache
from itertools import permutations, product
from typing import NamedTuple

from state.delivery import Replica
from state.log import Log, Place
from state.oracled import Oracled, by_envoy, by_oracle
from state.told import told

Past = tuple[int, ...]  # for each act the bitset of the acts that it saw
Act = Callable[[Log, str, Place], object]


class Family(NamedTuple):
    """A beginning, the members that speak at its ends, and the acts that histories are made of."""

    name: str
    begin: Callable[[Log], object]
    speakers: str
    acts: tuple[Act, ...]


class Found(NamedTuple):
    """How many histories and deliveries agreed."""

    histories: int
    deliveries: int


class Differs(AssertionError):
    """A history on which two answers differ, in words."""


# -- shapes ----------------------------------------------------------------------------------


@cache
def shapes(count: int) -> list[Past]:
    """Return every ancestry of `count` acts in which causes come first, transitive."""
    if count == 0:
        return [()]
    found = []
    for shape in shapes(count - 1):
        for seen in range(1 << (count - 1)):
            if all(shape[one] & ~seen == 0 for one in range(count - 1) if seen >> one & 1):
                found.append((*shape, seen))
    return found


@cache
def lines(shape: Past) -> list[tuple[int, ...]]:
    """Return the orders of the acts that put causes first."""
    found = []
    for order in permutations(range(len(shape))):
        place = {act: number for number, act in enumerate(order)}
        early = [[place[one] for one in _bits(shape[act])] for act in order]
        if all(max(before, default=-1) < number for number, before in enumerate(early)):
            found.append(order)
    return found


def _bits(mask: int) -> list[int]:
    return [one for one in range(mask.bit_length()) if mask >> one & 1]


def _renamed(shape: Past, order: Sequence[int]) -> Past:
    """Return the shape with the acts numbered in `order`."""
    number = {act: new for new, act in enumerate(order)}
    return tuple(sum(1 << number[one] for one in _bits(shape[act])) for act in order)


@cache
def classes(count: int) -> list[tuple[Past, list[tuple[int, ...]]]]:
    """Return one shape of each class of equal ones, with the orders that leave it as it is."""
    found = []
    for shape in shapes(count):
        twins = {order: _renamed(shape, order) for order in lines(shape)}
        if shape == min(twins.values()):
            found.append((shape, [order for order, twin in twins.items() if twin == shape]))
    return found


def histories(count: int, letters: int) -> Iterator[tuple[Past, tuple[int, ...]]]:
    """Yield every history of `count` acts over an alphabet, one for each symmetry."""
    for shape, same in classes(count):
        for acts in product(range(letters), repeat=count):
            if all(acts <= tuple(acts[one] for one in order) for order in same):
                yield shape, acts


# -- one history -----------------------------------------------------------------------------


class Search:
    """The histories of one family."""

    def __init__(self, family: Family, *, descending: bool = False) -> None:
        self.family, self.descending = family, descending
        self.start = Log()
        family.begin(self.start)
        self.start.settle()
        for member in family.speakers:
            self.start.message(f"before {member}", member)

    def tell(self, shape: Past, acts: Sequence[int]) -> Log:
        """Return the story of one history."""
        log = copy(self.start)
        log.nodes, log.names = dict(log.nodes), dict(log.names)
        log.subjects = dict(log.subjects)
        for number, act in enumerate(acts):
            after = [f"e{one}" for one in _bits(shape[number])]
            place = Place(after=after, id=len(acts) - number if self.descending else number + 1)
            self.family.acts[act](log, f"e{number}", place)
            subject = log.subjects.get(f"e{number}")
            if subject is not None:
                under = Place(only=(f"e{number}",), under=f"e{number}")
                log.message(f"e{number} speaks", log.names[subject], under)
        every = Place(after=[f"e{number}" for number in range(len(acts))])
        for member in self.family.speakers:
            log.message(f"after {member}", member, every)
        return log

    def check(self, shape: Past, acts: Sequence[int]) -> int:
        """Deliver one history in every order; return in how many. Raises `Differs`."""
        log = self.tell(shape, acts)
        told_ = told(log)
        expect = by_oracle(Oracled(told_))
        verdicts = None
        for order in lines(shape):
            replica = self.deliver(log, order)
            if verdicts is None:
                verdicts = replica.verdicts
                self._compare(log, expect, by_envoy(log, replica))
            elif verdicts != replica.verdicts:
                raise Differs(f"{self.family.name}: {order} of {in_words(log)}")
        return len(lines(shape))

    def deliver(self, log: Log, order: Iterable[int]) -> Replica:
        """Return a replica that took in the beginning, the acts in `order`, and the rest."""
        replica = Replica(log)
        for name in self.start.nodes:
            replica.accept(name)
        replica.judge()
        for number in order:
            replica.accept(f"e{number}")
            if f"e{number} speaks" in log.nodes:
                replica.accept(f"e{number} speaks")
            replica.judge()
        for member in self.family.speakers:
            replica.accept(f"after {member}")
        replica.judge()
        return replica

    def _compare(self, log: Log, oracle: dict[str, object], envoy: dict[str, object]) -> None:
        parts = [part for part in oracle if oracle[part] != envoy[part]]
        if parts:
            both = [f"{part}: {oracle[part]} != {envoy[part]}" for part in parts]
            raise Differs("\n".join([f"{self.family.name}: {in_words(log)}", *both]))

    def run(self, count: int, letters: int) -> Iterator[int]:
        """Check every history of `count` acts; yield in how many orders each was delivered."""
        for shape, acts in histories(count, letters):
            yield self.check(shape, acts)


def in_words(log: Log) -> str:
    """Return the acts of a history, one each line."""
    chosen = [row for row in told(log) if str(row["name"]).startswith("e")]
    return "".join(
        f"\n  {row['name']}: {row['by']} {row['kind']} {row['body']} under {row['under']}"
        f" after {row['saw']}"
        for row in chosen
    )


def search(family: Family, count: int, letters: int = 0, *, descending: bool = False) -> Found:
    """Check every history of `count` acts out of the first `letters` (0: all) of a family."""
    one = Search(family, descending=descending)
    orders = list(one.run(count, letters or len(family.acts)))
    return Found(len(orders), sum(orders))
