"""Rehearsal: one act on authority in one transaction, and the measure of what it does.

People are shown what an act ends, frees and holds before they confirm it. A second piece of code
that foretold this would be wrong one day; so a rehearsal is the act itself, signed and judged like
any other, in a transaction that is then given up.

Laws: a rehearsal leaves the log, the projections, the outbox and the hub as they were. What is
measured is the judgement after the act against the one before it.

Specification: docs/spec/authority.md, Acts of clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from envoy import limits
from envoy.core.log import Entry
from envoy.errors import AuthorityError, ConflictError
from envoy.lean import NamedTuple
from envoy.replica import effects
from envoy.replica.actions import recall
from envoy.replica.actions.care import housekeep, withdraw
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.facts import content_event
from envoy.replica.projector import VISIBLE
from envoy.replica.replica import Author, Call, Replica
from envoy.state.authority import OVER_COUNT, Judgement, Status, place
from envoy.views import rows
from envoy.views.reach import Cut, Ended, Reach, Touched, nothing

# What can hold something: only of these is it measured how far back they reach.
ENDING: Final = ("remove", "revoke", "role", "leave")


class Done(NamedTuple):
    """What an act wrote: its own event, and the tasks that were freed beside it."""

    entry: Entry
    freed: tuple[bytes, ...] = ()


class Rehearsed(Exception):
    """Ends the transaction of a rehearsal without a commit. Never leaves this module."""


Act = Callable[[Author], Done | None]  # None: there is nothing to do


def perform(
    replica: Replica,
    act: Act,
    *,
    about: bytes | None,
    dry_run: bool,
    care: bool = True,
    call: Call | None = None,
) -> Reach:
    """Do ``act`` in one transaction, or all of it but the commit, and return its reach.

    ``about`` is who it is about. ``care``: do what an admin's client owes the space first. What
    ``call`` did before is told again; a rehearsal has no key.
    """
    look(replica)
    if care and not dry_run:
        housekeep(replica)
    found = list[Reach]()

    def work(author: Author) -> list[Entry]:
        before, epoch = author.batch.court.judgement, author.batch.space.epoch
        done = act(author)
        if done is None:
            return []
        author.settle()
        _withdraw(author, before)
        found.append(_measure(author, done, before, epoch=epoch, about=about, dry_run=dry_run))
        if dry_run:
            if done.entry.entity:
                author.batch.finish()
                effects.check(author.batch, [done.entry])
            raise Rehearsed
        if call is not None and call.key is not None:
            author.note = recall.note(found[0])
        return [done.entry]

    try:
        written = replica.compose(work, call=None if dry_run else call)
    except Rehearsed:
        return found[0]
    delivery = deliver(replica)
    if replica.profile.tend is not None:
        replica.profile.tend(replica)  # access follows the role that was given or taken
    if written.replayed:
        return recall.reach(replica, written, delivery)
    if not found:
        return nothing(replica.space, is_rehearsal=dry_run)
    return found[0]._replace(delivery=delivery)


def rehearse(replica: Replica, say: Callable[[Author], Sequence[Entry]]) -> Reach:
    """Return what the events of ``say`` would do, the last of them being the act."""
    return perform(replica, lambda author: Done(list(say(author))[-1]), about=None, dry_run=True)


# -- what it did ----------------------------------------------------------------------------------


def check_counts(judgement: Judgement, entry: Entry) -> None:
    """Refuse an act of mine that the rules make void at once."""
    verdict = judgement.verdicts[entry.id]
    if verdict.status is Status.OK:
        return
    if verdict.cause == OVER_COUNT:
        raise ConflictError("limit_exceeded", max=limits.AUTH_EVENTS_PER_GRANT_MAX)
    raise AuthorityError("outranked", cause=verdict.cause)


def check_gives(judgement: Judgement, entry: Entry) -> None:
    """Refuse a grant of mine that comes to nothing: whom it lets in would be given keys."""
    check_counts(judgement, entry)
    if not judgement.is_live(entry.id):
        raise AuthorityError("outranked")


def _withdraw(author: Author, before: Judgement) -> None:
    """Take invites from the hub that ended with the grant they were made under."""
    batch = author.batch
    after, known = batch.court.judgement, batch.rows.invites(batch.sn)
    gone = [
        known[grant.key]
        for grant in before.live
        if grant.kind == "invite" and grant.key in known and not after.is_live(grant.key)
    ]
    told = batch.rows.queued(batch.sn, "uninvite")
    withdraw(author, [row for row in gone if row.id not in told])


def _measure(
    author: Author,
    done: Done,
    before: Judgement,
    *,
    epoch: bytes | None,
    about: bytes | None,
    dry_run: bool,
) -> Reach:
    """Return what came of an act, the batch being judged and not yet written."""
    batch = author.batch
    after, number = batch.court.judgement, batch.events.actor
    acts, held = tuple[rows.Item, ...](), tuple[bytes, ...]()
    cut = None
    ended = tuple(
        Ended(one.key, one.kind, None if one.subject is None else number(one.subject))
        for one in before.live
        if not after.is_live(one.key)
    )
    if about is not None:
        an = number(about)
        held = tuple(one for one in batch.rows.tasks_of(batch.sn, an) if one not in done.freed)
        acts = tuple(_acts(author, after, about))
        ends = done.entry.kind == "remove" or (ended and done.entry.kind in ENDING)
        cut = _cut(author, done.entry, an) if ends else None
    return Reach(
        event=done.entry.id,
        epoch=batch.space.epoch,
        is_new_epoch=batch.space.epoch != epoch,
        ended=ended,
        freed=done.freed,
        kept=held,
        touched=tuple(_touched(author)),
        cut=cut,
        acts=acts,
        is_rehearsal=dry_run,
        delivery="not_attempted",
    )


def _touched(author: Author) -> Iterable[Touched]:
    """Yield what counted and does not count any more."""
    court, new = author.batch.court, {entry.id for entry, _ in author.batch.fresh}
    for entry in court.stale():
        if entry.id in new or entry.status not in VISIBLE:
            continue
        verdict = court.verdict(entry)
        if verdict.status not in (Status.OK, Status.ADMITTED):
            status = str(verdict.status)
            yield Touched(entry.id, entry.kind, entry.an, status, verdict.cause)


def _acts(author: Author, judgement: Judgement, did: bytes) -> Iterable[rows.Item]:
    """Yield the acts of somebody on authority that have a line, newest first."""
    batch = author.batch
    mine = [one for one in judgement.ledger.events if one.author == did and one.fault is None]
    for event in sorted(mine, key=place, reverse=True):
        entry = batch.events.entry(batch.sn, event.id)
        item = None if entry is None else batch.rows.item(entry.rid)
        if item is not None:
            yield item._replace(status=str(judgement.verdicts[event.id].status))


def _cut(author: Author, act: Entry, an: int) -> Cut:
    """Return how much of what an author wrote an act had seen, chain by chain."""
    batch = author.batch
    event, new = batch.court.ledger.by_id[act.id], {entry.id for entry, _ in batch.fresh}
    accepted = uncited = 0
    last: int | None = None
    for end in batch.events.chain_ends(batch.sn, an):
        entry = batch.events.entry(batch.sn, end)
        while entry is not None and not batch.court.facts.saw(event, content_event(entry)):
            uncited += entry.id not in new
            entry = None if entry.prev is None else batch.events.entry(batch.sn, entry.prev)
        if entry is not None:
            accepted += entry.seq + 1
            last = entry.ts if last is None else max(last, entry.ts)
    return Cut(accepted, last, uncited)
