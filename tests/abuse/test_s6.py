"""S6: the author is who signed; no field of a body speaks for anybody else."""

from __future__ import annotations

import os

from abuse.siege import turned_away, verdict
from envoy.core.bodies import Card, Join, MemberKeys, Statement, TaskComplete
from envoy.core.identity import make_statement
from envoy.replica.actions import tasks
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor


def test_whoever_names_another_author_signs_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    posing = forger._sealed(message(), author=lead.me)
    assert turned_away(lead, posing) == ["bad_signature"]


def test_keys_and_joins_of_somebody_else_change_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    theirs = make_statement(lead.profile.identity, lead.space.id, no=9, ts=lead.clock.now)
    forger = Forger(agent)
    keys, _ = forger.say(MemberKeys(Statement(*theirs)))
    invite = next(iter(lead.store.invites(1)))
    join = Join("lead", Statement(*theirs), os.urandom(32), os.urandom(64))
    joined, event = forger.say(join, auth=invite)
    before = lead.store.members(1)[lead.me].enc_no
    deliver(lead, [keys, joined])
    assert verdict(lead, event.id) == ("invalid", "S2 proof")
    assert lead.store.members(1)[lead.me].enc_no == before


def test_a_card_and_a_completion_are_of_their_author(pair: list[Actor]) -> None:
    lead, agent = pair
    task = tasks.create(lead.copy, "work").after.id
    claim = tasks.claim(lead.copy, task, session="default").event
    agent.sync()
    assert claim is not None
    forger = Forger(agent)
    card, _ = forger.say(Card("lead", "human", "1", None, ()))
    done, _ = forger.say(TaskComplete(task, claim, "mine", (), False))
    deliver(lead, [card, done])
    assert lead.store.members(1)[lead.me].type != "human"
    row = lead.store.task(1, task)
    assert row is not None and (row.state, row.completed_by) == ("claimed", None)
