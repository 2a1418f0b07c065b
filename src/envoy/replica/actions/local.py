"""Actions that stay in this copy: the inbox cursor, and exchange with the hub.

What is private to a replica never enters the log.

Specification: docs/spec/messages.md, Inbox; docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.errors import RelayError
from envoy.replica import replies, slots, sync
from envoy.replica.actions.care import housekeep
from envoy.replica.actions.deliver import deliver
from envoy.replica.replica import Call, Profile, Replica
from envoy.views import rows


def ack(replica: Replica, up_to: int | None, *, key: str | None = None) -> rows.Acked:
    """Move the inbox cursor to ``up_to``, None for the newest item; never back, never past it."""
    profile, call = replica.profile, Call(key, ("inbox ack", up_to))
    with profile.events.transaction(durable=True):
        told = replies.find(profile, replica.sn, call)
        if told is not None:
            acked, left, reached = map(int, told.split())
            return rows.Acked(acked, left, reached, replayed=True)
        space = profile.rows.space(replica.sn)
        newest = space.next_n - 1
        cursor = max(space.ack_n, newest if up_to is None else min(up_to, newest))
        remaining = profile.rows.unread(replica.sn, cursor)
        before = profile.rows.unread(replica.sn, space.ack_n)
        if cursor != space.ack_n:
            profile.rows.save(space._replace(ack_n=cursor, unread=remaining))
        replies.keep(profile, replica.sn, call, f"{before - remaining} {remaining} {cursor}")
    return rows.Acked(before - remaining, remaining, cursor)


def mark(replica: Replica, *, muted: bool | None = None, pinned: bool | None = None) -> bool:
    """Mute or pin a space for this copy alone, None leaves it; say if that changed anything."""
    profile = replica.profile
    with profile.events.transaction(durable=True):
        before = profile.rows.space(replica.sn)
        after = before._replace(
            muted=before.muted if muted is None else int(muted),
            pinned=before.pinned if pinned is None else int(pinned),
        )
        if after != before:
            profile.rows.save(after)
    return after != before


def forget(replica: Replica) -> bool:
    """Remove this copy of a space; the hub and the others keep theirs. Always True.

    What waits in the outbox is sent before. Raises RelayError(relay_unavailable) while something
    cannot be: nobody else has it.
    """
    profile, space = replica.profile, replica.space
    deliver(replica)
    with profile.events.transaction(durable=True):
        if profile.rows.pending(replica.sn):
            raise RelayError("relay_unavailable", pending=profile.rows.pending(replica.sn))
        profile.rows.drop_space(replica.sn)
        profile.rows.leave_out(space.id, profile.clock.now_ms())
    return True


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
