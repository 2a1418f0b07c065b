"""C14: the number of a pin or of rules follows the greatest in its ancestry, or is nothing."""

from __future__ import annotations

import os

import pytest

from abuse.siege import mirrored, shuffles, verdict
from envoy.core.bodies import HubPin, SpaceRules
from replica.council import council
from replica.forge import Forger
from replica.scenes import deliver
from replica.world import World

MAX = 2**63 - 1


@pytest.mark.parametrize(
    ("number", "status"), [(0, "invalid"), (1, "ok"), (2, "invalid"), (MAX, "invalid")]
)
def test_a_pin(number: int, status: str, world: World) -> None:
    lead, b, _, _, _ = council(world)
    frame, event = Forger(b).say(HubPin(number, os.urandom(32), None))
    deliver(lead, [frame])
    assert verdict(lead, event.id) == (status, None if status == "ok" else "S3 number")
    assert lead.space.hub_no == (1 if status == "ok" else 0)


@pytest.mark.parametrize("number", [0, 1, 3, MAX])
def test_rules(number: int, world: World) -> None:
    (lead,) = world.team("lead")
    assert lead.space.rules == 1
    frame, event = Forger(lead).say(SpaceRules(number))
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("invalid", "S3 number") and lead.space.rules == 1


def test_of_two_pins_beside_each_other_the_seniors_counts_everywhere(world: World) -> None:
    lead, b, c, _, _ = council(world)
    made = [Forger(one).say(HubPin(1, os.urandom(32), None)) for one in (c, b)]
    deliver(lead, [frame for frame, _ in made])
    row = lead.space
    assert row.hub_no == 1 and {verdict(lead, event.id) for _, event in made} == {("ok", None)}
    deps = tuple(sorted(event.id for _, event in made))
    lam = 1 + max(event.lam for _, event in made)
    again, event = Forger(b).say(HubPin(2, row.hub, None), deps=deps, lam=lam)
    deliver(lead, [again])
    assert lead.space.hub_no == 2 and lead.space.hub == row.hub
    assert verdict(lead, event.id) == ("ok", None)
    mirrored(world, lead, shuffles(lead))
