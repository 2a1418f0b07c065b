"""Requests: a reader asks for the epochs that stay closed to it, and whoever holds one answers.

A box may be lost, bogus, or sealed to a key that its reader has no more. A minute later the reader
says so under an epoch that it holds, and members post it another box in their housekeeping. Who
answers must not become the tool of somebody who was left out: it gives a box only of an epoch whose
creation it accepted, and only to whom that epoch was for or should have been, or who came in later
(THREATS K11, K15).

Laws: a request is answered once here; who still cannot open asks anew. Heads go with their boxes,
since a hub may have lost both. Asking never makes an epoch: that would spread what was lost.

Specification: docs/spec/epoch.md, E7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from envoy import limits
from envoy.core import bodies
from envoy.core.codec import encode
from envoy.core.epoch import box_tag
from envoy.core.log import Entry, EpochRow
from envoy.errors import AuthorityError, EnvoyError
from envoy.replica import epochs
from envoy.replica.batch import Batch
from envoy.replica.ports import call_hub
from envoy.replica.replica import Author, Replica
from envoy.replica.unlocking import find_heads
from envoy.state import epochs as rules
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

KIND: Final = "key.request"
ANSWERED: Final = "answered"  # the note of the last request that was looked at, by its number
COUNTS: Final = ("ok", "ok*")
HEADS_LOOKED_FOR: Final = 16


# -- asking --------------------------------------------------------------------------------------


def ask(replica: Replica) -> bool:
    """Ask the members for the epochs that stay closed; say whether there were any.

    Not more often than limits.KEY_WAIT_SECONDS, and for one epoch again only after
    limits.KEY_REQUEST_AGAIN_SECONDS.
    """
    space, now = replica.space, replica.profile.clock.now_ms()
    ended = space.expires_ms is not None and space.expires_ms < now
    if not space.founder or space.closed_ms is not None or ended:
        return False
    if any(row.secret and row.head is None for row in replica.profile.events.epochs(replica.sn)):
        find_heads(replica)
    known = {row.id: row for row in replica.profile.events.epochs(replica.sn)}
    wanted, held = _lacking(replica, known, now), _held(known, space.epoch)
    if not wanted or held is None:
        return False

    def work(author: Author) -> list[Entry]:
        batch, before = author.batch, author.batch.space
        if author.me not in batch.court.judgement.readers():
            return []
        author.stay(held)
        entry = author.say(bodies.KeyRequest(tuple(wanted)))
        batch.space = batch.space._replace(epoch=before.epoch, adequate=before.adequate)
        for one in wanted:
            batch.events.put_epoch(batch.sn, EpochRow(one, None, None, None, None, now))
        return [entry]

    try:
        return bool(replica.compose(work).entries)
    except AuthorityError:
        return False  # a grant that ended by its time gives nothing to ask under


def _lacking(replica: Replica, known: dict[bytes, EpochRow], now: int) -> list[bytes]:
    """Return, ascending, the epochs to ask for now: those never asked for first, oldest first."""
    wait, again = limits.KEY_WAIT_SECONDS * 1000, limits.KEY_REQUEST_AGAIN_SECONDS * 1000
    # A time to come was told by a clock that was ahead: as good as none.
    times = {row.id: row.asked_ms for row in known.values() if row.asked_ms is not None}
    asked = {one: at for one, at in times.items() if at <= now}
    if asked and max(asked.values()) + wait > now:
        return []
    met = dict(replica.profile.events.parking.since(replica.sn, "sealed"))
    ripe = [one for one, at in met.items() if at > now or at + wait <= now]
    closed = [one for one in ripe if not _opens(known.get(one))]
    headless = [row.id for row in known.values() if row.secret is not None and row.head is None]
    due = [one for one in (*headless, *closed) if one not in asked or asked[one] + again <= now]
    due.sort(key=lambda one: (asked.get(one, 0), met.get(one, 0), one))
    return sorted(due[: limits.WRAP_ENTRIES_MAX])


def _opens(row: EpochRow | None) -> bool:
    """Say whether the secret of an epoch is held."""
    return row is not None and row.secret is not None


def _held(known: dict[bytes, EpochRow], current: bytes | None) -> bytes | None:
    """Return the epoch to ask under: the current one if it is held, else the newest that is."""
    if current is not None and _opens(known.get(current)):
        return current
    held = [(row.lam or 0, row.id) for row in known.values() if _opens(row)]
    return max(held)[1] if held else None


# -- answering -----------------------------------------------------------------------------------


def answer(replica: Replica) -> bool:
    """Queue boxes for those who asked since this copy looked last; say whether there were any."""
    profile, sn = replica.profile, replica.sn
    if replica.space.role is None:
        return False
    with profile.events.transaction(durable=True):
        told = profile.rows.note(sn, ANSWERED)
        after = 0 if told is None else int.from_bytes(told)
        found = profile.events.of_kind(sn, KIND, after=after)
        if not found:
            return False
        batch, given, last = replica.batch(), set[tuple[bytes, bytes]](), after
        for entry in found:
            if len(given) >= limits.KEY_ANSWERS_MAX:
                break
            given.update(_wanted(batch, entry))
            last = entry.rid
        done = sum(_give(batch, did, epoch) for did, epoch in sorted(given))
        profile.rows.keep_note(sn, ANSWERED, last.to_bytes(8))
        batch.finish()
    return done > 0


def _wanted(batch: Batch, entry: Entry) -> Iterator[tuple[bytes, bytes]]:
    """Yield who may have which epoch, of a request that counts and is another's."""
    body = batch.keys.body(entry) if entry.status in COUNTS and entry.author != batch.me else None
    judgement, views = batch.court.judgement, batch.court.views
    for epoch in body.epochs if isinstance(body, bodies.KeyRequest) else ():
        create = rules.created(judgement, epoch)
        if create is not None and rules.may_read(judgement, create, entry.author, views):
            yield entry.author, epoch


def _give(batch: Batch, did: bytes, epoch: bytes) -> bool:
    """Queue head and box of an epoch for a reader; say if there is a key and a secret to do it."""
    row, reader = batch.events.epoch(batch.sn, epoch), batch.rows.members(batch.sn).get(did)
    if row is None or row.secret is None or row.head is None or reader is None:
        return False
    made = epochs.box_for(reader.enc, batch.space.id, epoch, row.secret)
    if made is None:
        return False
    batch.send("epoch", row.head, ident=epoch)
    batch.send("box", encode((box_tag(epoch, made[0]), made[1])), ident=epoch)
    return True


# -- what the hub lost ---------------------------------------------------------------------------


def refill(replica: Replica) -> bool:
    """Queue the heads that the hub lost, with my own boxes; say whether there were any.

    Without one head nobody walks back behind its epoch, and no newcomer reaches the genesis. A few
    are looked for at a time, beginning elsewhere each time; where one is missing, all are.
    """
    profile, sn = replica.profile, replica.sn
    held = [row for row in profile.events.epochs(sn) if row.head and row.secret]
    start = int.from_bytes(profile.entropy(4)) % max(1, len(held))
    turned = [*held[start:], *held[:start]]
    lost = [row for row in turned[:HEADS_LOOKED_FOR] if _is_lost(replica, row.id)]
    if not lost:
        return False
    lost += [row for row in turned[HEADS_LOOKED_FOR:] if _is_lost(replica, row.id)]
    with profile.events.transaction(durable=True):
        batch = replica.batch()
        for row in lost:
            if not _give(batch, batch.me, row.id) and row.head is not None:
                batch.send("epoch", row.head, ident=row.id)
        batch.finish()
    return True


def _is_lost(replica: Replica, epoch: bytes) -> bool:
    """Say whether the hub, which answers, has no head of an epoch."""
    try:
        call = frames.EpochGet(replica.space.id, epoch, ())
        return call_hub(replica.profile.hub, call, frames.EpochFound).head is None
    except (EnvoyError, HubRefusal):
        return False


def bad_posters(replica: Replica, code: str) -> Sequence[str]:
    """Return, ascending, who posted bogus boxes, while an epoch is closed to this copy."""
    parking = replica.profile.events.parking
    return parking.accused(replica.sn, code) if parking.wanted(replica.sn, "sealed") else ()
