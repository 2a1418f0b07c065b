"""Streams: what happens in a space, one event after the other, woken by the file system.

An iterator over events pages by itself, waits without load, and bears the cursor from which another
one goes on without loss or repetition. While it waits it holds no transaction.

Laws: reading acknowledges nothing. Threads that share an iterator get each event once, whichever of
them asks first; those that ask meanwhile wait for it. An iterator that a forked process inherits
opens the profile anew and leaves that of its parent alone.

Specification: docs/spec/messages.md, Lines; docs/sdk.md.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from envoy import limits
from envoy.sdk import types
from envoy.sdk.access import Place
from envoy.sdk.errors import door
from envoy.sdk.people import Actor
from envoy.sdk.shapes import find_event, find_task
from envoy.sdk.tasks import Task, Tasks
from envoy.sdk.types import EventId, Shape, SpaceId, TaskId, Untrusted
from envoy.views import history
from envoy.views.history import Happened, Seen
from envoy.wiring import reads
from envoy.wiring.reads import Reader, Waiter

NOW, START, LAST_ACK = "now", "start", "last-ack"
# All types of the stream: docs/spec/messages.md, Lines.
EVENT_TYPES = (
    *("agent_card_published", "capability_granted", "capability_revoked", "conflict_opened"),
    *("conflict_resolved", "epoch_bumped", "event_admitted", "event_held", "handoff_accepted"),
    *("handoff_created", "invite_created", "invite_revoked", "member_joined", "member_left"),
    *("message_changed", "new_message", "object_added", "object_retracted", "record_added"),
    *("record_retracted", "review_recorded", "room_created", "space_closed", "space_updated"),
    *("task_assigned", "task_cancelled", "task_claimed", "task_completed", "task_created"),
    *("task_edited", "task_progress", "task_released", "task_reopened", "task_submitted"),
)
# Connections of a parent process: closing them in a child would spoil the parent's.
_INHERITED: list[object] = []


@dataclass(frozen=True, slots=True, repr=False)
class Event(Shape):
    """Something that happened in a space."""

    _place: Place = field(compare=False)

    SCHEMA = "event"
    NAMED_BY = "event_id"
    __hash__ = Shape.__hash__

    @property
    def id(self) -> EventId:
        """Return the id of the event."""
        return EventId(types.text(self._data, "event_id"))

    @property
    def type(self) -> str:
        """Return its public type: new_message, task_claimed, …"""
        return types.text(self._data, "type")

    @property
    def cursor(self) -> int:
        """Return its number in this copy of the space, for `since`."""
        return types.number(self._data, "cursor")

    @property
    def space_id(self) -> SpaceId:
        """Return the space."""
        return SpaceId(types.text(self._data, "space_id"))

    @property
    def at(self) -> datetime:
        """Return when, as its author says."""
        return types.moment(self._data, "at")

    @property
    def actor(self) -> Actor:
        """Return who did it."""
        return Actor(types.part(self._data, "actor"))

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
        """Return the task that it is about."""
        return find_task(self._data)

    @property
    def task(self) -> Task:
        """Return that task as it is now. Raises NotFoundError(task_not_found) if it has none."""
        return Tasks(self._place).get(self.task_id or EventId(types.text(self._data, "event_id")))

    @property
    def status(self) -> str:
        """Return the verdict: ok, ok*, held, void, invalid or unsupported."""
        return types.text(self._data, "event_status")

    @property
    def requires_re_read(self) -> bool:
        """Say whether who acts has to read its authority again first."""
        return types.flag(self._data, "requires_re_read_before_mutation")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events, and for how long; ``types`` empty: all."""

    since: int | str
    types: frozenset[str]
    own: bool
    seconds: float | None


class Events:
    """An iterator over what happens in a space. A context manager, too; `close` ends it early."""

    def __init__(self, place: Place, wanted: Wanted) -> None:
        self._place = place
        self._wanted = wanted
        self._stack = ExitStack()
        self._pid = os.getpid()
        self._turn = threading.Lock()  # of the thread that is inside
        self._reader: Reader | None = None
        self._waiter: Waiter | None = None
        self._found: deque[Event] = deque()
        self._reached = wanted.since if isinstance(wanted.since, int) else None
        self._told = self._reached
        self._end = None if wanted.seconds is None else time.monotonic() + wanted.seconds
        self._is_over = False
        if self._reached is None:  # what happens from here on is not missed, however late it is
            with place.reading() as (reader, space):
                start = {NOW: reader.views.newest(space.sn), LAST_ACK: space.ack_n, START: 0}
                self._reached = self._told = start[str(wanted.since)]

    def __iter__(self) -> Events:
        return self

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __next__(self) -> Event:
        self._leave_to_parent()
        try:
            with self._turn:
                self._seek()
                if self._is_over:
                    raise StopIteration
                event = self._found.popleft()
                self._told = event.cursor
                return event
        finally:
            if self._is_over:
                self._tidy()

    @property
    def cursor(self) -> int:
        """Return from where another iterator goes on behind what this one has given."""
        found = self._told if self._found else self._reached
        assert found is not None, "it is known from the start"
        return found

    def close(self) -> None:
        """End the iterator. May be called twice, and while another thread waits for an event."""
        self._leave_to_parent()
        self._is_over = True
        self._tidy()

    # -- looking ----------------------------------------------------------------------------------

    def _seek(self) -> None:
        """Look until something was found or the end is reached."""
        while not self._is_over and not self._found:
            with door():
                self._place.access.check()
                self._look()

    def _look(self) -> None:
        """Take in what is new, or wait for it; note when the time is over."""
        reader, waiter = self._opened()
        self._found.extend(self._news(reader))
        reader.rest()
        if self._found:
            return
        rest = limits.WAIT_SLICE_SECONDS_MAX
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                self._is_over = True
                return
            waiter.wait(min(left, rest))
            return
        waiter.wait(rest)

    def _news(self, reader: Reader) -> list[Event]:
        """Return what happened behind what was reached, a page of it, and move that on."""
        space = reader.space(self._place.id)
        assert self._reached is not None, "it is known from the start"
        page = limits.LIST_ROWS_DEFAULT
        while found := reader.views.stream(space.sn, after=self._reached, limit=page):
            seen = Seen(space, reader.people(space))
            wanted = [one for one in found if self._is_wanted(one)]
            made = [Event(history.event(one, seen), self._place) for one in wanted]
            self._reached = found[-1].stream.n  # last, so that what raises costs no event
            if made:
                return made
        return []

    def _is_wanted(self, found: Happened) -> bool:
        """Say whether an event was asked for."""
        wanted = self._wanted
        of_type = not wanted.types or found.stream.type in wanted.types
        return of_type and (wanted.own or not found.stream.own)

    def _opened(self) -> tuple[Reader, Waiter]:
        """Return what looks and what waits, for this thread."""
        if self._reader is not None and self._waiter is not None:
            self._reader.adopt()
            return self._reader, self._waiter
        self._end_reader()
        reader = self._stack.enter_context(reads.open_reader(self._place.access.config))
        self._reader = reader
        waiter = self._stack.enter_context(reader.waiter())
        reader.look()  # again, since something may have come before the waiter stood
        self._waiter = waiter
        return reader, waiter

    def _tidy(self) -> None:
        """Close what is over, unless a thread is inside: that one looks again on its way out.

        It looks once its turn is given back, so that an end that came while it had it is not lost.
        """
        if self._turn.acquire(blocking=False):
            try:
                self._finish()
            finally:
                self._turn.release()

    def _finish(self) -> None:
        """Give nothing more, and close what looks."""
        if self._found:
            self._found.clear()
            self._reached = self._told
        self._end_reader()

    def _end_reader(self) -> None:
        """Close what looks and what waits."""
        if self._reader is not None:
            self._reader.adopt()
        self._stack.close()
        self._stack, self._reader, self._waiter = ExitStack(), None, None

    def _leave_to_parent(self) -> None:
        """Forget what a fork copied: what looks, and the turn of a thread that is not here."""
        if self._pid != os.getpid():
            _INHERITED.append(self._stack)
            self._stack, self._reader, self._waiter = ExitStack(), None, None
            self._pid, self._turn = os.getpid(), threading.Lock()
