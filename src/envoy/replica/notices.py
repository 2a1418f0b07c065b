"""Notices: what an authority act tells those who listen, and whom it concerns.

The history has one line for an act, whatever it came to. The stream tells what happened: who came,
who went, whose authority is another now. That hangs on the judgement: a role that ends a greater
one takes away, one that ends nothing gives; a removal of nobody lets nobody go. So it is asked when
an event is told, and never again: what was told stays told.

Laws: pure but for the judgement that it is given. Whoever lost a grant by an act is told, also
where the act was aimed at the grant above.

Specification: docs/spec/messages.md, Authority in the stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from envoy.core import bodies
from envoy.core.capability import Grant
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.replica.court import Court
from envoy.state import lines
from envoy.views import rows

AUTHORITY: Final = "authority"
HELD: Final = "held"
# Under these the stream tells that the verdict on an event changed.
VERDICT_TYPES: Final = ("event_held", "event_admitted")
_JOINED: Final = "member_joined"
_LEFT: Final = "member_left"
_GRANTED: Final = "capability_granted"
_REVOKED: Final = "capability_revoked"
_INVITE_REVOKED: Final = "invite_revoked"


class Notices:
    """What the acts of one batch tell ``me``, once they are judged."""

    def __init__(self, court: Court, me: bytes) -> None:
        self._court = court
        self._me = me

    @cached_property
    def _ended(self) -> dict[bytes, bool]:
        """Return the acts that end a grant or invite; True: one of mine among them."""
        judgement, found = self._court.judgement, dict[bytes, bool]()
        for key, kills in judgement.kills.items():
            grant = judgement.ledger.grants[key]
            if not judgement.is_ok(grant.event):
                continue
            mine = grant.subject == self._me
            for kill in kills:
                found[kill.event.id] = mine or found.get(kill.event.id, False)
        return found

    @cached_property
    def _roles(self) -> dict[bytes, list[Grant]]:
        """Return the role grants of everybody."""
        found = dict[bytes, list[Grant]]()
        for grant in self._court.ledger.grants.values():
            if grant.is_role and grant.subject is not None:
                found.setdefault(grant.subject, []).append(grant)
        return found

    def types(self, entry: Entry, body: Body) -> tuple[str, ...]:
        """Return the types under which the stream tells of an act that counts, the main one first.

        Not empty; the kind of ``body`` has a type.
        """
        match body:
            case bodies.Remove():
                return (_LEFT, _REVOKED) if entry.id in self._ended else (_REVOKED,)
            case bodies.Revoke(target=target):
                grant = self._court.ledger.grants.get(target)
                is_invite = grant is not None and grant.subject is None
                return (_INVITE_REVOKED,) if is_invite else (_REVOKED,)
            case bodies.Role() if entry.id in self._ended:
                return (_REVOKED,)
            case bodies.Grant(subject=subject) | bodies.Role(subject=subject):
                return (_GRANTED, _JOINED) if self._is_new(entry, subject) else (_GRANTED,)
            case _:
                return (lines.TYPES[entry.kind],)

    def _is_new(self, entry: Entry, subject: bytes) -> bool:
        """Say whether ``subject`` had no role in what a grant to it saw."""
        judgement, seen = self._court.judgement, entry.saw
        for grant in self._roles.get(subject, ()):
            if grant.event == entry.id or not grant.is_in(seen):
                continue
            kills = judgement.kills.get(grant.key, ())
            ended = any(seen >> kill.event.index & 1 for kill in kills)
            if judgement.is_ok(grant.event) and not ended:
                return False
        return True

    def reason(self, entry: Entry) -> str | None:
        """Return why an act by another that counts is in my inbox although it does not name me."""
        return AUTHORITY if self._ended.get(entry.id) else None

    def lost(self, entry: Entry, body: Body | None) -> str | None:
        """Return why it is in my inbox that an event does not count any more."""
        if entry.author == self._me:
            return HELD
        match body:
            case (
                bodies.Grant(subject=subject)
                | bodies.Role(subject=subject)
                | bodies.Delegate(subject=subject)
                | bodies.Remove(subject=subject)
            ):
                return AUTHORITY if subject == self._me else None
            case bodies.Revoke(target=target):
                grant = self._court.ledger.grants.get(target)
                return AUTHORITY if grant is not None and grant.subject == self._me else None
            case _:
                return None


def told(stream: Iterable[rows.Stream]) -> dict[int, int]:
    """Return by event the number it has: of the last change of its verdict, else of its coming.

    ``stream`` is ascending by number.
    """
    found = dict[int, int]()
    for row in stream:
        if row.rid not in found or row.type in VERDICT_TYPES:
            found[row.rid] = row.n
    return found
