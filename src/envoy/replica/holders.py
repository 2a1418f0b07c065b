"""Holders: who has a task at the moment at which an act on it is told.

Lines are written as events come, rows when all of a batch has come. Who is handed a task and loses
it within one batch has to hear of both, so what the batch has said since is remembered beside the
rows. It decides nothing but whom an inbox tells: which claim stands, the folds say.

Specification: docs/spec/messages.md, Inbox.
"""

from __future__ import annotations

from envoy.core import bodies, records
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.replica.ports import EventStore, RowStore


class Holders:
    """Who has which task, by the rows of a space and the acts that one batch has seen since."""

    def __init__(self, events: EventStore, store: RowStore, sn: int) -> None:
        self._events = events
        self._rows = store
        self._sn = sn
        self._since = dict[bytes, bytes | None]()

    def note(self, entry: Entry, body: Body) -> None:
        """Remember who has a task after an act that counts."""
        if entry.entity is None:
            return
        match body:
            case bodies.TaskCreate(assignee=holder) | bodies.TaskAssign(to=holder):
                self._since[entry.entity] = holder
            case records.TaskHandoff(to=holder):
                self._since[entry.entity] = holder
            case bodies.TaskClaim():
                self._since[entry.entity] = entry.author
            case bodies.TaskRelease():
                self._since[entry.entity] = None

    def of(self, task: bytes | None) -> bytes | None:
        """Return who has a task, None for nobody and for what is no task here."""
        if task is None:
            return None
        if task in self._since:
            return self._since[task]
        row = self._rows.task(self._sn, task)
        return None if row is None or row.assignee is None else self._events.did(row.assignee)
