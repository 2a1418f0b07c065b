"""E1: random, cut and changed bytes are refused at the door, and the store stays as it was."""

from __future__ import annotations

import random

from abuse.siege import smuggled, turned_away
from envoy.errors import DOOR_CODES
from replica.forge import Forger
from replica.scenes import deliver, message, quarantine
from replica.world import Actor

CHANCE = random.Random(1)
COUNT = 150


def spoilt(frame: bytes) -> bytes:
    """Return a frame cut short, or with some bytes changed."""
    if CHANCE.random() < 0.4:
        return frame[: CHANCE.randrange(len(frame))]
    data = bytearray(frame)
    for _ in range(CHANCE.randrange(1, 4)):
        data[CHANCE.randrange(len(data))] ^= CHANCE.randrange(1, 256)
    return bytes(data)


def test_no_bytes_from_outside_change_anything(pair: list[Actor]) -> None:
    lead, agent = pair
    good = Forger(agent).say(message())[0]
    page = [CHANCE.randbytes(CHANCE.randrange(300)) for _ in range(COUNT)]
    # A changed epoch id is an epoch that may still come: such a frame waits, refused by nobody.
    page += [one for one in (spoilt(good) for _ in range(COUNT)) if one[:36] == good[:36]]
    codes = turned_away(lead, *page)
    assert set(codes) <= DOOR_CODES and len(codes) == len(set(page))


def test_bytes_that_a_member_signed_are_refused_or_an_event_of_its_own(pair: list[Actor]) -> None:
    lead, agent = pair
    before, page = lead.space, [smuggled(agent, spoilt) for _ in range(COUNT)]
    for frame in page:
        deliver(lead, [frame])
    rows = quarantine(lead)
    assert {row.code for row in rows.values()} <= DOOR_CODES and len(rows) > COUNT // 2
    assert lead.space.frame_count == before.frame_count + len(set(page))
    new = list(lead.events.entries(1, after=0, limit=9_999))[before.events :]
    assert {one.author for one in new} <= {agent.me} and lead.space.role == "owner"


def test_control_the_frame_unchanged_is_taken(pair: list[Actor]) -> None:
    lead, agent = pair
    before = lead.space.events
    deliver(lead, [Forger(agent).say(message())[0]])
    assert lead.space.events == before + 1
