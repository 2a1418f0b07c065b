"""E9: what a newer build says is kept, passed on and not guessed at; an upgrade reads it."""

from __future__ import annotations

from typing import cast

import pytest

from abuse.siege import verdict
from envoy.core import kinds
from envoy.core.kinds import Kind
from envoy.replica import rebuild
from envoy.replica.actions import tasks
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger, ident
from replica.scenes import frames_of, message, parked, reader
from replica.world import Actor, World


def test_an_unknown_kind_goes_through_everybody_and_changes_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    before = lead.count("item")
    frame, event = Forger(agent).say(message(), kind="poll.open", raw=b"\xc1 no codec reads this")
    agent.door.handle(frames.Push(agent.space.id, (frame,)))
    lead.sync()
    assert verdict(lead, event.id) == ("ok", None) and lead.count("item") == before
    assert frame in frames_of(lead)
    assert event.id in {one for one in lead.events.entry(1, lead.send("next").event).parents}


def test_a_newer_version_waits_and_is_no_downgrade(pair: list[Actor]) -> None:
    lead, agent = pair
    frame = Forger(agent).versioned(2)
    agent.door.handle(frames.Push(agent.space.id, (frame,)))
    lead.sync()
    assert parked(lead)[ident(frame)] == "unsupported" and lead.space.frame_sum


def test_an_older_build_becomes_the_newer_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(agent.copy, "work").after.id
    tasks.claim(agent.copy, task, session="default")
    lead.sync()
    older = reader(world, "older", lead)
    table = cast("dict[str, Kind]", kinds.KINDS)
    with monkeypatch.context() as patch:
        patch.delitem(table, "task.claim")
        older.pull()
        assert older.store.task(1, task).state == "open"
    rebuild.rebuild(older.profile)
    assert differences(meaning(lead), meaning(older)) == []
