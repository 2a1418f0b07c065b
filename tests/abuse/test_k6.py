"""K6: with a generator that always says the same, on a clone too, no nonce seals two plaintexts."""

from __future__ import annotations

from envoy.core.envelope import parse
from envoy.sync.frames import is_envelope
from replica.compare import differences, meaning
from replica.scenes import frames_of
from replica.world import Actor, World


def dull(actor: Actor) -> Actor:
    """Let an actor draw nothing but zeros for its salts, and chains by the number of the call."""
    drawn = [0]

    def entropy(size: int) -> bytes:
        drawn[0] += size != 32  # a chain is drawn once a copy; two clones may even share that
        return bytes(size) if size == 32 else drawn[0].to_bytes(size)

    actor.profile = actor.profile._replace(entropy=entropy)
    return actor


def places(*actors: Actor) -> tuple[int, int]:
    """Return how many different envelopes there are, and how many (epoch, salt)."""
    frames = {one for actor in actors for one in frames_of(actor) if is_envelope(one)}
    return len(frames), len({(parse(one).epoch, parse(one).salt) for one in frames})


def test_constant_entropy_on_an_original_and_its_clone(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code(uses=1)
    agent.sync()
    clone = dull(world.clone(agent, "copy", unnoticed=True))
    dull(agent)
    for number in range(10):
        for one in (agent, clone):
            one.door.away = True
            one.send("the same")
            one.send(f"{one.place} {number}")
    count, salts = places(agent, clone)
    assert count == salts and count > 30
    for one in (agent, clone, lead, agent, clone):
        one.door.away = False
        one.sync()
    assert differences(meaning(lead), meaning(agent)) == []
    count, salts = places(lead)
    assert count == salts
