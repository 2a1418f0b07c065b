"""Deliver: before a write one look at the hub, after its commit one attempt to tell it.

What is committed is saved, whatever the hub does next: a failure here is a delivery that is
pending, or a look that showed nothing, never a failed write.

Specification: docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from envoy import limits
from envoy.errors import EnvoyError
from envoy.replica import slots, sync
from envoy.replica.replica import Replica
from envoy.sync.frames import HubRefusal

DELIVERED = "delivered"
PENDING = "pending"


def look(replica: Replica) -> bool:
    """Take in what the hub has; say whether it answered. Who writes goes on either way."""
    try:
        sync.pull(replica)
    except (EnvoyError, HubRefusal):
        return False
    return True


def deliver(replica: Replica) -> str:
    """Send what waits in the outbox, for a bounded time; return ``delivered`` or ``pending``."""
    clock = replica.profile.clock
    until = clock.now_ms() + limits.PUSH_SECONDS_MAX * 1000

    def go() -> bool:
        return clock.now_ms() < until

    try:
        while replica.space.pending and go():
            sync.push(replica, go=go)
            if slots.settle(replica) is None:
                break
    except (EnvoyError, HubRefusal):
        return PENDING
    return PENDING if replica.space.pending else DELIVERED
