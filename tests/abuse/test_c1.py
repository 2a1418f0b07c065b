"""C1: of many who claim one task at once one is confirmed; the fence only rises."""

from __future__ import annotations

from envoy.core.receipt import read_receipt
from envoy.errors import ConflictError
from envoy.replica.actions import tasks
from replica.compare import differences, meaning
from replica.world import DAY_MS, Actor, World


def race(actors: list[Actor], task: bytes) -> int:
    """Let all claim a task that each believes to be open; return how many are told they won."""
    won = 0
    for one in actors:
        try:
            done = tasks.claim(one.copy, task, session="default")
        except ConflictError:
            continue
        won += done.after.claim_state == "confirmed"
    return won


def test_one_winner_a_task_and_a_round(world: World) -> None:
    lead, *others = world.team("lead", *(f"a{number}" for number in range(6)))
    made = [tasks.create(lead.copy, f"task {number}").after.id for number in range(4)]
    for one in others:
        one.sync()
    for number, task in enumerate(made):
        for one in others[1:]:
            one.door.away = number % 2 == 1  # half of the races are seen late by all but one
        assert race(others[number:] + others[:number], task) == 1
        for one in others:
            one.door.away = False
    for _ in range(2):
        for one in (lead, *others):
            one.sync()
    for task in made:
        row = lead.store.task(1, task)
        assert row is not None and (row.claim_state, row.fence) == ("confirmed", 1)
    for one in others:
        assert differences(meaning(lead), meaning(one)) == []


def test_the_fence_rises_with_every_hand(world: World) -> None:
    lead, one, other = world.team("lead", "one", "other")
    task = tasks.create(lead.copy, "work").after.id
    fences = list[int]()
    for actor in (one, other, one, other):
        world.clock.now += DAY_MS
        actor.sync()
        done = tasks.claim(actor.copy, task, session="default")
        assert done.after.claim_state == "confirmed" and done.after.fence
        fences.append(done.after.fence)
    lead.sync()
    issued = [read_receipt(one, lead.space.id).fence for one in lead.events.receipt_frames(1)]
    assert fences == sorted(set(fences)) and sorted(issued) == fences
