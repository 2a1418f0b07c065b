"""A second, slow reducer of tasks, written from docs/spec/tasks.md and claims.md alone.

It keeps sets and asks every question anew: no numbers, no bitsets, no views carried along. What it
shares with the product are the bodies and the shape of an Op.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from envoy.core.bodies import (
    TaskAssign,
    TaskCancel,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskEdit,
    TaskProgress,
    TaskRelease,
    TaskReopen,
)
from envoy.core.records import TaskGate, TaskHandoff, TaskReview
from envoy.state.claims import Receipt
from envoy.state.gates import ALONE, Around
from envoy.state.registers import Op
from oracle.task_reviews import WORDS, Reviewed

Set = frozenset[bytes]
Conflict = tuple[str, bytes, bytes, bool]  # kind, winner, loser, open
AFTER: tuple[str, ...] = (
    "open",
    "assigned",
    "claimed",
    "in_progress",
    "blocked",
    "changes_requested",
    "submitted",
    "completed",
)
ENDING = (TaskAssign, TaskClaim, TaskHandoff, TaskRelease, TaskReopen)
FIELDS = ("title", "body", "priority", "due_at", "parent")
NO_FENCE = (-1, -1)


class Outcome(NamedTuple):
    """What a task comes to."""

    state: str
    tenure: bytes | None
    holder: bytes | None
    completion: bytes | None
    refused: dict[bytes, str]
    conflicts: set[Conflict]
    heads: list[bytes]
    fields: dict[str, object]


class Slow(Reviewed):
    """The acts and receipts of one task."""

    def __init__(
        self,
        task: bytes,
        ops: Sequence[Op],
        receipts: Sequence[Receipt],
        around: Around = ALONE,
    ) -> None:
        self.around = around
        self.task = task
        self.every = {op.id: op for op in ops}
        self.over = self.over_limit()
        self.ops = {one: op for one, op in self.every.items() if one not in self.over}
        self.closures: dict[bytes, Set] = {}
        for op in sorted(self.ops.values(), key=lambda op: op.lam):
            named = [one for one in op.basis if one in self.ops]
            self.closures[op.id] = frozenset(named).union(*(self.closures[n] for n in named))
        self.fences = {one: self.fence(op, receipts) for one, op in self.ops.items()}
        for op in sorted(self.ops.values(), key=lambda op: op.lam):
            if isinstance(op.body, TaskHandoff):
                self.fences[op.id] = self.fences.get(op.body.tenure, NO_FENCE)
        self.receipts = receipts
        self.known: dict[bytes, str | None] = {}

    def over_limit(self) -> set[bytes]:
        """Return the heads of an author beyond the eighth."""
        named = {one for op in self.every.values() for one in op.basis}
        over = set[bytes]()
        for author in {op.author for op in self.every.values()}:
            own = [op for op in self.every.values() if op.author == author and op.id not in named]
            over |= {op.id for op in sorted(own, key=lambda op: (op.lam, op.id))[8:]}
        return over

    @staticmethod
    def fence(op: Op, receipts: Sequence[Receipt]) -> tuple[int, int]:
        """Return the least (no, fence) that fits a claim."""
        if not isinstance(op.body, TaskClaim):
            return NO_FENCE
        fits = [r for r in receipts if r.event == op.id and r.holder == op.body.holder_hash]
        return min(((r.no, r.fence) for r in fits), default=NO_FENCE)

    def saw(self, later: bytes, earlier: bytes) -> bool:
        """Say whether ``later`` had seen ``earlier``."""
        return earlier in self.closures[later]

    def tie(self, who: bytes) -> bytes:
        """Return SHA-256(task || who)."""
        return hashlib.sha256(self.task + who).digest()

    def holder(self, one: bytes) -> bytes | None:
        """Return whom a tenure act gives the task to."""
        op = self.ops[one]
        match op.body:
            case TaskCreate():
                return op.body.assignee
            case TaskAssign() | TaskHandoff():
                return op.body.to
            case TaskClaim():
                return op.author
        return None

    def newest(self, some: set[bytes]) -> set[bytes]:
        """Return those that no other of ``some`` has seen."""
        return {one for one in some if not any(self.saw(other, one) for other in some)}

    # -- what stands in a set -----------------------------------------------------------------

    def legal(self, some: Set, *kinds: type) -> set[bytes]:
        """Return the acts of these kinds that count and were legal in their own view."""
        found = {one for one in some if isinstance(self.ops[one].body, kinds)}
        return {one for one in found if self.ops[one].counts and self.reason(one) is None}

    def tenures(self, some: Set) -> list[bytes]:
        """Return the heads among tenure acts, the effective first."""
        acts = self.legal(some, TaskCreate, *ENDING)
        acts = {
            one
            for one in acts
            if not isinstance(self.ops[one].body, TaskCreate) or self.holder(one) is not None
        }
        return sorted(self.newest(acts), key=self.tenure_order)

    def tenure_order(self, one: bytes) -> tuple[int, bool, int, int, bytes, bytes]:
        """Return the key of a head: claims.md, Order."""
        op, who = self.ops[one], self.holder(one)
        group = 2
        if isinstance(op.body, TaskAssign | TaskCreate):
            group = 1
        if isinstance(op.body, TaskAssign) and op.rho == 3:
            group = 0
        no, fence = self.fences[one]
        return group, who is None, -no, -fence, self.tie(who or op.author), one

    def work(self, some: Set) -> set[bytes]:
        """Return the work that no counting tenure act has seen."""
        return self.fresh(some, TaskProgress, TaskComplete)

    def fresh(self, some: Set, *kinds: type) -> set[bytes]:
        """Return the legal acts of these kinds that no counting tenure act has seen."""
        acts, found = self.legal(some, *ENDING), self.legal(some, *kinds)
        return {one for one in found if not any(self.saw(act, one) for act in acts)}

    def named(self, one: bytes) -> bytes:
        """Return the tenure that work names."""
        body = self.ops[one].body
        assert isinstance(body, TaskProgress | TaskComplete | TaskHandoff)
        return body.tenure

    def word(self, one: bytes) -> str:
        """Return the word that orders acts on the status."""
        body = self.ops[one].body
        if isinstance(body, TaskProgress):
            return body.to
        if isinstance(body, TaskReview):
            return body.verdict
        return self.ops[one].kind.removeprefix("task.")

    def about(self, one: bytes) -> bytes:
        """Return the completion that a verdict is about, any other act itself."""
        body = self.ops[one].body
        return body.completion if isinstance(body, TaskReview) else one

    def stale(self, one: bytes, first: bytes) -> bool:
        """Say whether the effective tenure has a greater fence than the one work names."""
        return self.fences[first] > self.fences[self.named(one)]

    def deciding(self, some: Set) -> list[bytes]:
        """Return what stands for the status, the deciding act first."""
        heads, stands = self.tenures(some), self.fresh(some, TaskCancel)
        first = heads[0] if heads else b""
        work = self.work(some) if heads else set[bytes]()
        for one in work:
            same = {other for other in work if self.named(other) == self.named(one)}
            if one not in self.newest(same):
                continue
            foreign = self.named(one) != first
            if not foreign or (self.word(one) == "complete" and not self.stale(one, first)):
                stands.add(one)
        stands |= {one for one in self.fresh(some, TaskReview) if self.replaced(some, one) is None}
        if stands and heads and isinstance(self.ops[first].body, TaskReopen):
            stands.add(first)
        latest = sorted(
            sorted(self.newest(stands), key=lambda one: (self.ops[one].lam, one)),
            key=lambda one: self.ops[one].admitted or (self.ops[one].lam, one),
            reverse=True,
        )
        return sorted(latest, key=lambda one: self.order(one, first))

    def order(self, one: bytes, first: bytes) -> tuple[int, bool, bytes]:
        """Return the key of work that stands."""
        tie = self.tie(self.ops[one].author)
        work = self.about(one)
        is_work = isinstance(self.ops[work].body, TaskProgress | TaskComplete)
        return WORDS.index(self.word(one)), not is_work or self.named(work) != first, tie

    def state(self, some: Set) -> str:
        """Return the state that the acts of ``some`` make."""
        if self.task not in some or not self.ops[self.task].counts:
            return "none"
        deciding, heads = self.deciding(some), self.tenures(some)
        if deciding:
            body = self.ops[self.about(deciding[0])].body
            if isinstance(body, TaskProgress):
                return body.to
            if isinstance(body, TaskCancel | TaskReopen):
                return "cancelled" if isinstance(body, TaskCancel) else "open"
            return self.outcomes(some, self.about(deciding[0]))[0]
        if not heads or self.holder(heads[0]) is None:
            return "open"
        return "claimed" if isinstance(self.ops[heads[0]].body, TaskClaim) else "assigned"

    # -- what may be done ---------------------------------------------------------------------

    def reason(self, one: bytes) -> str | None:
        """Return why an act is refused in its author's own view."""
        if one not in self.known:
            self.known[one] = self.ask(one)
        return self.known[one]

    def ask(self, one: bytes) -> str | None:
        """Return why an act is refused; tasks.md, Transitions, row by row."""
        view = self.closures[one]
        reason = self.ask_from(one, self.state(view))
        done = self.completion_in(view)
        others = () if done is None else self.outcomes(view, done)[1:]
        return None if any(self.ask_from(one, other) is None for other in others) else reason

    def ask_from(self, one: bytes, state: str) -> str | None:
        """Return why an act is refused where its author sees the task in ``state``."""
        op, view = self.ops[one], self.closures[one]
        heads = self.tenures(view)
        first = heads[0] if heads else None
        if state == "open" and heads and self.deciding(view):
            first = None  # reopened, or taken from its holder by a verdict
        holder = None if first is None else self.holder(first)
        if isinstance(op.body, TaskCreate):
            return None if state == "none" else "wrong_state"
        if state == "none":
            return "wrong_state"
        match op.body:
            case TaskAssign():
                reason = "assign_without_rank" if op.rho < 2 else None
                legal = AFTER[:7]
            case TaskClaim():
                reason, legal = self.ask_claim(op, state, first), AFTER[:6]
            case TaskRelease():
                reason = None if op.rho >= 2 or holder == op.author else "release_without_tenure"
                legal = AFTER[1:6]
            case TaskCancel():
                reason, legal = "cancel_without_rank" if op.rho < 2 else None, AFTER[:7]
            case TaskReopen():
                reason = None if op.rho >= 2 or holder == op.author else "reopen_without_tenure"
                legal = ("completed", "cancelled")
            case TaskGate():
                reason, legal = "gate_without_rank" if op.rho < 2 else None, (*AFTER, "cancelled")
            case TaskReview():
                reason = self.ask_review(op, op.body)
                legal = ("submitted", "changes_requested", "completed")
            case TaskHandoff():
                reason, legal = self.ask_work(op, first), AFTER[1:6]
            case TaskEdit():
                mine = holder == op.author and state in AFTER[1:7]
                reason = None if op.rho >= 2 or (mine and part(op.body)) else "edit_without_rank"
                legal = (*AFTER, "cancelled")
            case _:
                reason, legal = self.ask_work(op, first), AFTER[1:7]
        return reason or (None if state in legal else "wrong_state")

    def ask_claim(self, op: Op, state: str, first: bytes | None) -> str | None:
        """Return why a claim may not be made over the effective tenure."""
        holder = None if first is None else self.holder(first)
        if first is None or holder in (None, op.author) or state not in AFTER[1:6]:
            return None
        given = self.ops[first]
        if state == "assigned" and given.author == op.author:
            return None
        over = isinstance(given.body, TaskClaim) and self.fences[op.id] > self.fences[first]
        return None if over else "claim_of_owned"

    def ask_work(self, op: Op, first: bytes | None) -> str | None:
        """Return why work may not be done under the tenure it names."""
        verb = op.kind.removeprefix("task.")
        named = self.named(op.id)
        seen = named in self.closures[op.id] and named in self.legal(
            frozenset({named}), TaskCreate, TaskAssign, TaskClaim, TaskHandoff
        )
        if not seen or self.holder(named) != op.author:
            return f"{verb}_without_tenure"
        return None if named == first else f"{verb}_after_loss"

    # -- the outcome --------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """Return what all acts make, and all that lost."""
        every = frozenset(self.ops)
        acting = self.legal(every, TaskCreate, *ENDING)
        refused = dict.fromkeys((one for one in self.over if self.every[one].counts), "over_limit")
        for one, op in self.ops.items():
            reason = self.reason(one) if op.counts and op.kind != "merge" else None
            refused |= {} if reason is None else {one: reason}
        lost = self.late_results(refused) | self.double_fences(acting)
        for view in [every, *(self.closures[one] for one in acting)]:
            lost |= self.lost_in(view, self.tenures(view), refused)
        covered = set[bytes]().union(*(self.closures[one] for one in acting))
        deciding, heads = self.deciding(every), self.tenures(every)
        state, done = self.state(every), self.completion_in(every)
        holder = self.holder(heads[0]) if heads else None
        if deciding and state == "open":
            holder = None
        named = {one for op in self.ops.values() for one in op.basis}
        fields, met = self.fields()
        return Outcome(
            state=state,
            tenure=heads[0] if holder else None,
            holder=holder,
            completion=done,
            refused=refused,
            conflicts={(k, w, x, not (w in covered and x in covered)) for k, w, x in lost} | met,
            heads=sorted(one for one in self.ops if one not in named),
            fields=fields,
        )

    def fields(self) -> tuple[dict[str, object], set[Conflict]]:
        """Return the fields, and the conflicts about them."""
        made = self.ops[self.task].body if self.task in self.ops else None
        assert isinstance(made, TaskCreate)
        edits = self.legal(frozenset(self.ops), TaskEdit)
        found: dict[str, object] = {}
        lost: dict[tuple[bytes, bytes], bool] = {}
        for field in FIELDS:
            writes = {one for one in edits if getattr(self.ops[one].body, field) is not None}
            heads = self.newest(writes)
            covered = set[bytes]().union(*(self.closures[one] for one in heads))
            for view in [writes, *(writes & self.closures[one] for one in writes)]:
                first, *others = sorted(self.newest(view), key=self.rank) or [b""]
                for one in others:
                    is_open = not (first in covered and one in covered)
                    lost[first, one] = lost.get((first, one), False) or is_open
            last = min(heads, key=self.rank, default=self.task)
            found[field] = getattr(self.ops[last].body, field)
        for come, go, many in (
            ("label", "unlabel", made.labels),
            ("need", "unneed", made.needs),
            ("ref", "unref", made.refs),
        ):
            adds = {(self.task, one) for one in many}
            adds |= {(one, each) for one in edits for each in getattr(self.ops[one].body, come)}
            removes = {(one, each) for one in edits for each in getattr(self.ops[one].body, go)}
            found[come] = {
                each
                for add, each in adds
                if not any(one == each and self.saw(by, add) for by, one in removes)
            }
        met = {("field_conflict", *pair, is_open) for pair, is_open in lost.items()}
        return found, met

    def rank(self, one: bytes) -> tuple[int, bytes, int, int, int, bytes]:
        """Return the key of a write: tasks.md, Registers."""
        op = self.ops[one]
        lam, ident = op.admitted or (op.lam, one)
        return -op.rho, self.tie(op.author), -lam, -int.from_bytes(ident), op.lam, one

    def late_results(self, refused: dict[bytes, str]) -> set[tuple[str, bytes, bytes]]:
        """Return the results that came after their author had seen the loss."""
        late = [one for one, reason in refused.items() if reason == "complete_after_loss"]
        return {(refused[one], self.beaten_by(self.closures[one]), one) for one in late}

    def beaten_by(self, view: Set) -> bytes:
        """Return why its author had lost the tenure: another one, or a verdict that ended it."""
        first, deciding = self.tenures(view)[0], self.deciding(view)
        rejected = deciding and isinstance(self.ops[deciding[0]].body, TaskReview)
        return deciding[0] if rejected and self.state(view) == "open" else first

    def double_fences(self, acting: set[bytes]) -> set[tuple[str, bytes, bytes]]:
        """Return the claims that a hub gave a fence of another claim."""
        found = set[tuple[str, bytes, bytes]]()
        for fence in {(r.no, r.fence) for r in self.receipts}:
            claims = {
                r.event
                for r in self.receipts
                if (r.no, r.fence) == fence
                and r.event in acting
                and self.fence(self.ops[r.event], [r]) != NO_FENCE
            }
            first, *rest = sorted(claims, key=self.tenure_order) or [b""]
            found |= {("double_fence", first, one) for one in rest}
        return found

    def lost_in(
        self, view: Set, heads: list[bytes], refused: dict[bytes, str]
    ) -> set[tuple[str, bytes, bytes]]:
        """Return the conflicts that ``view`` shows, and note what it refuses."""
        deciding = self.deciding(view)
        beside = {
            (f"concurrent_{self.word(one)}", deciding[0], one)
            for one in deciding[1:]
            if self.word(one) != self.word(deciding[0])
            or self.about(one) == one
            or self.about(one) != self.about(deciding[0])
        }
        if not heads:
            return beside
        first, *others = heads
        lost = {(f"lost_{self.ops[one].kind.removeprefix('task.')}", first, one) for one in others}
        for one in self.work(view):
            if self.named(one) == first:
                continue
            if self.word(one) != "complete":
                refused[one] = "progress_after_loss"
            elif self.stale(one, first):
                refused[one] = "fence_stale"
                lost.add(("fence_stale", first, one))
        for one in self.fresh(view, TaskReview):
            winner = self.replaced(view, one)
            if winner is not None:
                refused[one] = "stale_review"
                lost.add(("stale_review", winner, one))
        work = self.about(deciding[0]) if deciding else first
        if self.word(work) == "complete" and self.named(work) != first:
            lost.add(("complete_raced", work, first))
        return lost | beside | self.raced(view)


def part(body: TaskEdit) -> bool:
    """Say whether an edit keeps to body, labels and needs."""
    kept = all(getattr(body, field) is None for field in FIELDS if field != "body")
    return kept and body.ref == body.unref == ()
