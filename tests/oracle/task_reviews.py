"""The part of the slow reducer of tasks that judges completions: Reviews and Gates of tasks.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from envoy.core.bodies import (
    TaskAssign,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskRelease,
    TaskReopen,
)
from envoy.core.records import TaskGate, TaskHandoff, TaskReview
from envoy.state.gates import Around, Gate
from envoy.state.registers import Op

Set = frozenset[bytes]
WORDS = (
    *("cancel", "reopen", "reject", "request_changes", "approve", "complete"),
    *("blocked", "in_progress"),
)
ROLES = ("read", "write", "admin", "owner")
ENDING = (TaskAssign, TaskClaim, TaskHandoff, TaskRelease, TaskReopen)


class Reviewed:
    """Verdicts and gates, asked of the sets that `oracle.tasks.Slow` keeps."""

    around: Around
    ops: dict[bytes, Op]
    closures: Mapping[bytes, Set]
    # What the rest of the reducer answers.
    deciding: Callable[..., Any]
    fresh: Callable[..., Any]
    holder: Callable[..., Any]
    legal: Callable[..., Any]
    named: Callable[..., Any]
    newest: Callable[..., Any]
    saw: Callable[..., Any]
    stale: Callable[..., Any]
    state: Callable[..., Any]
    tenures: Callable[..., Any]
    word: Callable[..., Any]
    work: Callable[..., Any]
    about: Callable[..., Any]

    def replaced(self, some: Set, one: bytes) -> bytes | None:
        """Return why a verdict in ``some`` is about nothing any more; tasks.md, Reviews."""
        done = self.about(one)
        for other in sorted(self.work(some), key=self.place):
            is_later = self.saw(other, done) and not self.saw(other, one)
            if (
                self.word(other) == "complete"
                and self.named(other) == self.named(done)
                and is_later
            ):
                found: bytes = other
                return found
        first = self.tenures(some)[0]
        stands = self.named(done) == first or not self.stale(done, first)
        return None if done in self.work(some) and stands else first

    def place(self, one: bytes) -> tuple[int, bytes]:
        """Return (lam, id)."""
        return self.ops[one].lam, one

    def standing(self, some: Set, done: bytes) -> dict[bytes, bytes]:
        """Return the verdict of each reviewer of a completion, by reviewer."""
        every = {one for one in self.fresh(some, TaskReview) if self.about(one) == done}
        found: dict[bytes, bytes] = {}
        for who in {self.ops[one].author for one in every}:
            newest = self.newest({one for one in every if self.ops[one].author == who})
            found[who] = min(newest, key=lambda one: WORDS.index(self.word(one)))
        return found

    def gates(self, some: Set, done: bytes) -> tuple[dict[str, object], dict[str, object]]:
        """Return what the task asks of a completion, and what that and the policy ask."""
        writes = {one for one in self.legal(some, TaskGate, TaskCreate)}
        bound = self.newest({one for one in writes if not self.saw(one, done)})
        own = joined([self.asks(one) for one in bound])
        body = self.ops[done].body
        if isinstance(body, TaskComplete) and body.for_review:
            own = joined([own, {"reviews": 1}])
        policy = self.around.policy.get(done)
        return own, own if policy is None else joined([own, fields_of(policy)])

    def asks(self, one: bytes) -> dict[str, object]:
        """Return the fields of the gate that an act writes."""
        body = self.ops[one].body
        assert isinstance(body, TaskGate | TaskCreate)
        return dict(body.gate)

    def approvals(
        self, some: Set, done: bytes, gate: dict[str, object], humans: frozenset[bytes]
    ) -> int:
        """Count the approvals of a completion that fit every field of a gate."""
        count = 0
        for who, one in self.standing(some, done).items():
            role = self.around.roles.get(one)
            fits = all(
                who in humans
                if by == "human"
                else role is not None and ROLES.index(role) >= ROLES.index(by)
                for by in listed(gate, "review_by")
            )
            holders = {
                self.holder(each)
                for each in self.legal(some, TaskCreate, *ENDING)
                if not self.saw(each, one)
            }
            own = who == self.ops[done].author or who in holders
            count += fits and not (own and gate.get("no_self_review"))
        return count

    def outcomes(self, some: Set, done: bytes) -> tuple[str, ...]:
        """Return the state that a completion leads to, and that for other facts beside."""
        said = {self.word(one) for one in self.standing(some, done).values()}
        if "reject" in said:
            return ("open",)
        if "request_changes" in said:
            return ("changes_requested",)
        own, whole = self.gates(some, done)
        body = self.ops[done].body
        assert isinstance(body, TaskComplete)
        shown = {self.around.evidence.get(done, {}).get(one) for one in body.evidence}
        proved = all(type_ in shown for type_ in listed(whole, "evidence"))
        everybody = frozenset(op.author for op in self.ops.values())
        is_met = proved and self.approvals(some, done, whole, self.around.humans) >= wanted(whole)
        can_pass = self.approvals(some, done, own, everybody) >= wanted(own)
        inside = self.approvals(some, done, whole, everybody) >= wanted(whole)
        depends = bool(listed(whole, "evidence")) or "human" in listed(whole, "review_by")
        if is_met:
            return ("completed", "submitted") if depends or not inside else ("completed",)
        return ("submitted", "completed") if can_pass else ("submitted",)

    def completion_in(self, some: Set) -> bytes | None:
        """Return the completion that the state of ``some`` follows from."""
        deciding = self.deciding(some)
        done: bytes | None = self.about(deciding[0]) if deciding else None
        if done is None or self.word(done) != "complete" or self.state(some) == "open":
            return None
        return done

    def ask_review(self, op: Op, body: TaskReview) -> str | None:
        """Return why a verdict may not be given."""
        view = self.closures[op.id]
        role = self.around.roles.get(op.id)
        named = False
        if body.completion in view and isinstance(self.ops[body.completion].body, TaskComplete):
            for gate in self.gates(view, body.completion):
                by = [one for one in listed(gate, "review_by") if one != "human"]
                if listed(gate, "review_by") and role is not None:
                    named |= all(ROLES.index(role) >= ROLES.index(one) for one in by)
        if op.rho < 2 and not named:
            return "review_without_rank"
        done = self.completion_in(view)
        return None if done in (None, body.completion) else "stale_review"

    def raced(self, view: Set) -> set[tuple[str, bytes, bytes]]:
        """Return the gates that came beside the completion that the state follows from."""
        done = self.completion_in(view)
        if done is None:
            return set()
        writes = self.legal(view, TaskGate, TaskCreate)
        bound = self.newest({one for one in writes if not self.saw(one, done)})
        known = {one for one in writes if self.saw(done, one)}
        if joined(map(self.asks, bound)) == joined(map(self.asks, self.newest(known))):
            return set()
        return {("gate_raced", one, done) for one in bound - known}


def listed(gate: dict[str, object], field: str) -> list[str]:
    """Return a list of a gate."""
    found = gate.get(field, ())
    assert isinstance(found, tuple)
    return list(found)


def wanted(gate: dict[str, object]) -> int:
    """Return how many approvals a gate wants."""
    found = gate.get("reviews", 0)
    assert isinstance(found, int)
    return found


def fields_of(gate: Gate) -> dict[str, object]:
    """Return the fields of a gate."""
    return {
        "reviews": gate.reviews,
        "review_by": gate.review_by,
        "no_self_review": gate.no_self_review,
        "evidence": gate.evidence,
    }


def joined(gates: Iterable[dict[str, object]]) -> dict[str, object]:
    """Return the strictest of each field; stories write no field of a value it cannot have."""
    every = list(gates)
    return {
        "reviews": max([wanted(one) for one in every], default=0),
        "review_by": tuple(sorted({by for one in every for by in listed(one, "review_by")})),
        "no_self_review": any(one.get("no_self_review") for one in every),
        "evidence": tuple(sorted({by for one in every for by in listed(one, "evidence")})),
    }
