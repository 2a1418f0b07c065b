"""Stories of handoffs: what they do to the task, and what becomes of them.

Shapes: docs/spec/tasks.md, section Vectors.
"""

from __future__ import annotations

from collections.abc import Iterator

from histories import ADMIN, CREATOR, FIRST, SECOND, THIRD, History, Vector, made
from vectors.task_story import End, story


def handed(history: History | None = None) -> Iterator[Vector]:
    """Yield handoffs that everybody sees in turn."""
    h = history or History()
    claim = h.claim(FIRST, fence=1)
    h.progress(claim)
    given = h.hand(claim, SECOND)
    end = End("assigned", given, handoffs=[(given, "offered", None)])
    yield story("handed over: assigned, with the fence it passes on", h, end)
    taken = h.claim(SECOND, fence=2, handoff=given)
    end = End("claimed", taken, handoffs=[(given, "accepted", taken)])
    yield story("accepted under a greater fence", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    given = h.hand(claim)
    yield story("left to whoever takes it", h, End("open", handoffs=[(given, "offered", None)]))
    taken = h.claim(THIRD, fence=2, handoff=given)
    end = End("claimed", taken, handoffs=[(given, "accepted", taken)])
    yield story("and taken by somebody who names it", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1))
    taken = h.claim(SECOND, fence=2)
    end = End("claimed", taken, handoffs=[(given, "superseded", taken)])
    yield story("a claim that does not name it accepts nothing", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    back = h.claim(FIRST, fence=2)
    end = End("claimed", back, handoffs=[(given, "withdrawn", back)])
    yield story("its giver takes it back before it is accepted", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    other = h.assign(ADMIN, THIRD)
    end = End("assigned", other, handoffs=[(given, "superseded", other)])
    yield story("an admin gives it to another", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    on = h.hand(given, THIRD)
    end = End("assigned", on, handoffs=[(given, "superseded", on), (on, "offered", None)])
    yield story("handed on by who got it", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    h.cancel(CREATOR)
    end = End("cancelled", given, handoffs=[(given, "superseded", None)])
    yield story("cancelled after it was handed over", h, end)
    h = History(made(assignee=FIRST))
    given = h.hand(h.ops[0], SECOND)
    taken = h.claim(SECOND, handoff=given)
    end = End("claimed", taken, handoffs=[(given, "accepted", taken)])
    yield story("assigned work handed over, accepted offline", h, end)


def handed_apart() -> Iterator[Vector]:
    """Yield handoffs that meet something else."""
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    taken, back = h.claim(SECOND, [given], fence=3, handoff=given), h.claim(FIRST, [given], fence=2)
    lost = [("lost_claim", taken, back, "fence")]
    end = End("claimed", taken, lost=lost, handoffs=[(given, "accepted", taken)])
    yield story("accepted beside taken back: the hub decided for the taker", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1), SECOND)
    taken, back = h.claim(SECOND, [given], handoff=given), h.claim(FIRST, [given], fence=2)
    lost = [("lost_claim", back, taken, "fence")]
    end = End("claimed", back, lost=lost, handoffs=[(given, "withdrawn", back)])
    yield story("accepted offline beside taken back: the hub decided for the giver", h, end)
    h = History()
    given = h.hand(h.claim(FIRST, fence=1))
    one, two = (h.claim(who, [given], handoff=given) for who in (SECOND, THIRD))
    lost = [("lost_claim", one, two, "tie")]
    end = End("claimed", one, lost=lost, handoffs=[(given, "accepted", one)])
    yield story("two takers offline: the tie of task and holder", h, end)
    h.receipt(two, 2)
    lost = [("lost_claim", two, one, "fence")]
    end = End("claimed", two, lost=lost, handoffs=[(given, "accepted", two)])
    yield story("two takers: the one the hub confirmed", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    given, other = h.hand(claim, SECOND, [claim]), h.claim(THIRD, [claim], fence=2)
    lost = [("lost_handoff", other, given, "fence")]
    end = End("claimed", other, lost=lost, handoffs=[(given, "superseded", other)])
    yield story("handed over beside a claim after the lease", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    given, done = h.hand(claim, SECOND, [claim]), h.complete(claim, [claim])
    lost = [("complete_raced", done, given, "work")]
    end = End("completed", given, done, lost=lost, handoffs=[(given, "superseded", None)])
    yield story("its giver completed meanwhile: the work exists", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    given, done = h.hand(claim, SECOND, [claim]), h.complete(claim, [claim])
    taken = h.claim(SECOND, [given], fence=2, handoff=given)
    end = End(
        "claimed",
        taken,
        refused={"fence_stale": [done]},
        lost=[("fence_stale", taken, done, "fence")],
        handoffs=[(given, "accepted", taken)],
    )
    yield story("its giver completed meanwhile, it was accepted: a stale fence", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    given = h.hand(claim, SECOND, [claim])
    release = h.release(FIRST, [claim])
    lost = [("lost_release", given, release, "holding")]
    end = End("assigned", given, lost=lost, handoffs=[(given, "offered", None)])
    yield story("handed over beside given back", h, end)


def not_handed() -> Iterator[Vector]:
    """Yield handoffs that are refused."""
    h = History()
    claim = h.claim(FIRST, fence=1)
    over = h.claim(SECOND, fence=2)
    late = h.hand(claim, THIRD)
    end = End("claimed", over, refused={"handoff_after_loss": [late]})
    yield story("handed over after the loss was seen", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    h.ops[-1] = claim
    foreign = h.hand(claim, THIRD)
    stranger = h.act(SECOND, foreign.body)
    end = End(
        "assigned",
        foreign,
        refused={"handoff_without_tenure": [stranger]},
        handoffs=[(foreign, "offered", None)],
    )
    yield story("a stranger hands over another's work", h, end)
    h = History()
    claim = h.claim(FIRST, fence=1)
    done = h.complete(claim)
    late = h.hand(claim, SECOND)
    end = End("completed", claim, done, refused={"wrong_state": [late]})
    yield story("what is completed is not handed over", h, end)
