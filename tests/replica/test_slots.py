"""Claims and the hub: one winner, everybody else told who, and nothing hangs on being in time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import AuthorityError, ConflictError, RelayError
from envoy.ids import did_text, to_text
from envoy.replica import slots
from envoy.replica.actions import tasks
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.system import host
from envoy.views import rows
from processes import python
from replica.compare import differences, meaning
from replica.world import MINUTE_MS, Actor, World


def claim(actor: Actor, task: bytes, session: str = "default") -> rows.Transition:
    """Claim a task."""
    return tasks.claim(actor.copy, task, session=session)


def state(actor: Actor, task: bytes) -> tuple[str, bytes | None, str, int | None]:
    """Return state, holder, claim state and fence of a task as a copy sees it."""
    row = actor.store.task(actor.space.sn, task)
    assert row is not None
    holder = None if row.assignee is None else actor.events.did(row.assignee)
    return row.state, holder, row.claim_state, row.fence


def made(*actors: Actor) -> bytes:
    """Return a task that all actors know."""
    task = tasks.create(actors[0].copy, "work").after.id
    for actor in actors[1:]:
        actor.sync()
    return task


def conflicts(actor: Actor) -> set[str]:
    """Return the kinds of conflict that a copy shows."""
    return set(actor.connection.rows(str, "SELECT kind FROM conflict"))


def test_a_claim_that_the_hub_has_no_room_for_is_told_with_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 1)
    first, second, third = (made(lead, agent) for _ in range(3))
    claim(agent, first)
    with pytest.raises(RelayError) as caught:
        claim(agent, second)
    details = caught.value.details
    assert (caught.value.code, details["cause"], details["max"]) == ("quota_exceeded", "slots", 1)
    assert details["task_id"] == to_text("task", second)
    assert state(agent, second)[2] == "provisional", "it is saved"
    tasks.release(agent.copy, first)
    assert claim(agent, third).after.claim_state == "confirmed"


def test_a_claim_is_confirmed_at_once_and_everybody_reads_it(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    done = claim(agent, task)
    assert (done.after.claim_state, done.after.fence, done.delivery) == (
        "confirmed",
        1,
        "delivered",
    )
    lead.sync()
    assert state(lead, task) == ("claimed", agent.me, "confirmed", 1)


def test_a_claim_while_the_hub_is_away_is_provisional_and_confirmed_later(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    agent.door.away = True
    done = claim(agent, task)
    assert (done.after.claim_state, done.delivery) == ("provisional", "pending")
    with pytest.raises(ConflictError, match="claim_unconfirmed"):
        tasks.claim(agent.copy, task, session="default", require="confirmed")
    agent.door.away = False
    agent.sync()
    assert state(agent, task) == ("claimed", agent.me, "confirmed", 1)


def test_asking_again_confirms_a_claim_that_was_provisional(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    agent.door.away = True
    claim(agent, task)
    agent.door.away = False
    done = tasks.claim(agent.copy, task, session="default", require="confirmed")
    assert not done.changed and done.after.claim_state == "confirmed"


def test_two_claims_beside_each_other_leave_one_holder_and_one_who_is_told(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    one.door.away = True
    assert claim(one, task).after.claim_state == "provisional"
    assert claim(two, task).after.claim_state == "confirmed"
    one.door.away = False
    for actor in (one, two, lead):
        actor.sync()
        assert state(actor, task) == ("claimed", two.me, "confirmed", 1)
        assert conflicts(actor) == {"lost_claim"}
    with pytest.raises(ConflictError, match="task_already_claimed"):
        claim(one, task)


def test_two_claims_without_a_hub_come_to_one_holder_by_hash(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    for actor in (one, two):
        actor.door.refusals[frames.Slot] = "quota_exceeded"
        actor.door.away = True
        claim(actor, task)
        actor.door.away = False
    for actor in (one, two, lead, one):
        actor.sync()
    assert state(one, task) == state(two, task) == state(lead, task)
    assert state(lead, task)[2] == "provisional"
    assert differences(meaning(one), meaning(two)) == []


def test_who_comes_too_late_is_told_who_holds_the_task_and_until_when(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    claim(one, task)
    before = two.space.events
    with pytest.raises(ConflictError, match="task_already_claimed") as caught:
        claim(two, task)
    details = caught.value.details
    assert details["holder"] == did_text(one.me) and details["fence"] == 1
    assert details["claim_state"] == "confirmed" and details["lease_expires_at"]
    own = [one for one in two.events.entries(1, after=0, limit=99) if one.kind == "task.claim"]
    assert [entry.author for entry in own] == [one.me] and two.space.events > before


def test_two_sessions_of_one_profile_compete(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    claim(agent, task, "day")
    assert not claim(agent, task, "day").changed
    with pytest.raises(ConflictError, match="task_already_claimed"):
        claim(agent, task, "night")


def test_a_release_frees_the_slot_for_the_next_fence(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    claim(one, task)
    tasks.release(one.copy, task)
    done = claim(two, task)
    assert (done.after.claim_state, done.after.fence) == ("confirmed", 2)
    for actor in (lead, one):
        actor.sync()
        assert state(actor, task) == ("claimed", two.me, "confirmed", 2)


def test_a_task_is_finished_by_its_holder_and_the_slot_is_free(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    claim(agent, task)
    tasks.complete(agent.copy, task, summary="done")
    call = next(one for one in reversed(agent.door.calls) if isinstance(one, frames.Slot))
    assert call.op == frames.RELEASE
    lead.sync()
    assert state(lead, task)[0] == "completed"


def test_a_lapsed_lease_is_taken_over_with_a_greater_fence(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    tasks.claim(one.copy, task, session="default", lease_s=60)
    world.clock.now += MINUTE_MS
    with pytest.raises(ConflictError, match="task_already_claimed"):
        claim(two, task)  # its grace runs
    world.clock.now += MINUTE_MS
    done = claim(two, task)
    assert (done.after.claim_state, done.after.fence) == ("confirmed", 2)
    with pytest.raises(AuthorityError, match="not_assignee"):
        tasks.complete(one.copy, task, summary="too late")


def test_late_work_beside_a_takeover_is_a_conflict_that_all_see(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    tasks.claim(one.copy, task, session="default", lease_s=60)
    world.clock.now += 2 * MINUTE_MS
    one.door.away = True
    tasks.complete(one.copy, task, summary="unaware")
    one.door.away = False
    claim(two, task)
    for actor in (one, two, lead, one):
        actor.sync()
    for actor in (one, two, lead):
        assert state(actor, task)[1] == two.me and "fence_stale" in conflicts(actor)


def test_a_slot_that_moved_meanwhile_is_read_again_first(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    task = made(lead, one, two)
    moved: list[Body] = []

    def before(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Pull) and not moved:
            moved.append(call)
            claim(one, task)  # between the look of the other and its call
            tasks.release(one.copy, task)
        return reply

    two.door.alter = before
    done = claim(two, task)
    assert (done.after.claim_state, done.after.fence) == ("confirmed", 2)


def test_a_hub_that_never_lets_a_slot_rest_is_given_up(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    agent.door.refusals[frames.Slot] = "slot_moved"
    done = claim(agent, task)
    assert (done.after.claim_state, done.delivery) == ("provisional", "delivered")
    calls = [call for call in agent.door.calls if isinstance(call, frames.Slot)]
    assert len(calls) == slots.TRIES_MAX


def test_an_answer_that_is_lost_gives_the_same_receipt_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    lost: list[Body] = []

    def lose(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Slot) and not lost:
            lost.append(reply)
            raise RelayError("relay_unavailable")
        return reply

    agent.door.alter = lose
    assert claim(agent, task).delivery == "pending"
    agent.sync()
    assert state(agent, task) == ("claimed", agent.me, "confirmed", 1)
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("code", ["slot_moved", "slot_taken", "quota_exceeded"])
def test_a_release_that_the_hub_does_not_grant_is_sent_all_the_same(
    world: World, code: str
) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    claim(agent, task)
    agent.door.refusals[frames.Slot] = code
    assert tasks.release(agent.copy, task).delivery == "delivered"
    lead.sync()
    assert state(lead, task)[0] == "open"


def test_slots_wait_while_the_hub_does_not_have_the_space(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    agent.door.refusals[frames.Slot] = "space_not_found"
    assert claim(agent, task).delivery == "pending"
    agent.door.refusals.clear()
    agent.sync()
    assert state(agent, task)[2] == "confirmed"
    agent.door.refusals[frames.Slot] = "space_not_found"
    assert tasks.release(agent.copy, task).delivery == "pending"
    with pytest.raises(HubRefusal):
        agent.sync()
    agent.door.refusals.clear()
    agent.sync()
    assert agent.space.pending == 0


def test_two_processes_settle_one_claim(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = made(lead, agent)
    other = world.open("agent")
    agent.door.away = True
    claim(agent, task)
    agent.door.away = False
    raced: list[Body] = []

    def race(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Slot) and not raced:
            raced.append(reply)
            assert slots.settle(other.copy) is not None
        return reply

    agent.door.alter = race
    agent.sync()
    assert state(agent, task)[2] == "confirmed" and agent.space.pending == 0
    assert agent.store.outgoing(1, 9) == [] and agent.count("receipt") == 1


RACER = """
import json, os, sys
from envoy.errors import EnvoyError
from envoy.ids import from_text
from envoy.replica.actions import tasks
from envoy.wiring import config, writes

home, name, task = sys.argv[1:]
os.environ["ENVOY_HOME"] = home
settings = config.load({"profile": name}, read_toml=lambda path: {})
with writes.open_profile(settings) as profile:
    copy = writes.open_space(profile, None)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        done = tasks.claim(copy, from_text(task, "task"), session="default")
        print(json.dumps({"won": done.after.claim_state, "fence": done.after.fence}))
    except EnvoyError as error:
        print(json.dumps({"lost": error.code, "holder": error.details.get("holder")}))
"""


def test_of_eight_processes_one_wins_and_seven_are_told_who(world: World) -> None:
    world.clock.now = host.now_ms()  # the clock of the other processes
    names = [f"racer{number}" for number in range(8)]
    lead, *racers = world.team("lead", *names)
    task = made(lead, *racers)
    home = os.fspath(Path(lead.where.home))
    started = [python(RACER, home, name, to_text("task", task), talk=True) for name in names]
    for one in started:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    answers = []
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        out, _ = one.communicate(timeout=60)
        answers.append(json.loads(out))
    won = [number for number, answer in enumerate(answers) if "won" in answer]
    assert len(won) == 1 and answers[won[0]] == {"won": "confirmed", "fence": 1}
    winner = racers[won[0]]
    lost = [answer for answer in answers if "lost" in answer]
    told = {"lost": "task_already_claimed", "holder": did_text(winner.me)}
    assert lost == [told] * 7
    for actor in (lead, *racers):
        actor.sync()
        assert state(actor, task) == ("claimed", winner.me, "confirmed", 1)
        assert actor.count("quarantine") == 0


def test_claims_made_while_away_are_asked_for_together_and_stored_in_one_commit(
    world: World,
) -> None:
    lead, agent, late = world.team("lead", "agent", "late")
    found = [made(lead, agent, late) for _ in range(4)]
    for one in (agent, late):
        one.door.away = True
        for task in found:
            claim(one, task)
        one.door.away = False
    for one, won in ((agent, 4), (late, 0)):
        before = one.connection.commits["full"]
        assert slots.settle(one.copy) == won
        assert one.connection.commits["full"] - before == 1, "winners and losers alike"
        one.sync()
        assert one.space.pending == 0
    agent.sync()
    for task in found:
        assert state(agent, task) == state(late, task)
        assert state(late, task)[1:] == (agent.me, "confirmed", 1)


def test_what_a_hub_decided_is_stored_although_it_went_away_then(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    found = [made(lead, agent) for _ in range(3)]
    agent.door.away = True
    for task in found:
        claim(agent, task)
    agent.door.away = False

    def leave(call: Body, reply: Body) -> Body:
        agent.door.away = isinstance(call, frames.Slot)
        return reply

    agent.door.alter = leave
    with pytest.raises(RelayError):
        slots.settle(agent.copy)
    agent.door.alter, agent.door.away = None, False
    assert [state(agent, task)[2] for task in found].count("confirmed") == 1
    agent.sync()
    assert {state(agent, task)[2:] for task in found} == {("confirmed", 1)}
    assert agent.space.pending == 0


def test_a_run_of_claims_ends_with_the_time_it_may_take(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    found = [made(lead, agent) for _ in range(3)]
    agent.door.away = True
    for task in found:
        claim(agent, task)
    agent.door.away = False
    assert slots.settle(agent.copy, go=lambda: False) == 1, "one at least"
    assert slots.settle(agent.copy) == 2
    assert slots.settle(agent.copy) is None
