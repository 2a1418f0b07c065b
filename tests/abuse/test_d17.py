"""D17: a promotion that turns void, or meets a demotion, neither strips nor saves anybody."""

from __future__ import annotations

from itertools import islice, permutations

import pytest

from abuse.siege import commit, mirrored
from envoy.core.bodies import Remove, Role
from replica.council import council, role
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, status_of
from replica.world import World


@pytest.mark.parametrize("is_void", [True, False])
def test_a_promotion_ends_nothing(is_void: bool, world: World) -> None:
    lead, b, _, w, _ = council(world)
    base = frames_of(lead)
    commit(b, Role(w.me, "admin"))
    if is_void:
        commit(lead, Remove(b.me, "", ()))
    said, event = Forger(w).say(message("under my first grant"))
    new = [frame for one in (b, lead) for frame in frames_of(one) if frame not in base] + [said]
    deliver(lead, new)
    assert role(lead, w) == ("write" if is_void else "admin")
    assert status_of(lead, event.id) == "ok"
    mirrored(world, lead, [[*base, *order] for order in islice(permutations(new), 0, 24, 5)])


def test_beside_a_demotion_by_a_senior_it_saves_nobody(world: World) -> None:
    lead, b, _, w, _ = council(world)
    base = frames_of(lead)
    commit(b, Role(w.me, "admin"))
    commit(lead, Role(w.me, "read"))
    new = [frame for one in (b, lead) for frame in frames_of(one) if frame not in base]
    deliver(lead, new)
    assert role(lead, w) == "read"
    mirrored(world, lead, [[*base, *order] for order in permutations(new)][:6])
