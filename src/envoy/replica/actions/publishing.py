"""Publishing: an invite that a relay hands out, while whoever made it is away.

The relay gets the sealed record, and inside that stands a chain to the key that follows from the
code: with it the joiner reads the space there. Its end and its uses are those of the invite, so it
lets nobody in whom the space would not.

Laws: an invite is published only where the space lives. What is said to be
published the relay took.

Specification: docs/spec/invite.md, At a relay.
"""

from __future__ import annotations

from typing import Final

from envoy.core import bodies
from envoy.core.access import Capability
from envoy.core.invite import InviteInfo
from envoy.errors import AuthorityError, ConflictError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.actions import access, enter
from envoy.replica.replica import Author, Profile, Replica
from envoy.replica.roads import pack, told
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

NOT_ATTEMPTED: Final = "not_attempted"
PUBLISHED: Final = "published"
FAILED: Final = "failed"
DEPTH: Final = 1  # the joiner issues itself a chain below the invite's


class Road(NamedTuple):
    """Where an invite is published: the relay, its pin, the chain to the invite's access key."""

    origin: str
    pin: bytes | None
    cap: bytes | None


def require(replica: Replica) -> None:
    """Refuse to go on where an invite cannot be published now.

    Raises ConflictError(space_local_only), AuthorityError(capability_missing), RelayError.
    """
    roads, space = access.roads_of(replica.profile), replica.space
    if roads is None or roads.place_of(space.id) is None:
        raise ConflictError("space_local_only", space_id=to_text("space", space.id))
    try:
        roads.ask(space.id, frames.HeadGet(space.id))
    except HubRefusal as refusal:
        raise told(refusal) from refusal
    probe = Capability(space.id, 0, "r", space.root_pub, 0, DEPTH, 0)
    if access.below_mine(replica.profile, space, probe) is None:
        raise AuthorityError("capability_missing", required_verb="grant")


def road(replica: Replica, body: bodies.Invite) -> Road | None:
    """Return where the invite ``body`` is published, None where it is not."""
    profile, space = replica.profile, replica.space
    roads = access.roads_of(profile)
    place = None if roads is None else roads.place_of(space.id)
    if place is None:
        return None
    if body.mode != "open":
        return Road(place[0], place[1], None)
    role = access.ROLES[body.role]
    gen = access.gen_of(profile, space)
    cap = Capability(space.id, gen, role, body.access, body.na, DEPTH, body.max_uses)
    chain = access.below_mine(profile, space, cap)
    if chain is None or access.depth_of(chain) != DEPTH:
        return None  # an admin who was let in by another one: the founder gives it more
    return Road(place[0], place[1], pack(chain))


def info(author: Author, body: bodies.Invite, made: bytes, road: Road | None) -> InviteInfo:
    """Return what the record of the invite ``made`` tells whoever has its code."""
    space, me = author.batch.space.id, author.profile.identity
    return InviteInfo(
        space=space,
        relays=() if road is None else (road.origin,),
        pin=None if road is None else road.pin,
        inviter=author.me,
        invite=made,
        mode=body.mode,
        role=body.role,
        na=body.na,
        enc=None if body.mode == "open" else me.enc_key(0, space),
        cap=None if road is None else road.cap,
    )


def publication(replica: Replica, to: Road | None, row: rows.Invite) -> str:
    """Return whether the relay has an invite now, as it acknowledged."""
    roads = access.roads_of(replica.profile)
    if to is None or roads is None:
        return NOT_ATTEMPTED
    return PUBLISHED if roads.has_invite(replica.space.id, row.lookup) else FAILED


def place_of(profile: Profile, info: InviteInfo) -> enter.Place | None:
    """Return the relay of an invite that this machine knows where to find, None for a local one."""
    roads = access.roads_of(profile)
    place = None if roads is None else roads.place_of(info.space)
    if place is None or not info.relays:
        return None
    return enter.Place(place[0], place[1])
