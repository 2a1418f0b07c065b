"""Lines: what an event looks like in the history, the stream and the inbox.

One event, at most one line: a message with its text, or one line on any other act, made of our own
words and ids with the member's text apart. Keys, cards, merges and epochs have no line; the stream
still tells of epochs and cards, because a program has to read authority again after one.

Laws: no path leads from a body to authority, so nothing here is asked by it. Member text goes into
``body`` alone.

Specification: docs/spec/messages.md, Lines; docs/spec/store.md, Stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from envoy.core import bodies, objects, records
from envoy.core.log import Entry
from envoy.core.structs import Body, State


class Line(State, frozen=True, gc=False):
    """What one event says to a reader."""

    body: str | None = None  # member text
    reply_to: bytes | None = None
    task: bytes | None = None
    target: bytes | None = None
    detail: str | None = None  # our own word
    refs: tuple[bodies.Ref, ...] = ()
    mentions: tuple[bytes, ...] = ()


# What a redaction can hide.
SAID: Final = (bodies.Message, records.Poll)
# Told once it has resolved something, which a fold says: not when it comes.
RESOLVE: Final = "conflict.resolve"
# Kind -> the type it has in the stream. A kind that is not here never shows there.
TYPES: Final[Mapping[str, str]] = {
    "genesis": "room_created",
    "grant": "capability_granted",
    "role": "capability_granted",
    "join": "member_joined",
    "delegate": "capability_granted",
    "invite": "invite_created",
    "remove": "member_left",
    "revoke": "capability_revoked",
    "leave": "member_left",
    "admit": "event_admitted",
    "close": "space_closed",
    "epoch.create": "epoch_bumped",
    "hub.pin": "space_updated",
    "space.rules": "space_updated",
    "card": "agent_card_published",
    "space.update": "space_updated",
    "space.policy": "space_updated",
    "message": "new_message",
    "message.redact": "message_changed",
    "poll": "new_message",
    "task.create": "task_created",
    "task.assign": "task_assigned",
    "task.claim": "task_claimed",
    "task.release": "task_released",
    "task.progress": "task_progress",
    "task.complete": "task_completed",
    "task.edit": "task_edited",
    "task.cancel": "task_cancelled",
    "task.reopen": "task_reopened",
    "task.gate": "task_edited",
    "task.handoff": "handoff_created",
    "task.review": "review_recorded",
    "record": "record_added",
    "record.retract": "record_retracted",
    RESOLVE: "conflict_resolved",
    "object.put": "object_added",
    "object.retract": "object_retracted",
}
# How a line shows an object that goes with a message, beside the relations of references.
ATTACH: Final = "attach"
HANDOFF: Final = "handoff"  # why it is in the inbox
# After these, whoever acts reads its authority again first.
RE_READ: Final = frozenset({"epoch_bumped", "capability_revoked"})


def _message(body: bodies.Message) -> Line:
    refs = body.refs
    if body.attach:
        refs += tuple([bodies.Ref(ATTACH, one, None) for one in body.attach])
    return Line(body.body, body.reply_to, body.task, None, None, refs, body.mentions)


def _task_create(body: bodies.TaskCreate) -> Line:
    title = body.title if body.title is not None else body.body
    return Line(title, target=body.assignee, refs=body.refs)


def _task_edit(body: bodies.TaskEdit) -> Line:
    """Show the new title, else the new text, and the names of the fields that are written."""
    fields = [name for name in _FIELDS if getattr(body, name) is not None]
    fields += [name for name, change in _SETS if any(getattr(body, one) for one in change)]
    return Line(body.title or body.body or None, task=body.task, detail=",".join(fields))


_FIELDS: Final = ("title", "body", "priority", "due_at", "parent")
_SETS: Final = (
    ("labels", ("label", "unlabel")),
    ("needs", ("need", "unneed")),
    ("refs", ("ref", "unref")),
)


# Our own words for kinds of records: a word that a member made up is none of ours.
_RECORDS: Final = (
    *("approval", "charter", "correction", "decision", "evidence", "handoff", "objection"),
    *("repair", "risk"),
)


def _known(kind: str) -> str:
    """Return the kind of a record as our own word."""
    return kind if kind in _RECORDS else "record"


def poll_text(body: records.Poll) -> str:
    """Return a poll as text: the question, then each option, in a line of its own."""
    return "\n- ".join((body.question, *body.options))


_LINES: Final[Mapping[type[Body], Callable[..., Line]]] = {
    bodies.Genesis: lambda body: Line(body.name),
    bodies.Grant: lambda body: Line(target=body.subject, detail=body.role),
    bodies.Role: lambda body: Line(target=body.subject, detail=body.role),
    bodies.Join: lambda body: Line(body.name),
    bodies.Delegate: lambda body: Line(target=body.subject, task=body.task, detail=body.verb),
    bodies.Invite: lambda body: Line(detail=body.role),
    bodies.Remove: lambda body: Line(body.reason or None, target=body.subject),
    bodies.Revoke: lambda body: Line(body.reason or None, target=body.target),
    bodies.Leave: lambda body: Line(body.reason or None),
    bodies.Admit: lambda body: Line(body.reason or None, target=body.ids[0]),
    bodies.Close: lambda body: Line(body.reason or None),
    bodies.HubPin: lambda body: Line(target=body.hub),
    bodies.SpaceRules: lambda body: Line(detail=str(body.rules)),
    bodies.SpaceUpdate: lambda body: Line(body.name or body.description),
    bodies.SpacePolicy: lambda body: Line(detail="policy"),
    bodies.Message: _message,
    bodies.TaskCreate: _task_create,
    bodies.TaskAssign: lambda body: Line(task=body.task, target=body.to),
    bodies.TaskClaim: lambda body: Line(task=body.task),
    bodies.TaskRelease: lambda body: Line(body.note, task=body.task),
    bodies.TaskProgress: lambda body: Line(body.note, task=body.task, detail=body.to),
    bodies.TaskComplete: lambda body: Line(body.summary or None, task=body.task),
    bodies.TaskEdit: _task_edit,
    bodies.TaskCancel: lambda body: Line(body.reason or None, task=body.task),
    bodies.TaskReopen: lambda body: Line(body.reason or None, task=body.task),
    bodies.MessageRedact: lambda body: Line(body.reason or None, target=body.message),
    records.Poll: lambda body: Line(poll_text(body)),
    records.TaskGate: lambda body: Line(task=body.task, detail="gate"),
    records.TaskHandoff: lambda body: Line(
        body.next, task=body.task, target=body.to, refs=body.evidence
    ),
    records.TaskReview: lambda body: Line(body.note, task=body.task, detail=body.verdict),
    records.Record: lambda body: Line(
        body.text or None, task=body.task, detail=_known(body.kind), refs=body.refs
    ),
    records.RecordRetract: lambda body: Line(body.reason or None, target=body.record),
    records.ConflictResolve: lambda body: Line(body.note, target=body.conflict, detail="conflict"),
    objects.ObjectPut: lambda body: Line(body.name, task=body.task, detail="object"),
    objects.ObjectRetract: lambda body: Line(body.reason or None, target=body.reference),
}


def line(body: Body) -> Line | None:
    """Return the line of an event with ``body``, None for a kind that has none."""
    make = _LINES.get(type(body))
    return None if make is None else make(body)


def subject(entry: Entry, line: Line | None) -> bytes | None:
    """Return what an event with such a line is about, as the stream names it."""
    if entry.kind.startswith("task."):
        return entry.entity
    if entry.kind in ("invite", "grant", "delegate", "role", "object.put", "record"):
        return entry.id
    return None if line is None else line.target or line.task


def words(body: Body) -> str:
    """Return the member text that is searched: what somebody wrote to say, empty for other acts."""
    match body:
        case bodies.Message(body=text) | bodies.TaskComplete(summary=text):
            return text
        case records.Poll():
            return poll_text(body)
        case bodies.TaskCreate(title=title, body=text):
            return text if title is None else f"{title}\n{text}"
        case bodies.TaskEdit(title=title, body=changed):
            return "\n".join(filter(None, (title, changed)))
        case objects.ObjectPut(name=name):
            return name
        case bodies.TaskProgress(note=note) | bodies.TaskRelease(note=note):
            return note or ""
        case records.TaskReview(note=note):
            return note or ""
        case records.Record(text=text):
            return text
        case records.TaskHandoff():
            return "\n".join((body.next, *body.completed, *body.remaining, *body.risks))
        case _:
            return ""


def links(body: Body) -> tuple[tuple[str, bytes], ...]:
    """Return (relation, event) for all that a body names beside its task and what it answers."""
    match body:
        case bodies.Message(refs=refs, attach=attach):
            named = _named(refs) if refs else ()
            return named + tuple([(ATTACH, one) for one in attach]) if attach else named
        case bodies.TaskCreate() | records.Record():
            return _named(body.refs)
        case bodies.TaskEdit():
            return _named(body.ref)
        case bodies.TaskProgress():
            return (("tenure", body.tenure),)
        case bodies.TaskComplete():
            return (("tenure", body.tenure), *[("evidence", one) for one in body.evidence])
        case records.TaskReview():
            return (("reviews", body.completion), *[("evidence", one) for one in body.evidence])
        case records.ConflictResolve():
            return (("resolves", body.keep),)
        case records.TaskHandoff():
            return (("tenure", body.tenure), *[("evidence", one.id) for one in body.evidence])
        case bodies.TaskClaim(handoff=bytes(given)):
            return (("accepts", given),)
        case objects.ObjectPut(supersedes=bytes(older)):
            return (("supersedes", older),)
        case _:
            return ()


def _named(refs: tuple[bodies.Ref, ...]) -> tuple[tuple[str, bytes], ...]:
    """Return what references name; one without a relation is a plain ``ref``."""
    return tuple([(ref.rel or "ref", ref.id) for ref in refs])


def inbox_reason(
    kind: str, body: Body, *, me: bytes, creator: bytes | None, holder: bytes | None = None
) -> str | None:
    """Return why an event by another is in my inbox, None if it is not.

    ``creator`` is who made the task that the event is about, ``holder`` who has it. Source:
    docs/spec/messages.md, Inbox.
    """
    match body:
        case bodies.Message():
            return "mention" if me in body.mentions else "message"
        case records.Poll():
            return "message"
        case bodies.TaskCreate():
            return "assigned" if body.assignee == me else "message"
        case bodies.TaskAssign():
            return "assigned" if body.to == me else None
        case bodies.TaskComplete() | bodies.TaskRelease():
            return "message" if creator == me else None
        case records.TaskHandoff():
            return HANDOFF if body.to == me else "message" if creator == me else None
        case bodies.TaskCancel() | bodies.TaskReopen():
            return "message" if me in (creator, holder) else None
        case bodies.TaskEdit() | records.TaskGate():
            return "message" if holder == me else None
        case records.TaskReview():
            return "verdict" if holder == me else None
        case bodies.Grant() | bodies.Role() | bodies.Delegate() | bodies.Remove():
            return "authority" if body.subject == me else None
        case bodies.Join() | bodies.Leave() | bodies.Close():
            return "authority"
    return None
