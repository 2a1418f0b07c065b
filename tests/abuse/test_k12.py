"""K12: a code from before opens nothing to who was removed, under the old did or a new one."""

from __future__ import annotations

from functools import partial

from abuse.siege import forged_join, verdict
from replica.council import refused, remove, role
from replica.scenes import deliver
from replica.world import World


def test_an_old_code_ends_with_the_removal(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    kept = lead.code(uses=5)
    gone.sync()
    puppets = [world.actor(f"puppet{number}") for number in range(3)]
    # Beside the removal, as who kept code and keys would sign it for itself and for a puppet.
    joins = [forged_join(kept, one, via=gone) for one in (gone, puppets[0])]
    remove(lead, gone)
    gone.sync()
    for one in (gone, puppets[1]):
        assert refused(partial(one.join, kept)) == "invalid_invite"
    deliver(lead, [frame for frame, _ in joins])
    assert {verdict(lead, event.id) for _, event in joins} == {("void", "R3 beside")}
    late, event = forged_join(kept, puppets[2], via=lead)
    deliver(lead, [late])
    assert verdict(lead, event.id)[0] == "invalid"
    assert len(lead.store.members(1)) == 3 and role(lead, gone) is None
    agent.sync()
    assert agent.send("goes on").delivery == "delivered" and lead.space.adequate


def test_control_a_new_code_lets_somebody_in(world: World) -> None:
    lead, gone = world.team("lead", "gone")
    remove(lead, gone)
    new = world.actor("new")
    new.join(lead.code())
    lead.sync()
    assert role(lead, new) == "write"
