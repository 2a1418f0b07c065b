"""D5: a space always has its founder: nobody removes it, it cannot leave or be demoted."""

from __future__ import annotations

from abuse.siege import mirrored, shuffles, verdict
from envoy.core.bodies import Leave, Remove, Revoke, Role
from envoy.replica.actions import authority
from replica.council import council, refused, role
from replica.forge import Forger
from replica.scenes import deliver
from replica.world import World


def test_whatever_an_admin_or_another_owner_signs(world: World) -> None:
    lead, b, c, _, _ = council(world)
    authority.set_role(lead.copy, b.me, "owner")
    for one in (b, c):
        one.sync()
    acts = (Remove(lead.me, "", ()), Role(lead.me, "read"), Revoke(lead.space.id, ""))
    for admin in (b, c):
        forger = Forger(admin)
        deliver(lead, [forger.say(act)[0] for act in acts])
        assert role(lead, lead) == "owner"
    left, event = Forger(lead).say(Leave(""))
    deliver(lead, [left])
    assert verdict(lead, event.id) == ("invalid", "S3 founder")
    assert (
        role(lead, lead) == "owner" and refused(lambda: authority.leave(lead.copy)) == "outranked"
    )
    mirrored(world, lead, shuffles(lead))


def test_control_an_admin_can_go_and_be_removed(world: World) -> None:
    lead, b, c, _, _ = council(world)
    authority.leave(b.copy)
    authority.remove(lead.copy, c.me, reason="")
    lead.sync()
    assert role(lead, b) is role(lead, c) is None
