"""Status: where a task stands once what was done apart is merged.

Two registers make a task: **tenure** says who holds it, **status** how far the work is. Every act
is first judged in the view of its author, the task as made by what that author had seen; what fails
there is *refused* and kept with its reason. The rest is merged: one tenure is effective, the work
under it counts, and work done beside it under another is kept as a conflict. What a counting tenure
act has seen is behind it: it ends the tenures before it and puts aside the work under them. A
cancellation needs no tenure and comes before all work; only a reopening, which saw it, undoes it.

Law 1: the view of an act is a function of the set of acts that it saw; so is the outcome, of all.
Law 2: nothing is raised, nothing is dropped: a losing act is in ``refused`` or ``losses``.
Law 3: one pass in causal order, and a linear history costs the same for each act: the view after
an act follows from the view before it, a join of views from their heads.

Specification: docs/spec/tasks.md, Status. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from envoy.core.bodies import TaskCancel, TaskComplete, TaskCreate, TaskProgress, TaskReopen
from envoy.core.dag import tie
from envoy.core.records import APPROVE, REJECT, REQUEST_CHANGES, TaskGate, TaskReview
from envoy.core.structs import State, replace
from envoy.lean import Protocol
from envoy.state import claims
from envoy.state.claims import Tenure
from envoy.state.registers import Graph, Loss, Pages, add, has, members, single, union, without
from envoy.state.transitions import NONE, RULES, Act, Open, Standing, Work, judge, tenure_of
from envoy.views import names

CANCEL: Final = "cancel"
REOPEN: Final = "reopen"
COMPLETE: Final = "complete"
# Of the acts on the status that no other has seen, the first of these words decides.
PRECEDENCE: Final = (
    *(CANCEL, REOPEN, REJECT, REQUEST_CHANGES, APPROVE, COMPLETE),
    *(names.BLOCKED, names.IN_PROGRESS),
)
# Kinds of conflicts, beside those of state.claims; and the reason of work that lost its tenure.
FENCE_STALE: Final = "fence_stale"
RACED: Final = "complete_raced"
LATE_RESULT: Final = "complete_after_loss"
LATE_WORK: Final = "progress_after_loss"


class View(State, frozen=True):
    """A task as made by some acts and all they saw; sets of acts by their numbers in the graph.

    ``tenures`` are the counting tenure acts that no other has seen, ``first`` the effective one,
    ``cover`` all that tenure acts have seen. ``work`` are the acts under a tenure that are not in
    ``cover``, of each tenure the newest; ``older`` the rest of them. ``cancels`` are the
    cancellations that are not in ``cover``, ``reviews`` the verdicts that are not; ``gates`` are
    all gates that were written after the creation.
    """

    is_created: bool
    tenures: Pages
    first: int | None
    cover: Pages
    work: Pages
    older: Pages
    cancels: Pages
    reviews: Pages
    gates: Pages


CREATED: Final = View(
    is_created=True,
    tenures=(),
    first=None,
    cover=(),
    work=(),
    older=(),
    cancels=(),
    reviews=(),
    gates=(),
)


NOTHING: Final = replace(CREATED, is_created=False)  # of no acts at all


class Bench(Protocol):
    """What gates and verdicts make of the completions of a task (``state.reviews``)."""

    def live(self, fold: Fold, view: View, /) -> list[int]:
        """Return the verdicts that stand in ``view``."""

    def states(self, fold: Fold, view: View, completion: int, /) -> tuple[str, ...]:
        """Return the state that a completion leads to, then what else it may have seemed to be."""

    def is_named(self, fold: Fold, view: View, review: int, /) -> bool:
        """Say whether a gate names the author of a verdict."""

    def settle(self, fold: Fold, view: View, /) -> None:
        """Record the verdicts that lost in ``view``, and the gates that came beside."""

    def gate(self, fold: Fold, view: View, completion: int | None, /) -> Open:
        """Return what the task asks of a completion, of the next one where that is None."""

    def verdicts(self, fold: Fold, view: View, completion: int, /) -> list[int]:
        """Return the verdict that each reviewer of a completion has, in their order."""


class Unreviewed:
    """The bench of a task without gate and verdicts: of nearly all."""

    def __init__(self, *, is_gated: bool) -> None:
        self.is_gated = is_gated

    def live(self, _fold: Fold, _view: View) -> list[int]:
        """Return none: nobody said anything."""
        return []

    def states(self, fold: Fold, _view: View, completion: int) -> tuple[str, ...]:
        """Return D, S where a review was asked for."""
        body = fold.graph.ops[completion].body
        asks = self.is_gated or (isinstance(body, TaskComplete) and body.for_review)
        return (names.SUBMITTED if asks else names.COMPLETED,)

    def is_named(self, _fold: Fold, _view: View, _review: int) -> bool:
        """Return False: no gate names anybody."""
        return False

    def settle(self, _fold: Fold, _view: View) -> None:
        """Record nothing."""

    def gate(self, fold: Fold, _view: View, _completion: int | None) -> Open:
        """Return what the creation says."""
        op = fold.graph.ops[fold.graph.numbers[fold.graph.entity]]
        return op.body.gate if isinstance(op.body, TaskCreate) else ()

    def verdicts(self, _fold: Fold, _view: View, _completion: int) -> list[int]:
        """Return none."""
        return []


class Fold:
    """One pass over a graph in causal order: the view before and after each act, what it lost."""

    def __init__(self, graph: Graph, grips: Mapping[bytes, claims.Grip], bench: Bench) -> None:
        self.graph = graph
        self.grips = grips
        self.bench = bench
        self.judged: dict[int, int] = {}  # verdict -> the completion that it is about
        self.named = [tenure_of(op.body) for op in graph.ops]  # of work, and of handoffs
        self.after: list[View] = []
        self.refused: dict[int, str] = {}
        self.losses: dict[Loss, None] = {}  # no loss twice, however many views show it
        self.keys: dict[int, claims.Key] = {}  # of the tenure acts that count
        self.given: dict[int, Tenure | None] = {}  # by the same
        self.joins: dict[tuple[int, ...], View] = {}  # by basis
        self.settled: set[int] = set()  # views by identity: each is kept in after or joins
        for number in range(len(graph.ops)):
            self._step(number)
        self.last = self._joined(graph.tips)
        self._settle(self.last)

    def standing(self, view: View) -> Standing:
        """Return how far the task is in ``view``, and who holds it."""
        if not view.is_created:
            return Standing(NONE, None)
        tenure = None if view.first is None else self.given[view.first]
        deciding = self.deciding(view)
        if deciding:
            return self._led(view, self.judged.get(deciding[0], deciding[0]), tenure)
        if tenure is None:
            return Standing(names.OPEN, None)
        is_claim = tenure.kind == claims.CLAIM
        return Standing(names.CLAIMED if is_claim else names.ASSIGNED, tenure)

    def _led(self, view: View, number: int, tenure: Tenure | None) -> Standing:
        """Return where the deciding act leads to; a rejection takes the task from its holder."""
        op = self.graph.ops[number]
        if not isinstance(op.body, TaskComplete):
            return Standing(self._outcome(number), tenure)
        state = self.bench.states(self, view, number)[0]
        return Standing(names.OPEN, None) if state == names.OPEN else Standing(state, tenure, op.id)

    def deciding(self, view: View) -> list[int]:
        """Return the acts on the status that stand and that no other such has seen, deciding first.

        Work stands under the effective tenure; a completion under another one too, unless the
        effective one has a greater fence: the work exists. A cancellation stands. A reopening that
        is effective takes part where something else does; alone it leaves nothing to decide.
        """
        first = view.first
        if not view.cancels and (first is None or not view.work):
            return []
        stands = members(view.cancels)
        if first is not None:
            stands += [n for n in members(view.work) if self.stands(n, first)]
            if view.reviews:
                stands += self.bench.live(self, view)
            if stands and self._word(first) == REOPEN:
                stands.append(first)
        found = self.graph.newest(stands)
        if len(found) < 2:
            return found
        found.sort(key=lambda one: self.graph.ops[one].place, reverse=True)
        return sorted(found, key=lambda one: self._precedence(one, first))

    def view(self, number: int) -> View:
        """Return the view that the author of an act had."""
        return self._joined(self.graph.basis[number])

    def _step(self, number: int) -> None:
        """Judge an act in its author's view, and apply it if it stands there."""
        op = self.graph.ops[number]
        view = after = self._joined(self.graph.basis[number])
        if op.counts and type(op.body) in RULES:
            reason = self._judged(number, view)
            if reason is None:
                after = self._applied(number, view)
            else:
                self._refuse(number, reason, view)
        self.after.append(after)

    def _judged(self, number: int, view: View) -> str | None:
        """Return why an act is refused in the view of its author.

        Where facts beside the task decide whether a gate is met, an author could not know what will
        be known later: then an act is legal if it is so for either outcome.
        """
        standing = self.standing(view)
        act = self._act(number, view)
        reason = judge(standing, act)
        if reason is None or standing.completion is None:
            return reason
        completion = self.graph.numbers[standing.completion]
        for other in self.bench.states(self, view, completion)[1:]:
            if judge(replace(standing, state=other), act) is None:
                return None
        return reason

    def _act(self, number: int, view: View) -> Act:
        """Return what the rules ask about an act."""
        op, named, tenure = self.graph.ops[number], None, self.named[number]
        if tenure is not None:
            found = self.graph.numbers.get(tenure, -1)
            if found in self.keys and self.graph.saw(number, found):
                named = claims.holder(self.graph.ops[found])
        is_named = isinstance(op.body, TaskReview) and self.bench.is_named(self, view, number)
        fence = claims.fence_of(op, self.grips)
        return Act(op.body, op.author, op.rho, fence, tenure, named, is_named)

    def _applied(self, number: int, view: View) -> View:
        """Return the view after an act that is legal in ``view``, all of which it saw."""
        op = self.graph.ops[number]
        if isinstance(op.body, Work):
            return self._worked(number, view)
        if isinstance(op.body, TaskCancel):
            return replace(view, cancels=add(view.cancels, number))
        if isinstance(op.body, TaskReview):
            self.judged[number] = self.graph.numbers[op.body.completion]
            return replace(view, reviews=add(view.reviews, number))
        if isinstance(op.body, TaskGate):
            return replace(view, gates=add(view.gates, number))
        if not claims.is_tenure(op):
            return CREATED if isinstance(op.body, TaskCreate) else view
        self._settle(view)
        self.keys[number] = claims.key(self.graph.entity, op, self.grips)
        self.given[number] = claims.tenure(op, self.grips)
        seen = self.graph.seen[number]
        return View(True, single(number), number, seen, (), (), (), (), view.gates)

    def _worked(self, number: int, view: View) -> View:
        """Return the view after an act of work: under its tenure no other is newer."""
        work, older = view.work, view.older
        for one in members(work):
            if self.named[one] == self.named[number]:
                work, older = without(work, single(one)), add(older, one)
        return replace(view, work=add(work, number), older=older)

    def _refuse(self, number: int, reason: str, view: View) -> None:
        """Keep why an act was refused; a result that came too late is kept as an alternate."""
        self.refused[number] = reason
        if reason == LATE_RESULT and view.first is not None:
            # What decides and leaves the task open is a rejection, or a reopening: the first then.
            deciding = self.deciding(view) if self.standing(view).state == names.OPEN else []
            self.lose(reason, deciding[0] if deciding else view.first, number, "tenure")

    def _joined(self, basis: tuple[int, ...]) -> View:
        """Return the view of the acts ``basis`` and all they saw."""
        if len(basis) == 1:
            return self.after[basis[0]]
        if not basis:
            return NOTHING
        found = self.joins.get(basis)
        if found is None:
            found = self.joins[basis] = self._join([self.after[one] for one in basis])
        return found

    def _join(self, views: Sequence[View]) -> View:
        """Return the view of all acts that are in any of ``views``."""
        cover = union([view.cover for view in views])
        older = union([view.older for view in views])
        work = without(without(union([view.work for view in views]), cover), older)
        return View(
            is_created=any(view.is_created for view in views),
            tenures=without(union([view.tenures for view in views]), cover),
            first=min(self._firsts(views, cover), key=self.keys.__getitem__, default=None),
            cover=cover,
            work=work,
            older=older,
            cancels=without(union([view.cancels for view in views]), cover),
            reviews=without(union([view.reviews for view in views]), cover),
            gates=union([view.gates for view in views]),
        )

    def _firsts(self, views: Sequence[View], cover: Pages) -> Iterator[int]:
        """Yield what may be the effective tenure act once ``cover`` has been seen."""
        for view in views:
            if view.first is not None and has(cover, view.first):
                yield from members(without(view.tenures, cover))
            elif view.first is not None:
                yield view.first

    def _settle(self, view: View) -> None:
        """Record what lost in ``view``: asked of all that comes last, and for each tenure act.

        What a tenure act has seen is behind it, so its view is the last place where that shows.
        """
        first = view.first
        if id(view) in self.settled:
            return
        self.settled.add(id(view))
        deciding = self.deciding(view)
        if first is not None:
            self._settle_tenure(view, first)
            work = self.judged.get(deciding[0], deciding[0]) if deciding else first
            if deciding and self._is_foreign(work, first):
                self.lose(RACED, work, first, "work")
            self.bench.settle(self, view)
        for one in deciding[1:]:
            if not self._agree(deciding[0], one):
                rule = self._rule(deciding[0], one, first)
                self.lose(f"concurrent_{self._word(one)}", deciding[0], one, rule)

    def _agree(self, one: int, other: int) -> bool:
        """Say whether two acts are the same verdict on the same completion."""
        same = self.judged.get(one, -1) == self.judged.get(other, -2)
        return same and self._word(one) == self._word(other)

    def _settle_tenure(self, view: View, first: int) -> None:
        """Record which tenure acts lost to the effective one, and the work under them."""
        for one in members(view.tenures):
            if one != first:
                kind = f"lost_{self.graph.ops[one].kind.removeprefix('task.')}"
                self.lose(kind, first, one, claims.rule(self.keys[first], self.keys[one]))
        self._refuse_foreign(view, first)

    def _refuse_foreign(self, view: View, first: int) -> None:
        """Refuse what was done beside the effective tenure, under another, and does not stand."""
        # Of each tenure the newest work is in the view: if all of that is under the effective
        # one, so is what is older.
        if all(self._is_under(one, first) for one in members(view.work)):
            return
        every = without(union([view.work, view.older]), view.cover)
        for one in members(every):
            if self._is_under(one, first):
                continue
            if self._word(one) != COMPLETE:
                self.refused[one] = LATE_WORK
            elif self._is_stale(one, first):
                self.refused[one] = FENCE_STALE
                self.lose(FENCE_STALE, first, one, "fence")

    def result(self, view: View) -> int | None:
        """Return the completion that the state of ``view`` follows from."""
        found = self.standing(view).completion
        return None if found is None else self.graph.numbers[found]

    def lose(self, kind: str, winner: int, loser: int, rule: str) -> None:
        """Record a conflict."""
        self.losses[Loss(kind, winner, loser, rule)] = None

    def _is_foreign(self, number: int, first: int) -> bool:
        """Say whether an act is work under another tenure than ``first``."""
        return self.named[number] is not None and not self._is_under(number, first)

    def _is_under(self, number: int, first: int | None) -> bool:
        """Say whether an act of work names the tenure ``first``."""
        return first is not None and self.named[number] == self.graph.ops[first].id

    def _is_stale(self, number: int, first: int) -> bool:
        """Say whether the tenure ``first`` has a greater fence than the one that work names."""
        named = self.graph.numbers[self.named[number] or b""]
        ours, theirs = self.graph.ops[named], self.graph.ops[first]
        return claims.fence_of(theirs, self.grips) > claims.fence_of(ours, self.grips)

    def stands(self, number: int, first: int) -> bool:
        """Say whether work counts where the tenure ``first`` is effective."""
        if self._is_under(number, first):
            return True
        return self._word(number) == COMPLETE and not self._is_stale(number, first)

    def _word(self, number: int) -> str:
        """Return what an act on the status makes of the task; of another act, nothing."""
        match self.graph.ops[number].body:
            case TaskProgress(to=to):
                return to
            case TaskComplete():
                return COMPLETE
            case TaskCancel():
                return CANCEL
            case TaskReopen():
                return REOPEN
            case TaskReview(verdict=verdict):
                return verdict
            case _:
                return ""

    def _outcome(self, number: int) -> str:
        """Return the state that a deciding act leads to which is no completion."""
        match self.graph.ops[number].body:
            case TaskProgress(to=to):
                return to
            case TaskCancel():
                return names.CANCELLED
            case _:  # a reopening
                return names.OPEN

    def _precedence(self, number: int, first: int | None) -> tuple[int, bool, bytes]:
        """Return what orders work that stands: the smallest decides."""
        op = self.graph.ops[number]
        place = PRECEDENCE.index(self._word(number))
        is_under = self._is_under(self.judged.get(number, number), first)
        return place, not is_under, tie(self.graph.entity, op.author)

    def _rule(self, winner: int, loser: int, first: int | None) -> str:
        """Return by which part of the precedence ``winner`` decides, the order if by none."""
        pairs = zip(self._precedence(winner, first), self._precedence(loser, first), strict=True)
        parts = zip(("kind", "tenure", "tie"), pairs, strict=True)
        return next((name for name, (one, other) in parts if one != other), "order")
