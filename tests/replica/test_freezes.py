"""One wrong clock stops nobody: what is in nobody's way, what is over, and who comes in."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest

from envoy import limits
from envoy.core.bodies import Merge
from envoy.errors import ConflictError
from envoy.replica.actions import (
    authority,
    fields,
    handoffs,
    hold,
    local,
    members,
    returning,
    reviews,
    space,
    tasks,
)
from envoy.replica.actions.deliver import deliver as push
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.handoffs import Capsule
from envoy.replica.epochs import create as create_epoch
from envoy.replica.epochs import settled, wrapped
from envoy.sync import frames
from replica.forge import Forger, Value
from replica.scenes import message, status_of
from replica.test_ahead import crew, invite_of, own_clock, task_of
from replica.test_effects import REVIEWED, row
from replica.test_epochs import epochs
from replica.world import DAY_MS, YEAR_MS, Actor, World


def lapse(world: World, *actors: Actor) -> None:
    """Let a lease run out, for all clocks."""
    by = (limits.LEASE_SECONDS_DEFAULT + limits.LEASE_GRACE_SECONDS + 60) * 1000
    world.clock.now += by
    for one in actors:
        one.clock.now += by


def left_lying(world: World, how: str) -> tuple[Actor, Actor, Actor, bytes]:
    """Return founder, holder whose lease lapsed, another, the task."""
    lead, w, x = world.team("lead", "w", "x")
    task = task_of(lead, "do it")
    w.sync()
    tasks.claim(w.copy, task, session="default")
    own_clock(w, 10 * YEAR_MS)
    if how == "edit":
        fields.edit(w.copy, task, Changes(label=("seen",)))
    if how == "merge":
        w.copy.write(lambda _: [Merge(task)])
        w.sync()
    lapse(world)
    x.sync()
    return lead, w, x, task


@pytest.mark.parametrize("how", ["nothing", "edit", "merge"])
def test_a_lapsed_lease_is_taken_over_beside_an_unrelated_act_ahead(world: World, how: str) -> None:
    _, _, x, task = left_lying(world, how)
    tasks.claim(x.copy, task, session="default", require="confirmed")
    assert row(x, task).assignee == x.events.actor(x.me)


def test_a_lapsed_lease_of_a_claim_dated_ahead_is_taken_over(world: World) -> None:
    lead, w, x = world.team("lead", "w", "x")
    task = task_of(lead, "do it")
    own_clock(w, 10 * YEAR_MS)
    tasks.claim(w.copy, task, session="default")
    lapse(world)
    x.sync()
    tasks.claim(x.copy, task, session="default", require="confirmed")
    assert row(x, task).assignee == x.events.actor(x.me)


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_task_next_walks_past_a_task_dated_ahead(world: World, by: int) -> None:
    lead, w, x = world.team("lead", "w", "x")
    own_clock(w, by)
    tasks.create(w.copy, "urgent", more=tasks.More(priority=0))
    tasks.create(w.copy, "urgent", more=tasks.More(priority=4))
    task_of(lead, "ordinary")
    done = hold.take(x.copy, label=None, limit=10, session="default")
    assert done.after.assignee == x.events.actor(x.me)


@pytest.mark.parametrize("verdict", ["approve", "request_changes", "reject"])
@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_a_verdict_beside_an_unrelated_edit_ahead(world: World, verdict: str, by: int) -> None:
    lead, w = world.team("lead", "w")
    task = task_of(lead, "do it")
    reviews.gate(lead.copy, task, REVIEWED)
    w.sync()
    tasks.claim(w.copy, task, session="default")
    tasks.complete(w.copy, task, summary="done")
    own_clock(w, by)
    fields.edit(w.copy, task, Changes(label=("seen",)))
    lead.sync()
    reviews.review(lead.copy, task, verdict, note="seen")
    states = {"approve": "completed", "request_changes": "changes_requested", "reject": "open"}
    assert row(lead, task).state == states[verdict]


def beside_a_lost_claim(world: World, by: int) -> tuple[Actor, Actor, Actor, bytes]:
    """Return a founder, who holds a task confirmed, who claimed it too in vain, the task."""
    lead, w, x = world.team("lead", "w", "x")
    task = task_of(lead, "do it")
    x.sync()
    own_clock(x, by)
    x.door.away = True
    with suppress(ConflictError):
        tasks.claim(x.copy, task, session="default")
    x.door.away = False
    w.sync()
    tasks.claim(w.copy, task, session="default", require="confirmed")
    for one in (x, w, lead):
        one.sync()
    assert row(w, task).assignee == w.events.actor(w.me)
    return lead, w, x, task


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_a_task_is_given_back_beside_a_claim_ahead_that_lost(world: World, by: int) -> None:
    _, w, _, task = beside_a_lost_claim(world, by)
    tasks.release(w.copy, task)
    assert row(w, task).assignee != w.events.actor(w.me)


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_a_handoff_beside_a_claim_ahead_that_lost(world: World, by: int) -> None:
    _, w, _, task = beside_a_lost_claim(world, by)
    try:
        made = handoffs.create(w.copy, task, Capsule("go on")).event
    except ConflictError as error:
        assert error.code == "clock_ahead"
        return
    found = w.store.record(1, made or b"")
    assert found is not None and row(w, task).state == "open"
    assert "offered" in str(found)


def two_held(world: World) -> tuple[Actor, Actor, bytes, bytes]:
    """Return a founder, who holds two tasks, the second by a claim dated ahead."""
    lead, w = world.team("lead", "w")
    one, two = task_of(lead, "one"), task_of(lead, "two")
    w.sync()
    tasks.claim(w.copy, one, session="default")
    own_clock(w, DAY_MS)
    tasks.claim(w.copy, two, session="default")
    w.clock.now -= DAY_MS
    lead.sync()
    return lead, w, one, two


def test_a_session_that_ends_gives_back_what_it_can(world: World) -> None:
    _, w, one, two = two_held(world)
    try:
        returning.release_all(w.copy, [one, two])
    except ConflictError as error:
        assert error.code == "clock_ahead"
    assert row(w, one).state == "open"


def test_a_removal_tells_no_task_as_freed_that_is_held(world: World) -> None:
    lead, w, one, two = two_held(world)
    reach = authority.remove(lead.copy, w.me, reason="")
    states = {task: row(lead, task).assignee for task in (one, two)}
    assert {task for task in (one, two) if states[task] is None} == {*reach.freed}


def test_a_leave_frees_no_slot_of_a_task_that_stays_held(world: World) -> None:
    _, w, one, two = two_held(world)
    reach = authority.leave(w.copy)
    count = w.door.log.connection.find(int, "SELECT count(*) FROM slot WHERE until > 1800000000000")
    assert count == 1, "the slot of what stays claimed is kept"
    states = {task: row(w, task).assignee for task in (one, two)}
    assert {task for task in (one, two) if states[task] is None} == {*reach.freed}


def test_a_rehearsal_of_a_policy_refuses_what_the_act_refuses(world: World) -> None:
    (lead,) = world.team("lead")
    own_clock(lead, DAY_MS)
    for _ in range(5):
        lead.send("time passes")
    space.set_policy(lead.copy, {"lease_s": 120})
    lead.clock.now -= DAY_MS
    with pytest.raises(ConflictError, match="clock_ahead"):
        space.set_policy(lead.copy, {"lease_s": 1200})
    with pytest.raises(ConflictError, match="clock_ahead"):
        space.rehearse_policy(lead.copy, {"lease_s": 1200})


@pytest.mark.parametrize("by", [0, DAY_MS, 40 * DAY_MS, 10 * YEAR_MS])
def test_two_admins_do_not_rotate_for_ever(world: World, by: int) -> None:
    lead, fast, w = crew(world, "w")
    members.revoke_invite(lead.copy, invite_of(lead))
    for one in (fast, w):
        one.sync()
    fast.clock.now += by
    made = list[int]()
    for _ in range(8):
        lead.send("work")
        for one in (lead, fast, w):
            local.sync_all(one.profile, None)
        made.append(len(epochs(lead)))
        world.clock.now += 60_000
        fast.clock.now += 60_000
    assert made[-1] - made[2] == 0, made


def made_against(bad: Actor, out: Actor, *, unknown: bool) -> tuple[bytes, list[bytes]]:
    """Return a message under an epoch without ``out``, and the frames that bring it.

    ``unknown``: what created the epoch is said to have seen an event that nobody ever wrote.
    """
    common = bad.events.heads(1, citable=True)[0]
    with bad.events.transaction(durable=True):
        batch = bad.copy.batch()
        known = settled(bad.events, 1, batch.court.judgement, latest=bad.clock.now)
        sealed = create_epoch(
            batch.space.id,
            bad.me,
            older=wrapped(batch.space.id, known),
            to=[one for one in batch.current_readers() if one.id != out.me],
            nonce=os.urandom(16),
            secret=os.urandom(32),
        )
        batch.adopt_epoch(sealed)
        batch.finish()
    push(bad.copy)
    place: dict[str, Value] = {"deps": (common.id,), "lam": common.lam + 1, "ts": common.ts}
    blocked: dict[str, Value] = {**place, "deps": tuple(sorted((common.id, bytes(31) + b"1")))}
    created, _ = Forger(bad).say(sealed.body, **(blocked if unknown else place))
    frame, event = Forger(bad).say(message("sees no creation"), **place)
    return event.id, [created, frame]


@pytest.mark.parametrize("unknown", [False, True])
def test_an_epoch_whose_creation_waits_for_nothing_shuts_nobody_out(
    world: World, unknown: bool
) -> None:
    lead, bad, out = world.team("lead", "bad", "out")
    sent, given = made_against(bad, out, unknown=unknown)
    bad.door.handle(frames.Push(bad.space.id, tuple(given)))
    for one in (lead, out):
        one.sync()
    assert status_of(lead, sent) == "ok"
    after = lead.send("stands on it").event
    for _ in range(5):
        world.clock.now += 2 * DAY_MS
        for one in (lead, out):
            local.sync_all(one.profile, None)
    authority.rotate(lead.copy)
    newcomer = world.actor("newcomer")
    newcomer.join(lead.code())
    for one in (lead, out, newcomer, lead, out, newcomer):
        local.sync_all(one.profile, None)
    assert status_of(out, after) == "ok"
    assert status_of(newcomer, after) == "ok"


@pytest.mark.parametrize("by", [0, DAY_MS, 10 * YEAR_MS])
@pytest.mark.parametrize("how", ["care", "rotate"])
def test_a_newcomer_joins_after_an_epoch_dated_ahead_was_left(
    world: World, how: str, by: int
) -> None:
    lead, fast, w = crew(world, "w")
    members.revoke_invite(lead.copy, invite_of(lead))
    for one in (fast, w):
        one.sync()
    fast.clock.now += by
    authority.rotate(fast.copy)
    lead.sync()
    sent = lead.send("under the epoch dated ahead").event
    for _ in range(2):
        lead.send("time passes")
    if how == "rotate":
        authority.rotate(lead.copy)
    newcomer = world.actor("newcomer")
    newcomer.join(lead.code())
    assert status_of(newcomer, sent) == "ok"


def test_an_admin_whose_clock_is_behind_all_there_is_keeps_house(world: World) -> None:
    lead, slow, w = crew(world, "w")
    made = len(epochs(lead))
    slow.clock.now -= 2 * DAY_MS
    authority.set_role(lead.copy, slow.me, "admin")
    local.sync_all(slow.profile, None)
    w.sync()
    assert len(epochs(w)) == made
