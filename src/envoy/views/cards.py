"""Cards: how somebody wants to be shown, as documented objects. Labels and hints, never authority.

Specification: docs/spec/messages.md, Cards; docs/spec/cli.md (JSON shapes).
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids
from envoy.lean import Protocol
from envoy.views import rows
from envoy.views.people import Json, stamp
from envoy.views.space import space_id

UNTRUSTED = ["*.name", "*.version", "*.service", "*.capabilities", "*_name", "*.display_name"]


class Card(Protocol):
    """A card whose signature was checked (``replica.actions.cards.Shown``)."""

    @property
    def event(self) -> bytes:
        """Return the event that carries it."""

    @property
    def ts(self) -> int:
        """Return when its author says it was signed."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def type(self) -> str:
        """Return human or agent, as declared."""

    @property
    def version(self) -> str:
        """Return the version."""

    @property
    def service(self) -> str | None:
        """Return where or how its author says it is reached."""

    @property
    def capabilities(self) -> Sequence[str]:
        """Return what its author says it can do."""


def card(found: Card, member: Json | None, of: rows.Space) -> Json:
    """Return a card with the Actor that signed it."""
    return {
        "space_id": space_id(of),
        "space_name": of.name,
        "event_id": ids.to_text("evt", found.event),
        "member": member,
        "name": found.name,
        "type": found.type,
        "version": found.version,
        "service": found.service,
        "capabilities": list(found.capabilities),
        "published_at": stamp(found.ts),
        "verified": True,
    }
