"""Access: how every part of a client reaches its profile, for one call at a time.

Each call opens what it needs and closes it again, which takes two milliseconds. So a client has no
connection that belongs to a thread, or that a forked process could spoil: it may be used from any
thread, after a fork, and while the command line works on the same profile.

Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from envoy.errors import UsageError
from envoy.replica.actions import names
from envoy.sdk.errors import door
from envoy.views import rows
from envoy.wiring import reads, writes
from envoy.wiring.config import Config
from envoy.wiring.reads import Reader


@dataclass(slots=True)
class State:
    """What of a client may change: whether it is closed, and what ends when it is."""

    is_closed: bool = False
    endings: set[Callable[[], None]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Access:
    """The profile of a client."""

    config: Config
    state: State

    def check(self) -> None:
        """Refuse to work for a client that was closed. Raises UsageError(invalid_argument)."""
        if self.state.is_closed:
            raise UsageError("invalid_argument", argument="client", cause="closed")

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Open the profile for looking, up to date as far as it can be."""
        with door():
            self.check()
            with reads.open_reader(self.config) as reader:
                yield reader

    @contextmanager
    def writing(self, *, roads: bool = False) -> Iterator[names.Opened]:
        """Open the profile with its keys; ``roads``: for a call that a relay has to answer."""
        with door():
            self.check()
            with writes.open_profile(self.config, roads=roads) as profile:
                yield profile


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Place:
    """One space of a client, by its id."""

    access: Access
    id: str

    @contextmanager
    def reading(self) -> Iterator[tuple[Reader, rows.Space]]:
        """Open the profile for looking at this space."""
        with self.access.reading() as reader:
            yield reader, reader.space(self.id)

    @contextmanager
    def writing(self) -> Iterator[names.Copy]:
        """Open the copy of this space with its keys."""
        with self.access.writing() as profile:
            yield writes.open_space(profile, self.id)

    @contextmanager
    def acting(self, task: str) -> Iterator[tuple[names.Copy, bytes]]:
        """Open the copy of this space for an act on a task."""
        with self.access.writing() as profile:
            yield names.task(profile, self.id, task)
