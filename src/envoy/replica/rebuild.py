"""Rebuild: makes the projections again from the log, in one transaction.

Projections are disposable: rows of another version, or damaged ones, are dropped and folded anew
from the events and receipts that are kept. Arrival numbers, the stream and the outbox are not
projections; they stay as they are, and what was told under a number stays told under it.

Law: what a rebuild writes equals what taking the same events in one by one wrote.

Specification: docs/spec/store.md, Rebuilding.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy import limits
from envoy.core.kinds import KINDS
from envoy.replica.replica import Profile, Replica
from envoy.replica.rereading import reread

Progress = Callable[[int, int], None]  # events done, of how many


def rebuild(profile: Profile, *, progress: Progress | None = None) -> int:
    """Fold every space again; return how many events that took. One durable transaction."""
    kinds = KINDS.keys() - profile.events.kinds()
    total = sum(space.events for space in profile.rows.spaces())
    done = 0
    with profile.events.transaction(durable=True):
        profile.rows.drop()
        for space in profile.rows.spaces():
            if kinds:
                reread(Replica(profile, space.sn).batch(), kinds)
            done = _space(Replica(profile, space.sn), done, total, progress)
        profile.events.note_kinds(KINDS)
    return done


def _space(replica: Replica, done: int, total: int, progress: Progress | None) -> int:
    """Fold one space again; return how many events are done now."""
    batch, events = replica.batch(), replica.profile.events
    batch.begin_again()
    after = 0
    while page := events.entries(replica.sn, after=after, limit=limits.PAGE_FRAMES_MAX):
        frames = dict(events.frames(replica.sn, after=after, limit=limits.PAGE_FRAMES_MAX))
        batch.replay([(entry, frames.get(entry.rid, b"")) for entry in page])
        after = page[-1].rid
        done += len(page)
        if progress is not None:
            progress(done, total)
    batch.end_again()
    return done
