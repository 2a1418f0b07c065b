"""Shapes: the ancestries that a few acts can have, and how many histories there are over them.

What the search finds by walking along deliveries is counted and listed here in another way: every
ancestry of `count` acts, its symmetries, the acts put on it. `counted` is a formula, `histories` a
plain enumeration; the tests hold the search against both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import permutations, product
from typing import NamedTuple

FORMS_KEPT = 10_000  # as many as one bag has: each family asks for the same
Past = tuple[int, ...]  # for each act the bitset of the acts that it saw


class Found(NamedTuple):
    """How many histories and deliveries there are, or agreed."""

    histories: int
    deliveries: int


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
def _twins(shape: Past) -> list[tuple[tuple[int, ...], Past]]:
    """Return the orders that put causes first, each with the shape numbered in it."""
    return [(order, _renamed(shape, order)) for order in lines(shape)]


@lru_cache(maxsize=FORMS_KEPT)
def form(shape: Past, letters: tuple[int, ...]) -> tuple[Past, tuple[int, ...]]:
    """Return what a history and all that differ from it by numbering alone have in common."""
    return min((twin, tuple(letters[act] for act in order)) for order, twin in _twins(shape))


@cache
def classes(count: int) -> list[tuple[Past, list[tuple[int, ...]]]]:
    """Return one shape of each class of equal ones, with the orders that leave it as it is."""
    found = []
    for shape in shapes(count):
        same = [order for order, twin in _twins(shape) if twin == shape]
        if shape == min(twin for _, twin in _twins(shape)):
            found.append((shape, same))
    return found


def histories(count: int, letters: int) -> Iterator[tuple[Past, tuple[int, ...]]]:
    """Yield every history of `count` acts over an alphabet, one for each symmetry."""
    for shape, same in classes(count):
        for acts in product(range(letters), repeat=count):
            if all(acts <= tuple(acts[one] for one in order) for order in same):
                yield shape, acts


def counted(count: int, letters: int, *, steps: bool = False) -> Found:
    """Return how many histories there are, and orders of arrival, without listing them.

    Of a shape with the symmetries S there are as many as |S| into the sum of letters^cycles(s).
    With `steps`: in place of the orders the acts that can come last.
    """
    found = orders = 0
    for shape, same in classes(count):
        kept = sum(letters ** _cycles(one) for one in same) // len(same)
        ends = {order[-1] for order in lines(shape)} if steps else lines(shape)
        found, orders = found + kept, orders + kept * len(ends)
    return Found(found, orders)


def _cycles(order: Sequence[int]) -> int:
    """Return the number of cycles of a permutation."""
    left, found = set(range(len(order))), 0
    while left:
        found += 1
        one = min(left)
        while one in left:
            left.remove(one)
            one = order[one]
    return found
