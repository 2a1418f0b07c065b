"""K17: a key that nothing can be sealed to stops no rotation: its owner alone gets no box."""

from __future__ import annotations

import pytest

from abuse.siege import commit
from envoy.core.bodies import EpochCreate, MemberKeys, Statement
from envoy.core.crypto import seal
from envoy.core.crypto.sign import sign
from envoy.core.identity import make_statement
from envoy.core.kinds import read_body
from replica.council import readable, remove
from replica.world import World

KEYS = {"coefficients out of range": b"\xff" * seal.PUBLIC_BYTES, "zeros": bytes(seal.PUBLIC_BYTES)}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_such_a_key(key: bytes, world: World) -> None:
    lead, agent, odd, gone = world.team("lead", "agent", "odd", "gone")
    identity, space = odd.profile.identity, lead.space.id
    raw, _ = make_statement(identity, space, no=1, ts=world.clock.now)
    raw = raw.replace(identity.enc_key(1, space), key)
    commit(odd, MemberKeys(Statement(raw, sign(identity.signing_seed, "keys", raw))))
    odd.sync()
    lead.sync()
    remove(lead, gone)
    lead.send("goes on")
    for one in (agent, odd):
        one.sync()
    assert lead.space.adequate and readable(agent, "goes on") and not readable(odd, "goes on")
    bodies = [read_body(row.entry.kind, row.body) for row in lead.events.authority(1)]
    last = [body for body in bodies if isinstance(body, EpochCreate)][-1]
    kids = {one.id: one.kid for one in last.rcpt}
    assert kids[odd.me] is None and kids[agent.me] is not None
