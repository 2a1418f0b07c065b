"""Connect: a space of one machine comes to live at a relay as well.

The relay is made to keep the space, which takes a chain of capabilities from the root key that the
founder has; chains for all members are left there, so that each finds its own at its first session,
whoever is online; everything this machine has of the space goes up; and a pin tells all that from
now on the relay orders claims. The hub of this machine goes on as before.

Laws: access follows from roles in the space and never the other way round. A crash between any two
steps leaves a space that works on this machine, and the next try goes on.

Specification: docs/spec/access.md; docs/spec/bridge.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from envoy import limits
from envoy.core import access
from envoy.core.access import ADMIN, DEPTHS, FOUNDER_DEPTH, READ, WRITE, Capability
from envoy.core.bodies import HubPin
from envoy.core.crypto.sign import public_key
from envoy.core.log import Entry
from envoy.errors import AuthorityError, ConflictError, InternalError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.replica import Author, Profile, Replica
from envoy.replica.roads import CHAIN, Roads, pack, told, unpack
from envoy.sync.frames import HubRefusal
from envoy.views import rows

CONNECTED = "connected"
# Role in the space -> role at a relay.
ROLES = {"owner": ADMIN, "admin": ADMIN, "write": WRITE, "read": READ}
# What a joiner issues itself by an invite; an admin's client gives it a chain of its own later.
JOINER_MS = 30 * limits.DAY_SECONDS * 1000


class Connection(NamedTuple):
    """A space and the relay it lives at; ``changed``: it was not there before."""

    space: rows.Space
    origin: str
    hub_key: bytes
    changed: bool


def roads_of(profile: Profile) -> Roads:
    """Return the roads of a profile that was opened with them."""
    if profile.roads is None:
        raise InternalError("internal", cause="no_roads")
    return cast(Roads, profile.roads)  # its type is named where no hot command loads it


def own_chain(profile: Profile, space: rows.Space) -> tuple[bytes, ...] | None:
    """Return the chain that leads to the own access key, None if only a relay may know one.

    A founder makes its own; others keep the one they were given or issued themselves.
    """
    me = profile.identity
    if space.founder == me.did:
        holder = public_key(me.access_seed(space.id))
        own = Capability(space.id, 0, ADMIN, holder, 0, FOUNDER_DEPTH, 0)
        return (access.issue(me.space_root_seed(space.salt), own),)
    raw = profile.rows.note(space.sn, CHAIN)
    return None if raw is None else unpack(raw)


def keep_chain(profile: Profile, sn: int, chain: Sequence[bytes]) -> None:
    """Keep the chain that leads to the own access key."""
    with profile.events.transaction(durable=True):
        profile.rows.keep_note(sn, CHAIN, pack(chain))


def issued(
    profile: Profile, space: rows.Space, holder: bytes, role: str
) -> tuple[bytes, ...] | None:
    """Return a chain for the access key of a member by its role, None where I can give none."""
    own = own_chain(profile, space)
    if own is None or role not in ROLES or len(own) >= limits.CAPABILITY_LINKS_MAX:
        return None
    at_relay = ROLES[role]
    cap = Capability(space.id, 0, at_relay, holder, 0, DEPTHS[at_relay], 0)
    return (*own, access.issue(profile.identity.access_seed(space.id), cap))


def chains(profile: Profile, space: rows.Space) -> list[tuple[bytes, ...]]:
    """Return chains for all members whose access keys are known, but me."""
    found = list[tuple[bytes, ...]]()
    for row in profile.rows.members(space.sn).values():
        if row.access is None or row.role is None or row.did == profile.identity.did:
            continue
        chain = issued(profile, space, row.access, row.role)
        if chain is not None:
            found.append(chain)
    return found


def connect(replica: Replica, *, origin: str, pin: bytes | None, timeout_s: float) -> Connection:
    """Put a space on the relay ``origin``, with all its history; one that is there is brought up.

    Raises AuthorityError (capability_missing, egress_denied), ConflictError(space_closed),
    UsageError(invalid_argument), RelayError.
    """
    profile, roads = replica.profile, roads_of(replica.profile)
    look(replica)
    deliver(replica)
    space = replica.space
    if space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", space.id))
    if own_chain(profile, space) is None:
        raise AuthorityError("capability_missing", required_verb="own")
    text, key = roads.find(origin, pin, timeout_s=timeout_s)
    changed = roads.place_of(space.id) != (text, pin, key)
    try:
        roads.connect(space.id, space.genesis, origin=text, pin=pin, hub_key=key)
        given = chains(profile, space)
        for start in range(0, len(given), limits.ACCESS_CAPS_MAX):
            roads.give(space.id, given[start : start + limits.ACCESS_CAPS_MAX], None)
        _mark(replica)
        _pin(replica, text, key)
        deliver(replica)
        roads.sync(space.id)
    except HubRefusal as refusal:
        raise told(refusal) from refusal
    return Connection(replica.space, text, key, changed)


def _mark(replica: Replica) -> None:
    """Note that the space lives at a relay as well."""
    with replica.profile.events.transaction(durable=True):
        space = replica.space
        if space.mode != CONNECTED:
            replica.profile.rows.save(space._replace(mode=CONNECTED))


def _pin(replica: Replica, origin: str, key: bytes) -> None:
    """Let the relay order slots from now on, unless it does."""
    if replica.space.hub == key:
        return

    def work(author: Author) -> list[Entry]:
        if author.batch.space.hub == key:
            return []  # another process, or another admin, was first
        ledger, seen = author.batch.court.ledger, (1 << author.batch.court.next_ix) - 1
        number = 1 + ledger.greatest("hub.pin", seen)
        return [author.say(HubPin(number, key, origin))]

    replica.compose(work)
