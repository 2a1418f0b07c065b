"""E9: what a newer build says is kept, passed on, built on, and not guessed at."""

from __future__ import annotations

import pytest

from abuse.siege import verdict, without
from envoy.core.kinds import KINDS
from envoy.replica.actions import tasks
from envoy.replica.rebuild import rebuild
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger, ident
from replica.scenes import frames_of, message, parked
from replica.world import Actor, World


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


@pytest.mark.parametrize("kind", ["task.claim", "task.create", "card", "message"])
def test_a_build_that_knows_the_kind_comes_to_the_same_state_as_one_that_always_did(
    kind: str, world: World
) -> None:
    lead, agent, old = world.team("lead", "agent", "old")
    made = tasks.create(agent.copy, "mend it").after.id
    tasks.claim(lead.copy, made, session="s")
    agent.send("done soon")
    with without(kind):
        old.pull()
        with old.events.transaction(durable=True):
            old.events.note_kinds(KINDS)
    rebuild(old.profile)
    lead.sync()
    old.sync()
    assert differences(meaning(old), meaning(lead)) == []
    assert old.events.kinds() == KINDS.keys()
