"""Client: a profile for as long as a program needs it. `envoy.open` makes one.

Only here are environment and home read: everything behind a client works on what was found then.
A client holds no connection between two calls, so it may be used by several threads, after a fork,
and beside the command line.

Specification: docs/sdk.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

import envoy
from envoy import limits
from envoy.errors import NotFoundError
from envoy.replica.actions import members, names
from envoy.replica.actions import space as acts
from envoy.sdk import given, space
from envoy.sdk.access import Access, Place, State
from envoy.sdk.errors import door
from envoy.sdk.people import Actor
from envoy.sdk.shapes import Status
from envoy.sdk.space import Space
from envoy.views import space as shapes
from envoy.views.space import space_id
from envoy.wiring import checks, config, toml, writes
from envoy.wiring.config import Config
from envoy.wiring.reads import Reader

KINDS = ("agent", "human")
# What the last attempt came to where a relay did not answer at all.
AWAY = ("relay_unavailable", "timeout", "egress_denied")


class Client:
    """A profile that is in use: a context manager, closed by its end or by `close`."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __enter__(self) -> Client:
        self._access.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = " closed" if self._access.state.is_closed else ""
        return f"<Client {self.profile}{state}>"

    @property
    def profile(self) -> str:
        """Return the name of the profile."""
        return self._access.config.profile

    @property
    def session(self) -> str:
        """Return the name of this run: sessions of one profile compete for tasks."""
        return self._access.config.session

    @property
    def spaces(self) -> Spaces:
        """Return the spaces of the profile."""
        return Spaces(self._access)

    @property
    def me(self) -> Actor:
        """Return who the profile is."""
        with self._access.reading() as reader:
            return Actor(reader.actor())

    def status(self) -> Status:
        """Return where the profile stands. Touches no network."""
        with self._access.reading() as reader:
            first = sorted(reader.spaces, key=lambda one: (-one.pinned, one.sn))
            return Status(
                {
                    "version": envoy.__version__,
                    "profile": self.profile,
                    "identity": reader.actor(),
                    "daemon": "not_used",
                    "relay": relay_of(reader),
                    "spaces": [shapes.space(one, reader.tally(one)) for one in first],
                    "freshness": reader.freshness(reader.spaces),
                    "untrusted_fields": ["*_name", "*.display_name"],
                }
            )

    def join(self, code: str, *, name: str | None = None, key: str | None = None) -> Space:
        """Join a space by the code of an invite; ``name`` is what this profile goes by in it.

        The relay that the URI of an invite names is asked; a bare code is known on this machine.
        With an invite in approve mode the space stays `pending_approval` until an admin lets this
        profile in. Raises ConflictError (invalid_invite, invite_already_redeemed).
        """
        secret, call = given.body(code, "code").strip(), given.key(key)
        label = given.find_line(name, "name", bytes_max=limits.NAME_BYTES_MAX)
        with door():
            place = members.place_in(secret)
        with self._access.writing(roads=place is not None) as profile:
            known_as = label or profile.name
            done = members.join(profile, secret, name=known_as, place=place, key=call)
            found = space_id(done.space)
        return space.read(Place(self._access, found))

    def close(self) -> None:
        """Close the client; signs of life that still go out end. May be called twice."""
        for end in list(self._access.state.endings):
            end()
        self._access.state.is_closed = True


@dataclass(frozen=True, slots=True, repr=False)
class Spaces:
    """The spaces of a profile."""

    _access: Access

    def create(
        self,
        name: str,
        *,
        description: str = "",
        expires: datetime | None = None,
        key: str | None = None,
    ) -> Space:
        """Found a space on this machine; past ``expires`` it is shown as ended."""
        title = given.line(name, "name", bytes_max=limits.NAME_BYTES_MAX)
        about, ends = given.text(description, "description"), None
        if expires is not None:
            ends = given.moment(expires, "expires")
        again = names.Retry(given.key(key), ("space create", title, about, ends))
        with self._access.writing() as profile:
            done = acts.found_once(profile, title, description=about, expires_ms=ends, call=again)
            found = space_id(done.space)
        return space.read(Place(self._access, found))

    def list(self) -> Iterator[Space]:
        """Go through all spaces, in the order in which this profile came to them."""
        with self._access.reading() as reader:
            every = [space_id(one) for one in reader.spaces]
        return (space.read(Place(self._access, one)) for one in every)

    def get(self, ref: str | None = None) -> Space:
        """Return a space by id, unique prefix or unique name.

        None: the one of `ENVOY_SPACE` or the project, else the only one there is. Raises
        NotFoundError (space_not_found, space_name_ambiguous), UsageError(missing_required_flag).
        """
        text = given.find_ident(ref, "ref") or self._access.config.space
        with self._access.reading() as reader:
            found = space_id(reader.space(text))
        return space.read(Place(self._access, found))


def open_client(
    profile: str | None = None,
    *,
    session: str | None = None,
    home: str | os.PathLike[str] | None = None,
    create: str | None = None,
    passphrase_file: str | os.PathLike[str] | None = None,
    sync: bool = True,
) -> Client:
    """Open a profile; what is not given comes from the environment and the configuration.

    ``session`` names this run: sessions of one profile compete for tasks. ``create`` "agent" or
    "human" makes the identity where there is none, its recovery words unseen: `envoy identity
    recovery` shows them. ``sync`` False asks no hub. Raises NotFoundError(profile_not_found),
    NeedsHumanError(profile_locked), UsageError, IntegrityError.
    """
    with door():
        flags: dict[str, object] = {
            "profile": given.find_ident(profile, "profile"),
            "session": given.find_ident(session, "session"),
            "home": path_of(home, "home"),
            "passphrase_file": path_of(passphrase_file, "passphrase_file"),
            "no_sync": not given.switch(sync, "sync"),
            "json": True,
            "quiet": True,
        }
        kind = None if create is None else given.choice(create, "create", KINDS)
        found = config.load(flags, read_toml=toml.read)
        ensure(found, kind)
    return Client(Access(found, State()))


def path_of(value: object, argument: str) -> str | None:
    """Return a path, or nothing where none was given."""
    if value is None:
        return None
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str) or not found or "\0" in found:
        raise given.wrong(argument, "type", expected="path")
    return found


def ensure(found: Config, create: str | None) -> None:
    """See to it that the profile has an identity. Raises NotFoundError(profile_not_found)."""
    try:
        checks.identity(found, found.profile)
    except NotFoundError as error:
        if create is None or error.code != "profile_not_found":
            raise
        writes.init_profile(found, name=found.profile, type=create)


def relay_of(reader: Reader) -> dict[str, object]:
    """Return whether relays are in use and answered the last time, and where the first one is."""
    found = list(reader.relays.values())
    away = [one for one in found if one.trouble in AWAY]
    if not found:
        return {"state": "not_configured", "url": None}
    return {"state": "unreachable" if away else "connected", "url": (away or found)[0].origin}
