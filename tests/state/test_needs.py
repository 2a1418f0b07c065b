"""Needs: which edges are left out where tasks wait for each other, and that no order matters."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from envoy import limits
from envoy.state import needs
from envoy.state.needs import Edge

A, B, C, D = (bytes((number,)) * 32 for number in range(1, 5))


def edge(task: bytes, to: bytes, lam: int = 1, *, made: bool = False) -> Edge:
    """Return an edge at a place."""
    return Edge(task, to, (lam, task), made)


CIRCLES = [
    pytest.param([], set(), id="nothing"),
    pytest.param([edge(A, B), edge(B, C), edge(A, C)], set(), id="no circle"),
    pytest.param([edge(A, A)], {(A, A)}, id="a task that needs itself"),
    pytest.param([edge(A, B, 1), edge(B, A, 2)], {(B, A)}, id="the later of two"),
    pytest.param([edge(A, B, 2), edge(B, A, 1)], {(A, B)}, id="whichever that is"),
    pytest.param(
        [edge(A, B, 1), edge(B, A, 9, made=True)], {(A, B)}, id="what a creation says comes first"
    ),
    pytest.param(
        [edge(A, B, 1), edge(B, C, 2), edge(C, A, 3), edge(C, D, 4)], {(C, A)}, id="a long one"
    ),
    pytest.param(
        [edge(A, B, 1), edge(B, A, 2), edge(C, D, 3), edge(D, C, 4), edge(B, C, 5)],
        {(B, A), (D, C)},
        id="two knots, and a way between them",
    ),
    pytest.param(
        [edge(A, B, 1), edge(B, A, 2), edge(B, C, 3), edge(C, A, 4)],
        {(B, A), (C, A)},
        id="two circles through one edge",
    ),
    pytest.param(
        [edge(A, B, 3), edge(B, C, 1), edge(C, A, 2), edge(B, D, 1), edge(D, B, 5)],
        {(A, B), (D, B)},
        id="each by its place",
    ),
]


@pytest.mark.parametrize(("edges", "out"), CIRCLES)
def test_the_edges_left_out_are(edges: list[Edge], out: set[tuple[bytes, bytes]]) -> None:
    for _ in range(6):
        random.Random(len(edges)).shuffle(edges)
        assert needs.left_out(edges) == out


def slow(edges: Sequence[Edge]) -> set[tuple[bytes, bytes]]:
    """Return what one edge after the other leaves out, asked of the whole graph each time."""
    kept: dict[bytes, set[bytes]] = {}
    out = set()
    for one in sorted(edges, key=lambda one: (not one.made, one.place, one.task, one.to)):
        reached, todo = {one.to}, [one.to]
        while todo:
            fresh = kept.get(todo.pop(), set()) - reached
            reached |= fresh
            todo += fresh
        if one.task in reached:
            out.add((one.task, one.to))
        else:
            kept.setdefault(one.task, set()).add(one.to)
    return out


def test_what_is_left_out_is_what_a_slow_reading_leaves_out() -> None:
    chance = random.Random(7)
    for _ in range(300):
        names = [bytes((n,)) * 32 for n in range(chance.randint(2, 9))]
        found = {
            (a, b): edge(a, b, chance.randint(1, 5))
            for a, b in (chance.choices(names, k=2) for _ in range(chance.randint(1, 20)))
        }
        assert needs.left_out(found.values()) == slow(list(found.values()))


def test_a_part_that_is_closed_tells_what_the_whole_tells() -> None:
    part = [edge(A, B, 1), edge(B, A, 2)]
    whole = [*part, edge(C, A, 3), edge(D, C, 1), edge(C, D, 2)]
    assert needs.left_out(part) <= needs.left_out(whole)
    assert needs.left_out(whole) - needs.left_out(part) == {(C, D)}


def test_a_long_chain_needs_no_deep_stack() -> None:
    names = [number.to_bytes(32) for number in range(5_000)]
    chain = [edge(one, other, made=True) for one, other in itertools.pairwise(names)]
    assert needs.left_out(chain) == set()
    assert needs.left_out([*chain, edge(names[-1], names[0])]) == {(names[-1], names[0])}


def test_in_one_knot_only_so_many_edges_of_edits_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edges = [edge(A, B, 1), edge(B, A, 2), edge(A, C, 3), edge(C, B, 4)]
    assert needs.left_out(edges) == {(B, A)}
    monkeypatch.setattr(limits, "NEEDS_JUDGED_MAX", 2)
    edges = [edge(A, B, 1), edge(B, A, 2), edge(B, C, 3), edge(C, A, 4), edge(D, A, 5)]
    assert needs.left_out(edges) == {(B, A), (B, C), (C, A)}


@pytest.mark.parametrize(
    ("edges", "out"),
    [
        pytest.param(
            [edge(A, B, 1), edge(B, C, 2), edge(C, A, 3)], {(C, A)}, id="the last of them is judged"
        ),
        pytest.param(
            [edge(A, B, 9, made=True), edge(B, C, 1), edge(C, A, 2)],
            {(C, A)},
            id="what a creation says is not counted",
        ),
        pytest.param([edge(A, B, 1), edge(B, C, 2), edge(C, D, 3)], set(), id="where no knot is"),
        pytest.param(
            [edge(A, B, 1), edge(B, A, 2), edge(B, C, 3), edge(C, D, 4), edge(D, C, 5)],
            {(B, A), (D, C)},
            id="of each knot by itself",
        ),
    ],
)
def test_the_bound_is_on_edges_of_edits_of_one_knot(
    edges: list[Edge], out: set[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NEEDS_JUDGED_MAX", 2)
    assert needs.left_out(edges) == needs.left_out(edges[::-1]) == out


def test_following_edges_leads_somewhere_or_not() -> None:
    targets = {A: [B, C], B: [C], C: [B]}
    assert needs.reaches(targets, A, C) and not needs.reaches(targets, C, A)
    assert needs.reaches(targets, B, B) and not needs.reaches(targets, A, A)
