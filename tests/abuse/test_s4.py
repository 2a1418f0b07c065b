"""S4: what was signed for one place, space, purpose or salt holds in no other."""

from __future__ import annotations

import os

import pytest

from abuse.siege import smuggled, turned_away, verdict
from envoy.core.bodies import MemberKeys, Statement
from envoy.core.crypto.sign import LABELS, sign
from envoy.core.envelope import open_outer, parse, seal
from envoy.core.identity import make_statement
from envoy.replica.replica import Replica
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor, World


@pytest.mark.parametrize(
    "label", sorted(label for label, use in LABELS.items() if label != "event")
)
def test_a_signature_for_another_purpose_signs_no_event(label: str, pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, _ = forger.say(message())
    inner = open_outer(frame, writer.space, writer.event_key).inner
    sig = sign(writer.seed, label, inner)
    forged = seal(writer, salt=parse(frame).salt, sig=sig, inner=inner)
    assert turned_away(lead, forged) == ["bad_signature"]


def test_an_event_cannot_be_wrapped_again(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, _ = forger.say(message())
    opened = open_outer(frame, writer.space, writer.event_key)
    again = seal(writer, salt=os.urandom(24), sig=opened.sig, inner=opened.inner)
    assert turned_away(lead, again) == ["wrong_space"]


def test_an_event_of_another_space_is_none_here(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.found("other")
    (here, there) = (one.sn for one in agent.store.spaces())
    sent = Replica(agent.profile, there)
    row = sent.space
    assert row.epoch is not None
    secret = agent.events.epoch(there, row.epoch)
    assert secret is not None and here != there
    with lead.events.transaction(durable=True):
        lead.events.put_epoch(lead.space.sn, secret)  # even a reader of both is not fooled
    foreign = [frame for _, frame in agent.events.frames(there, after=0, limit=9)]
    assert set(turned_away(lead, *foreign)) == {"cannot_open"}


def test_keys_stated_for_another_space_are_not_taken(pair: list[Actor]) -> None:
    lead, agent = pair
    before = lead.store.members(1)[agent.me].enc_no
    for space in (os.urandom(32), None):
        made = make_statement(agent.profile.identity, space, no=7, ts=lead.clock.now)
        frame, event = Forger(agent).say(MemberKeys(Statement(*made)))
        deliver(lead, [frame])
        assert verdict(lead, event.id)[0] == "ok"
        assert lead.store.members(1)[agent.me].enc_no == before
    made = make_statement(agent.profile.identity, lead.space.id, no=7, ts=lead.clock.now)
    deliver(lead, [Forger(agent).say(MemberKeys(Statement(*made)))[0]])
    assert lead.store.members(1)[agent.me].enc_no == 7  # the control


def test_a_statement_is_no_event(pair: list[Actor]) -> None:
    lead, agent = pair
    raw, _ = make_statement(agent.profile.identity, lead.space.id, no=1, ts=0)
    assert turned_away(lead, smuggled(agent, lambda _: raw)) == ["malformed"]
