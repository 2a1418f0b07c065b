"""D22: a reader delegates to nobody, a writer to no stranger; of 300 acts of a grant 256 count."""

from __future__ import annotations

from collections import Counter

import pytest

from abuse.siege import verdict
from envoy import limits
from envoy.core.bodies import Delegate
from envoy.replica.actions import authority
from replica.council import council
from replica.forge import Forger
from replica.scenes import deliver, message, status_of
from replica.world import World

EXPECT = {
    ("reader", "member"): ("invalid", "S3 cap"),
    ("reader", "stranger"): ("invalid", "S3 cap"),
    ("w", "member"): ("ok", None),
    ("w", "stranger"): ("invalid", "S4 outsider"),
    ("b", "member"): ("ok", None),
    ("b", "stranger"): ("ok", None),
}


def test_role_by_target(world: World) -> None:
    lead, b, c, w, reader = council(world)
    givers = {"b": b, "w": w, "reader": reader}
    targets = {"member": c, "stranger": world.actor("stranger")}
    for (giver, to), expect in EXPECT.items():
        given = Delegate(targets[to].me, "write", None, 0, None, None)
        frame, event = Forger(givers[giver]).say(given)
        deliver(lead, [frame])
        assert verdict(lead, event.id) == expect, (giver, to)


@pytest.mark.slow
def test_a_flood_of_delegations_is_bounded(world: World) -> None:
    lead, w, other = world.team("lead", "w", "other")
    most = limits.AUTH_EVENTS_PER_GRANT_MAX
    given = Delegate(other.me, "write", None, 0, None, None)
    found = [Forger(w).say(given) for _ in range(most + 44)]
    deliver(lead, [frame for frame, _ in found])
    verdicts = Counter(verdict(lead, event.id) for _, event in found)
    assert verdicts == {("ok", None): most, ("void", "R4 over count"): 44}
    sent = lead.send("goes on").event
    authority.remove(lead.copy, w.me, reason="a flood")
    frame, late = Forger(w).say(message())
    deliver(lead, [frame])
    assert status_of(lead, sent) == "ok" and status_of(lead, late.id) == "held"
