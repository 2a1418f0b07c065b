"""Taking in what others wrote: doors, parking, order, repeats. One bad frame stops nothing."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence

import pytest

from envoy import limits
from envoy.core import receipt
from envoy.core.bodies import EpochCreate, Message, TaskCreate
from envoy.core.codec import encode
from envoy.core.envelope import Writer, author_event
from envoy.core.epoch import epoch_keys, new_epoch
from envoy.core.event import Links
from envoy.core.log import EpochRow, Parked
from envoy.core.structs import replace
from envoy.replica.actions import tasks
from envoy.replica.actions.space import blank
from envoy.replica.ingest import Taken, take_in
from envoy.replica.replica import Replica
from envoy.views import rows
from replica.compare import differences, meaning
from replica.forge import Forger, ident
from replica.world import YEAR_MS, Actor, World

HAND = "hand"
BLANK_TASK = TaskCreate("t", "", (), 2, None, (), None, (), (), None)


def message(text: str = "hello") -> Message:
    return Message(text, None, (), (), (), None)


def quarantine(actor: Actor) -> dict[bytes, rows.Quarantined]:
    sql = "SELECT sn, id, code, source, size, first_ms FROM quarantine"
    return {row.id: row for row in actor.connection.rows(rows.Quarantined, sql)}


def parked(actor: Actor) -> dict[bytes, str]:
    found = actor.connection.rows(lambda one, state: (one, state), "SELECT id, state FROM parked")
    return dict(found)


def frames_of(actor: Actor) -> list[bytes]:
    """Return everything that a copy could send on, receipts too."""
    sn = actor.space.sn
    events = [frame for _, frame in actor.events.frames(sn, after=0, limit=100_000)]
    return events + actor.events.receipt_frames(sn)


def reader(world: World, name: str, source: Actor, *, keys: bool = True) -> Actor:
    """Return somebody with an empty copy of the space of ``source``, and its keys if wanted."""
    made = world.actor(name)
    with made.events.transaction(durable=True):
        made.store.save(blank(1, source.space.id, b"")._replace(join_state="pending_approval"))
        for row in source.events.epochs(source.space.sn) if keys else ():
            made.events.put_epoch(1, row)
    return made


# -- doors -------------------------------------------------------------------------------------


def altered(frame: bytes) -> bytes:
    """Return an envelope with another last bit of its ciphertext."""
    return frame[:-1] + bytes((frame[-1] ^ 1,))


def late_padding(frame: bytes) -> bytes:
    """Return an envelope whose array head takes three bytes instead of one."""
    return b"\xdc\x00\x04" + frame[1:]


DOORS = [
    pytest.param(lambda f: b"\xc1", "malformed", id="what is no frame is malformed"),
    pytest.param(lambda f: b"", "malformed", id="an empty frame is malformed"),
    pytest.param(
        lambda f: late_padding(f.say(message())[0]), "non_canonical", id="a long head is not canonical"
    ),
    pytest.param(lambda f: b"\x94\x01" + bytes(70_000), "too_large", id="a frame over the bound"),
    pytest.param(
        lambda f: b"\x94\x02" + f.say(message())[0][2:], "unknown_suite", id="a suite nobody knows"
    ),
    pytest.param(
        lambda f: altered(f.say(message())[0]), "cannot_open", id="a flipped bit does not open"
    ),
    pytest.param(lambda f: f.misplaced(message()), "wrong_space", id="an inner of another space"),
    pytest.param(lambda f: f.anonymous(message()), "bad_key", id="an author who is no key"),
    pytest.param(lambda f: f.unsigned(message()), "bad_signature", id="another's signature"),
    pytest.param(lambda f: f.say(message(), lam=99)[0], "bad_link", id="a lam out of its place"),
    pytest.param(lambda f: f.say(message(), ts=5)[0], "bad_link", id="a time below a parent's"),
    pytest.param(lambda f: f.say(message(), seq=7)[0], "bad_link", id="a seq without its prev"),
    pytest.param(
        lambda f: f.say(message(), kind="genesis")[0], "malformed", id="a second genesis of nothing"
    ),
]


@pytest.mark.parametrize(("make", "code"), DOORS)
def test_what_a_door_refuses_is_a_row_and_the_rest_of_the_page_goes_on(
    world: World, make: Callable[[Forger], bytes], code: str
) -> None:
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    bad, good = make(forger), Forger(agent).say(message("good"))[0]
    before = lead.space

    taken = take_in(lead.copy, [bad, good], source=HAND)

    assert taken == Taken(accepted=1, parked=0, quarantined=1)
    (row,) = quarantine(lead).values()
    assert (row.code, row.source, row.size) == (code, HAND, len(bad))
    assert row.first_ms == world.clock.now
    after = lead.space
    assert after.events == before.events + 1 and after.frame_count == before.frame_count + 2


def test_a_page_of_rejects_changes_no_state(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    before = meaning(lead)
    take_in(lead.copy, [make.values[0](Forger(agent)) for make in DOORS], source=HAND)  # type: ignore
    assert differences(before, meaning(lead)) == []
    assert len(quarantine(lead)) == len(DOORS)
