"""Care: what a client owes the space beside what it was asked to do.

An invite that is used up or past its end still opens the space to whoever holds its code, and one
that was made before a removal may be known to who was removed. So they are revoked, and with that
the epoch is left that their codes open (rules E3, E8). This runs in the commands on spaces, invites
and syncing: a plain write must not wait for it.

Law: an invite past its end lives on as long as clocks of honest joiners may be behind this one. Who
joined in time by its own clock is not made void by a revocation that did not wait for it.

A hub of this machine that was lost comes back under another key, whose receipts nobody believes.
So an admin's client pins the new one, and whoever holds a task that no believed hub confirmed asks
for its slot again.

Specification: docs/spec/epoch.md; docs/spec/invite.md, End; docs/spec/receipt.md, Pins.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.core.bodies import HubPin, Revoke, TaskClaim
from envoy.core.codec import encode
from envoy.core.epoch import box_tag
from envoy.core.log import Entry
from envoy.replica import epochs, slots
from envoy.replica.actions.deliver import DELIVERED, deliver
from envoy.replica.replica import Author, Replica
from envoy.state import epochs as duties
from envoy.sync import frames
from envoy.views import rows

ADMINS = ("owner", "admin")
LOCAL = "local_only"


def housekeep(replica: Replica) -> bool:
    """Revoke the invites that must not live on, if that is for this profile to do; say if it did.

    Raises as ``Replica.compose`` does.
    """
    pinned = pin_hub(replica)
    asked = ask_again(replica)
    if replica.space.role not in ADMINS:
        return pinned or asked
    known = replica.profile.rows.invites(replica.sn)
    before = replica.profile.clock.now_ms() - limits.CITABLE_AHEAD_MS
    due = duties.to_revoke(replica.batch().court.judgement, before=before)
    found = [known[one] for one in due if one in known]
    if found:
        replica.compose(lambda author: _end(author, found))
        deliver(replica)
    return bool(found) or pinned or asked


def _end(author: Author, found: Sequence[rows.Invite]) -> list[Entry]:
    """Write the end of those that are live still: another process may have been here before."""
    judgement = author.batch.court.judgement
    live = [row for row in found if judgement.is_live(row.id)]
    if live:
        author.gather()
    return end_invites(author, live, "used up, past its end, or older than a removal")


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
        ledger, seen = author.batch.court.ledger, (1 << author.batch.court.next_ix) - 1
        return [author.say(HubPin(1 + ledger.greatest("hub.pin", seen), key, None))]

    replica.compose(work)
    deliver(replica)
    return True


def ask_again(replica: Replica) -> bool:
    """Ask the pinned hub for the slots of my claims that it never confirmed; say if there were any.

    Those that still run, that this copy has the secret of, and that wait for nothing else.
    """
    space, profile = replica.space, replica.profile
    if space.pending or space.hub != profile.hub.hub_key or space.role is None:
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
    said = [author.say(Revoke(row.id, reason)) for row in found]
    withdraw(author, found)
    return said


def withdraw(author: Author, found: Sequence[rows.Invite]) -> None:
    """Queue the end of invites that ended in the space for the hub, which hands out their codes."""
    for row in found:
        gone = frames.InviteDelete(row.lookup, row.revoke_auth)
        author.batch.send("uninvite", encode(gone), ident=row.id)


def post_box(author: Author, enc: bytes | None) -> None:
    """Queue a box of the epoch written under for the holder of ``enc``."""
    batch, space = author.batch, author.batch.space
    row = None if space.epoch is None else batch.events.epoch(batch.sn, space.epoch)
    assert row is not None and row.secret is not None, "an author writes under an epoch it holds"
    made = epochs.box_for(enc, space.id, row.id, row.secret)
    if made is not None:
        tag = box_tag(row.id, made[0])
        batch.send("box", encode((tag, made[1])), ident=row.id)
