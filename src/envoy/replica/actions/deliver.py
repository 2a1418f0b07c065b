"""Deliver: after a commit, one bounded attempt to tell the hub.

What is committed is saved, whatever the hub does next: a failure here is a delivery that is
pending, never a failed write.

Specification: docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy.errors import EnvoyError
from envoy.replica import slots, sync
from envoy.replica.replica import Replica
from envoy.sync.frames import HubRefusal

DELIVERED = "delivered"
PENDING = "pending"


def deliver(replica: Replica, *, go: Callable[[], bool] = sync.always) -> str:
    """Send what waits in the outbox; return ``delivered`` or ``pending``."""
    try:
        while replica.space.pending and go():
            sync.push(replica, go=go)
            if not slots.settle(replica):
                break
    except (EnvoyError, HubRefusal):
        return PENDING
    return PENDING if replica.space.pending else DELIVERED
