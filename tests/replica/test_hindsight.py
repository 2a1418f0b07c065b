"""Looking back: what stood when an event was written, and which epochs are written under."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abuse.siege import forged_join, rotated, verdict
from envoy.core.bodies import Remove
from envoy.core.event import Event
from envoy.replica.actions import authority
from envoy.replica.hindsight import Hindsight
from replica.beside import say, settle
from replica.council import council, remove
from replica.scenes import deliver, status_of
from replica.world import Actor, World

# -- epochs --------------------------------------------------------------------------------------


def older(lead: Actor, b: Actor, w: Actor) -> bytes:
    """Return an epoch after which a senior made another."""
    first = rotated(b)
    settle([lead])
    rotated(lead)
    return first


def uncovering(lead: Actor, b: Actor, w: Actor) -> bytes:
    """Return an epoch that was made beside a removal."""
    b.door.away = True
    made = rotated_alone(b)
    remove(lead, w)
    b.door.away = False
    return made


def uncounted(lead: Actor, b: Actor, w: Actor) -> bytes:
    """Return an epoch whose creator was removed by somebody who had not seen it."""
    b.door.away = True
    made = rotated_alone(b)
    remove(lead, b)
    b.door.away = False
    return made


def demoted(lead: Actor, b: Actor, w: Actor) -> bytes:
    """Return an epoch whose creator only reads by now."""
    made = rotated(b)
    settle([lead])
    authority.set_role(lead.copy, b.me, "read")
    return made


def rotated_alone(actor: Actor) -> bytes:
    """Return the epoch that somebody makes whom the hub does not answer."""
    authority.rotate(actor.copy)
    epoch = actor.space.epoch
    assert epoch is not None
    return epoch


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        pytest.param(lambda lead, b, w: rotated(lead), "E2 current", id="the newest of a senior"),
        pytest.param(older, "E2 older", id="one before the newest"),
        pytest.param(lambda lead, b, w: rotated(w), "E4 no cause", id="of a writer, for nothing"),
        pytest.param(
            lambda lead, b, w: rotated(b, lambda to: [one for one in to if one[0] != w.me]),
            "E4 readers",
            id="not for a reader",
        ),
        pytest.param(uncovering, "E1 not covered", id="beside a removal"),
        pytest.param(uncounted, "E1 not ok", id="of somebody removed beside it"),
        pytest.param(demoted, "E1 creator", id="of somebody who only reads by now"),
    ],
)
def test_an_epoch_has_the_rule_that_decides_about_it(
    world: World, make: Callable[[Actor, Actor, Actor], bytes], rule: str
) -> None:
    lead, b, _, w, _ = council(world)
    epoch = make(lead, b, w)
    settle([lead, b, lead])
    creates = [one for one in lead.events.authority(1) if one.entry.kind == "epoch.create"]
    court = lead.copy.batch().court
    (create,) = [
        one.entry.id for one in creates if court.judgement.ledger.by_id[one.entry.id].epoch == epoch
    ]
    assert Hindsight(lead.events, lead.space).epoch(create) == rule


# -- over-used invites ---------------------------------------------------------------------------


def live(actor: Actor, event: bytes) -> set[bytes]:
    """Return the joins that stood for an event."""
    grants, _ = Hindsight(actor.events, actor.space).powers(event)
    return {one.id for one in grants if one.kind == "join" and one.status == "live"}


def backdated(world: World, code: str, via: Actor) -> tuple[bytes, Event]:
    """Return a join by a leaked code that takes a place before all others by it."""
    (invite,) = [one.id for one in via.store.invites(1).values() if one.max_uses == 1]
    place = via.events.entry(1, invite)
    assert place is not None
    thief = world.actor("thief")
    return forged_join(code, thief, via=via, deps=(invite,), lam=place.lam + 1, ts=place.ts)


def joined(lead: Actor, settled: Actor) -> bytes:
    """Return the join of a member."""
    (found,) = [
        one.id
        for one in lead.store.grants(1).values()
        if one.kind == "join" and one.subject == lead.events.actor(settled.me)
    ]
    return found


def test_who_had_joined_is_judged_by_what_an_event_had_seen_and_no_witness_beyond(
    world: World,
) -> None:
    lead, w = world.team("lead", "w")
    code, settled = lead.code(uses=1), world.actor("settled")
    lead.send("so that whoever joins now has a later place")
    settled.join(code)
    w.sync()
    w.door.away = True
    lead.sync()
    welcome = lead.send("welcome").event  # an owner has seen the one who joined first
    frame, thief = backdated(world, code, w)
    deliver(w, [frame])
    both = w.send("saw both of them, and no owner who saw either").event
    w.door.away = False
    deliver(lead, [frame])
    settle([w, lead])
    after = lead.send("saw everything").event
    first = joined(lead, settled)
    assert verdict(lead, thief.id) == ("void", "R6 over-used") and status_of(lead, first) == "ok"
    assert {first, thief.id} & live(lead, welcome) == {first}
    assert {first, thief.id} & live(lead, both) == {thief.id}
    assert {first, thief.id} & live(lead, after) == {first}


def test_a_witness_that_a_removal_had_seen_stays_one(world: World) -> None:
    lead, b, _, _, _ = council(world)
    code, settled = lead.code(uses=1), world.actor("settled")
    settled.join(code)
    settle([b])
    b.send("welcome")
    settle([lead])
    say(lead, Remove(b.me, "", ()))  # alone: the codes stay open
    frame, thief = backdated(world, code, lead)
    deliver(lead, [frame])
    after = lead.send("saw everything").event
    first = joined(lead, settled)
    assert verdict(lead, thief.id) == ("void", "R6 over-used")
    assert {first, thief.id} & live(lead, after) == {first}
