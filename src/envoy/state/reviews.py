"""Reviews: which verdicts on a completion stand, and what it comes to by them and by its gate.

A verdict names one completion. Of what a reviewer said about it the newest stands, of what two
copies of a reviewer said apart the stricter. One rejection frees the task, one wish for changes
keeps it with its holder, and only where neither stands the gate is asked: D if it is met, else S.

Law 1: a verdict on what its holder has replaced without seeing it is put aside, not moved over to
the new completion: nobody approved that.
Law 2: what comes after a completion does not change what was asked of it; what came beside it
binds it, and the race is shown.
Law 3: where facts beside the task decide (records, policy, declared kinds), an act is legal that
was so for either outcome: no later fact tears what members built on the earlier one.

Specification: docs/spec/tasks.md, Reviews and Gates. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from typing import Final

from envoy.core.bodies import TaskComplete, TaskCreate
from envoy.core.records import APPROVE, REJECT, REQUEST_CHANGES, VERDICTS, TaskGate, TaskReview
from envoy.core.structs import replace
from envoy.state import claims, gates
from envoy.state.gates import ALONE, Approval, Around, Gate
from envoy.state.registers import has, members, union, without
from envoy.state.status import Fold, View
from envoy.state.transitions import STALE_REVIEW, Open
from envoy.views import names

RACED: Final = "gate_raced"


class Panel:
    """The bench of a task with a gate or with verdicts."""

    def __init__(self, around: Around = ALONE) -> None:
        self.around = around

    # -- verdicts -----------------------------------------------------------------------------

    def live(self, fold: Fold, view: View) -> list[int]:
        """Return the verdicts in ``view`` whose completion is still the one to judge."""
        return [one for one in members(view.reviews) if self._replaced(fold, view, one) is None]

    def verdicts(self, fold: Fold, view: View, completion: int) -> list[int]:
        """Return the verdict of each reviewer of a completion, the earliest first."""
        of_author = dict[bytes, list[int]]()
        for one in members(view.reviews):
            if fold.judged[one] == completion:
                of_author.setdefault(fold.graph.ops[one].author, []).append(one)
        found = [
            min(fold.graph.newest(some), key=lambda one: VERDICTS.index(_verdict(fold, one)))
            for some in of_author.values()
        ]
        return sorted(found, key=lambda one: fold.graph.ops[one].place)

    def settle(self, fold: Fold, view: View) -> None:
        """Refuse the verdicts on what was replaced; record the gates that came beside."""
        for one in members(view.reviews):
            winner = self._replaced(fold, view, one)
            if winner is not None:
                fold.refused[one] = STALE_REVIEW
                fold.lose(STALE_REVIEW, winner, one, "replaced")
        completion = fold.result(view)
        if completion is None:
            return
        known = [one for one in self._writes(fold, view) if fold.graph.saw(completion, one)]
        heads = self._heads(fold, view, completion)
        if self._sum(fold, heads) == self._sum(fold, fold.graph.newest(known)):
            return
        for one in heads:
            if one not in known:
                fold.lose(RACED, one, completion, "gate")

    def _replaced(self, fold: Fold, view: View, review: int) -> int | None:
        """Return the act because of which a verdict of ``view`` is about nothing any more.

        Another completion under the same tenure whose author had seen the judged one and not the
        verdict; else the effective tenure act, if it put the completion aside or beats its fence.
        """
        graph, completion, first = fold.graph, fold.judged[review], view.first
        for one in members(without(union([view.work, view.older]), view.cover)):
            if (
                isinstance(graph.ops[one].body, TaskComplete)
                and fold.named[one] == fold.named[completion]
                and graph.saw(one, completion)
                and not graph.saw(one, review)
            ):
                return one
        assert first is not None, "a completion has a tenure"
        is_behind = has(view.cover, completion) or not fold.stands(completion, first)
        return first if is_behind else None

    def is_named(self, fold: Fold, view: View, review: int) -> bool:
        """Say whether a gate on the completion names the role of the author of a verdict."""
        op = fold.graph.ops[review]
        assert isinstance(op.body, TaskReview)
        completion = fold.graph.numbers.get(op.body.completion)
        if completion is None or not fold.graph.saw(review, completion):
            return False
        if not isinstance(fold.graph.ops[completion].body, TaskComplete):
            return False
        role = self.around.roles.get(op.id)
        own, whole = self._gates(fold, view, completion)
        return gates.names(own, role) or gates.names(whole, role)

    # -- the outcome --------------------------------------------------------------------------

    def states(self, fold: Fold, view: View, completion: int) -> tuple[str, ...]:
        """Return what a completion leads to, and what it may have seemed to lead to."""
        standing = self.verdicts(fold, view, completion)
        said = {_verdict(fold, one) for one in standing}
        if REJECT in said:
            return (names.OPEN,)
        if REQUEST_CHANGES in said:
            return (names.CHANGES_REQUESTED,)
        own, whole = self._gates(fold, view, completion)
        approvals = [self._approval(fold, view, one) for one in standing]
        op = fold.graph.ops[completion]
        assert isinstance(op.body, TaskComplete)
        is_met = not gates.missing_reviews(whole, approvals, self.around.humans)
        known = self.around.evidence.get(op.id, {})
        is_met &= not gates.missing_evidence(whole, op.body.evidence, known)
        # Apart from labels and records, and from a policy that may come to be known later.
        everybody = {one.author for one in approvals}
        can_pass = not gates.missing_reviews(own, approvals, everybody)
        if is_met:
            can_fail = whole.looks_beside
            return (names.COMPLETED, names.SUBMITTED) if can_fail else (names.COMPLETED,)
        return (names.SUBMITTED, names.COMPLETED) if can_pass else (names.SUBMITTED,)

    def gate(self, fold: Fold, view: View, completion: int | None) -> Open:
        """Return what a completion must meet, or the next one has to by the task alone."""
        if completion is None:
            heads = fold.graph.newest(self._writes(fold, view))
            return gates.written(self._sum(fold, heads))
        return gates.written(self._gates(fold, view, completion)[1])

    def _gates(self, fold: Fold, view: View, completion: int) -> tuple[Gate, Gate]:
        """Return what the task asks of a completion, and what it and the policy do."""
        own = self._sum(fold, self._heads(fold, view, completion))
        op = fold.graph.ops[completion]
        if isinstance(op.body, TaskComplete) and op.body.for_review:
            own = replace(own, reviews=max(1, own.reviews))
        policy = self.around.policy.get(op.id)
        return own, own if policy is None else gates.strictest([own, policy])

    def _writes(self, fold: Fold, view: View) -> list[int]:
        """Return the acts of ``view`` that say what the task asks, its creation first.

        A creation can be one of the heads of its author that are too many: then it is not here.
        """
        made = fold.graph.numbers.get(fold.graph.entity)
        return [*(() if made is None else (made,)), *members(view.gates)]

    def _heads(self, fold: Fold, view: View, completion: int) -> list[int]:
        """Return the gates that bind a completion: the newest of those that had not seen it."""
        graph = fold.graph
        return graph.newest([n for n in self._writes(fold, view) if not graph.saw(n, completion)])

    def _sum(self, fold: Fold, numbers: list[int]) -> Gate:
        """Return the strictest of the gates that some acts write."""
        bodies = [fold.graph.ops[number].body for number in numbers]
        return gates.strictest(
            gates.read(body.gate) for body in bodies if isinstance(body, TaskCreate | TaskGate)
        )

    def _approval(self, fold: Fold, view: View, review: int) -> Approval:
        """Return a standing approval; who held the task before or beside it reviews oneself.

        That is anybody who held it in ``view``, who handed the work in among them: a tenure act
        that had seen the approval would have put it aside.
        """
        op = fold.graph.ops[review]
        held = {
            claims.holder(fold.graph.ops[one])
            for one in fold.keys
            if has(view.cover, one) or has(view.tenures, one)
        }
        return Approval(op.author, self.around.roles.get(op.id), op.author in held)


def _verdict(fold: Fold, review: int) -> str:
    """Return what a verdict says."""
    body = fold.graph.ops[review].body
    return body.verdict if isinstance(body, TaskReview) else APPROVE
