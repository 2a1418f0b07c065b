"""Desk: a space of a reader with all that explains what happened in it.

Beside the reads, since no hot one explains anything.

Specification: docs/spec/authority.md, Explaining verdicts.
"""

from __future__ import annotations

from envoy.lean import NamedTuple
from envoy.storage.desk_views import Desk
from envoy.views import rows
from envoy.views.desk import Judged, Known
from envoy.views.people import People
from envoy.wiring.reads import Reader


class Place(NamedTuple):
    """A space with its people and what its desk can be asked."""

    reader: Reader
    desk: Desk
    space: rows.Space
    people: People

    @property
    def known(self) -> Known:
        """Return how to look up grants and events as they are now."""
        sn, desk = self.space.sn, self.desk

        def event(found: bytes) -> Judged | None:
            return desk.event(sn, found)

        def grant(found: bytes) -> rows.Grant | None:
            return desk.grant(sn, found)

        def invite(found: bytes) -> rows.Invite | None:
            return desk.invite(sn, found)

        return Known(event, grant, invite)


def place_of(reader: Reader, space: rows.Space) -> Place:
    """Return a space as its desk shows it."""
    return Place(reader, Desk(reader.connection), space, reader.people(space))
