"""L3: whoever writes into the hub's file puts nothing into the copy of anybody."""

from __future__ import annotations

import os

from envoy.core.codec import encode
from envoy.core.envelope import parse
from envoy.core.receipt import Award, issue_receipt
from envoy.replica.actions import tasks
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import message, quarantine
from replica.world import World


def test_rows_that_nobody_signed(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    real, _ = Forger(agent).say(message("real"))
    outer, space = parse(real), lead.space.id
    stranger = world.actor("stranger")
    award = Award(
        space, 0, os.urandom(16), os.urandom(32), 9, task, os.urandom(32), 0, 2**40
    )  # fmt: skip
    rows = (
        encode((1, outer.epoch, os.urandom(24), os.urandom(512))),
        encode((1, outer.epoch, outer.salt, os.urandom(512))),
        Forger(agent).unsigned(message("in the name of the agent")),
        issue_receipt(os.urandom(32), award),
    )
    lead.sync()
    before, events = meaning(lead), lead.space.events
    stranger.door.handle(frames.Push(space, rows))
    lead.sync()
    assert differences(before, meaning(lead)) == []
    codes = sorted(row.code for row in quarantine(lead).values())
    assert codes == ["bad_signature", "bad_signature", "cannot_open", "cannot_open"]
    stranger.door.handle(frames.Push(space, (real,)))
    assert lead.sync().pulled == 1 and lead.space.events == events + 1
