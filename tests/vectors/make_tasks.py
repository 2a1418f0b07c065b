"""Write tests/vectors/tasks.json: histories of one task, and what every replica makes of them.

Each is a story of docs/spec/tasks.md; what is expected is written by hand, beside the story. Acts
may arrive in any order. Shapes: docs/spec/tasks.md, section Vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from envoy.core.bodies import Merge, TaskProgress
from histories import (
    ADMIN,
    CREATOR,
    FIRST,
    SECOND,
    TASK,
    THIRD,
    History,
    Vector,
    fixed,
    made,
)
from vectors import task_ends, task_handoffs, task_reviews
from vectors.task_story import End, Lost, story

TARGET = Path(__file__).with_name("tasks.json")


def lifecycle() -> Iterator[Vector]:
    """Yield what one member does after another, everybody having seen everything."""
    h = History()
    yield story("a new task is open", h, End("open"))
    h = History(made(assignee=FIRST))
    yield story("made for somebody", h, End("assigned", h.ops[0]))
    h = History(made(assignee=FIRST))
    accepted = h.claim(FIRST, fence=1)
    yield story("an assignment accepted by a claim", h, End("claimed", accepted))
    h = History()
    claim = h.claim(FIRST)
    h.progress(claim)
    h.progress(claim, "blocked")
    yield story("worked on, then blocked", h, End("blocked", claim))
    done = h.complete(claim)
    yield story("completed", h, End("completed", claim, done=done))
    h = History()
    claim = h.claim(FIRST)
    h.progress(claim)
    h.release(FIRST)
    yield story("given back: the work under it is behind", h, End("open"))
    second = h.claim(SECOND)
    yield story("given back, then taken by another", h, End("claimed", second))
    h = History(made(gate=(("reviews", 1),)))
    claim = h.claim(FIRST)
    done = h.complete(claim)
    yield story("a gated task is submitted", h, End("submitted", claim, done=done))
    h.progress(claim)
    yield story("its holder withdraws it by working on", h, End("in_progress", claim))
    again = h.complete(claim)
    yield story("and hands it in again", h, End("submitted", claim, done=again))
    h = History()
    claim = h.claim(FIRST)
    done = h.complete(claim, for_review=True)
    yield story("handed in for review without a gate", h, End("submitted", claim, done=done))
    given_on = h.assign(CREATOR, SECOND)
    yield story("submitted work given to another", h, End("assigned", given_on))
    h = History()
    claim = h.claim(FIRST)
    given_on = h.assign(ADMIN, SECOND)
    yield story("claimed work given to another", h, End("assigned", given_on))


def refusals() -> Iterator[Vector]:
    """Yield acts that were not legal in their author's own view."""
    h = History()
    claim = h.claim(FIRST, fence=1)
    late = h.claim(SECOND)
    refused = {"claim_of_owned": [late]}
    yield story("a claim that saw another's claim", h, End("claimed", claim, refused=refused))
    h = History()
    claim = h.claim(FIRST, fence=1)
    same = h.claim(SECOND, fence=1)
    refused = {"claim_of_owned": [same]}
    yield story("with no higher fence", h, End("claimed", claim, refused=refused))
    h = History()
    h.claim(FIRST, fence=1)
    over = h.claim(SECOND, fence=2)
    yield story("a lapsed lease: a higher fence takes over", h, End("claimed", over))
    h = History()
    claim = h.claim(FIRST, fence=3)
    moved = h.claim(SECOND, fence=1, no=1)
    yield story("a fence of a later hub is higher", h, End("claimed", moved))
    h = History()
    claim = h.claim(FIRST)
    assign = h.assign(SECOND, SECOND)
    release = h.release(SECOND)
    foreign = h.act(SECOND, TaskProgress(TASK, claim.id, "blocked", None))
    refused = {
        "assign_without_rank": [assign],
        "release_without_tenure": [release],
        "progress_without_tenure": [foreign],
    }
    yield story("acts of a stranger", h, End("claimed", claim, refused=refused))
    h = History()
    claim = h.claim(FIRST)
    nowhere = h.act(FIRST, TaskProgress(TASK, fixed("nowhere"), "blocked", None))
    end = End("claimed", claim, refused={"progress_without_tenure": [nowhere]})
    yield story("work under a tenure that nobody gave", h, end)
    h = History()
    claim = h.claim(FIRST)
    done = h.complete(claim)
    after = [h.claim(SECOND), h.release(FIRST), h.assign(ADMIN, SECOND), h.progress(claim)]
    refused = {"wrong_state": after}
    yield story(
        "completed work stays completed", h, End("completed", claim, done=done, refused=refused)
    )
    h = History()
    blind = h.claim(FIRST, [])
    refused = {"wrong_state": [blind]}
    yield story("an act that hides that the task exists", h, End("open", refused=refused))
    h = History(None)
    orphan = h.claim(FIRST)
    refused = {"wrong_state": [orphan]}
    yield story("a task that nobody made", h, End("none", refused=refused))


def races() -> Iterator[Vector]:
    """Yield the concurrent cases of docs/spec/tasks.md."""
    h = History()
    one, two = h.claim(FIRST, h.ops[:1]), h.claim(SECOND, h.ops[:1])
    lost: list[Lost] = [("lost_claim", one, two, "tie")]
    yield story("two provisional claims", h, End("claimed", one, lost=lost))
    h = History()
    one, two = h.claim(FIRST, h.ops[:1]), h.claim(SECOND, h.ops[:1], fence=1)
    lost = [("lost_claim", two, one, "fence")]
    yield story("provisional beside confirmed claim", h, End("claimed", two, lost=lost))
    h = History()
    one = h.claim(FIRST, fence=1)
    two = h.claim(SECOND, fence=2)
    late = h.complete(one, [one])
    lost = [("fence_stale", two, late, "fence")]
    refused = {"fence_stale": [late]}
    yield story(
        "lease lapsed, another claims, the first completes unaware",
        h,
        End("claimed", two, refused=refused, lost=lost),
    )
    h.release(SECOND)
    yield story(
        "the late result does not come back when the task is given back",
        h,
        End("open", refused=refused, settled=lost),
    )
    h = History()
    one = h.claim(FIRST, fence=1)
    two = h.claim(SECOND, fence=2)
    late = h.complete(one)
    lost = [("complete_after_loss", two, late, "tenure")]
    refused = {"complete_after_loss": [late]}
    yield story(
        "the first completes, knowing of it", h, End("claimed", two, refused=refused, lost=lost)
    )


def reassignments() -> Iterator[Vector]:
    """Yield what meets an assignment."""
    h = History()
    one, two = h.claim(FIRST, h.ops[:1], fence=1), h.assign(ADMIN, SECOND, h.ops[:1])
    lost: list[Lost] = [("lost_claim", two, one, "assign")]
    yield story("a confirmed claim beside an assignment", h, End("assigned", two, lost=lost))
    h = History()
    one, two = h.assign(CREATOR, FIRST, h.ops[:1]), h.assign(ADMIN, SECOND, h.ops[:1])
    lost = [("lost_assign", two, one, "assign")]
    yield story("an admin's assignment beside the creator's", h, End("assigned", two, lost=lost))
    h = History()
    one = h.claim(FIRST)
    worked = h.progress(one, sees=[one])
    two = h.assign(CREATOR, SECOND, [one])
    refused = {"progress_after_loss": [worked]}
    yield story("work beside a reassignment", h, End("assigned", two, refused=refused))
    h = History()
    one = h.claim(FIRST)
    done = h.complete(one, [one])
    two = h.assign(CREATOR, SECOND, [one])
    lost = [("complete_raced", done, two, "work")]
    yield story(
        "complete beside a reassignment: the work exists",
        h,
        End("completed", two, done=done, lost=lost),
    )
    begun = h.progress(two, "blocked", [two])
    lost += [("concurrent_blocked", done, begun, "kind")]
    yield story("the new holder begins, unaware", h, End("completed", two, done=done, lost=lost))


def results() -> Iterator[Vector]:
    """Yield two results, and work given back or on beside a claim."""
    h = History()
    one, two = h.claim(FIRST, h.ops[:1]), h.claim(SECOND, h.ops[:1])
    first, second = h.complete(one, [one]), h.complete(two, [two])
    lost: list[Lost] = [
        ("lost_claim", one, two, "tie"),
        ("concurrent_complete", first, second, "tenure"),
    ]
    yield story("both complete, both provisional", h, End("completed", one, done=first, lost=lost))
    h.receipt(two, 1)
    lost = [("lost_claim", two, one, "fence"), ("fence_stale", two, first, "fence")]
    yield story(
        "both complete, the second confirmed",
        h,
        End("completed", two, done=second, refused={"fence_stale": [first]}, lost=lost),
    )
    h = History()
    one = h.claim(FIRST, fence=1)
    given_back, two = h.release(FIRST, [one]), h.claim(SECOND, [one], fence=2)
    lost = [("lost_release", two, given_back, "holding")]
    yield story("release beside a claim with a higher fence", h, End("claimed", two, lost=lost))
    h = History(made(assignee=FIRST))
    taken, back = h.claim(FIRST, h.ops[:1]), h.claim(CREATOR, h.ops[:1], fence=1)
    lost = [("lost_claim", back, taken, "fence")]
    yield story("the giver takes back, confirmed", h, End("claimed", back, lost=lost))
    h = History()
    given_to = h.assign(ADMIN, FIRST)
    taken, back = h.claim(FIRST, [given_to], fence=2), h.claim(ADMIN, [given_to], fence=1)
    lost = [("lost_claim", taken, back, "fence")]
    yield story(
        "accepted beside taken back: the fence decides", h, End("claimed", taken, lost=lost)
    )


def afterwards() -> Iterator[Vector]:
    """Yield what comes after a race, and what copies of one profile do beside each other."""
    h = History()
    one, two = h.claim(FIRST, h.ops[:1]), h.claim(SECOND, h.ops[:1])
    after = h.progress(two)
    lost: list[Lost] = [("lost_claim", one, two, "tie")]
    yield story(
        "the loser works on, knowing it",
        h,
        End("claimed", one, refused={"progress_after_loss": [after]}, lost=lost),
    )
    h = History()
    one, two = h.claim(FIRST, h.ops[:1]), h.claim(SECOND, h.ops[:1])
    h.act(THIRD, Merge(TASK))
    h.release(FIRST)
    third = h.claim(THIRD)
    lost = [("lost_claim", one, two, "tie")]
    yield story("a race that is over", h, End("claimed", third, settled=lost))
    h = History()
    one = h.claim(FIRST)
    h.progress(one)
    seen = h.heads()
    left, right = h.progress(one, sees=seen), h.progress(one, "blocked", seen)
    lost = [("concurrent_in_progress", right, left, "kind")]
    yield story("two copies of one profile disagree", h, End("blocked", one, lost=lost))
    h = History()
    one = h.claim(FIRST)
    results = sorted((h.complete(one, [one]) for _ in range(2)), key=lambda op: op.id)
    lost = [("concurrent_complete", results[1], results[0], "order")]
    end = End("completed", one, done=results[1], lost=lost)
    yield story("two copies of one profile complete: the later in order", h, end)
    h = History()
    one = h.claim(FIRST)
    done = h.complete(one, [one], for_review=True)
    two = h.assign(CREATOR, SECOND, [one])
    begun = h.progress(two)
    yield story("another's work withdraws a raced result", h, End("in_progress", two))
    third = h.assign(ADMIN, THIRD, [one])
    lost = [("complete_raced", done, third, "work"), ("lost_assign", third, two, "assign")]
    refused = {"progress_after_loss": [begun]}
    end = End("submitted", third, done=done, refused=refused, lost=lost)
    yield story("which stands again once that work has lost", h, end)


def excluded() -> Iterator[Vector]:
    """Yield what is held, and what is too much."""
    h = History()
    one = h.claim(FIRST)
    h.progress(one)
    held = h.act(FIRST, TaskProgress(TASK, one.id, "blocked", None), counts=False)
    h.release(ADMIN, h.ops[-2:-1])
    assert held in h.heads()
    yield story("the holder removed: what the removal saw counts", h, End("open"))
    h = History()
    held = h.act(FIRST, History().claim(FIRST).body, counts=False)
    second = h.claim(SECOND, [h.ops[0], held])
    yield story("a held claim takes nothing", h, End("claimed", second))
    h = History()
    claims = [h.claim(FIRST, h.ops[:1]) for _ in range(9)]
    ordered = sorted(claims, key=lambda op: op.id)
    lost: list[Lost] = [("lost_claim", ordered[0], op, "id") for op in ordered[1:8]]
    refused = {"over_limit": ordered[8:]}
    yield story(
        "the ninth head of an author", h, End("claimed", ordered[0], refused=refused, lost=lost)
    )


def vectors() -> list[Vector]:
    """Return all vectors in the order of the page."""
    return [
        *lifecycle(),
        *refusals(),
        *races(),
        *reassignments(),
        *results(),
        *afterwards(),
        *excluded(),
        *task_ends.ended(),
        *task_ends.ended_races(),
        *task_ends.edits(),
        *task_ends.edit_races(),
        *task_reviews.judged(),
        *task_reviews.not_judged(),
        *task_reviews.judged_apart(),
        *task_reviews.gated_apart(),
        *task_handoffs.handed(),
        *task_handoffs.handed_apart(),
        *task_handoffs.not_handed(),
    ]


if __name__ == "__main__":
    assert fixed("task") == TASK
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
