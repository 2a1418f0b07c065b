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

from envoy.core.log import Entry
from envoy.errors import AuthorityError, ConflictError, InternalError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.actions import access
from envoy.replica.actions.care import say_pin
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.replica import Author, Profile, Replica
from envoy.replica.roads import Roads, told
from envoy.sync.frames import HubRefusal
from envoy.views import rows


class Connection(NamedTuple):
    """A space and the relay it lives at; ``changed``: it was not there before.

    ``delivery`` says whether the relay has all that this machine has, ``reason`` why not.
    ``isolated``: it shares no connection with other spaces.
    """

    space: rows.Space
    origin: str
    hub_key: bytes
    changed: bool
    delivery: str
    reason: str
    isolated: bool


def roads_of(profile: Profile) -> Roads:
    """Return the roads of a profile that was opened with them."""
    roads = access.roads_of(profile)
    if roads is None:
        raise InternalError("internal", cause="no_roads")
    return roads


def connect(
    replica: Replica,
    *,
    origin: str,
    pin: bytes | None,
    timeout_s: float,
    is_isolated: bool = False,
) -> Connection:
    """Put a space on the relay ``origin``, with all its history; one that is there is brought up.

    ``is_isolated``: no connection to the relay serves another space as well; one that is isolated
    stays so.

    Raises AuthorityError (capability_missing, egress_denied), ConflictError(space_closed),
    UsageError(invalid_argument), RelayError.
    """
    profile, roads = replica.profile, roads_of(replica.profile)
    if is_isolated:
        roads.isolate(replica.space.id)
    look(replica)
    deliver(replica)
    space = replica.space
    if space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", space.id))
    if access.own_chain(profile, space) is None:
        raise AuthorityError("capability_missing", required_verb="own")
    text, key = roads.find(origin, pin, timeout_s=timeout_s)
    changed = roads.place_of(space.id) != (text, pin, key)
    try:
        roads.connect(space.id, space.genesis, origin=text, pin=pin, hub_key=key)
        access.mark(replica)
        access.settle(replica, roads, access.due(replica))
        for one in profile.rows.objects(replica.sn) if changed else ():
            if one.retracted is None:
                roads.carried(space.id, one.chunks)
        _pin(replica, text, key)
        deliver(replica)
        _, error = roads.exchange(space.id)
        if error is not None and error.code != "rate_limited":  # the next sync goes on from there
            raise error
    except HubRefusal as refusal:
        raise told(refusal) from refusal
    return stands(replica, changed=changed)


def publish(
    profile: Profile, space: rows.Space, origin: str, *, pin: bytes | None, timeout_s: float
) -> rows.Space:
    """Put a space that was just made on the relay ``origin``; return its row. Raises as that."""
    replica = Replica(profile, space.sn)
    return connect(replica, origin=origin, pin=pin, timeout_s=timeout_s).space


def stands(replica: Replica, *, changed: bool) -> Connection:
    """Return where a connected space stands. ``changed``: it was not there before."""
    roads, space = roads_of(replica.profile), replica.space
    place = roads.place_of(space.id)
    if place is None:
        raise ConflictError("space_local_only", space_id=to_text("space", space.id))
    delivery = roads.delivery(space.id)
    isolated = roads.is_isolated(space.id)
    return Connection(space, place[0], place[2], changed, *delivery, isolated)


def _pin(replica: Replica, origin: str, key: bytes) -> None:
    """Let the relay order slots from now on, unless it does."""
    if replica.space.hub == key:
        return

    def work(author: Author) -> list[Entry]:
        if author.batch.space.hub == key:
            return []  # another process, or another admin, was first
        return [say_pin(author, key, origin)]

    replica.compose(work)
