"""Acts: what is done with a task, and what that changed.

Specification: docs/spec/tasks.md; docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from envoy.replica.actions import names
from envoy.sdk import given, types, writing
from envoy.sdk.access import Place
from envoy.sdk.shapes import Delivered, find_event
from envoy.sdk.types import EventId, TaskId
from envoy.views import rows

Act = Callable[[names.Copy, bytes], rows.Transition]


class Transition(Delivered):
    """What an act on a task changed."""

    __slots__ = ()
    SCHEMA = "transition"
    NAMED_BY = "task_id"

    @property
    def id(self) -> TaskId:
        """Return the id of the task."""
        return TaskId(types.text(self._data, "task_id"))

    @property
    def event_id(self) -> EventId | None:
        """Return the id of the event, None where nothing had to be written."""
        return find_event(self._data, "event_id")

    @property
    def changed(self) -> bool:
        """Say whether anything changed."""
        return types.flag(self._data, "changed")

    @property
    def state(self) -> str:
        """Return the state of the task now, `unassigned` for an open one."""
        return types.text(self._data, "lifecycle_state")

    @property
    def claim_state(self) -> str:
        """Return unclaimed, provisional, confirmed or lost."""
        return types.text(self._data, "claim_state")

    @property
    def fence(self) -> int | None:
        """Return the number of the holding; a later one is greater."""
        return types.find_number(self._data, "fence")

    @property
    def lease_expires_at(self) -> datetime | None:
        """Return until when the task is held without a sign of life."""
        return types.find_moment(self._data, "lease_expires_at")

    @property
    def version(self) -> str:
        """Return the version of the task now, for `if_version`."""
        return types.text(self._data, "version")


@dataclass(frozen=True, slots=True)
class Deed:
    """An act on a task, its public name, and the version it is meant for."""

    name: str
    act: Act
    if_version: str | None = None


def do(place: Place, task: str, deed: Deed) -> Transition:
    """Do something with a task and return what that changed."""
    version = given.find_ident(deed.if_version, "if_version")
    with place.acting(task) as (replica, ident):
        done = deed.act(names.expecting(replica, version), ident)
        return Transition(writing.transition(done, replica, name=deed.name))
