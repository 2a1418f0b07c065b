"""Care: what an admin's client owes the space beside what it was asked to do.

An invite that is used up still opens the space to whoever holds its code, and one that was made
before a removal may be known to who was removed. So they are revoked, and with that the epoch is
left that their codes open (rules E3, E8). This runs in the commands on spaces, invites and syncing:
a plain write must not wait for it.

Specification: docs/spec/epoch.md; docs/spec/invite.md, End.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import Revoke
from envoy.core.codec import encode
from envoy.core.log import Entry
from envoy.replica.actions.deliver import deliver
from envoy.replica.replica import Author, Replica
from envoy.state import epochs as duties
from envoy.sync import frames
from envoy.views import rows

ADMINS = ("owner", "admin")


def housekeep(replica: Replica) -> bool:
    """Revoke the invites that must not live on, if that is for this profile to do; say if it did.

    Raises as ``Replica.compose`` does.
    """
    if replica.space.role not in ADMINS:
        return False
    known = replica.profile.rows.invites(replica.sn)
    due = duties.to_revoke(replica.batch().court.judgement)
    found = [known[one] for one in due if one in known]
    if found:
        replica.compose(lambda author: end_invites(author, found, "used up"))
        deliver(replica)
    return bool(found)


def end_invites(author: Author, found: Sequence[rows.Invite], reason: str) -> list[Entry]:
    """Write the end of invites and queue it for the hub; the epoch is left with them."""
    said = [author.say(Revoke(row.id, reason)) for row in found]
    for row in found:
        gone = frames.InviteDelete(row.lookup, row.revoke_auth)
        author.batch.send("uninvite", encode(gone), ident=row.id)
    return said
