"""D6: no event is its own ancestor, and none has its ancestors in another space."""

from __future__ import annotations

from envoy.replica.ingest import Taken, take_in
from replica.forge import Forger
from replica.scenes import HAND, frames_of, message, parked
from replica.world import World


def test_a_circle_would_take_a_hash_of_itself(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    known = lead.events.heads(1, citable=True)[0].id
    _, wanted = Forger(agent).say(message("a"), deps=(known,))
    for _ in range(5):  # naming the id that it had gives it another one, each time
        frame, event = Forger(agent).say(message("a"), deps=tuple(sorted((known, wanted.id))))
        assert event.id not in event.deps and event.id != wanted.id
        assert take_in(lead.copy, [frame], source=HAND) == Taken(0, 1, 0)
        assert parked(lead)[event.id] == "waiting"
        wanted = event


def test_a_parent_in_another_space_never_comes(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    stranger = world.actor("stranger")
    stranger.found("another")
    foreign = stranger.events.heads(1, citable=True)[0]
    frame, event = Forger(agent).say(message(), deps=(foreign.id,), lam=foreign.lam + 1)
    before = lead.space.events
    take_in(lead.copy, [frame, *frames_of(stranger)], source=HAND)
    assert parked(lead)[event.id] == "waiting" and lead.space.events == before
    good, _ = Forger(agent).say(message())
    assert take_in(lead.copy, [good], source=HAND) == Taken(1, 0, 0)  # the control
