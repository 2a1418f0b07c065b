"""Dropped: frames that waited here, fell out of a bound, and lack nothing any more.

They are asked for again: a few by their ids, very many by reading the log once more in its order,
since by id each would come in before what it builds on. Loaded where there are any.

Laws: a frame that was dropped is judged as any other when it comes again. Nothing here moves the
place in the log of a hub.

Specification: docs/spec/store.md, Parking.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy import limits
from envoy.replica.ingest import take_in, take_read
from envoy.replica.opening import read
from envoy.replica.ports import call_hub
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.views import rows

Ask = Callable[[Replica, rows.Space], frames.Page | None]


def fetch(replica: Replica, go: Callable[[], bool], *, ask: Ask) -> None:
    """Take in what was dropped and lacks nothing now; ``ask`` returns the page behind a place.

    One that comes in may be what others lacked, so this goes on until none does.
    """
    parking, sn = replica.profile.events.parking, replica.sn
    after, accepted = b"", 0
    if len(parking.fetchable(sn, after=after, limit=limits.BY_ID_MAX)) == limits.BY_ID_MAX:
        _read_again(replica, go, ask)
    while go():
        dropped = parking.fetchable(sn, after=after, limit=limits.BY_ID_MAX)
        if dropped:
            call = frames.ById(replica.space.id, tuple(dropped))
            found = call_hub(replica.profile.hub, call, frames.Found).frames
            accepted += take_in(replica, found, source="hub", again=True).accepted
            after = dropped[-1]
        elif accepted:
            after, accepted = b"", 0
        else:
            return


def _read_again(replica: Replica, go: Callable[[], bool], ask: Ask) -> None:
    """Read the log from its beginning to where this copy stands, for what was dropped of it."""
    space = replica.space
    place = space._replace(cursor=0)
    while go() and place.cursor < space.cursor:
        page = ask(replica, place)
        if page is None or page.head is None or page.head.instance != space.instance:
            return  # the next pull finds that it is another log
        found = [read(frame) for frame in page.frames]
        wanted = replica.profile.events.parking.dropped(replica.sn, [one.id for one in found])
        if wanted:
            again = [one for one in found if one.id in wanted]
            take_read(replica, again, source="hub", again=True)
        if page.last <= place.cursor:
            return
        place = place._replace(cursor=page.last)
