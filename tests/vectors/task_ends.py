"""Stories of tasks that end, are opened again, and whose fields are edited."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from envoy.core.bodies import TaskEdit
from envoy.core.structs import replace
from histories import ADMIN, CREATOR, FIRST, MADE, SECOND, TASK, History, Vector, fixed
from vectors.task_story import End, Lost, story


def ended() -> Iterator[Vector]:
    """Yield what is cancelled, what is open again, and what meets both."""
    h = History()
    h.cancel(CREATOR)
    yield story("cancelled before anybody had it", h, End("cancelled"))
    late = h.claim(FIRST)
    refused = {"wrong_state": [late]}
    yield story("what is cancelled is not claimed", h, End("cancelled", refused=refused))
    h.reopen(ADMIN)
    yield story("open again", h, End("open", refused=refused))
    claim = h.claim(FIRST)
    yield story("and claimed", h, End("claimed", claim, refused=refused))
    h = History()
    claim = h.claim(FIRST)
    h.progress(claim)
    h.cancel(CREATOR)
    yield story("cancelled work keeps its holder", h, End("cancelled", claim))
    h.reopen(FIRST)
    yield story("its holder opens it again, and has it no more", h, End("open"))
    h = History()
    claim = h.claim(FIRST)
    h.complete(claim)
    h.reopen(CREATOR)
    yield story("done work opened again", h, End("open"))
    h = History()
    claim = h.claim(FIRST)
    by_holder, by_other = h.cancel(FIRST), h.cancel(SECOND)
    refused = {"cancel_without_rank": [by_holder, by_other]}
    yield story("cancelled by who may not", h, End("claimed", claim, refused=refused))
    done = h.complete(claim)
    reopened = h.reopen(SECOND)
    refused["reopen_without_tenure"] = [reopened]
    end = End("completed", claim, done=done, refused=refused)
    yield story("opened again by a stranger", h, end)


def ended_races() -> Iterator[Vector]:
    """Yield what is done beside a cancellation or a reopening."""
    h = History()
    claim = h.claim(FIRST)
    worked, gone = h.progress(claim, sees=[claim]), h.cancel(CREATOR, [claim])
    lost: list[Lost] = [("concurrent_in_progress", gone, worked, "kind")]
    yield story("cancel beside work", h, End("cancelled", claim, lost=lost))
    h = History()
    claim = h.claim(FIRST)
    done, gone = h.complete(claim, [claim]), h.cancel(CREATOR, [claim])
    lost = [("concurrent_complete", gone, done, "kind")]
    yield story("cancel beside a result", h, End("cancelled", claim, lost=lost))
    h.reopen(CREATOR)
    yield story("what a cancellation lost is shown when it is over", h, End("open", settled=lost))
    h = History()
    h.cancel(CREATOR, h.ops[:1])
    claim = h.claim(FIRST, h.ops[:1], fence=1)
    yield story("cancel beside a claim: nothing to do for its holder", h, End("cancelled", claim))
    h = History()
    one, two = h.cancel(ADMIN, h.ops[:1]), h.cancel(CREATOR, h.ops[:1])
    first, second = (one, two) if before(ADMIN, CREATOR) else (two, one)
    lost = [("concurrent_cancel", first, second, "tie")]
    yield story("cancelled twice", h, End("cancelled", lost=lost))
    h = History()
    one = h.cancel(ADMIN, h.ops[:1])
    back = h.reopen(ADMIN, [one])
    two = h.cancel(CREATOR, h.ops[:1])
    lost = [("concurrent_reopen", two, back, "kind")]
    yield story("opened again beside another's cancellation", h, End("cancelled", lost=lost))
    h = History()
    claim = h.claim(FIRST)
    one, two = h.complete(claim, [claim]), h.complete(claim, [claim])
    back = h.reopen(CREATOR, [one])
    lost = [("concurrent_complete", back, two, "kind")]
    yield story("opened again beside another copy's result", h, End("open", lost=lost))
    h = History()
    claim = h.claim(FIRST, fence=1)
    done, other = h.complete(claim, [claim]), h.claim(SECOND, [claim], fence=2)
    back = h.reopen(CREATOR, [done])
    lost = [("lost_reopen", other, back, "holding")]
    yield story(
        "opened again beside a claim with a higher fence", h, End("claimed", other, lost=lost)
    )


def before(one: bytes, other: bytes) -> bool:
    """Say whether ``one`` wins the tie on the task."""
    return hashlib.sha256(TASK + one).digest() < hashlib.sha256(TASK + other).digest()


def edits() -> Iterator[Vector]:
    """Yield what becomes of fields."""
    need, parent = fixed("a need"), fixed("a parent")
    h = History()
    h.edit(CREATOR, title="mend it", body="all of it", priority=0, due_at=7, parent=parent)
    changed = {
        "title": "mend it",
        "body": "all of it",
        "priority": 0,
        "due_at": 7,
        "parent": parent.hex(),
    }
    yield story("every field written", h, End("open", fields=changed))
    h.edit(ADMIN, title="", due_at=0, parent=bytes(32))
    changed = {"title": "all of it", "body": "all of it", "priority": 0}
    yield story("fields written empty", h, End("open", fields=changed))
    h = History()
    h.edit(CREATOR, label=("a", "b"), need=(need,))
    h.edit(CREATOR, label=("c",), unlabel=("a",), unneed=(need,))
    yield story("labels and needs come and go", h, End("open", fields={"labels": ["b", "c"]}))
    h = History()
    claim = h.claim(FIRST)
    h.edit(FIRST, body="found it", label=("seen",))
    refused = {
        "edit_without_rank": [h.edit(FIRST, title="mine", label=("x",)), h.edit(SECOND, body="")]
    }
    end = End("claimed", claim, refused=refused, fields={"body": "found it", "labels": ["seen"]})
    yield story("the holder's part, and a stranger's", h, end)

    h = History(replace(MADE, title=None))
    claim = h.claim(FIRST)
    h.edit(FIRST, body="mine\nto name")
    changed = {"title": MADE.body, "body": "mine\nto name"}
    yield story("a holder's text does not rename a task", h, End("claimed", claim, fields=changed))
    h.edit(CREATOR, title="")
    changed["title"] = "mine"
    yield story("its creator may", h, End("claimed", claim, fields=changed))


def edit_races() -> Iterator[Vector]:
    """Yield fields that several write beside each other."""
    h = History()
    low, high = h.edit(CREATOR, h.ops[:1], title="low"), h.edit(ADMIN, h.ops[:1], title="high")
    lost: list[Lost] = [("field_conflict", high, low, "rank")]
    yield story("two titles: rank", h, End("open", lost=lost, fields={"title": "high"}))
    h.edit(CREATOR, title="agreed")
    yield story("written anew", h, End("open", settled=lost, fields={"title": "agreed"}))
    h = History()
    twice = [h.edit(CREATOR, h.ops[:1], title=one, priority=3) for one in ("one", "two")]
    first, last = sorted(twice, key=lambda op: op.id)
    assert isinstance(last.body, TaskEdit)
    lost = [("field_conflict", last, first, "order")]
    changed = {"title": last.body.title, "priority": 3}
    yield story(
        "one author beside itself, on two fields", h, End("open", lost=lost, fields=changed)
    )
    h.edit(CREATOR, title="one of two")
    changed["title"] = "one of two"
    yield story("one of them written anew", h, End("open", lost=lost, fields=changed))
    h = History()
    top = [h.edit(CREATOR, label=("a",))]
    h.edit(ADMIN, top, unlabel=("a",)), h.edit(CREATOR, top, label=("a",))
    yield story(
        "a label removed beside being added again", h, End("open", fields={"labels": ["a"]})
    )
    h = History()
    claim = h.claim(FIRST)
    h.cancel(CREATOR, [claim])
    h.edit(FIRST, [claim], body="notes")
    yield story(
        "an edit beside a cancellation", h, End("cancelled", claim, fields={"body": "notes"})
    )
    h = History()
    h.cancel(CREATOR)
    h.edit(CREATOR, title="why it ended")
    changed = {"title": "why it ended"}
    yield story("what has ended is edited by its creator", h, End("cancelled", fields=changed))
