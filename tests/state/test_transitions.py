"""The transition table: a second one, written by hand, and every pair that is not in it refused."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import (
    Merge,
    Ref,
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
from envoy.core.records import TaskGate, TaskReview
from envoy.core.structs import Body, replace
from envoy.state import transitions
from envoy.state.claims import NO_FENCE, Fence, Tenure
from envoy.state.transitions import Act, Standing, judge
from histories import FIRST, MADE, TASK, capsule, fixed

HOLDER, GIVER, STRANGER, RANKED = (fixed(name) for name in ("holder", "giver", "else", "ranked"))
TENURE, LOST, DONE = fixed("tenure"), fixed("lost"), fixed("done")
STATES = (
    "none",
    "open",
    "assigned",
    "claimed",
    "in_progress",
    "blocked",
    "submitted",
    "changes_requested",
    "completed",
    "cancelled",
)
EDIT = TaskEdit(TASK, None, "text", None, None, None, ("l",), (), (), (), (), ())
BODIES: dict[str, Body] = {
    "create": MADE,
    "assign": TaskAssign(TASK, FIRST),
    "claim": TaskClaim(TASK, "default", 900, fixed("secret"), None),
    "release": TaskRelease(TASK, None),
    "progress": TaskProgress(TASK, TENURE, "in_progress", None),
    "complete": TaskComplete(TASK, TENURE, "done", (), False),
    "handoff": capsule(TASK, TENURE, FIRST),
    "edit": EDIT,
    "cancel": TaskCancel(TASK, ""),
    "reopen": TaskReopen(TASK, ""),
    "gate": TaskGate(TASK, ()),
    "review": TaskReview(TASK, DONE, "approve", None, ()),
}
# Who does it: did, rho, fence of the claim. The holder's own fence is (0, 2).
ACTORS: dict[str, tuple[bytes, int, Fence]] = {
    "holder": (HOLDER, 1, NO_FENCE),
    "giver": (GIVER, 1, NO_FENCE),
    "stranger": (STRANGER, 1, NO_FENCE),
    "ranked": (RANKED, 2, NO_FENCE),
    "same fence": (STRANGER, 1, (0, 2)),
    "higher fence": (STRANGER, 1, (0, 3)),
}
HELD = "assigned claimed in_progress blocked changes_requested"
TAKEN = "claimed in_progress blocked changes_requested"
# Act -> actor -> the states from which it is legal. What is missing is refused.
LEGAL = {
    "create": dict.fromkeys(ACTORS, "none"),
    "assign": {"ranked": f"open {HELD} submitted"},
    "claim": {
        "holder": f"open {HELD}",
        "giver": "open assigned",
        "stranger": "open",
        "ranked": "open",
        "same fence": "open",
        "higher fence": f"open {TAKEN}",
    },
    "release": {"holder": HELD, "ranked": HELD},
    "progress": {"holder": f"{HELD} submitted"},
    "complete": {"holder": f"{HELD} submitted"},
    "handoff": {"holder": HELD},
    "edit": {
        "holder": f"{HELD} submitted",
        "ranked": f"open {HELD} submitted completed cancelled",
    },
    "cancel": {"ranked": f"open {HELD} submitted"},
    "reopen": {"holder": "completed cancelled", "ranked": "completed cancelled"},
    "gate": {"ranked": f"open {HELD} submitted completed cancelled"},
    "review": {"ranked": "submitted changes_requested completed"},
}


def standing(state: str) -> Standing:
    """Return a task in ``state``, held by HOLDER where somebody holds it."""
    if state in ("none", "open"):
        return Standing(state, None)
    if state == "assigned":
        return Standing(
            state, Tenure(TENURE, HOLDER, GIVER, "assign", None, None, None, "unclaimed", None)
        )
    claim = Tenure(TENURE, HOLDER, HOLDER, "claim", "s", 0, 2, "confirmed", 0)
    judged = state in ("submitted", "changes_requested", "completed")
    return Standing(state, claim, DONE if judged else None)


def act(verb: str, actor: str, *, named: bytes | None = HOLDER, tenure: bytes = TENURE) -> Act:
    """Return what ``actor`` does; work names TENURE, whose holder it has seen."""
    author, rho, fence = ACTORS[actor]
    is_work = verb in ("progress", "complete", "handoff")
    return Act(BODIES[verb], author, rho, fence, tenure if is_work else None, named)


@pytest.mark.parametrize(
    ("verb", "state", "actor"), list(itertools.product(BODIES, STATES, ACTORS))
)
def test_the_lifecycle_allows_exactly_the_legal_acts(verb: str, state: str, actor: str) -> None:
    now = standing(state)
    named = HOLDER if now.tenure else None
    reason = judge(now, act(verb, actor, named=named))
    assert (reason is None) == (state in LEGAL[verb].get(actor, "").split())


@pytest.mark.parametrize(
    ("state", "done", "reason"),
    [
        pytest.param("none", act("claim", "holder"), "wrong_state", id="no task, no claim"),
        pytest.param(
            "none", act("complete", "holder"), "wrong_state", id="no task, nothing to complete"
        ),
        pytest.param("open", act("create", "holder"), "wrong_state", id="made twice"),
        pytest.param(
            "completed", act("claim", "higher fence"), "wrong_state", id="done work is not claimed"
        ),
        pytest.param(
            "submitted",
            act("claim", "higher fence"),
            "wrong_state",
            id="submitted work is freed by a verdict, never by a lease",
        ),
        pytest.param(
            "submitted",
            act("claim", "holder"),
            "wrong_state",
            id="its holder withdraws it by working on, not by a claim",
        ),
        pytest.param("claimed", act("claim", "stranger"), "claim_of_owned", id="another's claim"),
        pytest.param(
            "claimed", act("claim", "same fence"), "claim_of_owned", id="a fence given twice"
        ),
        pytest.param(
            "assigned",
            act("claim", "higher fence"),
            "claim_of_owned",
            id="no fence takes assigned work away",
        ),
        pytest.param(
            "in_progress",
            act("claim", "giver"),
            "claim_of_owned",
            id="a giver cannot claim back what was begun",
        ),
        pytest.param(
            "open", act("assign", "stranger"), "assign_without_rank", id="a writer does not assign"
        ),
        pytest.param(
            "claimed",
            act("release", "stranger"),
            "release_without_tenure",
            id="another's work is not given back",
        ),
        pytest.param(
            "open", act("release", "ranked"), "wrong_state", id="nothing there to give back"
        ),
        pytest.param(
            "claimed",
            act("progress", "stranger"),
            "progress_without_tenure",
            id="work under another's tenure",
        ),
        pytest.param(
            "claimed",
            act("complete", "holder", named=None),
            "complete_without_tenure",
            id="a tenure that the author has not seen",
        ),
        pytest.param(
            "open",
            act("complete", "stranger", named=None),
            "complete_without_tenure",
            id="open work is claimed before it is completed",
        ),
        pytest.param(
            "claimed",
            act("complete", "holder", tenure=LOST),
            "complete_after_loss",
            id="a result under a tenure that was lost",
        ),
        pytest.param(
            "open",
            act("progress", "holder", tenure=LOST),
            "progress_after_loss",
            id="work under a tenure that ended",
        ),
        pytest.param("completed", act("complete", "holder"), "wrong_state", id="completed already"),
        pytest.param(
            "claimed",
            act("handoff", "stranger"),
            "handoff_without_tenure",
            id="another's work is not handed over",
        ),
        pytest.param(
            "claimed",
            act("handoff", "holder", tenure=LOST),
            "handoff_after_loss",
            id="a tenure that was lost is not passed on",
        ),
        pytest.param(
            "claimed", act("edit", "stranger"), "edit_without_rank", id="another's task is edited"
        ),
        pytest.param(
            "completed",
            act("edit", "holder"),
            "edit_without_rank",
            id="a holder edits what it works on, not what is done",
        ),
        pytest.param(
            "claimed",
            act("cancel", "holder"),
            "cancel_without_rank",
            id="a holder gives back, it does not cancel",
        ),
        pytest.param("completed", act("cancel", "ranked"), "wrong_state", id="done is done"),
        pytest.param(
            "cancelled", act("reopen", "stranger"), "reopen_without_tenure", id="a stranger reopens"
        ),
        pytest.param(
            "open", act("reopen", "ranked"), "wrong_state", id="what is open is not ended"
        ),
    ],
)
def test_a_refusal_names_what_is_missing(state: str, done: Act, reason: str) -> None:
    assert judge(standing(state), done) == reason


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(replace(EDIT, title="t"), id="title"),
        pytest.param(replace(EDIT, priority=0), id="priority"),
        pytest.param(replace(EDIT, due_at=0), id="date"),
        pytest.param(replace(EDIT, parent=TENURE), id="parent"),
        pytest.param(replace(EDIT, ref=(Ref(None, TENURE, None),)), id="a reference more"),
        pytest.param(replace(EDIT, unref=(Ref(None, TENURE, None),)), id="a reference less"),
    ],
)
def test_a_holder_edits_body_labels_and_needs_alone(edit: TaskEdit) -> None:
    holder, ranked = (
        Act(edit, author, rho, NO_FENCE, None, None) for author, rho in ((HOLDER, 1), (RANKED, 2))
    )
    assert judge(standing("claimed"), holder) == "edit_without_rank"
    assert judge(standing("claimed"), ranked) is None
    mine = replace(EDIT, unlabel=("l",), need=(TENURE,), unneed=(TENURE,))
    control = Act(mine, HOLDER, 1, NO_FENCE, None, None)
    assert judge(standing("claimed"), control) is None


@pytest.mark.parametrize(
    ("rho", "is_named", "completion", "reason"),
    [
        pytest.param(1, True, DONE, None, id="whom the gate names may judge"),
        pytest.param(1, False, DONE, "review_without_rank", id="nobody else of no rank"),
        pytest.param(2, False, DONE, None, id="the creator may"),
        pytest.param(3, False, LOST, "stale_review", id="not another completion"),
        pytest.param(1, False, LOST, "review_without_rank", id="who may not is told that first"),
    ],
)
def test_a_verdict_is_given_by_few_on_the_completion_that_stands(
    rho: int, is_named: bool, completion: bytes, reason: str | None
) -> None:
    body = TaskReview(TASK, completion, "approve", None, ())
    given = Act(body, STRANGER, rho, NO_FENCE, None, None, is_named)
    assert judge(standing("submitted"), given) == reason


@pytest.mark.parametrize("state", STATES)
def test_a_merge_is_never_refused(state: str) -> None:
    assert judge(standing(state), Act(Merge(TASK), STRANGER, 1, NO_FENCE, None, None)) is None


def test_every_act_on_a_task_has_a_row() -> None:
    assert {type(body) for body in BODIES.values()} == set(transitions.RULES)
    assert TaskCreate in transitions.RULES


def test_a_row_has_the_verb_of_its_kind() -> None:
    assert {verb: transitions.RULES[type(body)].verb for verb, body in BODIES.items()} == {
        verb: verb for verb in BODIES
    }


@pytest.mark.parametrize("state", ["submitted", "completed"])
def test_a_claim_of_what_is_handed_in_is_none_of_somebody_elses_work(state: str) -> None:
    assert judge(standing(state), act("claim", "stranger")) == "wrong_state"
    assert judge(standing("claimed"), act("claim", "stranger")) == "claim_of_owned"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        pytest.param("assigned", None, id="before work began"),
        *(
            pytest.param(state, "claim_of_owned", id=f"while it is {state}")
            for state in ("in_progress", "blocked", "changes_requested")
        ),
    ],
)
def test_who_gave_work_takes_it_back_by_a_claim_only_before_it_began(
    state: str, reason: str | None
) -> None:
    given = replace(standing("assigned"), state=state)
    assert judge(given, act("claim", "giver")) == reason
    assert judge(given, act("claim", "stranger")) == "claim_of_owned"
    assert judge(given, act("claim", "holder")) is None
