"""K18: a join that is backdated under a leaked code displaces nobody whom an admin has seen."""

from __future__ import annotations

from abuse.siege import forged_join, mirrored, verdict
from replica.council import role
from replica.scenes import deliver, frames_of
from replica.world import World


def test_a_settled_member_stays_in_every_order(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code(uses=1)
    (invite,) = lead.store.invites(1)
    place = lead.events.entry(1, invite)
    assert place is not None
    settled = world.actor("settled")
    settled.join(code)
    lead.sync()
    lead.send("welcome")
    base = frames_of(lead)
    thieves = [world.actor(f"thief{number}") for number in range(4)]
    joins = [
        forged_join(code, one, via=lead, deps=(invite,), lam=place.lam + 1, ts=place.ts)
        for one in thieves
    ]
    deliver(lead, [frame for frame, _ in joins])
    assert {verdict(lead, event.id) for _, event in joins} == {("void", "R6 over-used")}
    assert role(lead, settled) == "write" and len(lead.store.members(1)) == 2
    new = [frame for frame, _ in joins]
    mirrored(world, lead, [[*base, *new[::-1]], [*base[:4], *new, *base[4:]]])


def test_control_before_an_admin_saw_any_the_earliest_place_wins(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code(uses=1)
    (invite,) = lead.store.invites(1)
    place = lead.events.entry(1, invite)
    assert place is not None
    first, event = forged_join(code, world.actor("first"), via=lead, lam=place.lam + 1,
                               deps=(invite,), ts=place.ts)  # fmt: skip
    deliver(lead, [first])
    assert verdict(lead, event.id) == ("ok", None)
