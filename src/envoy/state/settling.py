"""Settling: which act says that a conflict is settled, and with which side.

A conflict closes by itself once somebody decided anew knowing of both sides
(`state.registers.conflicts`). Where nothing is to be decided anew somebody may say so: whoever has
rank, or the loser, who gives in. That marks the conflict and does nothing else; a state is changed
by the ordinary acts.

Laws: pure, a function of the set of acts and of the conflict. Who lost cannot undo by giving in
what somebody with rank has said.

Specification: docs/spec/conflicts.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from envoy.core.records import ConflictResolve
from envoy.core.structs import State
from envoy.state.registers import OVER_LIMIT, Graph, Op, register
from envoy.state.transitions import RANK_CREATOR, WRONG_STATE

RESOLVE_WITHOUT_RANK: Final = "resolve_without_rank"


class Sides(State, frozen=True):
    """What a conflict is between: the acts, as they stand now, and who lost.

    Of a fork one author wrote both: it is for the others to say what they make of it.
    """

    winner: bytes
    loser: bytes
    author: bytes  # of the losing act
    is_fork: bool = False


class Settled(State, frozen=True):
    """Which act stands, the side that it keeps, and which acts were refused and why."""

    by: bytes | None
    keep: bytes | None
    refused: tuple[tuple[bytes, str], ...]


def refusal(body: ConflictResolve, sides: Sides | None, me: bytes, *, rho: int) -> str | None:
    """Return why somebody of that rank cannot say so, or None."""
    if sides is None or body.keep not in (sides.winner, sides.loser):
        return WRONG_STATE
    if sides.is_fork and me == sides.author:
        return RESOLVE_WITHOUT_RANK
    gives_in = me == sides.author and body.keep == sides.winner
    return None if rho >= RANK_CREATOR or gives_in else RESOLVE_WITHOUT_RANK


def reduce(conflict: bytes, ops: Iterable[Op], sides: Sides | None) -> Settled:
    """Return what the acts on ``conflict`` come to; ``sides`` None: there is no such conflict.

    The rank of an act is that on the entity of the conflict. Of the legal ones that no other legal
    one saw: higher rho, then as registers say. One of rank 1 does not stand if it saw one of rank.
    """
    graph = Graph(conflict, ops)
    refused = [(op.id, OVER_LIMIT) for op in graph.over if op.counts]
    legal = set[bytes]()
    ranked = list[int]()
    for number, op in enumerate(graph.ops):
        if not op.counts or not isinstance(op.body, ConflictResolve):
            continue
        why = refusal(op.body, sides, op.author, rho=op.rho)
        if why is None and op.rho < RANK_CREATOR and any(graph.saw(number, n) for n in ranked):
            why = RESOLVE_WITHOUT_RANK
        if why is not None:
            refused.append((op.id, why))
            continue
        legal.add(op.id)
        if op.rho >= RANK_CREATOR:
            ranked.append(number)
    found = register(graph, lambda op: op.id in legal).op
    if found is None or not isinstance(found.body, ConflictResolve):
        return Settled(None, None, tuple(refused))
    return Settled(found.id, found.body.keep, tuple(refused))
