"""Trace: conflicts and references of a profile that is opened for reading.

Faces get a `Trace` here and never see the store. Loaded by `conflicts` and `provenance` alone.

Law: a read; it loads no key.

Specification: docs/spec/conflicts.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy import ids, limits
from envoy.lean import NamedTuple
from envoy.storage.trace_views import TraceViews
from envoy.views import provenance, rows
from envoy.views.conflicts import Act, Known
from envoy.views.people import People
from envoy.views.provenance import Found, Steps, Walk
from envoy.wiring.reads import Reader


class Trace(NamedTuple):
    """A space with its people and what can be asked of its conflicts and references."""

    reader: Reader
    views: TraceViews
    space: rows.Space
    people: People

    def known(self, conflicts: Iterable[rows.Conflict]) -> Known:
        """Return the acts of some conflicts, with what was said."""
        named = {
            one for row in conflicts for one in (row.winner, row.loser, row.act) if one is not None
        }
        return Known(*self._about(named), self.people)

    def found(self, walked: Walk) -> Found:
        """Return what is known of the nodes of a walk."""
        named = {one.id for one in walked.nodes if not one.is_member}
        return Found(*self._about(named), self.people)

    def _about(self, events: Iterable[bytes]) -> tuple[dict[bytes, Act], dict[bytes, rows.Item]]:
        """Return acts and lines of events."""
        chosen, sn = sorted(events), self.space.sn
        return self.views.acts(sn, chosen), self.reader.views.items(sn, chosen)

    def walk(self, start: bytes, direction: str, depth: int) -> Walk:
        """Return what following explicit references from an event reaches."""
        ask = self.views.back if direction == provenance.BACK else self.views.forward
        most = limits.PROVENANCE_NODES_MAX

        def steps(event: bytes) -> Steps:
            return ask(self.space.sn, event, most)

        return provenance.walk(start, steps, direction, depth=depth, most=most)


def trace_of(reader: Reader, space: rows.Space) -> Trace:
    """Return a space as its conflicts and references are read."""
    return Trace(reader, TraceViews(reader.connection), space, reader.people(space))


def conflict(reader: Reader, text: str, within: str | None) -> tuple[Trace, rows.Conflict]:
    """Return the conflict that ``text`` means, in one space or in any, and its space.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, "cfl")
    views = TraceViews(reader.connection) if reader.spaces else None
    found = {
        one: space
        for space in reader.chosen(within)
        if views is not None
        for one in views.conflict_ids(space.sn, low, high)
    }
    wanted = ids.choose(text, found, "cfl")
    trace = trace_of(reader, found[wanted])
    row = trace.views.conflict(trace.space.sn, wanted)
    assert row is not None, "it was found"
    return trace, row


def event(reader: Reader, text: str, within: str | None) -> tuple[Trace, bytes]:
    """Return the event that ``text`` means, in one space or in any, and its space.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, *ids.EVENT_PREFIXES)
    found = {
        one: space
        for space in reader.chosen(within)
        for one in reader.views.events(space.sn, low, high)
    }
    wanted = ids.choose(text, found, "evt")
    return trace_of(reader, found[wanted]), wanted
