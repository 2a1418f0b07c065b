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

READ = {"leave", "revoke", "member.keys", "card", "key.request"}
WRITE = READ | {kind for kind, row in KINDS.items() if row.cap == "write"}
ADMIN = WRITE | {kind for kind, row in KINDS.items() if row.cap in ("grant", "admin")}
MAY = {"read": READ, "write": WRITE, "admin": ADMIN}


@pytest.mark.parametrize("role", MAY)
def test_every_kind_by_a_modified_client_of_every_role(role: str, world: World) -> None:
    lead, member = world.team("lead", "member")
    if role != "write":
        authority.set_role(lead.copy, member.me, role)
        member.sync()
    forger = Forger(member)
    refused = set[str]()
    for kind in KINDS.keys() - {"genesis"}:
        raw = messagepack.write(list(make_kinds.FULL[kind].values()))
        body = read_body(kind, raw)
        assert body is not None
        frame, event = forger.say(body, basis=())
        deliver(lead, [frame])
        if verdict(lead, event.id) == ("invalid", "S3 cap"):
            refused.add(kind)
    # A join never goes under a role; what a grant gives is looked at beside its kind.
    beyond = {"grant", "role", "genesis", "join"}
    assert refused - beyond == KINDS.keys() - beyond - MAY[role]
    assert role == "admin" or {"grant", "role"} <= refused
    assert lead.store.members(1)[lead.me].role == "owner"
