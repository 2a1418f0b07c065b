"""Actions that stay in this copy: the inbox cursor, and exchange with the hub.

What is private to a replica never enters the log.

Specification: docs/spec/messages.md, Inbox; docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.replica import slots, sync
from envoy.replica.actions.care import housekeep
from envoy.replica.replica import Profile, Replica
from envoy.views import rows


def ack(replica: Replica, up_to: int | None) -> rows.Acked:
    """Move the inbox cursor to ``up_to``, None for the newest item; never back, never past it."""
    profile = replica.profile
    with profile.events.transaction(durable=True):
        space = profile.rows.space(replica.sn)
        newest = space.next_n - 1
        cursor = max(space.ack_n, newest if up_to is None else min(up_to, newest))
        remaining = profile.rows.unread(replica.sn, cursor)
        before = profile.rows.unread(replica.sn, space.ack_n)
        if cursor != space.ack_n:
            profile.rows.save(space._replace(ack_n=cursor, unread=remaining))
    return rows.Acked(before - remaining, remaining, cursor)


def sync_all(
    profile: Profile,
    spaces: Iterable[bytes] | None,
    *,
    go: sync.Go = sync.always,
    care: bool = True,
) -> rows.Synced:
    """Exchange with the hub until both sides have the same; return what moved, in frames.

    ``spaces`` None: all that this profile has. ``care``: do what an admin's client owes them, too.
    """
    wanted = None if spaces is None else set(spaces)
    pushed = pulled = pending = quarantined = 0
    for space in profile.rows.spaces():
        if wanted is None or space.id in wanted:
            replica = Replica(profile, space.sn)
            done = exchange(replica, go=go)
            if care:
                housekeep(replica)
            pushed, pulled = pushed + done.pushed, pulled + done.pulled
            quarantined += done.quarantined
            pending += replica.space.pending
    return rows.Synced(pushed, pulled, pending, quarantined)


def exchange(replica: Replica, *, go: sync.Go = sync.always) -> sync.Exchange:
    """Pull, push and settle claims in one space; what was sealed and opens now comes in."""
    done = sync.exchange(replica, go=go)
    while go() and slots.settle(replica):
        more = sync.exchange(replica, go=go)
        done = sync.Exchange(*(one + other for one, other in zip(done, more, strict=True)))
    return done
