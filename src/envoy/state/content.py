"""Content: what cards and the fields of a space come to.

The simple folds. A card is a register of its author alone. Name, description and each field of the
policy of a space are registers that several admins may write while apart. Messages only ever grow
in number, so each is its line (``state.lines``), and reads put it in its place; all that is folded
of one is whether its text is still shown.

Law 1: pure functions of the set of counting acts; a held card or update has no part.
Law 2: labels are labels: a name or type from here decides nothing.

Specification: docs/spec/messages.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from envoy import limits
from envoy.core.bodies import ROLES, Card, MessageRedact, SpacePolicy, SpaceUpdate
from envoy.core.objects import ObjectRetract
from envoy.core.structs import Body, State
from envoy.state.registers import OVER_LIMIT, Conflict, Graph, Op, Value, met, register
from envoy.state.transitions import RANK_CREATOR, WRONG_STATE

PolicyValue = None | bool | int | str | tuple[str, ...]
Policy = tuple[tuple[str, PolicyValue], ...]

# The fields that a policy has, ascending. Specification: docs/spec/messages.md, Policy.
POLICY: Final = (
    *("audit", "gate.evidence", "gate.no_self_review", "gate.review_by", "gate.reviews"),
    "lease_s",
)
AUDITS: Final = ("keep", "free")
REDACT_WITHOUT_RANK: Final = "redact_without_rank"
RETRACT_WITHOUT_RANK: Final = "retract_without_rank"
REVIEWERS: Final = ("human", *ROLES)


class Labels(State, frozen=True):
    """How a member wants to be shown; all None or empty without a card."""

    card: bytes | None
    name: str | None
    type: str | None
    version: str | None
    service: str | None
    capabilities: tuple[str, ...]


class Redaction(State, frozen=True):
    """The act that hides a message or object, None while none counts, and the refused ones."""

    by: bytes | None
    refused: tuple[tuple[bytes, str], ...]


class SpaceFields(State, frozen=True):
    """Name, description and policy of a space as written since its genesis.

    None where nobody wrote one; of the ``policy`` only the fields that somebody wrote.
    """

    name: str | None
    description: str | None
    policy: Policy
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


def reduce_message(message: bytes, ops: Iterable[Op]) -> Redaction:
    """Return which redaction of ``message`` stands: the first of its author's or an admin's.

    Whether the message itself counts is no matter here. Source: docs/spec/messages.md, Redaction.
    """
    return _hidden(Graph(message, ops), MessageRedact, REDACT_WITHOUT_RANK)


def reduce_object(reference: bytes, ops: Iterable[Op]) -> Redaction:
    """Return which retraction of ``reference`` stands: the first of its author's or an admin's.

    References only ever grow in number, and several to one object all stand. Whether this one
    counts is no matter here. Source: docs/spec/object.md, References.
    """
    return _hidden(Graph(reference, ops), ObjectRetract, RETRACT_WITHOUT_RANK)


def _hidden(graph: Graph, kind: type[Body], without_rank: str) -> Redaction:
    """Return which act of ``kind`` hides the entity of ``graph``."""
    start, by = graph.numbers.get(graph.entity), None
    refused = [(op.id, OVER_LIMIT) for op in graph.over if op.counts]
    for number, op in enumerate(graph.ops):
        if not op.counts or not isinstance(op.body, kind):
            continue
        if start is None or not graph.saw(number, start):
            refused.append((op.id, WRONG_STATE))
        elif op.rho < RANK_CREATOR:
            refused.append((op.id, without_rank))
        elif by is None:
            by = op.id
    return Redaction(by, tuple(refused))


def reduce_space(space: bytes, ops: Iterable[Op]) -> SpaceFields:
    """Return the fields that the counting updates of ``space`` come to."""
    graph = Graph(space, ops)
    named = register(graph, lambda op: _update(op).name is not None)
    described = register(graph, lambda op: _update(op).description is not None)
    ruled = {field: _ruled(graph, field) for field in POLICY}
    every = [named, described, *ruled.values()]
    return SpaceFields(
        name=_update(named.op).name if named.op else None,
        description=_update(described.op).description if described.op else None,
        policy=tuple(
            (field, _policy(value.op)[field]) for field, value in ruled.items() if value.op
        ),
        conflicts=met(one for value in every for one in value.conflicts),
        heads=graph.heads,
    )


def _update(op: Op) -> SpaceUpdate:
    """Return what an act writes into the fields of its space: nothing, for a merge."""
    return op.body if isinstance(op.body, SpaceUpdate) else SpaceUpdate(None, None)


def _ruled(graph: Graph, field: str) -> Value:
    """Return the register of one field of the policy."""
    return register(graph, lambda op: field in _policy(op))


def _policy(op: Op) -> dict[str, PolicyValue]:
    """Return the fields of the policy that an act writes, with values they can have."""
    return dict(sound_policy(op.body.policy)) if isinstance(op.body, SpacePolicy) else {}


def sound_policy(policy: Policy) -> Policy:
    """Return those fields of ``policy`` that are known and have a value of their kind."""
    return tuple((field, value) for field, value in policy if _is_sound(field, value))


def _is_sound(field: str, value: PolicyValue) -> bool:
    """Say whether a field of a policy can have that value."""
    match field, value:
        case "audit", str():
            return value in AUDITS
        case "gate.no_self_review", bool():
            return True
        case "gate.reviews", int():
            return not isinstance(value, bool) and 0 <= value <= limits.REVIEWS_MAX
        case "lease_s", int():
            return limits.LEASE_SECONDS_MIN <= value <= limits.LEASE_SECONDS_MAX
        case "gate.review_by", tuple():
            return len(value) <= limits.LABELS_MAX and all(one in REVIEWERS for one in value)
        case "gate.evidence", tuple():
            sizes = [len(one.encode()) for one in value]
            return len(value) <= limits.LABELS_MAX and all(
                1 <= size <= limits.LABEL_BYTES_MAX for size in sizes
            )
        case _:
            return False
