"""Shapes: spaces, messages, the inbox and the Work Record, each with what can be asked of it.

The fields are those of the JSON answers; `to_dict()` has more of them than there are properties
here. Times are in UTC. What ends in `_id` is an id in full.

Specification: docs/spec/cli.md (JSON shapes); docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from envoy.sdk import types
from envoy.sdk.people import Actor
from envoy.sdk.types import EventId, InviteId, MemberId, Shape, SpaceId, TaskId, Untrusted


def find_event(data: Mapping[str, object], name: str) -> EventId | None:
    """Return a field that is the id of an event, or nothing."""
    found = types.find_text(data, name)
    return None if found is None else EventId(found)


def find_task(data: Mapping[str, object], name: str = "task_id") -> TaskId | None:
    """Return a field that is the id of a task, or nothing."""
    found = types.find_text(data, name)
    return None if found is None else TaskId(found)


class SpaceInfo(Shape):
    """A space as a list shows it."""

    __slots__ = ()
    NAMED_BY = "space_id"

    @property
    def id(self) -> SpaceId:
        """Return the id of the space."""
        return SpaceId(types.text(self._data, "space_id"))

    @property
    def name(self) -> Untrusted:
        """Return the label that its members gave it."""
        return types.said(self._data, "space_name")

    @property
    def role(self) -> str | None:
        """Return the role of this profile in it."""
        return types.find_text(self._data, "role")

    @property
    def join_state(self) -> str:
        """Return member, or pending_approval for who waits to be let in."""
        return types.text(self._data, "join_state")

    @property
    def mode(self) -> str:
        """Return local_only or connected."""
        return types.text(self._data, "mode")

    @property
    def unread_count(self) -> int:
        """Return how much of the inbox is not acknowledged."""
        return types.number(self._data, "unread_count")

    @property
    def open_tasks(self) -> int:
        """Return how many tasks have not ended."""
        return types.number(self._data, "open_tasks")

    @property
    def pending_sync(self) -> bool:
        """Say whether something written here is not with its hub yet."""
        return types.flag(self._data, "pending_sync")

    @property
    def closed_at(self) -> datetime | None:
        """Return since when nothing more can be written."""
        return types.find_moment(self._data, "closed_at")


class Status(Shape):
    """Where a profile stands."""

    __slots__ = ()
    SCHEMA = "status"

    @property
    def version(self) -> str:
        """Return the version of Envoy."""
        return types.text(self._data, "version")

    @property
    def profile(self) -> str:
        """Return the name of the profile."""
        return types.text(self._data, "profile")

    @property
    def me(self) -> Actor:
        """Return who the profile is."""
        return Actor(types.part(self._data, "identity"))

    @property
    def spaces(self) -> tuple[SpaceInfo, ...]:
        """Return its spaces, the pinned ones first."""
        return types.parts(self._data, "spaces", SpaceInfo)


SECRETS = ("invite_code", "invite_uri")


class Invite(Shape):
    """A way into a space. Its code is a secret: only `reveal` and `to_dict(secrets=True)` show it.

    Nobody can show the code again.
    """

    __slots__ = ()
    SCHEMA = "invite"
    NAMED_BY = "invite_id"

    @property
    def id(self) -> InviteId:
        """Return the id of the invite, which is no secret."""
        return InviteId(types.text(self._data, "invite_id"))

    @property
    def role(self) -> str:
        """Return the role of who joins: read or write."""
        return types.text(self._data, "role")

    @property
    def max_uses(self) -> int:
        """Return how many may join."""
        return types.number(self._data, "max_uses")

    @property
    def expires_at(self) -> datetime:
        """Return until when."""
        return types.moment(self._data, "expires_at")

    def reveal(self) -> str:
        """Return the code, to be given to who is to join and to nobody else."""
        return types.text(self._data, "invite_code")

    def to_dict(self, *, secrets: bool = False) -> dict[str, object]:
        """Return the object that the command line prints; without ``secrets`` they are null."""
        # The zero-argument form needs a class cell, which a slotted copy of a class would lose.
        made = Shape.to_dict(self)
        return made if secrets else {**made, **dict.fromkeys(SECRETS)}

    def __str__(self) -> str:
        return f"{types.short(self.id)} (code not shown)"


class Delivered(Shape):
    """What was written here, and how far it got."""

    __slots__ = ()

    @property
    def relay_delivery(self) -> str:
        """Return delivered, pending, failed or not_attempted. The write is saved in any case."""
        return types.text(self._data, "relay_delivery")

    @property
    def pending_sync(self) -> bool:
        """Say whether it still waits to be sent."""
        return types.flag(self._data, "pending_sync")

    @property
    def replayed(self) -> bool:
        """Say whether it is the answer to an earlier call with the same key."""
        return types.flag(self._data, "replayed")


class Sent(Delivered):
    """A message that is saved."""

    __slots__ = ()
    SCHEMA = "send"
    NAMED_BY = "message_id"

    @property
    def id(self) -> EventId:
        """Return the id of the message."""
        return EventId(types.text(self._data, "message_id"))

    @property
    def cursor(self) -> int:
        """Return its number in this copy of the space."""
        return types.number(self._data, "cursor")


class Line(Shape):
    """One event of a history: a message, or a line on any other act."""

    __slots__ = ()
    NAMED_BY = "event_id"

    @property
    def id(self) -> EventId:
        """Return the id of the event."""
        return EventId(types.text(self._data, "event_id"))

    @property
    def cursor(self) -> int:
        """Return its number in this copy of the space: not a time, not the same elsewhere."""
        return types.number(self._data, "cursor")

    @property
    def kind(self) -> str:
        """Return the kind of the event: message, task.claim, …"""
        return types.text(self._data, "kind")

    @property
    def type(self) -> str:
        """Return its public type: new_message, task_claimed, …"""
        return types.text(self._data, "event_type")

    @property
    def sender_id(self) -> MemberId:
        """Return who wrote it."""
        return MemberId(types.text(self._data, "sender_id"))

    @property
    def sender_name(self) -> Untrusted | None:
        """Return the label of who wrote it."""
        return types.find_said(self._data, "sender_name")

    @property
    def sent_at(self) -> datetime:
        """Return when, as its author says."""
        return types.moment(self._data, "sent_at")

    @property
    def body(self) -> Untrusted | None:
        """Return what was said; None where nothing was, or where it does not count."""
        return types.find_said(self._data, "body")

    @property
    def reply_to(self) -> EventId | None:
        """Return the event that it answers."""
        return find_event(self._data, "reply_to")

    @property
    def task_id(self) -> TaskId | None:
        """Return the task that it belongs to."""
        return find_task(self._data)

    @property
    def status(self) -> str:
        """Return the verdict: ok, ok*, held, void, invalid or unsupported."""
        return types.text(self._data, "event_status")


class InboxItem(Line):
    """Something unread, and why it is in the inbox."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        """Return message, mention, assigned, review_wanted, verdict, conflict, handoff, …"""
        return types.text(self._data, "inbox_reason")


class Inbox(Shape):
    """What is unread in a space, the oldest first. Reading it acknowledges nothing."""

    __slots__ = ()
    SCHEMA = "inbox"

    @property
    def items(self) -> tuple[InboxItem, ...]:
        """Return what is unread, as much as was asked for."""
        return types.parts(self._data, "messages", InboxItem)

    @property
    def unread_count(self) -> int:
        """Return how much is unread in all."""
        return types.number(self._data, "matching_unread_count")

    def __iter__(self) -> Iterator[InboxItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(types.many(self._data, "messages"))


class Acked(Shape):
    """How an acknowledgement moved the inbox cursor."""

    __slots__ = ()
    SCHEMA = "inbox_ack"

    @property
    def acked(self) -> int:
        """Return how much was acknowledged."""
        return types.number(self._data, "acked")

    @property
    def remaining(self) -> int:
        """Return how much is unread now."""
        return types.number(self._data, "remaining")

    @property
    def cursor(self) -> int:
        """Return where the inbox cursor stands."""
        return types.number(self._data, "cursor")


class WorkRecord(Shape):
    """All that is needed to continue the work of a space."""

    __slots__ = ()
    SCHEMA = "work_record"

    @property
    def space_id(self) -> SpaceId:
        """Return the space."""
        return SpaceId(types.text(self._data, "space_id"))

    @property
    def is_complete(self) -> bool:
        """Say that nothing is left out and nothing is unknown."""
        return types.flag(types.part(self._data, "bounds"), "complete")

    @property
    def omitted(self) -> dict[str, int]:
        """Return how much of each list is left out."""
        every = types.part(self._data, "omitted")
        return {name: types.number(types.part(every, name), "count") for name in every}
