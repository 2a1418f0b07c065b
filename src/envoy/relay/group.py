"""Group: many calls, one durable commit.

A disk that makes one commit durable in four milliseconds makes a commit of thirty calls durable in
five. So one thread writes: it takes what waits, fairly over spaces, does each call inside a
savepoint of one transaction, commits, and only then does anybody get a reply. While a commit runs,
the next group gathers; who comes to an idle relay does not wait for company.

Laws: no reply leaves before its commit. A refusal concerns its own call: what it wrote is undone,
the others of the group stay. Where the database fails a group, each call is tried alone once, so
that one which breaks it stands alone. Nobody's flood makes another space wait for more than its
turn.

Specification: docs/spec/relay.md, Groups.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import EnvoyError
from envoy.lean import NamedTuple
from envoy.relay.tables import RelayStore
from envoy.sync.frames import HubRefusal

Work = Callable[[RelayStore], Body]
OnClose = Callable[[Sequence["Job"]], None]
GONE: Final = -1  # head and rev of a space that was deleted
_WAIT_SECONDS: Final = 1.0


class Wake(NamedTuple):
    """That a space changed: its newest number, and how often access to it did."""

    space: bytes
    head: int
    rev: int


class Job:
    """A call that waits for its group. ``cost`` in bytes; ``space`` whose turn it takes.

    ``on_close`` is called by the writer, once for all calls of a group that have the same, when
    they are over, well or not; without it a thread may wait for that. ``pushed``: it does nothing
    but push these, with all pushes of its group.
    """

    __slots__ = (
        "_done", "_refusal", "_reply", "_work", "cost", "is_open", "on_close", "pushed",
        "space",
    )  # fmt: skip

    def __init__(
        self,
        space: bytes,
        work: Work,
        cost: int,
        on_close: OnClose | None = None,
        *,
        pushed: Sequence[bytes] = (),
    ) -> None:
        self.space = space
        self.cost = cost
        self.is_open = True  # nobody knows yet what became of it
        self._work = work
        self.on_close = on_close
        self.pushed = pushed
        self._done = threading.Event() if on_close is None else None
        self._reply: Body | None = None
        self._refusal: HubRefusal | None = None

    def run(self, store: RelayStore) -> None:
        """Do the call inside a savepoint. Raises what the database raises."""
        self._reply = self._refusal = None
        try:
            with store.item(self.space, is_push=bool(self.pushed)):
                self._reply = self._work(store)
        except HubRefusal as refusal:
            self._refusal = refusal

    def fail(self) -> None:
        """Answer that the relay could not store it."""
        self._reply, self._refusal = None, HubRefusal("storage_failed")

    def close(self) -> None:
        """Let the caller have its answer; ``on_close`` is still to be called."""
        self.is_open = False
        if self._done is not None:
            self._done.set()

    @property
    def is_done(self) -> bool:
        """Say whether the call wrote something that is committed."""
        return self._reply is not None

    def result(self, timeout_s: float) -> Body:
        """Wait for the commit and return the reply. Raises HubRefusal.

        After ``timeout_s`` the outcome is unknown: relay_unavailable. The call may be repeated.
        """
        if self._done is not None:
            self._done.wait(timeout_s)
        if self.is_open:
            raise HubRefusal("relay_unavailable")
        if self._refusal is not None:
            raise self._refusal
        assert self._reply is not None, "a call that is done has one or the other"
        return self._reply


def close(group: Sequence[Job]) -> None:
    """Let the callers of a group have their answers; who is told of them is told once."""
    told = dict[OnClose, list[Job]]()
    for job in group:
        job.close()
        if job.on_close is not None:
            told.setdefault(job.on_close, []).append(job)
    for on_close, jobs in told.items():
        on_close(jobs)


class Queue:
    """What waits, by space; each space has its turn, by deficit round robin."""

    def __init__(self) -> None:
        self._lines = dict[bytes, deque[Job]]()  # in the order of their turns
        self._credit = dict[bytes, int]()
        self.count = 0
        self.bytes = 0

    def add(self, job: Job) -> None:
        """Put a call at the end of its space's line."""
        self._lines.setdefault(job.space, deque()).append(job)
        self.count += 1
        self.bytes += job.cost

    def take(self) -> list[Job]:
        """Return the calls of the next group: bounded in number and in bytes, never none."""
        found, size = list[Job](), 0
        while self._lines and len(found) < limits.GROUP_CALLS_MAX and size < limits.PUSH_BYTES_MAX:
            space, line = next(iter(self._lines.items()))
            credit = self._credit.get(space, 0) + limits.GROUP_QUANTUM_BYTES
            while line and credit >= line[0].cost and len(found) < limits.GROUP_CALLS_MAX:
                job = line.popleft()
                credit -= job.cost
                size += job.cost
                found.append(job)
            del self._lines[space]
            self._credit.pop(space, None)
            if line:  # it goes on behind the others
                self._lines[space] = line
                self._credit[space] = credit
        self.count -= len(found)
        self.bytes -= size
        return found


class Writer:
    """The one thread that writes. ``on_wake`` is called by it behind each commit.

    So is ``on_group``, with the number of calls and the seconds that they took.
    """

    def __init__(
        self,
        open_store: Callable[[], RelayStore],
        on_wake: Callable[[Sequence[Wake]], None],
        on_group: Callable[[int, float], None] = lambda _count, _seconds: None,
    ) -> None:
        self._open_store = open_store
        self._on_wake = on_wake
        self._on_group = on_group
        self._queue = Queue()
        self._changed = threading.Condition()
        self._is_closing = False
        self._is_busy = False
        self._thread = threading.Thread(target=self._run, name="relay-writer", daemon=True)
        self._thread.start()

    def require_room(self) -> None:
        """Raise HubRefusal(relay_unavailable) where too much waits, or the writer ends."""
        if self._is_closing or self._queue.bytes > limits.GROUP_WAITING_BYTES_MAX:
            raise HubRefusal("relay_unavailable")

    def submit(self, job: Job) -> Job:
        """Queue a call. Raises HubRefusal as ``require_room``."""
        with self._changed:
            self.require_room()
            self._queue.add(job)
            self._changed.notify()
        return job

    def submit_all(self, jobs: Sequence[Job]) -> None:
        """Queue calls for which there was room: the writer is woken once for all of them."""
        with self._changed:
            for job in jobs:
                self._queue.add(job)
            self._changed.notify()

    def close(self) -> None:
        """Do what waits, then end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        store = self._open_store()
        try:
            while group := self._next():
                self._write(store, group)
        finally:
            store.close()

    def _next(self) -> list[Job]:
        """Return the next group; none when all is done and the writer ends."""
        with self._changed:
            while not self._queue.count and not self._is_closing:
                self._is_busy = False
                self._changed.wait(_WAIT_SECONDS)
            if self._is_busy and not self._is_closing and self._is_small():
                self._changed.wait(limits.GROUP_WAIT_MS / 1000)
            self._is_busy = True
            return self._queue.take()

    def _is_small(self) -> bool:
        """Say whether a group gains by waiting for more."""
        queue = self._queue
        return queue.count < limits.GROUP_CALLS_SMALL and queue.bytes < limits.PUSH_BYTES_MAX

    def _write(self, store: RelayStore, group: Sequence[Job]) -> None:
        """Do a group; where the database fails it, each call alone."""
        begun = time.monotonic()
        if not self._commit(store, group):
            for job in group:
                if not self._commit(store, [job]):
                    job.fail()
        self._on_group(len(group), time.monotonic() - begun)
        try:
            wakes = self._wakes(store, group)
            if wakes:
                self._on_wake(wakes)
        finally:
            close(group)

    @staticmethod
    def _wakes(store: RelayStore, group: Sequence[Job]) -> list[Wake]:
        """Return what is to be told; nothing where the database says nothing: a wake may be lost.

        A space that is gone has no number and no access any more.
        """
        found = list[Wake]()
        try:
            for space in dict.fromkeys(job.space for job in group if job.is_done and job.space):
                row = store.find_space(space)
                found.append(Wake(space, GONE, GONE) if row is None else
                             Wake(space, row.head, row.rev))  # fmt: skip
        except EnvoyError:
            return []
        return found

    @staticmethod
    def _commit(store: RelayStore, group: Sequence[Job]) -> bool:
        """Do calls in one transaction; say whether they are durable.

        Whatever went wrong, the thread lives on: without it nobody would ever write again.
        """
        try:
            with store.group():
                store.look_ahead((job.space, job.pushed) for job in group)
                for job in group:
                    job.run(store)
        except Exception:
            return False
        return True
