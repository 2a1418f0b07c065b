"""Tasks: make, find, take and finish work.

`claim` takes a task and gives a `Work`: within its `with` block the lease is kept by signs of life,
and a block that raises gives the task back. A block that ends well and neither completed nor gave
back leaves the task held until its lease runs out: what was done then is not undone by silence.

Specification: docs/spec/tasks.md, docs/spec/claims.md; docs/sdk.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Unpack

from envoy import limits
from envoy.errors import EnvoyError, WaitTimeoutError
from envoy.replica.actions import fields as editing
from envoy.replica.actions import handoffs as handing
from envoy.replica.actions import hold, names
from envoy.replica.actions import tasks as acts
from envoy.sdk import drafts, given, reading, types, writing
from envoy.sdk.access import Place
from envoy.sdk.acts import Act, Deed, Transition, do
from envoy.sdk.drafts import Capsule, NewTask, Said, TaskEdit
from envoy.sdk.given import Named, Span
from envoy.sdk.heartbeat import BEATS_PER_LEASE, Heartbeat
from envoy.sdk.proofs import Handoff, Record
from envoy.sdk.records import Records
from envoy.sdk.types import MemberId, Shape, SpaceId, TaskId, Untrusted
from envoy.views import rows
from envoy.views.names import WORDS

REQUIRE = ("any", "confirmed")


@dataclass(frozen=True, slots=True, repr=False)
class Task(Shape):
    """A task as it was when it was read. `reload` reads it again."""

    _place: Place = field(compare=False)

    SCHEMA = "task"
    NAMED_BY = "task_id"
    __hash__ = Shape.__hash__

    @property
    def id(self) -> TaskId:
        """Return the id of the task."""
        return TaskId(types.text(self._data, "task_id"))

    @property
    def space_id(self) -> SpaceId:
        """Return the space that it is in."""
        return SpaceId(types.text(self._data, "space_id"))

    @property
    def title(self) -> Untrusted:
        """Return its title."""
        return types.said(self._data, "title")

    @property
    def body(self) -> Untrusted:
        """Return what is to be done."""
        return types.said(self._data, "body")

    @property
    def state(self) -> str:
        """Return open, assigned, claimed, in_progress, blocked, submitted, completed, …"""
        return types.text(self._data, "state")

    @property
    def is_mine(self) -> bool:
        """Say whether this profile holds it."""
        return types.flag(self._data, "is_mine")

    @property
    def assignee_id(self) -> MemberId | None:
        """Return who holds it."""
        found = types.find_text(self._data, "assignee_id")
        return None if found is None else MemberId(found)

    @property
    def claim_state(self) -> str:
        """Return unclaimed, provisional, confirmed or lost."""
        return types.text(self._data, "claim_state")

    @property
    def fence(self) -> int | None:
        """Return the number of the holding."""
        return types.find_number(self._data, "fence")

    @property
    def lease_expires_at(self) -> datetime | None:
        """Return until when it is held without a sign of life."""
        return types.find_moment(self._data, "lease_expires_at")

    @property
    def priority(self) -> int:
        """Return 0 for the most urgent to 4."""
        return types.number(self._data, "priority")

    @property
    def labels(self) -> tuple[Untrusted, ...]:
        """Return its labels."""
        return types.sayings(self._data, "labels")

    @property
    def due_at(self) -> datetime | None:
        """Return when it is due."""
        return types.find_moment(self._data, "due_at")

    @property
    def unmet(self) -> tuple[str, ...]:
        """Return the ids of the tasks that it waits for."""
        return types.texts(self._data, "unmet")

    @property
    def summary(self) -> Untrusted | None:
        """Return what was said on completing it."""
        return types.find_said(self._data, "summary")

    @property
    def version(self) -> str:
        """Return the version that this is, for `if_version`."""
        return types.text(self._data, "version")

    def reload(self) -> Task:
        """Return the task as it is now."""
        return Tasks(self._place).get(self.id)

    def claim(
        self,
        *,
        require: str = "any",
        lease: Span = "15m",
        if_version: str | None = None,
        key: str | None = None,
    ) -> Work:
        """Take the task for this session.

        ``require`` "confirmed": only if the hub has confirmed it. Raises AlreadyClaimedError,
        ConflictError (claim_unconfirmed, needs_unmet, invalid_transition), VersionConflictError.
        """
        wanted = given.choice(require, "require", REQUIRE)
        seconds = given.lease(lease)
        call, session = given.key(key), self._place.access.config.session

        def act(replica: names.Copy, task: bytes) -> rows.Transition:
            return acts.claim(
                replica, task, require=wanted, lease_s=seconds, session=session, key=call
            )

        done = self._act("claim", act, if_version=if_version)
        return Work(self._place, done, lease_s=seconds)

    def release(self, note: str | None = None, *, key: str | None = None) -> Transition:
        """Give the task back."""
        words = None if note is None else given.text(note, "note")
        call = given.key(key)
        return self._act("release", lambda to, task: acts.release(to, task, note=words, key=call))

    def assign(self, member: str, *, key: str | None = None) -> Transition:
        """Give the task to a member: id, unique prefix, `@name` or `@me`."""
        who, call = given.ident(member, "member"), given.key(key)
        return self._act(
            "assign", lambda to, task: acts.assign(to, task, names.member(to, who), key=call)
        )

    def cancel(self, reason: str = "", *, key: str | None = None) -> Transition:
        """Say that the task will not be done."""
        words, call = given.text(reason, "reason"), given.key(key)
        return self._act(
            "cancel", lambda to, task: editing.cancel(to, task, reason=words, key=call)
        )

    def reopen(self, reason: str = "", *, key: str | None = None) -> Transition:
        """Open a task again that was completed or cancelled."""
        words, call = given.text(reason, "reason"), given.key(key)
        return self._act(
            "reopen", lambda to, task: editing.reopen(to, task, reason=words, key=call)
        )

    def edit(self, **changes: Unpack[TaskEdit]) -> Transition:
        """Change fields of the task. Raises VersionConflictError where ``if_version`` is past."""
        known = drafts.checked(changes, TaskEdit)
        call, version = given.key(known.get("key")), known.get("if_version")

        def act(replica: names.Copy, task: bytes) -> rows.Transition:
            return editing.edit(replica, task, drafts.changes_of(known, replica), key=call)

        return self._act("edit", act, if_version=given.find_ident(version, "if_version"))

    def _act(self, name: str, act: Act, *, if_version: str | None = None) -> Transition:
        """Do something with the task and return what that changed."""
        return do(self._place, self.id, Deed(name, act, if_version))


class Work:
    """A task that this session has taken. A context manager: see the page on the SDK.

    ``lost`` says why the task is not ours any more, once a sign of life was answered so.
    """

    def __init__(self, place: Place, taken: Transition, *, lease_s: int) -> None:
        self._place = place
        self._lease_s = lease_s
        self._pid = os.getpid()
        self._beat: Heartbeat | None = None
        self._is_over = False
        self.taken = taken

    def __enter__(self) -> Work:
        every_s = self._lease_s / BEATS_PER_LEASE
        self._beat = Heartbeat(self._place, self.id, lease_s=self._lease_s, every_s=every_s)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pid != os.getpid():  # a forked child: the task is its parent's
            return
        self._end_beat()
        if kind is not None and not self._is_over:
            with suppress(EnvoyError):  # what the block raised is what the caller has to see
                self.release()

    def __repr__(self) -> str:
        return f"<Work {self.id}>"

    @property
    def id(self) -> TaskId:
        """Return the id of the task."""
        return self.taken.id

    @property
    def task(self) -> Task:
        """Return the task as it is now."""
        return Tasks(self._place).get(self.id)

    @property
    def fence(self) -> int | None:
        """Return the number of this holding; None while no hub has confirmed it."""
        return self.taken.fence

    @property
    def lost(self) -> EnvoyError | None:
        """Return why the task is not ours any more, None as far as is known."""
        return None if self._beat is None else self._beat.lost

    def heartbeat(self) -> Transition:
        """Renew the lease now. Raises ConflictError (lease_expired, fence_stale, …)."""
        seconds = self._lease_s
        return self._do("heartbeat", lambda to, task: hold.heartbeat(to, task, lease_s=seconds))

    def progress(self, note: str | None = None, *, key: str | None = None) -> Transition:
        """Say that work goes on."""
        return self._progress("in_progress", note, key)

    def block(self, note: str | None = None, *, key: str | None = None) -> Transition:
        """Say that work is stuck."""
        return self._progress("blocked", note, key)

    def _progress(self, state: str, note: str | None, key: str | None) -> Transition:
        """Say how work goes."""
        words, call = None if note is None else given.text(note, "note"), given.key(key)
        return self._do(
            "set", lambda to, task: acts.progress(to, task, state, note=words, key=call)
        )

    def record(self, kind: str, text: str = "", **said: Unpack[Said]) -> Record:
        """Add a typed record about the task."""
        return Records(self._place).add(kind, text, **said, task=self.id)

    def complete(
        self, summary: str = "", *, evidence: Sequence[Named] = (), key: str | None = None
    ) -> Transition:
        """Say that the work is done; on a gated task this hands it in for review.

        Raises GateError for evidence that the gate wants and that is not named.
        """
        return self._complete("complete", summary, evidence, key)

    def submit(
        self, summary: str = "", *, evidence: Sequence[Named] = (), key: str | None = None
    ) -> Transition:
        """Hand the work in for review, whatever the gate says."""
        return self._complete("submit", summary, evidence, key)

    def _complete(
        self, name: str, summary: str, evidence: Sequence[Named], key: str | None
    ) -> Transition:
        """Say that the work is done, and by what that can be seen."""
        words, call = given.text(summary, "summary"), given.key(key)
        shown = given.idents(evidence, "evidence")

        def act(replica: names.Copy, task: bytes) -> rows.Transition:
            return acts.complete(
                replica,
                task,
                summary=words,
                evidence=writing.events(replica, shown),
                for_review=name == "submit",
                key=call,
            )

        return self._last(name, act)

    def release(self, note: str | None = None, *, key: str | None = None) -> Transition:
        """Give the task back; notes and records stay."""
        words, call = None if note is None else given.text(note, "note"), given.key(key)
        return self._last("release", lambda to, task: acts.release(to, task, note=words, key=call))

    def hand_off(self, next: str, **said: Unpack[Capsule]) -> Handoff:
        """Pass the task on with what its next holder has to know; ``to`` None: to anybody."""
        words, call = given.body(next, "next"), given.key(said.get("key"))
        self._end_beat()
        with self._place.acting(self.id) as (replica, task):
            capsule, to = drafts.capsule_of(replica, words, said)
            done = handing.create(replica, task, capsule, to=to, key=call)
            assert done.event is not None, "a handoff always writes an event"
            made = Handoff(writing.handoff(replica, done.event, done))
        self._is_over = True
        return made

    def _do(self, name: str, act: Act) -> Transition:
        """Do something with the task."""
        return do(self._place, self.id, Deed(name, act))

    def _last(self, name: str, act: Act) -> Transition:
        """Do what ends the holding of the task; a beat beside it would only be refused."""
        done = self._do(name, act)
        self._is_over = True
        self._end_beat()
        return done

    def _end_beat(self) -> None:
        """End the signs of life."""
        if self._beat is not None and self._pid == os.getpid():
            self._beat.stop()


@dataclass(frozen=True, slots=True, repr=False)
class Tasks:
    """The tasks of a space."""

    _place: Place

    def create(self, title: str, **more: Unpack[NewTask]) -> Task:
        """Make a task; without a ``body`` the title says it all."""
        known = drafts.checked(more, NewTask)
        name = given.line(title, "title", bytes_max=limits.TITLE_BYTES_MAX)
        body, call = known.get("body"), given.key(known.get("key"))
        words = name if body is None else given.body(body, "body")
        who = given.find_ident(known.get("assignee"), "assignee")
        with self._place.writing() as replica:
            done = acts.create(
                replica,
                words,
                title=None if body is None else name,
                assignee=writing.member(replica, who),
                more=drafts.more_of(known, replica),
                key=call,
            )
            return Task(writing.task(done.after, replica), self._place)

    def list(
        self, *, status: str | None = None, mine: bool = False, label: str | None = None
    ) -> Iterator[Task]:
        """Go through tasks by priority, then age; by default those that have not ended."""
        if status is not None:
            given.choice(status, "status", WORDS)
        states, own = reading.states_of(status), given.switch(mine, "mine")
        tag = given.find_line(label, "label", bytes_max=limits.LABEL_BYTES_MAX)
        found = reading.each(self._place, reading.tasks(states, mine=own, label=tag))
        return (Task(one, self._place) for one in found)

    def ready(self, *, label: str | None = None) -> Iterator[Task]:
        """Go through what this profile could take now, by priority, date and age."""
        tag = given.find_line(label, "label", bytes_max=limits.LABEL_BYTES_MAX)
        found = reading.each(self._place, reading.ready(tag))
        return (Task(one, self._place) for one in found)

    def next(self, *, label: str | None = None) -> Task:
        """Return the first task that this profile could take now.

        Another may take it first: `take` goes on to the next one then. Raises
        WaitTimeoutError(nothing_ready).
        """
        for task in self.ready(label=label):
            return task
        command = f"envoy task list --space {self._place.id}"
        raise WaitTimeoutError("nothing_ready", next_command=command, timed_out=False)

    def take(self, *, label: str | None = None, key: str | None = None) -> Work:
        """Take the first ready task that is won, confirmed by the hub.

        Raises WaitTimeoutError(nothing_ready), ConflictError(claim_unconfirmed).
        """
        tag = given.find_line(label, "label", bytes_max=limits.LABEL_BYTES_MAX)
        call, session = given.key(key), self._place.access.config.session
        with self._place.writing() as replica:
            for _ in range(limits.LIST_ROWS_DEFAULT):
                most = limits.LIST_ROWS_DEFAULT
                done = hold.take(replica, label=tag, limit=most, session=session, key=call)
                # Another thread of this session took it between the look and the claim: to the
                # space that is one holder, but it is work for one of the two.
                if done.changed:
                    taken = Transition(writing.transition(done, replica, name="claim"))
                    return Work(self._place, taken, lease_s=limits.LEASE_SECONDS_DEFAULT)
        raise WaitTimeoutError("nothing_ready", timed_out=False)

    def get(self, task: Named) -> Task:
        """Return one task by its id or a unique prefix. Raises NotFoundError."""
        text = given.ident(task, "task")
        with self._place.reading() as (reader, space):
            found, row = reader.task(text, self._place.id)
            assert found.sn == space.sn, "it was looked for in this space"
            return Task(reading.task_json(reader, space, row), self._place)
