"""Care: what a client owes the space beside what it was asked to do.

An invite that is used up or past its end still opens the space to whoever holds its code, and one
that was made before a removal may be known to who was removed. So they are revoked, and with that
the epoch is left that their codes open (rules E3, E8). This runs in the commands on spaces, invites
and syncing: a plain write must not wait for it.

Law: an invite past its end lives on as long as clocks of honest joiners may be behind this one. Who
joined in time by its own clock is not made void by a revocation that did not wait for it.

Epochs end: an admin's client leaves one that is old, long, or sealed to keys that were replaced
since, a writer's client one that does not know its own new key. Readers ask for the epochs that
stay closed to them, and whoever holds those answers (rules E7, E8).

A hub of this machine that was lost comes back under another key, whose receipts nobody believes.
So an admin's client pins the new one, and whoever holds a task that no believed hub confirmed asks
for its slot again.

Specification: docs/spec/epoch.md; docs/spec/invite.md, End; docs/spec/receipt.md, Pins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from envoy import limits
from envoy.core.bodies import EpochCreate, HubPin, Revoke, TaskClaim
from envoy.core.capability import AuthEvent
from envoy.core.codec import encode
from envoy.core.crypto.seal import is_usable
from envoy.core.epoch import box_tag
from envoy.core.log import Entry
from envoy.errors import AuthorityError, ConflictError
from envoy.ids import to_text
from envoy.replica import epochs, requests, slots
from envoy.replica.actions.deliver import DELIVERED, deliver
from envoy.replica.batch import Batch
from envoy.replica.replica import Author, Replica
from envoy.replica.roads import Roads
from envoy.state import epochs as duties
from envoy.sync import frames
from envoy.views import rows

ADMINS = ("owner", "admin")
LOCAL = "local_only"


def housekeep(replica: Replica) -> bool:
    """Do what this profile owes the others in a space; say if there was anything.

    What has to be cited for it may be dated ahead of this clock: then it waits. Raises as
    ``Replica.compose`` does else.
    """
    tend = replica.profile.tend
    done = [] if tend is None else [tend(replica)]  # whether it is connected, before all else
    duties_of = [pin_hub, ask_again, _exchange_keys, renew_epoch]
    if replica.space.role in ADMINS:
        duties_of.append(_revoke_due)
    return any([*done, *[_unless_ahead(one, replica) for one in duties_of]])


def _unless_ahead(duty: Callable[[Replica], bool], replica: Replica) -> bool:
    """Do one duty; what has to be cited for it may be dated ahead: then it alone waits."""
    try:
        return duty(replica)
    except ConflictError as error:
        if error.code != "clock_ahead":
            raise
        return False


def _exchange_keys(replica: Replica) -> bool:
    """Ask for epochs that stay closed, answer who asks, refill the hub; say if any of it was."""
    every = (requests.ask, requests.answer, requests.refill)
    done = [_unless_ahead(one, replica) for one in every]
    return any(done) and bool(deliver(replica))


def _revoke_due(replica: Replica) -> bool:
    """Revoke the invites that must not live on; say if there were any."""
    known = replica.profile.rows.invites(replica.sn)
    before = replica.profile.clock.now_ms() - limits.CITABLE_AHEAD_MS
    due = duties.to_revoke(replica.batch().court.judgement, before=before)
    found = [known[one] for one in due if one in known]
    if found:
        replica.compose(lambda author: _end(author, found))
        deliver(replica)
    return bool(found)


def _end(author: Author, found: Sequence[rows.Invite]) -> list[Entry]:
    """Write the end of those that are live still: another process may have been here before."""
    judgement = author.batch.court.judgement
    live = [row for row in found if judgement.is_live(row.id)]
    if live:
        author.gather()
    return end_invites(author, live, "used up, past its end, or older than a removal")


def renew_epoch(replica: Replica) -> bool:
    """Leave the current epoch if it is time, for an admin or by an own new key; say if it was."""
    space, me = replica.space, replica.profile.rows.members(replica.sn).get(replica.me)
    has_new_key = me is not None and bool(me.enc_no)
    if space.role is None or space.closed_ms is not None:
        return False
    if space.role not in ADMINS and not has_new_key:
        return False  # the ledger is loaded only where it may be asked about
    create = _in_use(replica.batch())
    if create is None or not _is_over(replica, create):
        return False

    def work(author: Author) -> list[Entry]:
        found = _in_use(author.batch)
        if found is None or found.id != create.id:
            return []  # another process was first
        entry = author.rotate()
        found = _in_use(author.batch)
        if found is None or found.epoch != author.batch.space.epoch:
            raise AuthorityError("capability_missing", required_verb="grant")
        return [entry]

    try:
        replica.compose(work)
    except AuthorityError:
        return False  # a writer's keys count once a day: nobody would write under it
    return bool(deliver(replica))


def _in_use(batch: Batch) -> AuthEvent | None:
    """Return what created the epoch that is written under, None where another is due first.

    What is dated ahead and has been said again needs no cover, though no epoch is adequate by it.
    """
    court, latest = batch.court, batch.now_ms + limits.CITABLE_AHEAD_MS
    plan = duties.plan(court.judgement, court.views, author=batch.me, latest=latest)
    return plan.epoch if plan.duty is duties.Duty.WRITE else None


def _is_over(replica: Replica, create: AuthEvent) -> bool:
    """Say whether an epoch is too old or too long, or does not know a key that it should."""
    now, since = replica.profile.clock.now_ms(), _since(replica, create)
    age = now - since
    made = replica.profile.events.entry(replica.sn, create.id)
    assert made is not None, "what is judged is stored"
    is_admin = replica.space.role in ADMINS
    count = replica.profile.events.count_after(replica.sn, made.rid)
    if is_admin and (age > limits.EPOCH_SECONDS_MAX * 1000 or count >= limits.EPOCH_EVENTS_MAX):
        return True
    if is_admin and age > limits.KEY_REQUEST_AGAIN_SECONDS * 1000 and _is_split(replica):
        return True
    knows = _sealed_to(create)
    members = replica.profile.rows.members(replica.sn)
    # Whoever changes its keys all day must not make everybody rotate all day.
    others = is_admin and since + limits.KEYS_SECONDS_MIN * 1000 <= now
    return any(
        _is_new(row, knows) and is_usable(row.enc or b"")
        for did, row in members.items()
        if row.reader and (others or did == replica.me)
    )


def _since(replica: Replica, create: AuthEvent) -> int:
    """Return when an epoch was made, in milliseconds since 1970.

    One that is dated ahead would be young until that time: it is as old as the newest that is not.
    Two admins with different clocks would leave each other's by turns else.
    """
    now = replica.profile.clock.now_ms()
    latest = now + limits.CITABLE_AHEAD_MS
    if create.ts <= latest:
        return create.ts
    judgement = replica.batch().court.judgement
    kinds = judgement.ledger.by_kind
    made = [one for one in kinds.get("epoch.create", ()) if judgement.is_ok(one.id)]
    known = [one.ts for one in (*kinds["genesis"], *made) if one.ts <= latest]
    return max(known, default=now)  # by a clock that is behind all there is, nothing is old


def _is_split(replica: Replica) -> bool:
    """Say whether an epoch is in use that was made for others than the readers, or by no event.

    Nobody who was left out can open what cites it, nor all that cites that. The next epoch wraps it
    for every reader.
    """
    batch = replica.batch()
    court = batch.court
    latest = batch.now_ms + limits.CITABLE_AHEAD_MS
    known = epochs.settled(batch.events, batch.sn, court.judgement, latest=latest)
    for one in epochs.wrapped(batch.space.id, known):
        create = duties.created(court.judgement, one.id)
        if create is None or not duties.is_sound(create, court.views):
            return True
    return False


def _is_new(row: rows.Member, knows: dict[bytes, bytes | None]) -> bool:
    """Say whether the key of a reader is another than the one its epoch was sealed to.

    Who came later brought its first key along and was given the epoch for that.
    """
    return row.kid != knows[row.did] if row.did in knows else bool(row.enc_no)


def _sealed_to(create: AuthEvent) -> dict[bytes, bytes | None]:
    """Return the kids that an epoch was sealed to, of its readers."""
    if isinstance(create.body, EpochCreate):
        return {one.id: one.kid for one in create.body.rcpt}
    return {}  # the first epoch is for the founder's first key


def pin_hub(replica: Replica) -> bool:
    """Pin the hub of this machine if it is another than the space believes; say if it was.

    For admins of a space that lives here alone, and that is not closed.
    """
    space, key = replica.space, replica.profile.hub.hub_key
    if space.hub == key or space.mode != LOCAL or space.role not in ADMINS or space.closed_ms:
        return False

    def work(author: Author) -> list[Entry]:
        if author.batch.space.hub == key:
            return []  # another process, or another admin, was first
        return [say_pin(author, key, None)]

    replica.compose(work)
    deliver(replica)
    return True


def say_pin(author: Author, key: bytes, origin: str | None) -> Entry:
    """Pin a hub. Raises ConflictError(clock_ahead) where a pin that is dated ahead counts more."""
    court, latest = author.batch.court, author.batch.now_ms + limits.CITABLE_AHEAD_MS
    author.ensure_epoch()
    pins = [one for one in court.ledger.by_kind.get("hub.pin", ()) if one.ts <= latest]
    seen = sum(1 << one.index for one in pins)
    entry = author.say(HubPin(1 + court.ledger.greatest("hub.pin", seen), key, origin))
    pin = court.judgement.pin
    if pin is not None and pin.id != entry.id and pin.ts > latest:
        raise ConflictError("clock_ahead", event_ids=[to_text("evt", pin.id)])
    return entry


def ask_again(replica: Replica) -> bool:
    """Ask the pinned hub for the slots of my claims that it never confirmed; say if there were any.

    Those that still run, that this copy has the secret of, and that wait for nothing else.
    """
    space, profile = replica.space, replica.profile
    if space.pending or space.hub not in _orderers(replica) or space.role is None:
        return False
    found, mine = list[tuple[bytes, bytes, int]](), profile.events.actor(replica.me)
    for task in profile.rows.provisional(replica.sn, mine):
        asked = _asked(replica, task)
        if asked is not None and task.tenure is not None:
            found.append((task.tenure, *asked))
    with profile.events.transaction(durable=True):
        batch = replica.batch()
        for claim, secret, lease_s in found:
            entry = batch.events.entry(replica.sn, claim)
            if entry is not None and entry.entity is not None:
                what, data = slots.ask(entry.entity, secret, lease_s)
                batch.send(what, data, ident=claim)
        batch.finish()
    return bool(found) and deliver(replica) == DELIVERED


def _orderers(replica: Replica) -> list[bytes]:
    """Return the keys of the hubs that can be asked for a slot: this machine's, and the relay's."""
    found, roads = [replica.profile.hub.hub_key], cast(Roads | None, replica.profile.roads)
    place = None if roads is None else roads.place_of(replica.space.id)
    return found if place is None else [*found, place[2]]


def _asked(replica: Replica, task: rows.Task) -> tuple[bytes, int] | None:
    """Return secret and lease of a claim of mine that still runs, None where that is not so."""
    profile, batch = replica.profile, replica.batch()
    entry = None if task.tenure is None else profile.events.entry(replica.sn, task.tenure)
    body = None if entry is None else batch.keys.body(entry)
    if entry is None or not isinstance(body, TaskClaim):
        return None
    secret = profile.rows.find_holder(replica.sn, task.id, body.session)
    if secret is None or slots.holder_hash(secret) != body.holder_hash:
        return None
    runs = entry.ts + body.lease_s * 1000 > profile.clock.now_ms()
    return (secret, body.lease_s) if runs else None


def end_invites(author: Author, found: Sequence[rows.Invite], reason: str) -> list[Entry]:
    """Write the end of invites and queue it for the hub; the epoch is left with them."""
    # Under a grant of lower rank it would end nothing: the senior one may be dated ahead.
    said = [author.say(Revoke(row.id, reason), auth=author.under("grant")) for row in found]
    withdraw(author, found)
    return said


def withdraw(author: Author, found: Sequence[rows.Invite]) -> None:
    """Queue the end of invites that ended in the space for the hub, which hands out their codes."""
    for row in found:
        gone = frames.InviteDelete(row.lookup, row.revoke_auth)
        author.batch.send("uninvite", encode(gone), ident=row.id)


def post_box(author: Author, enc: bytes | None) -> None:
    """Queue boxes for the holder of ``enc``: of the epoch written under, and what it wraps not.

    It passes on no epoch that is dated ahead; who comes in could open nothing that cites one.
    """
    batch, space = author.batch, author.batch.space
    latest, acts = batch.now_ms + limits.CITABLE_AHEAD_MS, batch.court.ledger.by_kind
    ahead = [one.epoch for one in acts.get("epoch.create", ()) if one.ts > latest]
    for epoch in dict.fromkeys([space.epoch, *ahead[-limits.WRAP_ENTRIES_MAX :]]):
        row = None if epoch is None else batch.events.epoch(batch.sn, epoch)
        if row is None or row.secret is None:
            assert epoch != space.epoch, "an author writes under an epoch it holds"
            continue
        made = epochs.box_for(enc, space.id, row.id, row.secret)
        if made is not None:
            tag = box_tag(row.id, made[0])
            batch.send("box", encode((tag, made[1])), ident=row.id)
