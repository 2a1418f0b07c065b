"""Tasks: the rows of tasks as everybody sees them, and what a task command changed.

The words of the existing product (`status`, `assignment_state`, …) come from the one table in
`views.names`. Title, body and labels are member text and are named in `untrusted_fields`.

Specification: docs/spec/tasks.md, docs/spec/cli.md (JSON shapes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy import ids
from envoy.jsontext import loads
from envoy.lean import NamedTuple
from envoy.views import names, rows
from envoy.views.people import Json, People, stamp

UNTRUSTED = ["title", "body", "labels", "summary", "reviews.*.note", "*_name", "*_display"]
UNTRUSTED_LIST = [
    *("*.title", "*.body", "*.labels", "*.summary", "*.reviews.*.note", "*_name", "*_display"),
]
VERSION_SYMBOLS = 26  # 130 bits of the hash: two versions of one task never share them


def version(task: rows.Task) -> str:
    """Return the text that names this version of a task."""
    return "v_" + ids.to_text("evt", task.version).partition("_")[2][:VERSION_SYMBOLS]


def listed(text: str) -> list[object]:
    """Return a JSON array that the fold wrote; the common empty one is not parsed."""
    if text == "[]":
        return []
    found = loads(text)
    assert isinstance(found, list)
    return found


def gate(text: str) -> Json:
    """Return the gate of a task with every field; that of most tasks is empty."""
    found = loads(text) if text != "{}" else {}
    assert isinstance(found, dict)
    return {"reviews": 0, "review_by": [], "no_self_review": False, "evidence": [], **found}


def needed(tasks: Sequence[rows.Task]) -> list[bytes]:
    """Return the ids of all tasks that ``tasks`` need, to be looked up."""
    texts = {str(one) for task in tasks if task.needs != "[]" for one in listed(task.needs)}
    return [ids.from_text(text, "task") for text in sorted(texts)]


def unmet(needs: Sequence[object], states: Mapping[bytes, str]) -> list[object]:
    """Return those of ``needs`` that are not known to be completed."""
    done = {ids.to_text("task", one) for one, at in states.items() if at == names.COMPLETED}
    return [one for one in needs if one not in done]


class Around(NamedTuple):
    """What a task row needs from beside it to be shown."""

    people: People
    space: bytes
    states: Mapping[bytes, str] = {}  # of tasks that are needed; one unknown here is unmet
    conflicts: Sequence[rows.Conflict] = ()  # open ones, of any task


def task(row: rows.Task, around: Around) -> Json:
    """Return a Task."""
    people = around.people
    needs = listed(row.needs)
    is_held = row.assignee is not None
    return {
        "task_id": ids.to_text("task", row.id),
        "space_id": ids.to_text("space", around.space),
        "title": row.title,
        "body": row.body,
        "state": row.state,
        "status": names.status(row.state),
        "lifecycle_state": names.lifecycle_state(row.state),
        "assignment_state": names.assignment_state(row.state, is_held=is_held),
        "claim_state": names.claim_state(row.state, row.claim_state),
        "is_claimed": row.is_claim == 1,
        "is_mine": people.is_me(row.assignee),
        "assignee_id": people.did_text(row.assignee),
        "assignee_display": people.name(row.assignee),
        "fence": row.fence,
        "lease_expires_at": stamp(row.lease_ms),
        "session": row.session,
        "priority": row.priority,
        "labels": listed(row.labels),
        "due_at": stamp(row.due_ms),
        "needs": needs,
        "unmet": unmet(needs, around.states) if needs else [],
        "parent": None if row.parent is None else ids.to_text("task", row.parent),
        "gate": gate(row.gate),
        "reviews": listed(row.reviews),
        "summary": row.summary,
        "evidence": listed(row.evidence),
        "completion_id": None if row.completion is None else ids.to_text("evt", row.completion),
        "completed_by": people.did_text(row.completed_by),
        "completed_by_display": people.name(row.completed_by),
        "conflicts": [
            ids.to_text("cfl", one.id) for one in around.conflicts if one.entity == row.id
        ],
        "references": listed(row.refs),
        "version": version(row),
        "created_at": stamp(row.created_ms),
        "changed_at": stamp(row.changed_ms),
        "sender_id": people.did_text(row.creator),
        "sender_name": people.name(row.creator),
        "current_identity": people.me_text,
    }


def transition(done: rows.Transition, people: People, *, name: str) -> Json:
    """Return what a task command did; ``name`` is the command's verb."""
    before, after = done.before, done.after
    old = before if before is not None else after
    return {
        "task_id": ids.to_text("task", after.id),
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "cursor": done.n,
        "transition": name,
        "changed": done.changed,
        "previous_status": None if before is None else names.status(before.state),
        "status": names.status(after.state),
        "previous_lifecycle_state": None if before is None else names.lifecycle_state(old.state),
        "lifecycle_state": names.lifecycle_state(after.state),
        "assignment_state": names.assignment_state(after.state, is_held=after.assignee is not None),
        "claim_state": names.claim_state(after.state, after.claim_state),
        "previous_assignee": None if before is None else people.did_text(before.assignee),
        "assignee_id": people.did_text(after.assignee),
        "fence": after.fence,
        "lease_expires_at": stamp(after.lease_ms),
        "version": version(after),
        "replayed": done.replayed,
        "relay_delivery": done.delivery,
    }


FORK = "fork"  # of a member's chain, which has no id: its first event stands for it


def conflict(row: rows.Conflict) -> Json:
    """Return a conflict: both sides, and the rule that chose."""
    return {
        "conflict_id": ids.to_text("cfl", row.id),
        "kind": row.kind,
        "entity": ids.to_text("evt", row.winner if row.kind == FORK else row.entity),
        "winner": ids.to_text("evt", row.winner),
        "loser": ids.to_text("evt", row.loser),
        "rule": row.rule,
        "status": row.status,
    }
