"""D1: two events in one place of a chain are both kept, proved, flagged; all copies agree."""

from __future__ import annotations

from itertools import permutations

from abuse.siege import mirrored
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, status_of
from replica.world import World


def test_a_fork_is_shown_the_same_in_every_order(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    base, chain = frames_of(lead), bytes(15) + b"\x07"
    one, other = Forger(agent, chain=chain), Forger(agent, chain=chain)
    first, left = one.say(message("to one"))
    second, right = other.say(message("to the other"))
    third, _ = one.say(message("and on"))
    page = [first, second, third]
    deliver(lead, page)
    assert status_of(lead, left.id) == status_of(lead, right.id) == "ok"
    assert lead.count("fork") == 1 and lead.store.members(1)[agent.me].flags == '["fork"]'
    assert lead.store.members(1)[lead.me].flags == "[]"  # the control
    mirrored(world, lead, [[*base, *order] for order in permutations(page)])
    sent = agent.send("its own chain goes on").event
    lead.sync()
    assert status_of(lead, sent) == "ok"
