"""Hindsight: the log of a reader as the rules of authority want it, without key and pen.

Loaded when an older moment is asked about: the rules cost more to load than most reads take.

Specification: docs/spec/authority.md, Explaining verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.replica.actions.cards import Cards
from envoy.replica.hindsight import Hindsight
from envoy.storage.events import EventStore
from envoy.system.db import Connection
from envoy.views import rows


class ReadOnly(EventStore):
    """The log on a connection that cannot write."""

    def add_past(self, sn: int, ix: int, tips: Iterable[tuple[int, int, bytes]]) -> None:
        """Keep nothing: what a revocation had seen is worked out again the next time."""


def look_back(connection: Connection, space: rows.Space) -> Hindsight:
    """Return the log of ``space``, to be looked back upon."""
    return Hindsight(ReadOnly(connection, ""), space)


def cards_of(connection: Connection, space: rows.Space) -> Cards:
    """Return the cards of ``space``, each checked when it is looked at."""
    return Cards(ReadOnly(connection, ""), space)
