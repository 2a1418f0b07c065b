"""Gates: what a completion must meet before its task is done.

A gate is open-ended on the wire and becomes a ``Gate`` here: known fields with values they can
have; all others ask for nothing. A task has one of its own, the space another in its policy; both
bind, and of several the strictest of each field does. Whether enough is shown is a question about
sets: who approved, what the completion names. It is asked by every replica, so a modified client
skips nothing.

Law 1: a gate only ever adds up; no field of one weakens that of another.
Law 2: a declared kind is a label. It can make an approval fit ``human`` and gives nobody power.

Specification: docs/spec/tasks.md, Gates. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from envoy.core.bodies import ROLES, SpacePolicy
from envoy.core.structs import State
from envoy.lean import NamedTuple
from envoy.state.content import sound_policy
from envoy.state.registers import Graph, Op
from envoy.state.transitions import Open

HUMAN: Final = "human"
PREFIX: Final = "gate."
FIELDS: Final = ("evidence", "no_self_review", "review_by", "reviews")


class Gate(State, frozen=True):
    """What is asked: so many approvals, by whom, not by oneself, and types of evidence."""

    reviews: int
    review_by: tuple[str, ...]
    no_self_review: bool
    evidence: tuple[str, ...]

    @property
    def names_roles(self) -> tuple[str, ...]:
        """Return the roles that an approval must come from; each of them has to fit."""
        return tuple(one for one in self.review_by if one != HUMAN)

    @property
    def looks_beside(self) -> bool:
        """Say whether meeting it depends on more than the acts on the task."""
        return HUMAN in self.review_by or bool(self.evidence)


FREE: Final = Gate(0, (), False, ())


class Approval(NamedTuple):
    """Who approved, by which role (None: none), and whether it is work of one's own."""

    author: bytes
    role: str | None
    is_own: bool


class Around(State, frozen=True):
    """What is known beside the acts on a task, equal on every replica of equal sets.

    ``policy`` is by completion what the policy of the space asks of it; ``roles`` by verdict the
    role that its author acted with; ``humans`` are the members who declare to be human;
    ``evidence`` has by completion the types of the records it names that show something: counting,
    of this task, of a result that is not ``fail``, neither stale nor retracted by what had not seen
    the completion.
    """

    policy: Mapping[bytes, Gate]
    roles: Mapping[bytes, str | None]
    humans: frozenset[bytes]
    evidence: Mapping[bytes, Mapping[bytes, str]]


ALONE: Final = Around({}, {}, frozenset(), {})


def read(gate: Open) -> Gate:
    """Return what ``gate`` asks; an unknown field, or one of no value it can have, is nothing."""
    known = dict(sound_policy(tuple((PREFIX + field, value) for field, value in gate)))
    reviews, review_by = known.get("gate.reviews"), known.get("gate.review_by")
    evidence = known.get("gate.evidence")
    return Gate(
        reviews=reviews if isinstance(reviews, int) else 0,
        review_by=_listed(review_by),
        no_self_review=known.get("gate.no_self_review") is True,
        evidence=_listed(evidence),
    )


def _listed(value: object) -> tuple[str, ...]:
    """Return the words of a list, ascending, each once."""
    return tuple(sorted({str(one) for one in value})) if isinstance(value, tuple) else ()


def written(gate: Gate) -> Open:
    """Return ``gate`` as it stands on the wire, without the fields that ask for nothing."""
    pairs: tuple[tuple[str, bool | int | tuple[str, ...]], ...] = (
        ("evidence", gate.evidence),
        ("no_self_review", gate.no_self_review),
        ("review_by", gate.review_by),
        ("reviews", gate.reviews),
    )
    return tuple((field, value) for field, value in pairs if value)


def strictest(gates: Iterable[Gate]) -> Gate:
    """Return the gate that asks for all that any of ``gates`` does."""
    every = list(gates)
    return Gate(
        reviews=max((one.reviews for one in every), default=0),
        review_by=tuple(sorted({by for one in every for by in one.review_by})),
        no_self_review=any(one.no_self_review for one in every),
        evidence=tuple(sorted({kind for one in every for kind in one.evidence})),
    )


def fits_roles(gate: Gate, role: str | None) -> bool:
    """Say whether ``role`` is at least each of those that a gate names."""
    rank = -1 if role is None else ROLES.index(role)
    return all(rank >= ROLES.index(one) for one in gate.names_roles)


def names(gate: Gate, role: str | None) -> bool:
    """Say whether a gate makes a reviewer of a member with ``role`` who has no rank on the task."""
    return bool(gate.review_by) and role is not None and fits_roles(gate, role)


def missing_reviews(gate: Gate, approvals: Iterable[Approval], humans: Collection[bytes]) -> int:
    """Return how many approvals a gate still wants; ``humans`` as in ``Around``."""
    by_human = HUMAN in gate.review_by
    fits = [
        one
        for one in approvals
        if fits_roles(gate, one.role)
        and not (gate.no_self_review and one.is_own)
        and (not by_human or one.author in humans)
    ]
    return max(0, gate.reviews - len(fits))


def missing_evidence(
    gate: Gate, named: Iterable[bytes], evidence: Mapping[bytes, str]
) -> tuple[str, ...]:
    """Return the types that a gate wants and none of the ``named`` records shows."""
    shown = {evidence[one] for one in named if one in evidence}
    return tuple(one for one in gate.evidence if one not in shown)


def of_policy(founded: Open, graph: Graph, has_seen: Callable[[Op], bool]) -> Gate:
    """Return what the policy of a space asks of a completion.

    ``founded`` is the policy of its genesis, ``graph`` holds the acts on the space, ``has_seen``
    says which of them had seen the completion: what comes after does not bind it. Of each field the
    writes bind that no other of the rest has seen.
    """
    gates = list[Gate]()
    for field in FIELDS:
        writes = {
            number: value
            for number, op in enumerate(graph.ops)
            if op.counts
            and isinstance(op.body, SpacePolicy)
            and (value := dict(sound_policy(op.body.policy)).get(PREFIX + field)) is not None
            and not has_seen(op)
        }
        base = [value for key, value in founded if key == PREFIX + field]
        values = [writes[one] for one in graph.newest(list(writes))] or base
        gates += [read(((field, value),)) for value in values]
    return strictest(gates)
