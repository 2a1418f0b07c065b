"""Session: the one profile that a server process speaks for, and what that process may touch.

It holds the configuration, the reader, and the bounds that whoever started the server set: one
space alone, no word from one space into another, nothing written. A client cannot change them, and
no text that it reads can either: they are asked where a space is opened, not where a text is shown.

Laws: one profile for one process; used by one thread. A bound refuses, it never hides that it did.

Specification: docs/spec/mcp.md, Sessions and bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from envoy import ids
from envoy.errors import EnvoyError, UsageError
from envoy.lean import NamedTuple
from envoy.replica.actions import names
from envoy.views import rows
from envoy.views import space as spaces
from envoy.wiring import reads, sessions, writes
from envoy.wiring.config import Config
from envoy.wiring.reads import Reader
from envoy.wiring.standing import Standing


class Bounds(NamedTuple):
    """What whoever started the server allows: ``pin`` is the only space, None: all."""

    root: str
    pin: str | None = None
    no_crossing: bool = False
    read_only: bool = False


class Session:
    """One profile, opened when it is first asked for. A context manager."""

    def __init__(self, config: Config, bounds: Bounds) -> None:
        self.config = config
        self.bounds = bounds
        self._reader: Reader | None = None
        self._is_looking = False
        self._standing = Standing(config)
        self._has_acted = False
        self.fits: dict[str, int] = {}  # rows that fit a page, of tools whose pages had to shrink
        self._seen: dict[bytes, None] = {}  # spaces whose texts went to the client

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(EnvoyError):
            self._give_back()
        self._standing.close()
        if self._reader is not None:
            self._reader.__exit__(kind, error, trace)
            self._reader = None

    def _give_back(self) -> None:
        """Release what a session without a name holds: it ends here, and nobody can go on with it.

        A session that was named goes on elsewhere, and whoever named it ends it.
        """
        if not self._has_acted or self.config.origins.get("session") != "default":
            return
        with reads.open_reader(self.config._replace(sync=False)) as reader:
            found = sessions.held(reader, self.config.session, servers=False)
        if found:
            self._standing.close()
            reads.give_back(self.config, [(one.space.sn, one.task.id) for one in found])

    # -- reading --------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Open the profile for one look, up to date as far as it can be.

        Raises as ``reads.open_reader`` does. The database stays open for the next look; within one
        look another is the same, so that what is asked again is answered of the same moment.
        """
        if self._reader is not None and self._is_looking:
            yield self._reader
            return
        if self._reader is None:
            self._reader = reads.open_reader(self.config)
            self._reader.refresh = self._standing.refresh
        else:
            self._reader.look()
        self._is_looking = True
        try:
            yield self._reader
        finally:
            self._is_looking = False
            self._reader.rest()

    def place(self, reader: Reader, text: str | None) -> rows.Space:
        """Return the space that a call means. Raises as ``Reader.space`` does, and as ``check``."""
        found = reader.space(self.named(text))
        self.check(reader.spaces, found)
        return found

    def several(self, reader: Reader, text: str | None) -> list[rows.Space]:
        """Return the spaces that a call means: all that are not muted where it names none."""
        found = reader.heard(self.named(text))
        if text is not None:
            self.check(reader.spaces, found[0])
        return found

    def named(self, text: str | None) -> str | None:
        """Return what names the space of a call: itself, the pin, the environment, or nothing."""
        return text or self.bounds.pin or self.config.space

    def within(self) -> str | None:
        """Return the space in which ids without one are looked for; None: in all."""
        return self.bounds.pin

    def check(self, known: list[rows.Space], space: rows.Space) -> None:
        """Refuse a space that this server is not for.

        Raises UsageError(unsupported_operation), NotFoundError where the pin means nothing.
        """
        pin = self.bounds.pin
        if pin is not None and spaces.choose(known, pin).id != space.id:
            raise UsageError("unsupported_operation", operation="other_space", cause="pinned")

    def shows(self, space: bytes) -> None:
        """Note that texts of a space go to the client."""
        self._seen[space] = None

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[names.Opened]:
        """Open the profile with its keys for one act. Raises as ``writes.open_profile`` does."""
        self._has_acted = True
        with self._standing.opened() as profile:
            yield profile

    def copy(self, profile: names.Opened, text: str | None) -> names.Copy:
        """Return the copy of the space that an act is meant for. Raises as ``check_act`` does."""
        found = writes.open_space(profile, self.named(text))
        self.check_act(profile, found.space)
        return found

    def task(self, profile: names.Opened, text: str | None, task: str) -> tuple[names.Copy, bytes]:
        """Return the task that an act is meant for, and its space. Raises as ``check_act``."""
        found, ident = names.task(profile, self.named(text), task)
        self.check_act(profile, found.space)
        return found, ident

    def check_act(self, profile: names.Opened, space: rows.Space) -> None:
        """Refuse an act in a space that this server is not for, or may not carry words into.

        Raises UsageError(unsupported_operation).
        """
        self.check(profile.rows.spaces(), space)
        others = [one for one in self._seen if one != space.id]
        if self.bounds.no_crossing and others:
            raise UsageError(
                "unsupported_operation",
                operation="write_across_spaces",
                cause="deny_cross_space",
                space_ids=[ids.to_text("space", one) for one in others],
            )
