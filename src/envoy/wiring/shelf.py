"""Shelf: the objects of a space as a profile reads them, without a key.

Beside the reads, since few commands ask for objects.

Specification: docs/spec/object.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.storage.home import Paths
from envoy.storage.object_views import ObjectViews
from envoy.system.db import Connection
from envoy.views import objects, rows
from envoy.views.objects import Part
from envoy.views.pages import Page
from envoy.views.people import Json, People
from envoy.views.space import space_id
from envoy.wiring.depot import Depot


class Shelf:
    """The objects of one space in the database of a profile."""

    def __init__(self, connection: Connection, where: Paths, space: rows.Space) -> None:
        self._views = ObjectViews(connection)
        self._depot = Depot(where)
        self._space = space

    def page(self, page: Page, *, task: bytes | None = None) -> list[rows.Object]:
        """Return references, the last in the order first; one too many where more follow."""
        return self._views.page(self._space.sn, task=task, after=page.after, limit=page.limit + 1)

    def items(self, found: Sequence[rows.Object], people: People) -> list[Json]:
        """Return references as documented objects, with what is here of each."""
        pins, space = self._views.pins(self._space.sn), space_id(self._space)
        return [
            objects.item(
                one,
                people,
                space=space,
                have=self._depot.count(one.chunks),
                pinned=one.id in pins,
            )
            for one in found
        ]

    def part(self, *, task: bytes | None = None) -> Part:
        """Return what a Work Record shows of the objects, or of those of one task."""
        sn, most = self._space.sn, limits.LIST_ROWS_DEFAULT
        found = self._views.page(sn, task=task, after=None, limit=most)
        have = {one.id: self._depot.count(one.chunks) for one in found}
        return Part(found, self._views.count(sn), have, self._views.pins(sn))
