"""K11: an epoch that leaves a reader out, or lets an outsider in, is written under by nobody."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from abuse.siege import rotated
from abuse.test_k15 import boxes
from envoy.core.bodies import KeyRequest
from envoy.replica import epochs, requests
from envoy.replica.actions import authority, local
from envoy.replica.keyring import Reader
from envoy.replica.replica import Author
from replica.council import council
from replica.forge import Forger, ident
from replica.scenes import deliver, frames_of, message, parked, status_of
from replica.world import MINUTE_MS, Actor, World

HOUR_MS = 61 * MINUTE_MS
Choice = Callable[[list[Reader], Actor, Actor], list[Reader]]


def sneaked(readers: list[Reader], outsider: Actor) -> list[Reader]:
    """Return the readers and somebody who is none."""
    enc = outsider.profile.identity.enc_key(0, None)
    return sorted([*readers, Reader(outsider.me, enc)])


CHOICES: dict[str, Choice] = {
    "without a reader": lambda readers, gone, _: [one for one in readers if one.id != gone.me],
    "with an outsider": lambda readers, _, outsider: sneaked(readers, outsider),
    "an outsider for a reader": lambda readers, gone, outsider: sneaked(
        [one for one in readers if one.id != gone.me], outsider
    ),
    "for nobody": lambda readers, gone, outsider: [],
}


@pytest.mark.parametrize("what", CHOICES)
def test_an_admin_makes_one(what: str, world: World) -> None:
    lead, b, c, w, reader = council(world)
    outsider = world.actor("outsider")
    before = lead.space.epoch
    made = rotated(b, lambda readers: CHOICES[what](readers, reader, outsider))
    for one in (lead, c, w, reader):
        one.sync()
        assert one.space.epoch == before != made
    sent = w.send("for all who read").event
    lead.sync()
    assert status_of(lead, sent) == "ok"
    # What cites the bogus epoch is closed to who was left out of it, until an admin's client wraps
    # it in the next one.
    world.clock.now += HOUR_MS
    for one in (lead, reader):
        local.sync_all(one.profile, None)
    assert status_of(reader, sent) == "ok"
    assert set(parked(reader)) <= {ident(frame) for frame in frames_of(b)}  # what nobody else reads
    assert lead.space.epoch == reader.space.epoch != made


def test_a_writer_that_shuts_a_reader_out_for_all_it_can(world: World) -> None:
    lead, _, _, w, reader = council(world)
    for _ in range(2):
        rotated(w, lambda readers: [one for one in readers if one.id != reader.me])
    lead.sync()
    sent = lead.send("cites what the reader cannot open").event
    reader.sync()
    assert status_of(reader, sent) is None
    world.clock.now += HOUR_MS
    for one in (lead, reader):
        local.sync_all(one.profile, None)
    assert status_of(reader, sent) == "ok"
    before = lead.space.epoch
    world.clock.now += HOUR_MS
    local.sync_all(lead.profile, None)
    assert lead.space.epoch == before  # healed once, not each hour


def test_an_epoch_that_no_event_makes_shuts_nobody_out_for_long(world: World) -> None:
    lead, _, _, w, reader = council(world)
    row = lead.store.members(1)[lead.me]
    with w.events.transaction(durable=True):
        batch = w.copy.batch()
        sealed = epochs.create(
            w.space.id, w.me, older=epochs.wrapped(w.space.id, w.events.epochs(1)),
            to=[Reader(lead.me, row.enc)], nonce=os.urandom(16), secret=os.urandom(32),
        )  # fmt: skip
        batch.adopt_epoch(sealed)
        Author(w.profile, batch).say(message("for the founder alone"))
        batch.finish()
    for one in (w, lead):
        one.sync()
    sent = lead.send("cites it").event
    reader.sync()
    assert status_of(reader, sent) is None
    world.clock.now += HOUR_MS
    for one in (lead, reader):
        local.sync_all(one.profile, None)
    assert status_of(reader, sent) == "ok" and not parked(reader)


def test_a_founder_that_is_the_only_admin_and_left_out_is_let_in_by_whoever_holds_it(
    world: World,
) -> None:
    lead, w, other = world.team("lead", "w", "other")
    rotated(w, lambda readers: [one for one in readers if one.id != lead.me])
    other.sync()
    sent = other.send("cites what the founder cannot open").event
    lead.sync()
    assert status_of(lead, sent) is None and parked(lead)
    world.clock.now += MINUTE_MS  # limits.KEY_WAIT_SECONDS: then it asks
    for one in (lead, other, lead):
        local.sync_all(one.profile, None)
    assert status_of(lead, sent) == "ok" and not parked(lead)


def test_nor_does_a_removed_member_get_in_that_way(world: World) -> None:
    """It was a reader when the epoch left it out, and is none any more."""
    lead, w, gone, other = world.team("lead", "w", "gone", "other")
    made = rotated(w, lambda readers: [one for one in readers if one.id != gone.me])
    other.sync()
    authority.remove(lead.copy, gone.me, reason="")
    other.sync()
    asked, _ = Forger(gone).say(KeyRequest((made,)))
    deliver(other, [asked])
    assert not requests.answer(other.copy) and boxes(gone, made) == 0


def test_pinned_what_no_event_makes_stays_shut_to_a_founder_alone_until_it_names_an_admin(
    world: World,
) -> None:
    """Nobody may answer for an epoch without its creation: it may cover a removal not heard of."""
    lead, w, other = world.team("lead", "w", "other")
    row = w.store.members(1)[other.me]
    with w.events.transaction(durable=True):
        batch = w.copy.batch()
        sealed = epochs.create(
            w.space.id, w.me, older=epochs.wrapped(w.space.id, w.events.epochs(1)),
            to=[Reader(other.me, row.enc)], nonce=os.urandom(16), secret=os.urandom(32),
        )  # fmt: skip
        batch.adopt_epoch(sealed)
        Author(w.profile, batch).say(message("for one of them"))
        batch.finish()
    for one in (w, other):
        one.sync()
    sent = other.send("cites it").event
    for _ in range(3):
        world.clock.now += HOUR_MS
        for one in (lead, other):
            local.sync_all(one.profile, None)
    assert status_of(lead, sent) is None
    authority.set_role(lead.copy, other.me, "admin")
    for _ in range(2):
        world.clock.now += HOUR_MS
        for one in (other, lead):
            local.sync_all(one.profile, None)
    assert status_of(lead, sent) == "ok" and not parked(lead)


def test_control_an_honest_one_is_used(world: World) -> None:
    lead, b, _, w, _ = council(world)
    made = rotated(b)
    for one in (lead, w):
        one.sync()
        assert one.space.epoch == made
