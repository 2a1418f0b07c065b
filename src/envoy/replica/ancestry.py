"""Ancestry: who had seen what, of whatever entities two events are.

Within one entity the folds know; a completion and a record, or two records about one thing, meet
only in the graph of the whole log. It is walked back no further than the earlier event lies.

Specification: docs/spec/tasks.md, Acts and Gates.
"""

from __future__ import annotations

from heapq import heappop, heappush

from envoy.core.log import Entry
from envoy.lean import NamedTuple, Protocol
from envoy.replica.ports import EventStore


class Placed(Protocol):
    """An accepted event, or what stands for one: its height and its id."""

    @property
    def lam(self) -> int:
        """Return its height."""

    @property
    def id(self) -> bytes:
        """Return its id."""


class Place(NamedTuple):
    """The log of one space."""

    events: EventStore
    sn: int


def has_seen(place: Place, later: Placed, earlier: Placed) -> bool:
    """Say whether ``earlier`` is in the ancestry of ``later``.

    What is not above it in lam cannot have seen it, so only what lies between is walked.
    """
    if later.lam <= earlier.lam:
        return False
    todo, known = list[tuple[int, bytes]](), {later.id}
    _push(place, todo, known, later.id)
    while todo:
        lam, ident = heappop(todo)
        if ident == earlier.id:
            return True
        if -lam > earlier.lam:
            _push(place, todo, known, ident)
    return False


def _push(place: Place, todo: list[tuple[int, bytes]], known: set[bytes], ident: bytes) -> None:
    """Queue the parents of an event that are not known yet, the greatest lam first."""
    for parent in _entry(place, ident).parents:
        if parent not in known:
            known.add(parent)
            heappush(todo, (-_entry(place, parent).lam, parent))


def _entry(place: Place, ident: bytes) -> Entry:
    """Return an accepted event."""
    entry = place.events.entry(place.sn, ident)
    assert entry is not None, "parents are accepted first"
    return entry
