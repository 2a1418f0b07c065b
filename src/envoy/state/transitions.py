"""Transitions: the lifecycle of a task as a table, and the one rule that reads it.

Which act is possible from which state, and for whom, stands here and nowhere else. ``judge`` asks
it for an author before an act is signed and for every replica about everybody's acts, always of the
task as the act's author sees it; what it refuses is kept with the reason. An act without a row
(``merge``) changes nothing and is never refused. Reasons are wire contract: add, never rename.

Specification: docs/spec/tasks.md, Transitions. Test vectors: tests/vectors/tasks.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

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
from envoy.core.structs import Body, State
from envoy.lean import NamedTuple
from envoy.state.claims import Fence, Tenure
from envoy.views import names

# An open-ended part of a body: pairs of a field and its value, ascending.
Open = tuple[tuple[str, bool | int | str | tuple[str, ...] | None], ...]
Work = TaskProgress | TaskComplete  # done under a tenure that the body names

NONE: Final = "none"  # the state of a task whose creation does not count; never shown
WRONG_STATE: Final = "wrong_state"
STALE_REVIEW: Final = "stale_review"  # a verdict on another completion than the one that stands
RANK_CREATOR: Final = 2


class Standing(State, frozen=True):
    """A task as somebody sees it: how far it is, who holds it, the completion it stands by."""

    state: str
    tenure: Tenure | None
    completion: bytes | None = None


class Act(State, frozen=True):
    """What somebody does, or wants to, with what the rules ask about it.

    ``tenure`` is the one that the body names, ``named`` its holder as far as the author saw it;
    ``fence`` what a claim got from the hub, or is about to ask for; ``is_named`` says that the
    author of a verdict is one of those whom a gate names.
    """

    body: Body
    author: bytes
    rho: int
    fence: Fence
    tenure: bytes | None
    named: bytes | None
    is_named: bool = False


def tenure_of(body: Body) -> bytes | None:
    """Return the tenure that ``body`` names: what it works under, or passes on; None for others."""
    return body.tenure if isinstance(body, Work | TaskHandoff) else None


def _anyone(_now: Standing, _act: Act) -> str | None:
    return None


def _ranked(_now: Standing, act: Act) -> str | None:
    return None if act.rho >= RANK_CREATOR else "without_rank"


def _claimer(now: Standing, act: Act) -> str | None:
    """Free work, one's own, what one gave to somebody who has not begun, or a higher fence."""
    tenure = now.tenure
    if tenure is None or act.author == tenure.holder or now.state not in HELD:
        return None
    if now.state == names.ASSIGNED and act.author == tenure.giver:
        return None
    is_over = tenure.kind == "claim" and act.fence > tenure.full_fence
    return None if is_over else "of_owned"


def _holder(now: Standing, act: Act) -> str | None:
    """Only under a tenure of one's own, named by the act, that is the effective one."""
    if act.named != act.author:
        return "without_tenure"
    return None if now.tenure and now.tenure.id == act.tenure else "after_loss"


def _holder_or_ranked(now: Standing, act: Act) -> str | None:
    holds = now.tenure is not None and now.tenure.holder == act.author
    return None if holds or act.rho >= RANK_CREATOR else "without_tenure"


def _editor(now: Standing, act: Act) -> str | None:
    """Creator and admins edit all fields, the holder of unfinished work those of the work."""
    assert isinstance(act.body, TaskEdit)
    if act.rho >= RANK_CREATOR:
        return None
    holds = now.tenure is not None and now.tenure.holder == act.author and now.state in LIVE
    return None if holds and is_of_work(act.body) else "without_rank"


def is_of_work(body: TaskEdit) -> bool:
    """Say whether an edit leaves alone what is not the holder's: all but body, labels, needs."""
    others = (body.title, body.priority, body.due_at, body.parent)
    return others == (None, None, None, None) and not (body.ref or body.unref)


def _reviewer(now: Standing, act: Act) -> str | None:
    """Creator, admins and whom the gate names, on the completion that stands in their view."""
    assert isinstance(act.body, TaskReview)
    if act.rho < RANK_CREATOR and not act.is_named:
        return "without_rank"
    return None if now.completion in (None, act.body.completion) else STALE_REVIEW


class Rule(NamedTuple):
    """One row of the transition table: who may do this, and from which states."""

    verb: str
    who: Callable[[Standing, Act], str | None]
    sources: frozenset[str]


HELD: Final = frozenset(
    {names.ASSIGNED, names.CLAIMED, names.IN_PROGRESS, names.BLOCKED, names.CHANGES_REQUESTED}
)
LIVE: Final = HELD | {names.SUBMITTED}
REVIEWED: Final = frozenset({names.SUBMITTED, names.CHANGES_REQUESTED, names.COMPLETED})
# The whole table: a state that is missing in a row is refused. Where an act leads to depends on
# what stands beside it, so that is the fold's to say (``state.tasks``).
RULES: Final[Mapping[type[Body], Rule]] = {
    TaskCreate: Rule("create", _anyone, frozenset({NONE})),
    TaskEdit: Rule("edit", _editor, frozenset(names.STATES)),
    TaskAssign: Rule("assign", _ranked, LIVE | {names.OPEN}),
    TaskClaim: Rule("claim", _claimer, HELD | {names.OPEN}),
    TaskRelease: Rule("release", _holder_or_ranked, HELD),
    TaskHandoff: Rule("handoff", _holder, HELD),
    TaskProgress: Rule("progress", _holder, LIVE),
    TaskComplete: Rule("complete", _holder, LIVE),
    TaskGate: Rule("gate", _ranked, frozenset(names.STATES)),
    TaskReview: Rule("review", _reviewer, REVIEWED),
    TaskCancel: Rule("cancel", _ranked, LIVE | {names.OPEN}),
    TaskReopen: Rule("reopen", _holder_or_ranked, frozenset(names.ENDED)),
}


def judge(now: Standing, act: Act) -> str | None:
    """Return why ``act`` is refused where a task stands as ``now``, or None. THE rule.

    Source: docs/spec/tasks.md, Transitions.
    """
    rule = RULES.get(type(act.body))
    if rule is None:
        return None
    if now.state == NONE and NONE not in rule.sources:
        return WRONG_STATE
    reason = rule.who(now, act)
    if reason is not None:
        return reason if reason == STALE_REVIEW else f"{rule.verb}_{reason}"
    return None if now.state in rule.sources else WRONG_STATE
