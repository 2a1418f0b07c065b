"""Enter: the ways into a space that only a relay knows, for who has no event of it yet.

A code names nothing. Where its URI or the caller names a relay, that relay hands out the sealed
record of the invite, and the key that follows from the code reads the space there, whether or not
the inviter is online. Who joins issues itself a chain below the invite's, so that it can come
again. With approval nothing is read before somebody approved, and the answer brings the chain.
Whoever lost a home and has the words needs neither: the relay knows the chain of its key.

Laws: no relay is asked that nobody named. What it hands out is checked as what a hub of this
machine hands out is: genesis, invite and signatures decide.

Specification: docs/spec/invite.md, Open mode; docs/spec/access.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envoy import limits
from envoy.core import access as chains
from envoy.core.access import Capability, Link
from envoy.core.codec import decode
from envoy.core.crypto.sign import public_key
from envoy.core.invite import InviteInfo, InviteKeys
from envoy.core.structs import Body
from envoy.errors import ConflictError, RemoteFault
from envoy.lean import NamedTuple
from envoy.replica.actions.access import keep_chain, mark
from envoy.replica.actions.connect import roads_of
from envoy.replica.opening import read
from envoy.replica.ports import call_hub
from envoy.replica.replica import Profile, Replica
from envoy.replica.roads import read_pin, told, unpack
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

REMOVED: Final = "epoch_revoked"
NOT_THERE: Final = "hosted_relay_invite_not_found"


class Place(NamedTuple):
    """Where to ask: origin of a relay, SHA-256 of its TLS key or None."""

    origin: str
    pin: bytes | None


def place(origin: str, pin: str | None) -> Place:
    """Return the relay ``origin`` with its pin as it is written. Raises UsageError."""
    return Place(origin, read_pin(pin))


def fetch(profile: Profile, place: Place, call: frames.InviteFetch) -> frames.InviteBlob:
    """Redeem a use of an invite at a relay.

    Raises NotFoundError(hosted_relay_invite_not_found), ConflictError(invite_already_redeemed),
    RelayError, UsageError(invalid_argument), AuthorityError(egress_denied).
    """
    try:
        reply = roads_of(profile).visit(place.origin, place.pin, call)
    except HubRefusal as refusal:
        raise told(refusal) from refusal
    assert isinstance(reply, frames.InviteBlob), "a reply is decoded as that of its call"
    return reply


def at(place: Place, info: InviteInfo) -> Place:
    """Return where the space of an invite is asked for: there, by the pin that the inviter has."""
    return place if place.pin is not None else place._replace(pin=info.pin)


def come_in(profile: Profile, place: Place, keys: InviteKeys, info: InviteInfo) -> None:
    """Bring the log of a space to this machine by the access key of its invite.

    Raises ConflictError(invalid_invite) for an invite without a chain, and what relays refuse.
    """
    _open(profile, place, info.space, (keys.access, _chain(info)))


def _open(
    profile: Profile,
    place: Place,
    space: bytes,
    key: tuple[bytes, tuple[bytes, ...] | None],
) -> None:
    """Link a space that the relay at ``place`` has, and bring its log here."""
    roads = roads_of(profile)
    origin, hub_key = roads.find(place.origin, place.pin, timeout_s=_seconds())
    try:
        roads.enter(space, key, origin=origin, pin=place.pin, hub_key=hub_key)
    except HubRefusal as refusal:
        raise told(refusal) from refusal


def _seconds() -> float:
    return float(limits.RPC_SECONDS_DEFAULT)


def _chain(info: InviteInfo) -> tuple[bytes, ...]:
    """Return the chain of an invite's access key. Raises ConflictError(invalid_invite)."""
    try:
        chain = unpack(info.cap or b"")
        decode(decode(chain[-1], Link).cap, Capability)
    except (RemoteFault, IndexError) as fault:
        raise ConflictError("invalid_invite") from fault
    return chain


def settle_in(replica: Replica, keys: InviteKeys, info: InviteInfo) -> None:
    """Issue the chain by which this profile comes again, and show it to the relay.

    Raises ConflictError(invite_already_redeemed) where others were first, and what relays refuse.
    """
    profile, above = replica.profile, _chain(info)
    caps = [decode(decode(link, Link).cap, Capability) for link in above]
    invited, end = caps[-1], chains.latest_end(caps)
    wanted = profile.clock.now_ms() + limits.JOINED_SECONDS * 1000
    cap = Capability(
        space=info.space,
        gen=invited.gen,
        role=invited.role,
        holder=public_key(profile.identity.access_seed(info.space)),
        exp=min(wanted, end or wanted),
        depth=0,
        uses=0,
    )
    keep_chain(profile, replica.sn, (*above, chains.issue(keys.access, cap)))
    roads = roads_of(profile)
    roads.own(info.space)
    try:
        roads.ask(info.space, frames.HeadGet(info.space))
    except HubRefusal as refusal:
        if refusal.code != REMOVED:
            raise told(refusal) from refusal
        # Was removed once: the join goes by the invite's key, and the founder lets the own one in.
        roads.lend(info.space, (keys.access, above))
    mark(replica)


def leave(profile: Profile, space: bytes) -> None:
    """Forget the relay of a space that this profile was not let into."""
    roads = roads_of(profile)
    roads.own(space)
    roads.leave(space)


# -- approval --------------------------------------------------------------------------------------


def wait_at(profile: Profile, place: Place, keys: InviteKeys, info: InviteInfo) -> None:
    """Let what is asked about an invite go to the relay at ``place``. Raises RelayError."""
    roads = roads_of(profile)
    origin, hub_key = roads.find(place.origin, place.pin, timeout_s=_seconds())
    invite = (keys.lookup, info.na)
    roads.wait_at(info.space, invite, origin=origin, pin=place.pin, key=hub_key)


def let_in(replica: Replica, cap: bytes | None) -> None:
    """Bring the log of a space here whose relay may know this profile by now.

    ``cap`` is the chain of the answer, None: the relay may have one. Raises HubRefusal, RelayError.
    """
    roads, space = roads_of(replica.profile), replica.space.id
    place = roads.place_of(space)
    if place is None:
        return
    chain = None
    if cap is not None:
        try:
            chain = unpack(cap)
        except RemoteFault:
            chain = None
    if chain is not None:
        keep_chain(replica.profile, replica.sn, chain)
    origin, pin, hub_key = place
    seed = replica.profile.identity.access_seed(space)
    roads.enter(space, (seed, chain), origin=origin, pin=pin, hub_key=hub_key)
    roads.own(space)


# -- after a loss ----------------------------------------------------------------------------------


def come_back(profile: Profile, place: Place, space: bytes) -> list[bytes]:
    """Bring the log of a space here by the own access key; return its epochs, newest first.

    Raises AuthorityError(capability_missing) where the relay knows no chain for it.
    """
    _open(profile, place, space, (profile.identity.access_seed(space), None))
    roads_of(profile).own(space)
    found = dict[bytes, None]()
    for frame in _frames(profile, space):
        outer = read(frame).outer
        if outer is not None:
            found.pop(outer.epoch, None)
            found[outer.epoch] = None
    return list(reversed(found))


def _frames(profile: Profile, space: bytes) -> Iterator[bytes]:
    """Yield the frames that the hub of this machine has of a space."""
    cursor, instance = 0, None
    while True:
        since: Body = frames.Pull(
            (frames.Since(space, instance, cursor),), limits.PAGE_FRAMES_MAX, 0
        )
        page = call_hub(profile.hub, since, frames.Pulled).pages[0]
        yield from page.frames
        if not page.frames or page.head is None:
            return
        cursor, instance = page.last, page.head.instance
