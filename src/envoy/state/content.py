"""Content: what cards and the fields of a space come to.

The simple folds. A card is a register of its author alone. Name and description of a space are
registers that several admins may write while apart. Messages have no fold: they only ever grow in
number, so each is its line (``state.lines``), and reads put it in its place.

Law 1: pure functions of the set of counting acts; a held card or update has no part.
Law 2: labels are labels: a name or type from here decides nothing.

Specification: docs/spec/messages.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.core.bodies import Card, SpaceUpdate
from envoy.core.structs import State
from envoy.state.registers import Conflict, Graph, Op, register


class Labels(State, frozen=True):
    """How a member wants to be shown; all None or empty without a card."""

    card: bytes | None
    name: str | None
    type: str | None
    version: str | None
    service: str | None
    capabilities: tuple[str, ...]


class SpaceFields(State, frozen=True):
    """Name and description of a space, None where nobody wrote one since its genesis."""

    name: str | None
    description: str | None
    conflicts: tuple[Conflict, ...]
    heads: tuple[bytes, ...]


def reduce_member(member: bytes, ops: Iterable[Op]) -> Labels:
    """Return what the greatest (lam, id) of the counting cards of ``member`` says."""
    cards = [op for op in Graph(member, ops).ops if op.counts and isinstance(op.body, Card)]
    last = max(cards, key=lambda op: op.place, default=None)
    if last is None or not isinstance(last.body, Card):
        return Labels(None, None, None, None, None, ())
    card = last.body
    return Labels(last.id, card.name, card.type, card.version, card.service, card.capabilities)


def reduce_space(space: bytes, ops: Iterable[Op]) -> SpaceFields:
    """Return the fields that the counting updates of ``space`` come to."""
    graph = Graph(space, ops)
    named = register(graph, lambda op: _update(op).name is not None)
    described = register(graph, lambda op: _update(op).description is not None)
    # Two updates can meet on both fields: one conflict, open as long as it is on either.
    both = sorted((*named.conflicts, *described.conflicts), key=lambda one: one.is_open)
    met = {(one.loser, one.winner): one for one in both}
    return SpaceFields(
        name=_update(named.op).name if named.op else None,
        description=_update(described.op).description if described.op else None,
        conflicts=tuple(met.values()),
        heads=graph.heads,
    )


def _update(op: Op) -> SpaceUpdate:
    """Return what an act writes into the fields of its space: nothing, for a merge."""
    return op.body if isinstance(op.body, SpaceUpdate) else SpaceUpdate(None, None)
