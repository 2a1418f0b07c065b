"""Standing: a profile that stays open, for a process that lives on and acts again and again.

Opening costs more than most acts: two databases, the keys, every statement compiled anew. So a
server opens its profile once, and looks before each act whether it is still what it would open now.

Laws: what would be opened otherwise by now is opened anew: another file in the place of a database,
tables or projections of another version, another record of the identity. A profile that is locked,
or has relays, is opened for each act. After anything but a refusal it is opened anew, too. Nothing
is held between two acts but files that are open.

Specification: docs/spec/mcp.md, While it lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from envoy import limits
from envoy.core.identity import NONE
from envoy.errors import EnvoyError, IntegrityError, InternalError, WaitTimeoutError
from envoy.hub import sqlite
from envoy.hub.handler import LocalHub
from envoy.replica.replica import Profile
from envoy.storage import home, replica_file, schema
from envoy.storage.events import EventStore
from envoy.system import db, files, upgrade
from envoy.wiring import writes
from envoy.wiring.config import Config

# What says that something is wrong with what is open; any other error of ours refuses an act.
BROKEN = (IntegrityError, InternalError, WaitTimeoutError)
Signs = tuple[tuple[int, ...], ...]


class Standing:
    """The profile of ``config``, for one thread. It is closed by ``close``, and may be reopened."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._where = home.paths(config.home, config.profile)
        self._open = ExitStack()
        self._profile: Profile | None = None
        self._signs: Signs = ()

    @contextmanager
    def opened(self, *, wait_ms: int = limits.PUSH_SECONDS_MAX * 1000) -> Iterator[Profile]:
        """Return the profile for one act. Raises as ``writes.open_profile`` does."""
        if not self._may_stand():
            self.close()
            with writes.open_profile(self._config, wait_ms=wait_ms) as profile:
                yield profile
            return
        profile = self._standing()
        keeps = False
        try:
            # What is known of chunks is asked again in each act.
            yield profile._replace(carry=writes.Carrier(profile.hub, self._where))
            keeps = True
        except EnvoyError as error:
            keeps = not isinstance(error, BROKEN)
            raise
        finally:
            if not keeps:
                self.close()

    def refresh(self, _config: Config, spaces: Sequence[bytes]) -> None:
        """Take in what the hub has for ``spaces``, as ``writes.refresh`` does."""
        with self.opened(wait_ms=limits.PULL_SECONDS_MAX * 1000) as profile:
            writes.take_in(profile, spaces)

    def close(self) -> None:
        """Close the profile, if it is open. May be called twice."""
        self._profile, self._signs = None, ()
        self._open.close()

    def _may_stand(self) -> bool:
        """Say whether this is a profile that can be left open: plain, and here alone."""
        if not self._config.sync or files.exists(self._where.links):
            return False
        if self._profile is not None and self._signs == self._look():
            return True  # what the record says was looked at when it was opened
        self.close()
        return home.public(self._where).lock == NONE and db.is_plain(self._where.replica)

    def _standing(self) -> Profile:
        """Return the profile that is open, opened anew where its tables are of another version."""
        if self._profile is not None and not _is_current(self._profile):
            self.close()
        if self._profile is None:
            signs = self._look()  # before: what is replaced meanwhile is opened anew
            self._profile = self._open.enter_context(writes.open_profile(self._config))
            self._signs = signs
        return self._profile

    def _look(self) -> Signs:
        """Return what tells the files of the profile from others in their place."""
        where = self._where
        named = files.identity(where.replica), files.identity(where.hub)
        return (*named, files.stamp(where.identity))


def _is_current(profile: Profile) -> bool:
    """Say whether the tables that are open are those of this build."""
    events, hub = profile.events, profile.hub
    if not isinstance(events, EventStore) or not isinstance(hub, LocalHub):
        return False
    rows, log = events.connection, hub.store.connection
    if replica_file.is_outdated(rows) or upgrade.version_of(rows) != schema.VERSION:
        return False
    return upgrade.version_of(log) == sqlite.VERSION
