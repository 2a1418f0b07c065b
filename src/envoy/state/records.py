"""Records: what a typed record must have, and whether it counts.

A record only ever adds: another takes its place by a reference, its author or an admin takes it
back, nothing overwrites it. What a kind must have stands in one table as data. A record that lacks
it is kept, shown as refused and has no effect, at every replica, so that a modified client cannot
make evidence of a word.

What records come to by standing beside each other (superseded, stale, answered) is a matter of
rows (``views.records``): reads ask it without the folds.

Law: pure functions of the set of counting acts on one record.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from envoy.core.bodies import Ref
from envoy.core.records import Record, RecordRetract
from envoy.core.structs import State
from envoy.lean import NamedTuple
from envoy.state.registers import OVER_LIMIT, Conflict, Graph, Op, register
from envoy.state.transitions import RANK_CREATOR, WRONG_STATE

FIELD_INVALID: Final = "field_invalid"
RECORD_WITHOUT_RANK: Final = "record_without_rank"
RETRACT_WITHOUT_RANK: Final = "retract_without_rank"
RANK_ADMIN: Final = 3
SUPERSEDES: Final = "supersedes"


class Schema(NamedTuple):
    """What a record of one kind must have beside its text.

    ``fields`` are the words that a field must be one of; ``relations``: one of these must be there.
    """

    text: bool = True
    type: bool = False
    subject: bool = False
    admin: bool = False
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    relations: tuple[str, ...] = ()


SEVERITIES: Final = ("note", "major", "blocking")
SCHEMAS: Final[Mapping[str, Schema]] = {
    "charter": Schema(admin=True),
    "decision": Schema(),
    "evidence": Schema(
        text=False, type=True, subject=True, fields=(("result", ("pass", "fail", "info")),)
    ),
    "objection": Schema(fields=(("severity", SEVERITIES),), relations=("contradicts",)),
    "repair": Schema(relations=("repairs",)),
    "approval": Schema(
        text=False,
        subject=True,
        fields=(("verdict", ("approve", "reject", "defer", "conditional")),),
    ),
    "risk": Schema(fields=(("severity", SEVERITIES),)),
    "correction": Schema(relations=("supersedes", "contradicts")),
}


class Fold(State, frozen=True):
    """A record as its acts make it: what it says, None where it does not count.

    ``retracted`` is the act that took it back; ``is_ranked`` says that an admin wrote it.
    """

    body: Record | None
    is_ranked: bool
    retracted: bytes | None
    refused: tuple[tuple[bytes, str], ...]


def lacking(body: Record) -> list[str]:
    """Return, by name, what a record lacks apart from its references; of an unknown kind, that."""
    schema, subject = SCHEMAS.get(body.kind), body.subject
    if schema is None:
        return ["kind"]
    found = [
        name
        for name, wanted, given in (
            ("text", schema.text, body.text),
            ("type", schema.type, body.type),
            ("subject", schema.subject, subject),
        )
        if wanted and not given
    ]
    if subject and split(subject) is None:
        found.append("subject")
    known = dict(body.fields)
    found += [name for name, words in schema.fields if known.get(name) not in words]
    return [*found, "exit"] if body.kind == "evidence" and _contradicts(known) else found


def _contradicts(known: Mapping[str, object]) -> bool:
    """Say whether an exit status is another one than its result says: `pass` is 0, `fail` not."""
    result, is_zero = known.get("result"), str(known.get("exit")) == "0"
    return "exit" in known and (
        (result == "pass" and not is_zero) or (result == "fail" and is_zero)
    )


def misses_relation(kind: str, refs: Iterable[Ref]) -> tuple[str, ...]:
    """Return the relations of which a record must have one and has none."""
    schema = SCHEMAS.get(kind, Schema())
    is_there = any(ref.rel in schema.relations for ref in refs)
    return () if is_there else schema.relations


def split(subject: str) -> tuple[str, str] | None:
    """Return (``scheme:name``, digest) of a subject ``scheme:name@digest``, None if it is none."""
    name, _, digest = subject.rpartition("@")  # without an @ there is no name
    scheme, colon, _ = name.partition(":")
    return (name, digest) if colon and scheme and digest else None


def refusal(body: Record, *, rho: int) -> str | None:
    """Return why a record of an author with rank ``rho`` has no effect, or None."""
    if lacking(body):
        return FIELD_INVALID
    if misses_relation(body.kind, body.refs):
        return FIELD_INVALID
    return RECORD_WITHOUT_RANK if SCHEMAS[body.kind].admin and rho < RANK_ADMIN else None


def reduce(record: bytes, ops: Iterable[Op]) -> Fold:
    """Return what the acts on ``record`` come to."""
    graph = Graph(record, ops)
    start, body, by = graph.numbers.get(record), None, None
    refused = [(op.id, OVER_LIMIT) for op in graph.over if op.counts]
    is_ranked = False
    for number, op in enumerate(graph.ops):
        if not op.counts:
            continue
        if isinstance(op.body, Record):
            reason = refusal(op.body, rho=op.rho)
            body = op.body if reason is None else None
            is_ranked = op.rho >= RANK_ADMIN
        elif isinstance(op.body, RecordRetract):
            reason = _retraction(op, has_seen=start is not None and graph.saw(number, start))
            by = op.id if reason is None and by is None else by
        else:
            continue
        if reason is not None:
            refused.append((op.id, reason))
    return Fold(body, is_ranked, by, tuple(refused))


def rivals(record: bytes, successors: Iterable[Op]) -> tuple[Conflict, ...]:
    """Return the conflicts between records that take the place of ``record``.

    ``successors`` are those that nobody took back, each with the others that it saw as its basis
    and with the rank of its author on ``record``. Both sides stay in force: the conflict says that
    two members went on from one record, apart, until one that saw both goes on from it.
    """
    return register(Graph(record, successors), lambda _: True).conflicts


def _retraction(op: Op, *, has_seen: bool) -> str | None:
    """Return why a retraction has no effect."""
    if not has_seen:
        return WRONG_STATE
    return RETRACT_WITHOUT_RANK if op.rho < RANK_CREATOR else None
