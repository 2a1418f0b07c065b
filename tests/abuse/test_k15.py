"""K15: nobody is made the tool of who was left out: boxes go where an epoch was meant to go."""

from __future__ import annotations

from envoy.core.bodies import KeyRequest
from envoy.core.crypto.seal import kid
from envoy.core.epoch import box_tag
from envoy.replica import requests
from envoy.replica.actions import local
from envoy.sync import frames
from replica.council import council, remove
from replica.forge import Forger
from replica.scenes import deliver, parked, status_of
from replica.world import MINUTE_MS, Actor, World


def boxes(actor: Actor, epoch: bytes) -> int:
    """Return how many boxes of an epoch the hub has for an actor."""
    enc = actor.profile.identity.enc_key(0, actor.space.id)
    call = frames.EpochGet(actor.space.id, epoch, (box_tag(epoch, kid(enc)),))
    found = actor.door.handle(call)
    assert isinstance(found, frames.EpochFound)
    return sum(len(posted) for posted in found.boxes)


def test_who_was_removed_asks_in_vain(world: World) -> None:
    lead, b, c, gone, _ = council(world)
    forger = Forger(gone)
    c.door.away = True
    remove(lead, gone)
    epoch = lead.space.epoch or b""
    asked, event = forger.say(KeyRequest((epoch,)))
    c.door.away = False
    for one in (lead, b, c):
        deliver(one, [asked])
        local.sync_all(one.profile, None)
    assert status_of(c, event.id) == "held" and boxes(gone, epoch) == 0


def test_nor_does_who_has_not_heard_of_the_removal_answer(world: World) -> None:
    lead, b, _, gone, _ = council(world)
    asked_before = Forger(gone)
    remove(lead, gone)
    epoch = lead.space.epoch or b""
    row = lead.events.epoch(1, epoch)
    assert row is not None
    with b.events.transaction(durable=True):  # the key reached it, the events did not
        b.events.put_epoch(1, row)
    deliver(b, [asked_before.say(KeyRequest((epoch,)))[0]])
    assert b.store.members(1)[gone.me].role == "write"  # in its view gone is still in
    assert not requests.answer(b.copy) and b.space.pending == 0
    assert boxes(gone, epoch) == 0


def test_control_a_reader_whose_box_was_lost_gets_one(world: World) -> None:
    lead, _, _, w, gone = council(world)
    lead.door.refusals[frames.BoxPut] = "quota_exceeded"
    remove(lead, gone)
    lead.door.refusals.clear()
    sent = lead.send("under the new epoch").event
    w.sync()
    assert parked(w)[sent] == "sealed"
    world.clock.now += 2 * MINUTE_MS
    for one in (w, lead, w):
        local.sync_all(one.profile, None)
    assert status_of(w, sent) == "ok"
