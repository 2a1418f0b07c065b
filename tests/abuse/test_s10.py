"""S10: a bundle gives away what it shows, and neither what was withheld nor what comes later."""

from __future__ import annotations

import bundles
from envoy.core import bundle
from envoy.core.envelope import open_shown, parse
from envoy.errors import RemoteFault
from envoy.replica.actions import messages
from envoy.replica.actions.audit import Chosen
from replica.world import World


def test_a_bundle_holds_no_key_and_nothing_that_was_withheld(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    redacted = agent.send("the password is hull").event
    messages.redact(agent.copy, redacted, reason="secret")
    withheld = agent.send("between us").event
    lead.sync()
    data = bundles.exported(lead, Chosen(member=lead.me))
    keys = lead.copy.batch().keys
    for row in lead.events.epochs(lead.space.sn):
        found = keys.find(row.id)
        assert row.secret is not None and row.secret not in data
        assert found is not None and found.event_key not in data
    for ident in (redacted, withheld):
        entry = lead.events.entry(lead.space.sn, ident)
        assert entry is not None and ident in data
        frame = lead.events.frame(entry.rid)
        assert frame[-64:] not in data
        assert not any(opens(part, frame, lead.space.id) for part in bundles.split(data))


def opens(part: bundles.Raw, frame: bytes, space: bytes) -> bool:
    """Say whether the key in a part of a bundle opens another envelope of the same epoch."""
    if part.sort != bundle.SHOWN:
        return False
    try:
        open_shown(parse(frame), bytes(32), space, part.payload[:32])
    except RemoteFault:
        return False
    return True
