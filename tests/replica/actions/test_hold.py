"""Who works: what is ready, who wins it, and how a lease lives on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from envoy.errors import EnvoyError
from envoy.replica.actions import fields, hold, tasks, work
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.tasks import More
from envoy.replica.replica import Profile, Replica
from envoy.sync import frames
from envoy.views import rows
from replica.world import MINUTE_MS, Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def made(actor: Actor, body: str, assignee: bytes | None = None, **more: Any) -> bytes:
    """Return a new task."""
    asked = More()._replace(**more)
    return tasks.create(actor.copy, body, assignee=assignee, more=asked).after.id


def titles(actor: Actor, label: str | None = None) -> list[str]:
    """Return what is ready for an actor."""
    return [row.title for row in hold.ready(actor.copy, label=label, limit=20)]


def take(actor: Actor, **asked: object) -> rows.Transition:
    """Take the first ready task that is won."""
    key = asked.get("key")
    assert key is None or isinstance(key, str)
    return hold.take(actor.copy, label=None, limit=20, session="default", key=key)


def lease(actor: Actor, task: bytes) -> int:
    """Return when the lease of a task ends as a copy knows it."""
    found = actor.store.task(actor.space.sn, task)
    assert found is not None and found.lease_ms is not None
    return found.lease_ms


def holder(actor: Actor, task: bytes) -> bytes:
    """Return who holds a task as a copy knows it."""
    found = actor.store.task(actor.space.sn, task)
    assert found is not None and found.assignee is not None
    return actor.events.did(found.assignee)


def test_what_is_ready_is_in_the_order_of_priority_date_and_age(team: list[Actor]) -> None:
    lead, one, two = team
    made(lead, "late", priority=1, due_ms=9_000)
    made(lead, "old")
    first = made(lead, "new", labels=("x",))
    made(lead, "soon", priority=1, due_ms=1_000)
    made(lead, "whenever", priority=1)
    made(lead, "waits", priority=0, needs=(first,))
    made(lead, "of one", one.me, priority=0)
    assert titles(two) == ["soon", "late", "whenever", "old", "new"]
    assert titles(one)[0] == "of one" and titles(two, "x") == ["new"]
    tasks.claim(two.copy, first, session="default")
    assert "new" not in titles(one)
    tasks.complete(two.copy, first)
    assert titles(two)[0] == "waits"


def test_what_is_fought_over_is_not_ready(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(one, "work")
    for actor in (lead, one):
        actor.sync()
        actor.door.away = True
        fields.edit(actor.copy, task, Changes(title=actor.name))
        actor.door.away = False
    for actor in (lead, one, lead):
        actor.sync()
    assert titles(two) == []
    fields.edit(one.copy, task, Changes(title="agreed"))
    assert titles(two) == ["agreed"]


def test_each_takes_another_task(team: list[Actor]) -> None:
    lead, one, two = team
    for number in range(2):
        made(lead, f"task {number}")
    found = [take(one), take(two)]
    assert [done.after.title for done in found] == ["task 0", "task 1"]
    assert {done.after.claim_state for done in found} == {"confirmed"}
    assert refusal(lambda: take(lead)).code == "nothing_ready"


def test_a_walk_is_repeated_under_its_key(team: list[Actor]) -> None:
    lead, one, _ = team
    made(lead, "task 0"), made(lead, "task 1")
    done, again = take(one, key="k"), take(one, key="k")
    assert again.replayed and again.after.id == done.after.id and not done.replayed
    error = refusal(lambda: hold.take(one.copy, label="x", limit=1, session="default", key="k"))
    assert error.code == "idempotency_mismatch"


def test_a_walk_without_a_hub_takes_one_task_and_is_not_sure(team: list[Actor]) -> None:
    lead, one, _ = team
    made(lead, "task 0"), made(lead, "task 1")
    one.sync()
    one.door.away = True
    assert refusal(lambda: take(one)).code == "claim_unconfirmed"
    one.door.away = False
    sql = "SELECT count(*) FROM event WHERE kind = 'task.claim'"
    assert one.connection.find(int, sql) == 1


# -- leases ----------------------------------------------------------------------------------------


def test_a_heartbeat_renews_and_writes_nothing(team: list[Actor], world: World) -> None:
    lead, one, two = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    before, events = lease(one, task), one.space.events
    world.clock.now += 50_000
    done = hold.heartbeat(one.copy, task, lease_s=600)
    assert (done.event, done.changed, one.space.events) == (None, True, events)
    assert lease(one, task) == done.after.lease_ms == before + 50_000 + 540_000
    world.clock.now += 2 * MINUTE_MS
    error = refusal(lambda: tasks.claim(two.copy, task, session="default"))
    assert error.code == "task_already_claimed"
    two.sync()
    assert holder(two, task) == one.me


@pytest.mark.parametrize("act", ["progress", "edit", "message"])
def test_any_event_of_the_session_on_the_task_renews(
    team: list[Actor], world: World, act: str
) -> None:
    lead, one, _ = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    before = lease(one, task)
    world.clock.now += 30_000
    if act == "progress":
        tasks.progress(one.copy, task, "in_progress")
    elif act == "edit":
        fields.edit(one.copy, task, Changes(body="notes"))
    else:
        work.send(one.copy, "half of it", task=task)
    assert lease(one, task) == before + 30_000
    assert one.space.pending == 0
    lead.sync()
    assert lead.space.events == one.space.events


def test_a_longer_lease_is_not_shortened_by_an_event(team: list[Actor], world: World) -> None:
    lead, one, _ = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    long = hold.heartbeat(one.copy, task, lease_s=3_600).after.lease_ms
    world.clock.now += 1_000
    tasks.progress(one.copy, task, "in_progress")
    assert lease(one, task) == long


def test_an_event_of_who_lost_the_slot_goes_plainly(team: list[Actor], world: World) -> None:
    lead, one, two = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    world.clock.now += 5 * MINUTE_MS
    one.door.away = True
    tasks.progress(one.copy, task, "in_progress")
    assert tasks.claim(two.copy, task, session="default").after.fence == 2
    one.door.away = False
    one.sync()
    lead.sync()
    assert one.space.pending == 0 and lead.space.events == one.space.events
    assert holder(lead, task) == two.me


def other_session(actor: Actor) -> Replica:
    """Return the copy of another run of the same profile."""
    profile: Profile = actor.profile._replace(session="other")
    return Replica(profile, actor.space.sn)


def test_who_does_not_hold_it_renews_nothing(team: list[Actor], world: World) -> None:
    lead, one, two = team
    task = made(lead, "work")

    def beat(copy: Replica) -> str:
        return refusal(lambda: hold.heartbeat(copy, task, lease_s=60)).code

    assert beat(one.copy) == "task_unassigned"
    one.door.refusals[frames.Slot] = "quota_exceeded"
    full = refusal(lambda: tasks.claim(one.copy, task, session="default", lease_s=60))
    assert full.code == "quota_exceeded"
    assert beat(one.copy) == "claim_unconfirmed"
    one.door.refusals.clear()
    tasks.release(one.copy, task)
    tasks.claim(one.copy, task, session="default", lease_s=60)
    assert beat(two.copy) == "not_assignee"
    assert beat(other_session(one)) == "task_already_claimed"
    tasks.complete(one.copy, task)
    assert beat(one.copy) == "invalid_transition"


def test_who_lost_it_while_away_is_told(team: list[Actor], world: World) -> None:
    lead, one, _ = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    one.door.refusals[frames.Slot] = "slot_moved"
    code = refusal(lambda: hold.heartbeat(one.copy, task, lease_s=60)).code
    assert code == "lease_expired"
    one.door.refusals[frames.Slot] = "slot_taken"
    assert refusal(lambda: hold.heartbeat(one.copy, task, lease_s=60)).code == "fence_stale"
    one.door.refusals.clear()
    assert hold.heartbeat(one.copy, task, lease_s=60).changed


def test_a_task_is_never_freed_while_its_holder_lives_and_is_free_once_it_is_dead(
    team: list[Actor], world: World
) -> None:
    lead, one, two = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    work.send(one.copy, "half of it", task=task)
    for _ in range(8):  # each beat comes late, in the grace after its lease
        world.clock.now += 80_000
        assert refusal(lambda: take(two)).code == "nothing_ready"
        assert refusal(lambda: tasks.claim(two.copy, task, session="default")).details["fence"] == 1
        hold.heartbeat(one.copy, task, lease_s=60)
    died = lease(one, task)
    world.clock.now = died + 29_999  # the last moment of the grace
    code = refusal(lambda: tasks.claim(two.copy, task, session="default")).code
    assert code == "task_already_claimed"
    world.clock.now += 1
    assert tasks.claim(two.copy, task, session="default").after.fence == 2
    notes = [item.body for item in history(two, task)]
    assert "half of it" in notes


def history(actor: Actor, task: bytes) -> list[rows.Item]:
    """Return what was said about a task, as a copy has it."""
    sql = "SELECT rid FROM item WHERE sn = ? AND task = ? AND kind = 'message'"
    numbers = actor.connection.rows(int, sql, (actor.space.sn, task))
    return [item for rid in numbers if (item := actor.store.item(rid)) is not None]


def test_who_comes_back_too_late_is_told_and_so_is_who_took_over(
    team: list[Actor], world: World
) -> None:
    lead, one, two = team
    task = made(lead, "work")
    tasks.claim(one.copy, task, session="default", lease_s=60)
    world.clock.now += 2 * MINUTE_MS
    one.door.away = True
    late = tasks.complete(one.copy, task, summary="all of it").event
    taken = tasks.claim(two.copy, task, session="default")
    one.door.away = False
    for actor in (one, two, one):
        actor.sync()
    for actor in (one, two):
        (met,) = actor.store.conflicts(actor.space.sn, task).values()
        assert (met.kind, met.winner, met.loser) == ("fence_stale", taken.event, late)
        told = "SELECT count(*) FROM stream WHERE type = 'conflict_opened' AND reason = 'conflict'"
        assert actor.connection.find(int, told) == 1
        row = actor.store.task(actor.space.sn, task)
        assert row is not None and (row.state, row.fence) == ("claimed", 2)
    assert refusal(lambda: tasks.complete(one.copy, task)).code == "not_assignee"
