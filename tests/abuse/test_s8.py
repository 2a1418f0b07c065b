"""S8: an audit bundle that was edited, cut or continued names its first bad part."""

from __future__ import annotations

import bundles
from envoy.core import bundle
from replica.world import World


def test_every_byte_of_a_bundle_is_vouched_for(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("half of it is done")
    lead.sync()
    data = bundles.exported(lead)
    assert bundles.read_all(data) is None
    named = set(bundles.ids_of(bundles.split(data)))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x10
        fault = bundles.read_all(bytes(changed))
        assert fault is not None and (fault.part != "event" or fault.event in named)
    assert all(bundles.read_all(data[:size]) for size in range(0, len(data), 5))
    continued = bundles.read_all(data + bundle.MAGIC)
    assert continued is not None and continued.reason == "trailing"
