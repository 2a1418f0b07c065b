"""S5: an event that comes 5,000 times, whoever brings it, is one event."""

from __future__ import annotations

from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import World


def test_repeats_are_one_row(world: World) -> None:
    lead, agent, other = world.team("lead", "agent", "other")
    frame, _ = Forger(agent).say(message())
    before, count = lead.space.events, lead.space.frame_count
    other.door.handle(frames.Push(other.space.id, (frame,)))
    for actor in (other, agent):
        for _ in range(3):
            actor.door.handle(frames.Push(actor.space.id, (frame,) * 100))
    for _ in range(5):
        deliver(lead, [frame] * 1_000)
    lead.sync()
    assert (lead.space.events, lead.space.frame_count) == (before + 1, count + 1)
    for actor in (agent, other):
        actor.sync()
        assert differences(meaning(lead), meaning(actor)) == []
