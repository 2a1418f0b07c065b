"""D12: of every kind of event a role can make only those that its caps are for."""

from __future__ import annotations

import pytest

from abuse.siege import verdict
from envoy.core.kinds import KINDS, read_body
from envoy.replica.actions import authority
from oracle import messagepack
from replica.forge import Forger
from replica.scenes import deliver
from replica.world import World
from vectors import make_kinds

EVERY = make_kinds.FULL.keys() - {"genesis", "join"}  # a join never goes under a role
CAPS = {
    "read": {"read"},
    "write": {"read", "write"},
    "admin": {"read", "write", "grant", "admin"},
}
GIVES = {"grant", "role"}  # what they give is looked at beside their kind


@pytest.mark.parametrize("role", CAPS)
def test_every_kind_by_a_modified_client_of_every_role(role: str, world: World) -> None:
    lead, member = world.team("lead", "member")
    if role != "write":
        authority.set_role(lead.copy, member.me, role)
        member.sync()
    forger = Forger(member)
    refused = set[str]()
    for kind in EVERY:
        raw = messagepack.write(list(make_kinds.FULL[kind].values()))
        body = read_body(kind, raw)
        assert body is not None
        frame, event = forger.say(body, basis=())
        deliver(lead, [frame])
        if verdict(lead, event.id) == ("invalid", "S3 cap"):
            refused.add(kind)
    beyond = {kind for kind in EVERY if KINDS[kind].cap not in CAPS[role]}
    assert refused - GIVES == beyond - GIVES
    assert role == "admin" or refused >= GIVES
    assert lead.store.members(1)[lead.me].role == "owner"
