"""Actions that stay in this copy: the inbox cursor, and exchange with the hub.

What is private to a replica never enters the log.

Specification: docs/spec/messages.md, Inbox; docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy.errors import RelayError
from envoy.lean import NamedTuple
from envoy.replica import replies, requests, slots, sync
from envoy.replica.actions import approve
from envoy.replica.actions.care import housekeep
from envoy.replica.actions.deliver import deliver
from envoy.replica.replica import Call, Profile, Replica
from envoy.replica.unlocking import BAD_BOX
from envoy.views import rows


def ack(replica: Replica, up_to: int | None, *, key: str | None = None) -> rows.Acked:
    """Move the inbox cursor to ``up_to``, None for the newest item; never back, never past it."""
    profile, call = replica.profile, Call(key, ("inbox ack", up_to))
    with profile.events.transaction(durable=True):
        told = replies.find(profile, replica.sn, call)
        if told is not None:
            acked, left, reached = map(int, told.split())
            return rows.Acked(acked, left, reached, replayed=True)
        done = _move(profile, replica.sn, up_to)
        replies.keep(profile, replica.sn, call, f"{done.acked} {done.remaining} {done.cursor}")
    return done


def _move(profile: Profile, sn: int, up_to: int | None) -> rows.Acked:
    """Move an inbox cursor inside a transaction."""
    space = profile.rows.space(sn)
    newest = space.next_n - 1
    cursor = max(space.ack_n, newest if up_to is None else min(up_to, newest))
    remaining = profile.rows.unread(sn, cursor)
    before = profile.rows.unread(sn, space.ack_n)
    if cursor != space.ack_n:
        profile.rows.save(space._replace(ack_n=cursor, unread=remaining))
    return rows.Acked(before - remaining, remaining, cursor)


class Shown(NamedTuple):
    """What was shown of one inbox and acknowledged: the cursor before, and what came of it."""

    space: bytes
    after: int
    acked: rows.Acked


def ack_shown(profile: Profile, shown: Mapping[bytes, int], *, call: Call) -> tuple[Shown, ...]:
    """Acknowledge what was ``shown`` of each inbox, by space and cursor, in one act.

    A key is of the profile, since a page goes over several spaces; ``shown_before`` comes first.
    Raises ConflictError(idempotency_mismatch).
    """
    found = list[Shown]()
    with profile.events.transaction(durable=True):
        told = replies.find(profile, replies.PROFILE, call)
        if told is not None:
            return _shown(told)
        for space in profile.rows.spaces():
            if space.id in shown:
                done = _move(profile, space.sn, shown[space.id])
                found.append(Shown(space.id, space.ack_n, done))
        replies.keep(profile, replies.PROFILE, call, " ".join(map(_shown_text, found)))
    return tuple(found)


def shown_before(profile: Profile, call: Call) -> tuple[Shown, ...] | None:
    """Return what the call that ``call`` repeats showed and acknowledged, None for a new one."""
    with profile.events.transaction(durable=False):
        told = replies.find(profile, replies.PROFILE, call)
    return None if told is None else _shown(told)


def _shown_text(one: Shown) -> str:
    """Return what was shown of one inbox as it is kept under a key."""
    numbers = (one.after, one.acked.acked, one.acked.remaining, one.acked.cursor)
    return ":".join([one.space.hex(), *map(str, numbers)])


def _shown(told: str) -> tuple[Shown, ...]:
    """Return what ``_shown_text`` kept, of all spaces."""
    found = list[Shown]()
    for part in told.split():
        space, *numbers = part.split(":")
        after, acked, left, cursor = map(int, numbers)
        done = rows.Acked(acked, left, cursor, replayed=True)
        found.append(Shown(bytes.fromhex(space), after, done))
    return tuple(found)


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
    bad = set[str]()
    for space in profile.rows.spaces():
        if wanted is None or space.id in wanted:
            replica = Replica(profile, space.sn)
            if approve.is_waiting(replica) and not approve.complete(replica):
                continue  # it has no key to read anything with
            done = exchange(replica, go=go)
            if care:
                housekeep(replica)
            pushed, pulled = pushed + done.pushed, pulled + done.pulled
            quarantined += done.quarantined
            pending += replica.space.pending
            bad.update(requests.bad_posters(replica, BAD_BOX))
    return rows.Synced(pushed, pulled, pending, quarantined, tuple(sorted(bad)))


def exchange(replica: Replica, *, go: sync.Go = sync.always) -> sync.Exchange:
    """Pull, push and settle claims in one space; what was sealed and opens now comes in."""
    done = sync.exchange(replica, go=go)
    while go() and (sent := slots.settle(replica, go=go)) is not None:
        more = sync.exchange(replica, go=go)
        done = sync.Exchange(*(one + other for one, other in zip(done, more, strict=True)))
        done = done._replace(pushed=done.pushed + sent)
    return done
