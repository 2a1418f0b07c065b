"""D4: of two admins who remove each other at once the senior one stays, on every copy."""

from __future__ import annotations

from itertools import islice, permutations

from abuse.siege import commit, mirrored, verdict
from envoy.core.bodies import Remove
from replica.council import council, role
from replica.scenes import deliver, frames_of
from replica.world import World


def test_the_senior_stands_in_every_order(world: World) -> None:
    lead, b, c, _, _ = council(world)
    base = frames_of(lead)
    (up,) = commit(c, Remove(b.me, "", ()))
    (down,) = commit(b, Remove(c.me, "", ()))
    new = [frame for one in (b, c) for frame in frames_of(one) if frame not in base]
    deliver(lead, new)
    assert (role(lead, b), role(lead, c)) == ("admin", None)
    assert verdict(lead, down) == ("ok", None) and verdict(lead, up) == ("void", "R3 beside")
    entry = lead.events.entry(1, up)
    assert entry is not None and entry.cause_by == down
    mirrored(world, lead, [[*base, *order] for order in islice(permutations(new), 6)])


def test_control_alone_the_junior_of_two_writers_is_removed(world: World) -> None:
    lead, b, c, w, _ = council(world)
    commit(c, Remove(w.me, "", ()))
    for one in (c, b, lead):
        one.sync()
    assert role(b, w) is None and role(b, c) == "admin"
