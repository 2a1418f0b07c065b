"""Stories of tasks with a gate: handed in, judged, handed in again, and what meets a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.core.codec import Open
from envoy.state.registers import Op
from histories import ADMIN, CREATOR, FIRST, OTHER_ADMIN, SECOND, History, Vector, made
from vectors.task_story import End, story

ONE: Open = (("reviews", 1),)
TWO: Open = (("reviews", 2),)


def submitted(gate: Open = ONE, *, fence: int = 0) -> tuple[History, Op, Op]:
    """Return a task that FIRST claimed and handed in, with the claim and the completion."""
    h = History(made(gate=gate))
    claim = h.claim(FIRST, fence=fence)
    return h, claim, h.complete(claim)


def judged() -> Iterator[Vector]:
    """Yield verdicts one after another."""
    h, claim, done = submitted()
    approved = h.review(CREATOR, done)
    yield story("approved: what the gate wants is there", h, End("completed", claim, done=done))
    h.review(CREATOR, done, "request_changes", [approved])
    end = End("changes_requested", claim, done=done)
    yield story("its reviewer thinks better of it", h, end)
    h.progress(claim)
    yield story("its holder goes on", h, End("in_progress", claim))
    again = h.complete(claim)
    yield story("and hands in again: the old approval is none", h, End("submitted", claim, again))
    late = h.review(ADMIN, done)
    end = End("submitted", claim, again, {"stale_review": [late]})
    yield story("a verdict on what its author knows to be replaced", h, end)
    h, claim, done = submitted(TWO)
    h.review(CREATOR, done)
    yield story("one approval of two", h, End("submitted", claim, done))
    h.review(CREATOR, done)
    yield story("twice by the same reviewer is one", h, End("submitted", claim, done))
    h.review(ADMIN, done)
    yield story("two of two", h, End("completed", claim, done))
    h, claim, done = submitted(TWO)
    seen = [done]
    h.review(CREATOR, done, sees=seen)
    h.review(ADMIN, done, sees=seen)
    yield story("two of two, apart: nothing is lost", h, End("completed", claim, done))
    h, claim, done = submitted()
    h.review(CREATOR, done, "request_changes")
    h.review(ADMIN, done)
    end = End("changes_requested", claim, done)
    yield story("approved by one, not by the other who said so before", h, end)
    h, claim, done = submitted()
    rejected = h.review(ADMIN, done, "reject")
    yield story("rejected: open, and nobody's", h, End("open"))
    h.claim(SECOND)
    yield story("taken by another", h, End("claimed", h.ops[-1]))
    late = h.complete(claim, [rejected])
    refused = {"complete_after_loss": [late]}
    lost = [("complete_after_loss", rejected, late, "tenure")]
    end = End("claimed", h.ops[-2], refused=refused, lost=lost)
    yield story("what was rejected is not handed in again", h, end)
    h = History()
    claim = h.claim(FIRST)
    done = h.complete(claim, for_review=True)
    h.review(CREATOR, done)
    yield story("a review that was only asked for", h, End("completed", claim, done))
    h.reopen(FIRST)
    yield story("what was approved is opened again", h, End("open"))


def not_judged() -> Iterator[Vector]:
    """Yield verdicts that do not stand."""
    h, claim, done = submitted()
    by_stranger, by_holder = h.review(SECOND, done), h.review(FIRST, done)
    refused = {"review_without_rank": [by_stranger, by_holder]}
    yield story("approved by who may not", h, End("submitted", claim, done, refused))
    h, claim, done = submitted()
    h.progress(claim)
    early = h.review(CREATOR, done)
    end = End("in_progress", claim, refused={"wrong_state": [early]})
    yield story("a verdict on what is withdrawn", h, end)
    h, claim, done = submitted((("no_self_review", True), ("reviews", 1)))
    h.assign(CREATOR, ADMIN)
    taken = h.claim(ADMIN)
    back = h.assign(CREATOR, FIRST)
    done = h.complete(back)
    h.review(ADMIN, done)
    end = End("submitted", back, done)
    yield story("approved by one who once held it", h, end)
    h.review(OTHER_ADMIN, done)
    yield story("and by one who never did", h, End("completed", back, done))
    h.reopen(CREATOR)
    h.claim(OTHER_ADMIN)
    yield story("who takes it after that", h, End("claimed", h.ops[-1]))
    assert taken.author == ADMIN


def judged_apart() -> Iterator[Vector]:
    """Yield what meets a verdict."""
    h, claim, done = submitted()
    yes, no = h.review(CREATOR, done, sees=[done]), h.review(ADMIN, done, "request_changes", [done])
    lost = [("concurrent_approve", no, yes, "kind")]
    end = End("changes_requested", claim, done, lost=lost)
    yield story("approved beside a wish for changes", h, end)
    h, claim, done = submitted()
    yes, no = h.review(ADMIN, done, sees=[done]), h.review(ADMIN, done, "reject", [done])
    lost = [("concurrent_approve", no, yes, "kind")]
    yield story("two copies of a reviewer: the stricter", h, End("open", lost=lost))
    h, claim, done = submitted()
    yes = h.review(CREATOR, done)
    again = h.complete(claim, [done])
    refused = {"stale_review": [yes]}
    lost = [("stale_review", again, yes, "replaced")]
    yield story(
        "approved beside being handed in again", h, End("submitted", claim, again, refused, lost)
    )
    h.review(CREATOR, again)
    end = End("completed", claim, again, refused, lost)
    yield story("and approved again", h, end)
    h, claim, done = submitted()
    yes = h.review(CREATOR, done)
    withdrawn = h.progress(claim, sees=[done])
    lost = [("concurrent_in_progress", yes, withdrawn, "kind")]
    yield story("approved beside being withdrawn", h, End("completed", claim, done, lost=lost))
    h, claim, done = submitted()
    yes = h.review(ADMIN, done)
    gone = h.cancel(CREATOR, [done])
    lost = [("concurrent_approve", gone, yes, "kind")]
    yield story("approved beside being cancelled", h, End("cancelled", claim, lost=lost))
    h, claim, done = submitted()
    yes = h.review(ADMIN, done)
    given = h.assign(CREATOR, SECOND, [done])
    end = End(
        "assigned",
        given,
        refused={"stale_review": [yes]},
        lost=[("stale_review", given, yes, "replaced")],
    )
    yield story("approved beside being given to another, who saw the work", h, end)
    h, claim, done = submitted(fence=1)
    yes = h.review(ADMIN, done)
    second = h.claim(SECOND, [claim], fence=2)
    end = End(
        "claimed",
        second,
        refused={"stale_review": [yes], "fence_stale": [done]},
        lost=[("fence_stale", second, done, "fence"), ("stale_review", second, yes, "replaced")],
    )
    yield story("approved under a fence that was over", h, end)
    h, claim, done = submitted()
    yes = h.review(ADMIN, done)
    given = h.assign(CREATOR, SECOND, [claim])
    lost = [("complete_raced", done, given, "work")]
    end = End("completed", given, done, lost=lost)
    yield story("approved beside a reassignment: the work exists", h, end)


def gated_apart() -> Iterator[Vector]:
    """Yield gates that come beside a completion, and after it."""
    h = History()
    claim = h.claim(FIRST)
    done = h.complete(claim)
    gate = h.gate(CREATOR, ONE, [claim])
    lost = [("gate_raced", gate, done, "gate")]
    yield story("a gate beside a completion", h, End("submitted", claim, done, lost=lost))
    h.review(CREATOR, done)
    yield story("which an approval meets", h, End("completed", claim, done, lost=lost))
    h = History()
    claim = h.claim(FIRST)
    done = h.complete(claim)
    h.gate(CREATOR, ONE)
    yield story("a gate after a completion", h, End("completed", claim, done))
    h, claim, done = submitted()
    h.gate(CREATOR, ())
    yield story("a gate taken away after a completion", h, End("submitted", claim, done))
    again = h.complete(claim)
    yield story("the next one is free of it", h, End("completed", claim, again))
    h = History(made(gate=ONE))
    claim = h.claim(FIRST)
    h.gate(CREATOR, (), [claim])
    stricter = h.gate(ADMIN, TWO, [claim])
    done = h.complete(claim)
    h.review(CREATOR, done)
    yield story("of two gates written apart the stricter", h, End("submitted", claim, done))
    assert stricter.author == ADMIN
    h = History()
    claim = h.claim(FIRST)
    by_holder = h.gate(FIRST, ())
    done = h.complete(claim)
    refused = {"gate_without_rank": [by_holder]}
    yield story("its holder writes no gate", h, End("completed", claim, done, refused))
    h, claim, done = submitted()
    h.gate(CREATOR, ONE, [claim])
    yield story("a gate beside that asks for nothing more", h, End("submitted", claim, done))
