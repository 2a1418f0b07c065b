"""Walks along references: bounded, in one order, what is left out counted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envoy.views import provenance
from envoy.views.people import People
from envoy.views.provenance import BACK, FORWARD, Found, Step, Steps, Walk, walk

Edges = Mapping[str, tuple[str, ...]]


def name(text: str) -> bytes:
    """Return an id."""
    return text.encode().ljust(32, b"\0")


def text(ident: bytes) -> str:
    """Return what an id was made of."""
    return ident.rstrip(b"\0").decode()


def walked(
    edges: Edges, direction: str = BACK, *, depth: int = 5, most: int = 9, more: int = 0
) -> Walk:
    """Return the walk from ``a`` along ``edges``."""

    def ask(one: bytes) -> Steps:
        return Steps([Step("ref", name(other)) for other in edges.get(text(one), ())], more)

    return walk(name("a"), ask, direction, depth=depth, most=most)


def reached(found: Walk) -> dict[str, int]:
    """Return what a walk reached, and in how many steps."""
    return {text(one.id): one.depth for one in found.nodes}


def test_each_node_comes_once_by_the_shortest_way() -> None:
    found = walked({"a": ("b", "c"), "b": ("d",), "c": ("d", "a")})
    assert reached(found) == {"a": 0, "b": 1, "c": 1, "d": 2}
    pairs = [(text(one), text(other)) for one, _, other in found.edges]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("c", "a")]
    assert (found.cut, found.deeper) == (0, 0)


def test_forward_an_edge_still_leads_from_what_names_to_what_is_named() -> None:
    found = walked({"a": ("b",)}, FORWARD)
    assert found.edges == [(name("b"), "ref", name("a"))]


@pytest.mark.parametrize(
    ("depth", "most", "nodes", "cut", "deeper"),
    [
        pytest.param(2, 9, "abc", 0, 1, id="the depth ends it"),
        pytest.param(3, 9, "abcd", 0, 0, id="one step more"),
        pytest.param(3, 2, "ab", 1, 0, id="the count ends it"),
    ],
)
def test_what_is_left_out_is_counted(
    depth: int, most: int, nodes: str, cut: int, deeper: int
) -> None:
    found = walked({"a": ("b",), "b": ("c",), "c": ("d",)}, depth=depth, most=most)
    assert ("".join(reached(found)), found.cut, found.deeper) == (nodes, cut, deeper)


def test_what_was_not_even_read_is_counted_too() -> None:
    assert walked({"a": ("b",)}, depth=1, more=3).cut == 6


def test_a_member_is_followed_no_further() -> None:
    def ask(one: bytes) -> Steps:
        return Steps([Step("tenure", name(text(one) + "m"), True)], 0)

    found = walk(name("a"), ask, BACK, depth=5, most=9)
    assert reached(found) == {"a": 0, "am": 1}


def codes(found: Walk) -> list[object]:
    """Return the diagnostics of a walk of which nothing is here."""
    shown = provenance.graph(
        found, Found({}, {}, People([], me=bytes(32), find_did=lambda _: bytes(32)))
    )
    nodes = shown["nodes"]
    assert isinstance(nodes, list) and {one["status"] for one in nodes} == {"missing"}
    made = shown["diagnostics"]
    assert isinstance(made, list)
    return [one["code"] for one in made]


def test_an_event_that_names_nothing_says_so_and_what_is_not_here_is_missing() -> None:
    assert codes(walked({})) == ["no_explicit_references", "missing"]
    assert codes(walked({"a": ("b",)})) == ["missing"]
    assert codes(walked({"a": ("b",), "b": ("c",)}, depth=1)) == ["missing", "depth_limit"]
    assert codes(walked({"a": ("b", "c")}, most=2)) == ["missing", "node_limit"]
