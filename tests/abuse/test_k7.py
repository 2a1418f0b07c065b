"""K7: no header can be lowered: another suite, another version, or none at all is refused."""

from __future__ import annotations

import os
from functools import partial

import pytest

from abuse.siege import smuggled, turned_away
from envoy.core.bodies import Genesis
from envoy.core.codec import encode
from envoy.core.envelope import open_outer, parse
from envoy.core.epoch import NO_WRAP, epoch_id, read_head
from envoy.core.genesis import genesis_commitment, space_id
from envoy.core.kinds import read_body
from envoy.core.structs import replace
from envoy.errors import RemoteFault
from replica.forge import Forger
from replica.scenes import message, parked
from replica.world import Actor


@pytest.mark.parametrize("suite", [0, 2, -1, 255])
def test_an_envelope_of_another_suite(suite: int, pair: list[Actor]) -> None:
    lead, agent = pair
    outer = parse(Forger(agent).say(message())[0])
    lowered = encode((suite, outer.epoch, outer.salt, outer.ct))
    assert turned_away(lead, lowered) == ["unknown_suite"]


def test_an_envelope_that_is_not_encrypted(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    writer = forger.writer
    frame, _ = forger.say(message())
    opened = open_outer(frame, writer.space, writer.event_key)
    size = len(opened.inner).to_bytes(4)
    plain = (opened.sig + size + opened.inner).ljust(512, b"\0")
    assert turned_away(lead, encode((1, writer.epoch, os.urandom(24), plain))) == ["cannot_open"]


def test_an_older_version_is_no_event_and_a_newer_one_waits(pair: list[Actor]) -> None:
    lead, agent = pair
    before = lead.space.events
    for version in (0, 2):
        first = bytes((version,))
        frame = smuggled(agent, partial(_with_version, first))
        assert turned_away(lead, frame) == []
    assert list(parked(lead).values()) == ["unsupported"] * 2 and lead.space.events == before


def _with_version(version: bytes, inner: bytes) -> bytes:
    """Return an inner part of another version."""
    return inner[:1] + version + inner[2:]


def test_an_epoch_head_and_a_genesis_of_another_suite(pair: list[Actor]) -> None:
    lead, _ = pair
    tag, commitment = os.urandom(32), os.urandom(32)
    epoch = epoch_id(lead.space.id, tag=tag, commitment=commitment, wrap=NO_WRAP)
    assert read_head(encode((1, tag, commitment, None)), lead.space.id, epoch)
    with pytest.raises(RemoteFault, match="unknown_suite"):
        read_head(encode((2, tag, commitment, None)), lead.space.id, epoch)
    first = lead.events.authority(1)[0]
    body = read_body("genesis", first.body)
    assert isinstance(body, Genesis) and space_id(genesis_commitment(first.body)) == lead.space.id
    lowered = encode(replace(body, suite=0))
    assert space_id(genesis_commitment(lowered)) != lead.space.id
