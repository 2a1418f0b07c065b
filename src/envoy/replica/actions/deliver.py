"""Deliver: before a write one look at the hub, after its commit one attempt to tell it.

What is committed is saved, whatever the hub does next: a failure here is a delivery that is
pending, or a look that showed nothing, never a failed write.

Specification: docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from typing import cast

from envoy import limits
from envoy.errors import EnvoyError
from envoy.lean import Protocol
from envoy.replica import slots, sync
from envoy.replica.replica import Replica
from envoy.sync.frames import HubRefusal
from envoy.views import rows

DELIVERED = "delivered"
PENDING = "pending"
LOCAL = "local_only"


def look(replica: Replica) -> bool:
    """Take in what the hub has; say whether it answered. Who writes goes on either way."""
    try:
        sync.pull(replica)
    except (EnvoyError, HubRefusal):
        return False
    return True


class Roads(Protocol):
    """What of the roads of a profile is asked here; their type is loaded where they are."""

    def delivery(self, space: bytes) -> tuple[str, str]:
        """Return what the relay of a space has of what was written, and why not all."""


def deliver(replica: Replica) -> str:
    """Send what waits in the outbox, for a bounded time; return how far it got.

    ``delivered``; ``pending``: the hub of this machine does not have it. In a connected space what
    its relay has counts, with the reason behind a blank: ``pending relay_unavailable``,
    ``failed read_only``.
    """
    space = _deliver(replica)
    if space is None or space.pending:
        return PENDING
    if space.mode == LOCAL:
        return DELIVERED
    roads = cast(Roads | None, replica.profile.roads)
    if roads is None:  # the note of where its relay is was lost
        return f"{PENDING} relay_unavailable"
    state, reason = roads.delivery(space.id)
    return f"{state} {reason}" if reason else state


def _deliver(replica: Replica) -> rows.Space | None:
    """Send what waits to the hub; return the space as it stands then, None for a hub that fails."""
    clock = replica.profile.clock
    until = clock.now_ms() + limits.PUSH_SECONDS_MAX * 1000

    def go() -> bool:
        return clock.now_ms() < until

    try:
        while (space := replica.space).pending and go():
            sync.push(replica, go=go)
            if slots.settle(replica, go=go) is None:
                return replica.space
    except (EnvoyError, HubRefusal):
        return None
    return space
