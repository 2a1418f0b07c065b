"""K19: who rotates without end, 40 epochs here, changes for nobody under what is written."""

from __future__ import annotations

import pytest

from abuse.siege import commit, rotated
from envoy.core.bodies import MemberKeys, Statement
from envoy.core.identity import make_statement
from replica.scenes import status_of
from replica.world import DAY_MS, Actor, World


def new_keys(actor: Actor, no: int) -> None:
    """State another encryption key."""
    made = make_statement(actor.profile.identity, actor.space.id, no=no, ts=actor.clock.now)
    commit(actor, MemberKeys(Statement(*made)))


@pytest.mark.slow
def test_forty_epochs_of_a_writer_are_written_under_by_nobody(world: World) -> None:
    lead, w, other = world.team("lead", "w", "other")
    before = lead.space.epoch
    made = {rotated(w) for _ in range(40)}
    for one in (lead, other):
        one.sync()
        sent = one.send(f"by {one.name}").event
        assert one.space.epoch == before and before not in made and len(made) == 40
    w.sync()
    assert status_of(w, sent) == "ok"


def test_new_keys_are_a_cause_once_a_day(world: World) -> None:
    lead, w = world.team("lead", "w")
    found = list[bool]()
    for no, later in ((1, DAY_MS), (2, 0), (3, DAY_MS // 2), (4, DAY_MS)):
        world.clock.now += later
        new_keys(w, no)
        made = rotated(w)
        lead.sync()
        found.append(lead.space.epoch == made)
    assert found == [True, False, False, True]
