"""Receipts as a copy takes them in: those of the hub that the space believes, and no others."""

from __future__ import annotations

import os

import pytest

from envoy.core import receipt
from envoy.core.bodies import TaskClaim
from envoy.core.receipt import Award
from envoy.core.structs import replace
from envoy.replica.actions import tasks
from oracle import messagepack
from replica.compare import differences, meaning
from replica.scenes import deliver, frames_of, parked, quarantine, reader
from replica.world import Actor, World


def claimed(world: World) -> tuple[Actor, Actor, bytes, Award]:
    """Return a founder, a holder, a claim that no receipt has reached, and what one would say."""
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    agent.door.away = True
    claim = tasks.claim(agent.copy, task, session="default").event
    assert claim is not None
    deliver(lead, frames_of(agent))
    row = lead.space
    entry = lead.events.entry(1, claim)
    assert entry is not None
    batch = lead.copy.batch()
    body = batch.keys.body(entry)
    assert isinstance(body, TaskClaim)
    award = Award(
        space=row.id,
        no=0,
        instance=bytes(16),
        slot=batch.slot_of(task, 0),
        fence=1,
        event=claim,
        holder=body.holder_hash,
        at=1,
        until=2,
    )
    return lead, agent, task, award


def state(actor: Actor, task: bytes) -> tuple[str, int | None]:
    """Return claim state and fence of a task."""
    row = actor.store.task(1, task)
    assert row is not None
    return row.claim_state, row.fence


def issued(actor: Actor, award: Award, *, seed: bytes | None = None) -> bytes:
    """Return a receipt of the hub, or one by another key."""
    return receipt.issue_receipt(seed or actor.door.log.seed, award)


def test_a_receipt_of_the_pinned_hub_confirms_the_claim_that_it_fits(world: World) -> None:
    lead, _, task, award = claimed(world)
    deliver(lead, [issued(lead, award)])
    assert state(lead, task) == ("confirmed", 1) and not quarantine(lead)


FORGED = [
    pytest.param({"holder": bytes(32)}, id="another holder"),
    pytest.param({"slot": bytes(32)}, id="the slot of another task"),
    pytest.param({"event": bytes(32)}, id="a claim nobody made"),
]


@pytest.mark.parametrize("change", FORGED)
def test_a_receipt_for_something_else_counts_for_nothing(
    world: World, change: dict[str, bytes]
) -> None:
    lead, _, task, award = claimed(world)
    deliver(lead, [issued(lead, replace(award, **change))])
    assert state(lead, task) == ("provisional", None) and not quarantine(lead)
    deliver(lead, [issued(lead, award)])
    assert state(lead, task) == ("confirmed", 1)


REFUSED = [
    pytest.param("key", "bad_signature", id="another key"),
    pytest.param("space", "wrong_space", id="another space"),
    pytest.param("short", "malformed", id="ten elements"),
]


@pytest.mark.parametrize(("what", "code"), REFUSED)
def test_a_receipt_that_the_hub_did_not_sign_is_refused(world: World, what: str, code: str) -> None:
    lead, _, task, award = claimed(world)
    match what:
        case "key":
            frame = issued(lead, award, seed=os.urandom(32))
        case "space":
            frame = issued(lead, replace(award, space=bytes(32)))
        case _:
            frame = messagepack.write(["rcpt/1", *[bytes(32)] * 9])
    deliver(lead, [frame])
    assert [row.code for row in quarantine(lead).values()] == [code]
    assert state(lead, task) == ("provisional", None)


LATER = [
    pytest.param("no", id="a hub that is pinned later"),
    pytest.param("label", id="a receipt of a later form"),
]


@pytest.mark.parametrize("what", LATER)
def test_what_a_later_build_may_read_is_kept(world: World, what: str) -> None:
    lead, _, task, award = claimed(world)
    later = issued(lead, replace(award, no=1))
    frame = later if what == "no" else messagepack.write(["rcpt/2", b"who knows"])
    deliver(lead, [frame, frame])
    assert list(parked(lead).values()) == ["unsupported"] and not quarantine(lead)
    assert state(lead, task) == ("provisional", None)


@pytest.mark.parametrize("first", ["receipt", "claim"])
def test_a_receipt_may_come_before_its_claim_and_before_the_genesis(
    world: World, first: str
) -> None:
    lead, agent, task, award = claimed(world)
    frame = issued(lead, award)
    deliver(lead, [frame])
    copy = reader(world, "copy", lead)
    events = [one for one in frames_of(lead) if one != frame]
    order = [frame, *events] if first == "receipt" else [*events, frame]
    deliver(copy, order, one_by_one=True)
    assert state(copy, task) == ("confirmed", 1) and not parked(copy)
    assert differences(meaning(lead), meaning(copy)) == []
    assert copy.space.frame_sum == lead.space.frame_sum
    deliver(agent, [frame])
    assert state(agent, task) == ("confirmed", 1)


def test_of_two_receipts_for_one_claim_the_least_fence_counts(world: World) -> None:
    lead, _, task, award = claimed(world)
    deliver(lead, [issued(lead, replace(award, fence=7)), issued(lead, award)])
    assert state(lead, task) == ("confirmed", 1) and lead.count("receipt") == 2
