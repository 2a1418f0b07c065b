"""D3: what a removed member never sent stays its own, whoever brings it or builds on it."""

from __future__ import annotations

from abuse.siege import mirrored, shuffles, verdict
from envoy.sync import frames
from replica.council import council, remove
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message
from replica.world import World


def test_a_colluding_member_launders_nothing(world: World) -> None:
    lead, b, _, x, _ = council(world)
    forger = Forger(x)
    unsent, event = forger.say(message("never sent"))
    remove(lead, x)
    b.sync()
    deliver(b, [unsent])
    answer = b.send("as x said")  # cites what is held
    b.door.handle(frames.Push(b.space.id, (unsent,)))
    b.sync()
    lead.sync()
    for copy in (b, lead):
        assert verdict(copy, event.id) == ("held", "R3 beside")
        assert verdict(copy, answer.event) == ("ok", None)  # an answer is not infected
    entry = lead.events.entry(1, event.id)
    assert entry is not None and entry.author == x.me
    mirrored(world, lead, shuffles(lead))


def test_control_before_the_removal_it_counts(world: World) -> None:
    lead, b, _, x, _ = council(world)
    unsent, event = Forger(x).say(message("brought by b"))
    deliver(b, [unsent])
    lead.sync()
    deliver(lead, [unsent])
    remove(lead, x)
    assert verdict(lead, event.id) == ("ok", None)
    assert unsent in frames_of(lead)
