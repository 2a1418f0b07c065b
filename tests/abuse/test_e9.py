"""E9: what a newer build says is kept, passed on, built on, and not guessed at."""

from __future__ import annotations

from abuse.siege import verdict
from envoy.sync import frames
from replica.forge import Forger, ident
from replica.scenes import frames_of, message, parked
from replica.world import Actor


def test_an_unknown_kind_goes_through_everybody_and_changes_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    before = lead.count("item")
    frame, event = Forger(agent).say(message(), kind="poll.open", raw=b"\xc1 no codec reads this")
    agent.door.handle(frames.Push(agent.space.id, (frame,)))
    lead.sync()
    assert verdict(lead, event.id) == ("ok", None) and lead.count("item") == before
    assert frame in frames_of(lead)
    mine = lead.events.entry(1, lead.send("next").event)
    assert mine is not None and event.id in mine.parents


def test_a_newer_version_waits_and_is_no_downgrade(pair: list[Actor]) -> None:
    lead, agent = pair
    frame = Forger(agent).versioned(2)
    agent.door.handle(frames.Push(agent.space.id, (frame,)))
    lead.sync()
    assert parked(lead)[ident(frame)] == "unsupported" and lead.space.frame_sum
