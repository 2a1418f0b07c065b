"""Proofs: files, typed records, reviews and handoffs, each with what can be asked of it.

Specification: docs/spec/records.md, docs/spec/object.md, docs/spec/tasks.md; docs/sdk.md.
"""

from __future__ import annotations

from datetime import datetime

from envoy.sdk import types
from envoy.sdk.people import Actor
from envoy.sdk.shapes import find_task
from envoy.sdk.types import EventId, ObjectId, RecordId, Shape, TaskId, Untrusted


class Stored(Shape):
    """A reference to an encrypted file. The name is a label, never a path."""

    __slots__ = ()
    NAMED_BY = "object_id"

    @property
    def id(self) -> ObjectId:
        """Return the id of the object."""
        return ObjectId(types.text(self._data, "object_id"))

    @property
    def event_id(self) -> EventId:
        """Return the id of the event that refers to it."""
        return EventId(types.text(self._data, "event_id"))

    @property
    def name(self) -> Untrusted:
        """Return its label."""
        return types.said(self._data, "name")

    @property
    def media_type(self) -> Untrusted:
        """Return what it is, as its author says."""
        return types.said(self._data, "media_type")

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return types.number(self._data, "size")

    @property
    def sha256(self) -> str:
        """Return the digest of its bytes, in hex."""
        return types.text(self._data, "sha256")

    @property
    def state(self) -> str:
        """Return complete, partial or missing on this machine, or retracted."""
        return types.text(self._data, "state")

    @property
    def task_id(self) -> TaskId | None:
        """Return the task that it belongs to."""
        return find_task(self._data)


class Record(Shape):
    """A typed record: evidence, a decision, an objection, …"""

    __slots__ = ()
    SCHEMA = "record_details"
    NAMED_BY = "record_id"

    @property
    def id(self) -> RecordId:
        """Return the id of the record."""
        return RecordId(types.text(self._data, "record_id"))

    @property
    def kind(self) -> str:
        """Return evidence, decision, objection, repair, approval, risk, charter or correction."""
        return types.text(self._data, "kind")

    @property
    def type(self) -> Untrusted | None:
        """Return the type of evidence: test, …"""
        return types.find_said(self._data, "type")

    @property
    def text(self) -> Untrusted:
        """Return what it says."""
        return types.said(self._data, "text")

    @property
    def subject(self) -> Untrusted | None:
        """Return what it speaks of: scheme:name@digest."""
        return types.find_said(self._data, "subject")

    @property
    def fields(self) -> tuple[tuple[Untrusted, Untrusted], ...]:
        """Return its further fields: names, which its author chose too, and values."""
        pairs = (one for one in types.many(self._data, "fields") if isinstance(one, dict))
        return tuple((types.said(one, "name"), types.said(one, "value")) for one in pairs)

    def field(self, name: str) -> Untrusted | None:
        """Return the value of one field, None where it has no such field."""
        return dict(self.fields).get(Untrusted(name))

    @property
    def state(self) -> str:
        """Return where it stands: current, in_force, open, stale, retracted, …"""
        return types.text(self._data, "state")

    @property
    def grade(self) -> str | None:
        """Return how well evidence is backed: self_reported, recorded; None for another kind."""
        return types.find_text(self._data, "grade")

    @property
    def task_id(self) -> TaskId | None:
        """Return the task that it belongs to."""
        return find_task(self._data)

    @property
    def by(self) -> Actor | None:
        """Return who wrote it."""
        return types.find_part(self._data, "by", Actor)


class Verdict(Shape):
    """A standing verdict on what was handed in."""

    __slots__ = ()
    NAMED_BY = "review_id"

    @property
    def id(self) -> EventId:
        """Return the id of the verdict."""
        return EventId(types.text(self._data, "review_id"))

    @property
    def verdict(self) -> str:
        """Return approve, request_changes or reject."""
        return types.text(self._data, "verdict")

    @property
    def note(self) -> Untrusted | None:
        """Return what its author says to it."""
        return types.find_said(self._data, "note")

    @property
    def by(self) -> Actor | None:
        """Return who gave it."""
        return types.find_part(self._data, "by", Actor)

    @property
    def counts(self) -> bool:
        """Say whether it is an approval that counts for the gate."""
        return types.flag(self._data, "counts")


class Review(Shape):
    """A task as its reviewers see it: what is asked for, what there is, what is missing."""

    __slots__ = ()
    SCHEMA = "review"
    NAMED_BY = "task_id"

    @property
    def id(self) -> TaskId:
        """Return the id of the task."""
        return TaskId(types.text(self._data, "task_id"))

    @property
    def title(self) -> Untrusted:
        """Return the title of the task."""
        return types.said(self._data, "title")

    @property
    def state(self) -> str:
        """Return the state of the task."""
        return types.text(self._data, "state")

    @property
    def by(self) -> Actor | None:
        """Return who holds or held it."""
        return types.find_part(self._data, "by", Actor)

    @property
    def summary(self) -> Untrusted | None:
        """Return what was said on handing it in."""
        return types.find_said(self._data, "summary")

    @property
    def handed_in_at(self) -> datetime | None:
        """Return when it was handed in."""
        return types.find_moment(self._data, "handed_in_at")

    @property
    def reviews_missing(self) -> int:
        """Return how many approvals its gate still wants."""
        return types.number(types.part(self._data, "missing"), "reviews")

    @property
    def evidence_missing(self) -> tuple[Untrusted, ...]:
        """Return which types of evidence its gate still wants."""
        return types.sayings(types.part(self._data, "missing"), "evidence")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the standing verdicts."""
        return types.parts(self._data, "verdicts", Verdict)

    @property
    def waits_for_me(self) -> bool:
        """Say whether an approval of this profile is wanted and would count."""
        return types.flag(self._data, "waits_for_me")


class Handoff(Shape):
    """What a holder left for whoever takes the work over, signed."""

    __slots__ = ()
    SCHEMA = "handoff"
    NAMED_BY = "record_id"

    @property
    def id(self) -> RecordId:
        """Return the id of the handoff."""
        return RecordId(types.text(self._data, "record_id"))

    @property
    def task_id(self) -> TaskId | None:
        """Return the task that is handed over."""
        return find_task(self._data)

    @property
    def state(self) -> str:
        """Return offered, accepted, withdrawn or superseded."""
        return types.text(self._data, "state")

    @property
    def by(self) -> Actor | None:
        """Return who gives it."""
        return types.find_part(self._data, "by", Actor)

    @property
    def to(self) -> Actor | None:
        """Return whom it is for; None: for whoever takes it."""
        return types.find_part(self._data, "to", Actor)

    @property
    def next(self) -> Untrusted:
        """Return the next action."""
        return types.said(self._data, "next")

    @property
    def completed(self) -> tuple[Untrusted, ...]:
        """Return what is done."""
        return types.sayings(self._data, "completed")

    @property
    def remaining(self) -> tuple[Untrusted, ...]:
        """Return what is left to do."""
        return types.sayings(self._data, "remaining")

    @property
    def commands(self) -> tuple[Untrusted, ...]:
        """Return commands that its giver names: to be read, not to be run unread."""
        return types.sayings(self._data, "commands")

    @property
    def risks(self) -> tuple[Untrusted, ...]:
        """Return what may go wrong."""
        return types.sayings(self._data, "risks")

    @property
    def questions(self) -> tuple[Untrusted, ...]:
        """Return what is open."""
        return types.sayings(self._data, "questions")

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return the ids of what shows it."""
        return types.texts(self._data, "evidence")


class Checked(Handoff):
    """A handoff with what was checked of it."""

    __slots__ = ()
    SCHEMA = "handoff_verified"

    @property
    def verdict(self) -> str:
        """Return valid, or partial where something is unknown here."""
        return types.text(self._data, "verify")

    @property
    def since(self) -> int:
        """Return how many events there are here that its giver had not seen."""
        return types.number(self._data, "since")
