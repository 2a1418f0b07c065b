"""Far: `sync` where relays are: every connected space is brought to the same log on both sides.

What the hub port does by the way, quietly and for two seconds, is done here in so many words: with
all the time there is, and what a relay did not do is told, space by space. A relay that is away or
lies in one space keeps no other from being exchanged, nor what this machine has among its own.

Objects are the part that only a replica can name: where a relay lost its log, or begins with one,
their chunks are left for it again.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from envoy.errors import EnvoyError, InternalError
from envoy.lean import NamedTuple
from envoy.replica import sync
from envoy.replica.actions import access, approve
from envoy.replica.actions.local import exchange, sync_all
from envoy.replica.replica import Profile, Replica
from envoy.replica.roads import Roads, told
from envoy.sync.frames import HubRefusal
from envoy.views import rows


class Reached(NamedTuple):
    """What came of the relay of one space: ``code`` why it did not do its part, or empty.

    ``whole``: there was time for all of it; ``pending`` is what waits for that relay then.

    ``lacked`` are events that were here and not there, ``withheld`` those that it had and did not
    give until it was asked for them by id; both only where the logs were compared.
    """

    space: bytes
    origin: str
    code: str
    pushed: int
    pulled: int
    whole: bool = True
    pending: int = 0
    lacked: tuple[bytes, ...] = ()
    withheld: tuple[bytes, ...] = ()


def exchange_all(
    profile: Profile, spaces: Iterable[bytes] | None, *, compare: bool
) -> tuple[rows.Synced, list[Reached]]:
    """Exchange with the hub and with relays; return what moved here, and what each relay did.

    ``spaces`` None: all that this profile has. ``compare``: look at every frame, whatever the sums
    say. A profile without roads has only its hub.
    """
    if profile.roads is None:
        return sync_all(profile, spaces), []
    roads = cast(Roads, profile.roads)
    wanted = None if spaces is None else set(spaces)
    here = [row for row in profile.rows.spaces() if wanted is None or row.id in wanted]
    far = [
        (row, place[0])
        for row in here
        # Who waits to be let in may ask for nothing yet.
        if (place := roads.place_of(row.id)) and not approve.is_waiting(Replica(profile, row.sn))
    ]
    reached = [_reach(roads, row, origin, compare=compare) for row, origin in far]
    done = sync_all(profile, wanted)
    for at, (row, _) in enumerate(far):
        replica = Replica(profile, row.sn)
        # What came down although it signed for nothing may be the pin of its new key.
        if reached[at].code == access.INCONSISTENT and access.follow_pin(roads, replica.space):
            reached[at] = reached[at]._replace(code="")
        if not reached[at].code:
            bring_objects(replica)
            reached[at] = _again(roads, replica, reached[at])
        reached[at] = reached[at]._replace(pending=roads.waiting(row.id))
    waiting = sum(one.pending for one in reached)
    return done._replace(pending=_pending(profile, here) + waiting), reached


def _reach(roads: Roads, row: rows.Space, origin: str, *, compare: bool) -> Reached:
    """Let the bridge of one space run to its end."""
    lacked = withheld = tuple[bytes, ...]()
    (pushed, pulled, whole), error = roads.exchange(row.id)
    try:
        if compare and error is None:
            withheld, lacked = roads.compare(row.id)
    except (HubRefusal, EnvoyError) as found:
        error = found
    if isinstance(error, InternalError):
        raise error
    code = "" if error is None else _code(error)
    whole = whole and error is None
    return Reached(row.id, origin, code, pushed, pulled, whole, 0, lacked, withheld)


def _code(error: HubRefusal | EnvoyError) -> str:
    """Return the code of what went wrong, as a person is told of it."""
    return told(error).code if isinstance(error, HubRefusal) else error.code


def _again(roads: Roads, replica: Replica, before: Reached) -> Reached:
    """Send what was written here meanwhile; take in what came of that."""
    if roads.delivery(replica.space.id)[0] == "delivered":
        return before
    after = _reach(roads, replica.space, before.origin, compare=False)
    if after.pulled:
        exchange(replica)
    pushed, pulled = before.pushed + after.pushed, before.pulled + after.pulled
    return before._replace(code=after.code, pushed=pushed, pulled=pulled, whole=after.whole)


def _pending(profile: Profile, here: Sequence[rows.Space]) -> int:
    """Return how much of what was written in some spaces waits to be sent to the hub."""
    asked = {row.sn for row in here}  # one that waited in vain to be let in is gone by now
    return sum(row.pending for row in profile.rows.spaces() if row.sn in asked)


def bring_objects(replica: Replica, *, go: sync.Go = sync.always) -> bool:
    """Leave the chunks of all objects for a relay that may lack them; say if that was so."""
    profile, space = replica.profile, replica.space.id
    roads = cast(Roads | None, profile.roads)
    if roads is None or profile.carry is None or not roads.wants_chunks(space):
        return False
    for row in profile.rows.objects(replica.sn):
        if row.retracted is None and not profile.carry(space, row.chunks, go=go):
            return True  # the rest the next time
    roads.has_chunks(space)
    return True
