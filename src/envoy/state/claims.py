"""Claims: who holds a task, and how sure that is.

A fold cannot give a single winner, because two members may take a task while apart; a hub can,
since it appends in one transaction. So a claim is an act like any other, and the hub's receipt with
its rising fence is a fact beside it. Here the two meet: what a task's tenure acts are, which of the
concurrent ones is effective, which receipt counts for a claim, and what is shown of the rest.

Law 1: receipts order, they give nothing. A claim without one is provisional, and an admin's
assignment beats any fence.
Law 2: nobody can get a receipt for another's claim: SHA-256(holder) must equal ``holder_hash``.
Law 3: no lease time is read here. ``lease_until`` is the hub's last word, for display.

Whether the slot of a receipt is this task's, and its key the one pinned as ``no``, takes keys to
tell; whoever hands receipts over has asked that before.

Specification: docs/spec/claims.md. Test vectors: tests/vectors/claims.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from envoy.core.bodies import TaskAssign, TaskClaim, TaskCreate, TaskRelease, TaskReopen
from envoy.core.dag import tie
from envoy.core.records import TaskHandoff
from envoy.core.structs import State
from envoy.lean import NamedTuple
from envoy.state.registers import Graph, Loss, Op
from envoy.views import names

DOUBLE_FENCE: Final = "double_fence"
RANK_ADMIN: Final = 3

Fence = tuple[int, int]
# Below every receipt: the first (no, fence) is (0, 1).
NO_FENCE: Final[Fence] = (-1, -1)
CLAIM: Final = "claim"
# Why one head comes before another, a name per part of its key.
RULES: Final = ("assign", "holding", "fence", "fence", "tie", "id")


class Key(NamedTuple):
    """What orders concurrent tenure acts, the smallest first; no and fence are negated."""

    group: int
    is_ending: bool
    no: int
    fence: int
    tie: bytes
    id: bytes


class Receipt(State, frozen=True):
    """A hub's word that ``event`` took this task's slot as ``fence`` of the hub number ``no``.

    ``holder`` is SHA-256 of the holder's secret; ``at`` and ``until`` are the hub's clock.
    """

    event: bytes
    no: int
    fence: int
    holder: bytes
    at: int
    until: int
    instance: bytes
    id: bytes


class Tenure(State, frozen=True):
    """One holding of a task: ``kind`` is how it was given, ``giver`` by whom.

    ``no`` and ``fence`` are None without a receipt, ``session`` and ``lease_until`` (ms) for what
    is no claim; those of a handoff are of the claim that it passes on.
    """

    id: bytes
    holder: bytes
    giver: bytes
    kind: str
    session: str | None
    no: int | None
    fence: int | None
    claim_state: str
    lease_until: int | None

    @property
    def full_fence(self) -> Fence:
        """Return (no, fence), NO_FENCE without a receipt."""
        return NO_FENCE if self.no is None or self.fence is None else (self.no, self.fence)


class Grip(NamedTuple):
    """What the receipts of one claim come to."""

    fence: Fence
    until: int


def is_tenure(op: Op) -> bool:
    """Say whether ``op`` gives the task to somebody, or takes it from its holder."""
    match op.body:
        case TaskCreate():
            return op.body.assignee is not None
        case TaskAssign() | TaskClaim() | TaskRelease() | TaskReopen() | TaskHandoff():
            return True
        case _:
            return False


def holder(op: Op) -> bytes | None:
    """Return the did that holds the task by ``op``, None for an act that ends a tenure."""
    match op.body:
        case TaskCreate():
            return op.body.assignee
        case TaskAssign() | TaskHandoff():
            return op.body.to
        case TaskClaim():
            return op.author
        case _:
            return None


def grips(ops: Iterable[Op], receipts: Iterable[Receipt]) -> dict[bytes, Grip]:
    """Return by event id what each claim's receipts come to: the least fence, its latest end.

    A receipt counts whose holder is the one the claim names. The least fence counts, so that
    nobody lifts an old claim over a newer one by taking its slot again (THREATS C13). A handoff has
    the fence of the tenure that it passes on: whoever takes over must have a greater one.
    """
    acts = {op.id: op for op in ops}
    found = dict[bytes, Grip]()
    for receipt in receipts:
        op = acts.get(receipt.event)
        if op is None or not _fits(op, receipt):
            continue
        grip = Grip((receipt.no, receipt.fence), receipt.until)
        known = found.setdefault(receipt.event, grip)
        if grip.fence < known.fence or (grip.fence == known.fence and grip.until > known.until):
            found[receipt.event] = grip
    for op in acts.values() if found else ():  # in causal order, so a handoff passes on another's
        if isinstance(op.body, TaskHandoff) and op.body.tenure in found:
            found[op.id] = found[op.body.tenure]
    return found


def fence_of(op: Op, held: Mapping[bytes, Grip]) -> Fence:
    """Return the (no, fence) of a tenure act, NO_FENCE without a receipt."""
    grip = held.get(op.id)
    return NO_FENCE if grip is None else grip.fence


def key(task: bytes, op: Op, held: Mapping[bytes, Grip]) -> Key:
    """Return what orders concurrent tenure acts: the smallest is effective.

    Assignments of rank 3, other assignments, the rest; holding before ending; the greater receipt
    first, none last; smaller SHA-256(task || holder); smaller id. Source: docs/spec/claims.md.
    """
    who = holder(op)
    group = 2
    if isinstance(op.body, TaskAssign | TaskCreate):
        group = 0 if isinstance(op.body, TaskAssign) and op.rho == RANK_ADMIN else 1
    no, fence = fence_of(op, held)
    return Key(group, who is None, -no, -fence, tie(task, who or op.author), op.id)


def rule(winner: Key, loser: Key) -> str:
    """Return the name of the rule by which ``winner`` comes before ``loser``."""
    parts = zip(RULES, winner, loser, strict=True)
    return next(name for name, one, other in parts if one != other)


def tenure(op: Op, held: Mapping[bytes, Grip]) -> Tenure | None:
    """Return the tenure that the effective act ``op`` gives, None if it ends one."""
    who = holder(op)
    if who is None:
        return None
    kind = op.kind.removeprefix("task.")
    if not isinstance(op.body, TaskClaim):
        no, fence = held[op.id].fence if op.id in held else (None, None)
        return Tenure(op.id, who, op.author, kind, None, no, fence, names.UNCLAIMED, None)
    session, grip = op.body.session, held.get(op.id)
    if grip is None:
        return Tenure(op.id, who, who, kind, session, None, None, names.PROVISIONAL, None)
    no, fence = grip.fence
    return Tenure(op.id, who, who, kind, session, no, fence, names.CONFIRMED, grip.until)


def double_fences(graph: Graph, keys: Mapping[int, Key], receipts: Iterable[Receipt]) -> list[Loss]:
    """Return one loss per claim that a hub gave the (no, fence) of another: it forked.

    ``keys`` are those of the tenure acts that count. Both receipts are kept as proof; the order of
    heads goes on to the hash.
    """
    given = dict[Fence, set[int]]()
    for receipt in receipts:
        number = graph.numbers.get(receipt.event, -1)
        if number in keys and _fits(graph.ops[number], receipt):
            given.setdefault((receipt.no, receipt.fence), set()).add(number)
    found = list[Loss]()
    for numbers in given.values():
        first, *others = sorted(numbers, key=keys.__getitem__)
        found += [Loss(DOUBLE_FENCE, first, one, rule(keys[first], keys[one])) for one in others]
    return found


def _fits(op: Op, receipt: Receipt) -> bool:
    """Say whether ``receipt`` is for the holder that the claim names."""
    return isinstance(op.body, TaskClaim) and op.body.holder_hash == receipt.holder
