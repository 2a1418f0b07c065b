"""K9: a code is not guessed (2,000 tries here), and lets in as many as it says, not one more."""

from __future__ import annotations

import os

import pytest

from abuse.siege import forged_join, verdict
from envoy.core import invite
from envoy.errors import ConflictError
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.scenes import deliver
from replica.world import World


def test_a_guess_finds_nothing(world: World) -> None:
    lead, stranger = *world.team("lead"), world.actor("stranger")
    keys = invite.invite_keys(invite.parse(lead.code()).secret)
    for number in range(2_000):
        lookup = keys.lookup if number % 2 else os.urandom(16)
        call = frames.InviteFetch(lookup, os.urandom(32), os.urandom(16))
        with pytest.raises(HubRefusal, match="not_found"):
            stranger.door.handle(call)
    assert len(invite.new_secret(b"\xff" * 15)) == 15
    assert int.from_bytes(invite.new_secret(b"\xff" * 15)) == 2**115 - 1
    call = frames.InviteFetch(keys.lookup, keys.fetch_auth, os.urandom(16))
    assert stranger.door.handle(call)  # the control: who has the code gets in


def test_three_uses_are_three_members(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code(uses=3)
    joiners, refused = [world.actor(f"j{number}") for number in range(6)], 0
    for one in joiners:
        try:
            one.join(code)
        except ConflictError:
            refused += 1
    lead.sync()
    assert refused == 3 and len(lead.store.members(1)) == 4


def test_nor_does_a_hub_that_looks_away_let_one_more_in(world: World) -> None:
    (lead,) = world.team("lead")
    code = lead.code(uses=2)
    thieves = [world.actor(f"t{number}") for number in range(4)]
    joins = [forged_join(code, thief, via=lead) for thief in thieves]
    deliver(lead, [frame for frame, _ in joins])
    found = sorted(verdict(lead, event.id) for _, event in joins)
    assert found == [("ok", None)] * 2 + [("void", "R6 over-used")] * 2
