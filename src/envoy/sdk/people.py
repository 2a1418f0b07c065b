"""People: who acts, what they may do, and why.

A name is a label that its bearer chose, so every answer has the fingerprint beside it. What a
member may do follows from grants, never from a name or a declared kind.

Specification: docs/spec/authority.md; docs/sdk.md.
"""

from __future__ import annotations

from datetime import datetime

from envoy.sdk import types
from envoy.sdk.types import EventId, MemberId, Shape, Untrusted


class Actor(Shape):
    """Somebody who acts. The name is a label that its bearer chose: compare fingerprints."""

    __slots__ = ()
    NAMED_BY = "member_id"

    @property
    def id(self) -> MemberId:
        """Return the member id, a did:key."""
        return MemberId(types.text(self._data, "member_id"))

    @property
    def name(self) -> Untrusted | None:
        """Return the label, None for somebody who never was a member."""
        return types.find_said(self._data, "display_name")

    @property
    def fingerprint(self) -> str:
        """Return the eight digits that tell members apart."""
        return types.text(self._data, "fingerprint")

    @property
    def kind(self) -> str | None:
        """Return human or agent, as declared; it gives nobody power."""
        return types.find_text(self._data, "kind")

    @property
    def role(self) -> str | None:
        """Return owner, admin, write or read; None for none."""
        return types.find_text(self._data, "role")


class Member(Actor):
    """Somebody who is a member of a space, or was one."""

    __slots__ = ()

    @property
    def is_me(self) -> bool:
        """Say whether this is the profile that asks."""
        return types.flag(self._data, "is_me")

    @property
    def is_current(self) -> bool:
        """Say whether they are a member now."""
        return self._data["status"] == "active"

    @property
    def joined_at(self) -> datetime | None:
        """Return since when."""
        return types.find_moment(self._data, "joined_at")

    @property
    def removed_at(self) -> datetime | None:
        """Return since when not any more."""
        return types.find_moment(self._data, "removed_at")


class Grant(Shape):
    """What gives a member power, and whether it stands."""

    __slots__ = ()
    NAMED_BY = "grant_id"

    @property
    def id(self) -> str:
        """Return the id of the grant."""
        return types.text(self._data, "grant_id")

    @property
    def role(self) -> str | None:
        """Return the role it gives, None for a delegation."""
        return types.find_text(self._data, "role")

    @property
    def verb(self) -> str | None:
        """Return the widest verb it allows."""
        return types.find_text(self._data, "verb")

    @property
    def status(self) -> str:
        """Return live, killed, expired, void or invalid."""
        return types.text(self._data, "status")

    @property
    def expires_at(self) -> datetime | None:
        """Return when it ends by itself."""
        return types.find_moment(self._data, "expires_at")


class Holder(Actor):
    """A member with what they may do."""

    __slots__ = ()

    @property
    def verbs(self) -> tuple[str, ...]:
        """Return what they may do in the space."""
        return types.texts(self._data, "verbs")

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Return the grants that say so."""
        return types.parts(self._data, "grants", Grant)


class Permissions(Shape):
    """Who may do what in a space."""

    __slots__ = ()

    @property
    def me(self) -> Holder | None:
        """Return what this profile may do; None where it never was a member."""
        return types.find_part(self._data, "me", Holder)

    @property
    def members(self) -> tuple[Holder, ...]:
        """Return what everybody may do who ever was a member."""
        return types.parts(self._data, "members", Holder)


class Decision(Shape):
    """Whether a member may do something, and by which grants."""

    __slots__ = ()
    SCHEMA = "can"

    @property
    def allowed(self) -> bool:
        """Say whether they may."""
        return types.flag(self._data, "allowed")

    @property
    def member(self) -> Actor:
        """Return who is asked about."""
        return Actor(types.part(self._data, "member"))

    @property
    def verb(self) -> str:
        """Return what is asked about."""
        return types.text(self._data, "verb")


class Explanation(Shape):
    """Why an event counts or does not."""

    __slots__ = ()
    SCHEMA = "why"
    NAMED_BY = "event_id"

    @property
    def id(self) -> EventId:
        """Return the id of the event."""
        return EventId(types.text(self._data, "event_id"))

    @property
    def status(self) -> str:
        """Return the verdict: ok, ok*, held, void, invalid, or where a frame without one lies."""
        return types.text(self._data, "status")

    @property
    def rule(self) -> str | None:
        """Return the rule behind a verdict other than ok."""
        return types.find_text(self._data, "rule")

    @property
    def rule_words(self) -> str | None:
        """Return the rule in words."""
        return types.find_text(self._data, "rule_words")

    @property
    def by(self) -> Actor | None:
        """Return who wrote it."""
        return types.find_part(self._data, "by", Actor)
