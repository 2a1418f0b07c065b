"""History: what was said and done, as the rows that history, search, inbox and events show.

One event is one record wherever it appears, with the same fields in the same order. Text of a
member stands in `body` alone; an event that does not count shows that it is there and why, never
its text.

Laws: pure; the order is (lam, id), the cursor is the arrival number, and neither is a time.

Specification: docs/spec/messages.md, docs/spec/cli.md (JSON shapes).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from envoy import ids
from envoy.jsontext import loads
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.people import Json, People, identity, stamp

COUNTING = ("ok", "ok*")
# After these, whoever acts reads its authority again first.
RE_READ = frozenset(("epoch_bumped", "capability_revoked"))
# … also after the verdict on one of these changed.
VERDICTS = frozenset(("event_held", "event_admitted"))
CHANGES = frozenset(
    ("grant", "role", "join", "delegate", "invite", "remove", "revoke", "leave", "close")
)
# Prefix of the id that an event is about, by the first word of its type.
OBJECTS = {
    "task": "task",
    "invite": "inv",
    "conflict": "cfl",
    "epoch": "epoch",
    "room": "space",
    "message": "msg",
}
# Kinds whose target is a member; that of any other is an event.
ABOUT_MEMBERS = frozenset(("grant", "role", "remove", "delegate", "task.create", "task.assign"))
# Kinds whose text is a label or a line of ours, not something said.
TASK_PREFIX = "task."
UNTRUSTED = ["*.body", "*.poll", "*_name", "*.display_name"]


class Happened(NamedTuple):
    """A line of the stream, the item behind it if it has one, id and verdict of the event."""

    stream: rows.Stream
    item: rows.Item | None
    event: bytes
    status: str


class Filter(NamedTuple):
    """Which part of an inbox."""

    author: int | None = None
    type: str | None = None
    tasks: bool = False
    own: bool = False  # also what this profile did


class Part(NamedTuple):
    """Which part of a history: the whole by default."""

    kinds: tuple[str, ...] = ()
    task: bytes | None = None
    thread: int | None = None  # the number of an item in it
    counting: bool = False  # without what is held, void or invalid


WHOLE = Part()


class Seen:
    """What a page needs beside its rows: whose space, who is who, which parents are missing."""

    __slots__ = ("missing", "people", "space", "space_id")

    def __init__(
        self, space: rows.Space, people: People, *, missing: Collection[bytes] = ()
    ) -> None:
        self.space = space
        self.space_id = ids.to_text("space", space.id)
        self.people = people
        self.missing = missing


def record(item: rows.Item, seen: Seen, *, index: int, cursor: int | None = None) -> Json:
    """Return one event as the record that every list of events shows."""
    people = seen.people
    did, fingerprint = people.shown(item.an)
    event = ids.to_text("evt", item.id)
    member = people.member(item.an)
    return {
        "record_index": index,
        "record_key": event,
        "cursor": item.n if cursor is None else cursor,
        "event_id": event,
        "kind": item.kind,
        "event_type": item.type,
        "space_id": seen.space_id,
        "sender_id": did,
        "sender_name": None if member is None else member.name,
        "sender_fingerprint": fingerprint,
        "sender_name_collides": people.collides(item.an),
        "sender_role": item.role,
        "sender_identity": identity(did),
        "sent_at": stamp(item.ts),
        "body": item.body if item.status in COUNTING else None,
        "reply_to": None if item.reply_to is None else ids.to_text("evt", item.reply_to),
        "reply_missing": item.reply_to is not None and item.reply_to in seen.missing,
        "references": references(item.refs),
        "task_id": task_of(item),
        "target_id": target_of(item),
        "detail": item.detail,
        "event_status": item.status,
        "cause": item.cause,
        "refused": item.refused,
        "late": item.late == 1,
        "redacted": item.redacted is not None,
        "body_hash": None if item.redacted is None else item.redacted.hex(),
        "poll": poll(item, item.body if item.status in COUNTING else None),
    }


def poll(item: rows.Item, body: object) -> Json | None:
    """Return question and options of a poll whose text ``body`` is, None for another event."""
    if item.kind != "poll" or not isinstance(body, str):
        return None
    question, *options = body.split("\n- ")
    return {"question": question, "options": list[object](options)}


def references(refs: str) -> list[object]:
    """Return the references of a row; the common empty list is not parsed."""
    if refs == "[]":
        return []
    found = loads(refs)
    assert isinstance(found, list)
    return found


def task_of(item: rows.Item) -> str | None:
    """Return the id of the task that an item belongs to, its own if it made one."""
    if item.kind == "task.create":
        return ids.to_text("task", item.id)
    return None if item.task is None else ids.to_text("task", item.task)


def target_of(item: rows.Item) -> str | None:
    """Return what an item is about: a member, or an event."""
    if item.target is None:
        return None
    if item.kind in ABOUT_MEMBERS:
        return ids.did_text(item.target)
    return ids.to_text("cfl" if item.kind == "conflict.resolve" else "evt", item.target)


def parents(items: Sequence[rows.Item]) -> list[bytes]:
    """Return what the items reply to, to be looked up."""
    return sorted({item.reply_to for item in items if item.reply_to is not None})


def records(items: Sequence[rows.Item], seen: Seen) -> list[object]:
    """Return the records of ``items`` in the order given."""
    return [record(item, seen, index=index) for index, item in enumerate(items)]


def inboxed(found: Happened, seen: Seen, *, index: int) -> Json:
    """Return one row of the inbox: its record under the number it came with, and why it is here."""
    item = found.item if found.item is not None else bare(found)
    made = record(item, seen, index=index, cursor=found.stream.n)
    made["event_type"] = found.stream.type
    made["inbox_reason"] = found.stream.reason
    return made


def bare(found: Happened) -> rows.Item:
    """Return an item for an event that has none of its own, as a new epoch."""
    stream = found.stream
    return rows.Item(
        rid=stream.rid,
        sn=stream.sn,
        lam=0,
        id=found.event,
        n=stream.n,
        an=stream.an,
        kind=stream.type,
        type=stream.type,
        ts=stream.at,
        role=None,
        body=None,
        reply_to=None,
        task=None,
        target=None,
        detail=None,
        refs="[]",
        status=found.status,
        cause=None,
        refused=None,
        late=0,
    )


def event(found: Happened, seen: Seen) -> Json:
    """Return one line of the stream."""
    stream, item = found.stream, found.item if found.item is not None else bare(found)
    return {
        "type": stream.type,
        "cursor": stream.n,
        "event_id": ids.to_text("evt", found.event),
        "space_id": seen.space_id,
        "at": stamp(stream.at),
        "actor": seen.people.actor(stream.an, role=item.role),
        "task_id": task_of(item),
        "object_id": None if is_about_member(stream, item) else object_of(stream),
        "target_id": target_of(item),
        "body": item.body if found.status in COUNTING else None,
        "reply_to": None if item.reply_to is None else ids.to_text("evt", item.reply_to),
        "detail": item.detail,
        "event_status": found.status,
        "requires_re_read_before_mutation": re_read(stream.type, item.kind),
        "untrusted_fields": ["body", "*.display_name"],
    }


def is_about_member(stream: rows.Stream, item: rows.Item) -> bool:
    """Return whether a line of the stream is about a member, and no event or thing."""
    about = stream.object is not None and stream.object == item.target
    return about and item.kind in ABOUT_MEMBERS


def re_read(type_name: str, kind: str) -> bool:
    """Return whether who acts has to read its authority again after this."""
    return type_name in RE_READ or (type_name in VERDICTS and kind in CHANGES)


def object_of(stream: rows.Stream) -> str | None:
    """Return the id of what an event of the stream is about."""
    if stream.object is None:
        return None
    return ids.to_text(OBJECTS.get(stream.type.partition("_")[0], "evt"), stream.object)
