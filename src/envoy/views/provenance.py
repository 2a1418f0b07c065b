"""Provenance: what an event rests on, or what rests on it, edge by edge.

Only what a signed event names is an edge. Nothing is related because it stands nearby, has the same
words or came soon after; where nothing is named, the answer says so instead of guessing.

Laws: pure, breadth first, the same nodes in the same order on every replica with the same events.
What is left out is counted.

Specification: docs/spec/conflicts.md, Provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from envoy import ids
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.conflicts import Act, said
from envoy.views.people import Json, People, stamp

BACK: Final = "back"
FORWARD: Final = "forward"
TEXT_CHARS: Final = 200
# The sort of a node, and the prefix of its id, by the kind of its event.
SORTS: Final[Mapping[str, tuple[str, str]]] = {
    "task.create": ("task", "task"),
    "record": ("record", "rec"),
    "object.put": ("object", "evt"),
    "message": ("event", "msg"),
}
OTHER: Final = ("event", "evt")
UNTRUSTED: Final = ["nodes.*.text", "*.display_name", "*_name"]


class Step(NamedTuple):
    """One edge from where one stands: how it is called, and its other end."""

    rel: str
    other: bytes
    is_member: bool = False


class Steps(NamedTuple):
    """The edges at one node, in order, and how many more there are."""

    found: Sequence[Step]
    more: int


class Node(NamedTuple):
    """Somebody or something that was reached, and in how many steps."""

    id: bytes
    is_member: bool
    depth: int


class Walk(NamedTuple):
    """What was reached, and what was not: beyond the nodes allowed, beyond the depth."""

    nodes: Sequence[Node]
    edges: Sequence[tuple[bytes, str, bytes]]  # from, how, to
    cut: int
    deeper: int


def walk(
    start: bytes, ask: Callable[[bytes], Steps], direction: str, *, depth: int, most: int
) -> Walk:
    """Return what following the edges from ``start`` in one direction reaches.

    ``ask`` returns the edges at a node; a member has none. At most ``depth`` steps, ``most`` nodes.
    """
    nodes = {start: Node(start, False, 0)}
    edges = dict[tuple[bytes, str, bytes], None]()
    cut, beyond = 0, set[bytes]()
    queue = [start]
    for one in queue:
        at, steps = nodes[one].depth, ask(one)
        cut += steps.more
        for step in steps.found:
            is_new = step.other not in nodes
            if is_new and at == depth:
                beyond.add(step.other)
                continue
            if is_new and len(nodes) >= most:
                cut += 1
                continue
            if is_new:
                nodes[step.other] = Node(step.other, step.is_member, at + 1)
                queue += [] if step.is_member else [step.other]
            ends = (one, step.rel, step.other)
            edges[ends if direction == BACK else ends[::-1]] = None
    return Walk([*nodes.values()], [*edges], cut, len(beyond - nodes.keys()))


class Found(NamedTuple):
    """What is known of the nodes of a walk."""

    acts: Mapping[bytes, Act]
    items: Mapping[bytes, rows.Item]
    people: People


def graph(walked: Walk, found: Found) -> Json:
    """Return nodes, edges and diagnostics."""
    names = {one.id: name_of(one, found) for one in walked.nodes}
    missing = [one for one in walked.nodes if not one.is_member and one.id not in found.acts]
    counts = {
        "no_explicit_references": int(not walked.edges and not walked.cut),
        "missing": len(missing),
        "depth_limit": walked.deeper,
        "node_limit": walked.cut,
    }
    return {
        "nodes": [node(one, names[one.id], found) for one in walked.nodes],
        "edges": [
            {"from": names[one], "rel": rel, "to": names[other]} for one, rel, other in walked.edges
        ],
        "diagnostics": [{"code": code, "count": count} for code, count in counts.items() if count],
    }


def name_of(one: Node, found: Found) -> str:
    """Return the id of a node as text."""
    if one.is_member:
        return ids.did_text(one.id)
    act = found.acts.get(one.id)
    return ids.to_text("evt" if act is None else SORTS.get(act.kind, OTHER)[1], one.id)


def node(one: Node, name: str, found: Found) -> Json:
    """Return a node: what it is, by whom, with the beginning of its text where it counts."""
    act, text = found.acts.get(one.id), said(found.items.get(one.id))
    sort = "event" if act is None else SORTS.get(act.kind, OTHER)[0]
    by, status = None if act is None else found.people.actor(act.an), "missing"
    if one.is_member:
        member = [row for row in found.people.all() if row.did == one.id]
        by = found.people.actor(member[0].an) if member else None
        status = "ok" if member else "missing"
    return {
        "id": name,
        "type": "member" if one.is_member else sort,
        "kind": None if act is None else act.kind,
        "by": by,
        "at": None if act is None else stamp(act.ts),
        "status": status if act is None else act.status,
        "text": None if text is None else text[:TEXT_CHARS],
        "text_complete": text is None or len(text) <= TEXT_CHARS,
        "depth": one.depth,
    }
