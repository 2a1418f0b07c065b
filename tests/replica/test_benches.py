"""What is gathered beside the acts on a task: who had seen what, from however far."""

from __future__ import annotations

import pytest

from envoy.core.bodies import TaskComplete
from envoy.replica.actions import space, tasks
from replica.beside import say, settle
from replica.scenes import deliver, frames_of, reader
from replica.world import Actor, World

FAR = 5  # how many events lie between


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "w")


def held(lead: Actor, w: Actor) -> tuple[bytes, bytes]:
    """Return a task that asks for nothing and that ``w`` holds, and the tenure."""
    task = tasks.create(lead.copy, "paint").after.id
    w.sync()
    tasks.claim(w.copy, task, session="s")
    lead.sync()
    row = w.store.task(1, task)
    assert row is not None and row.tenure is not None
    return task, row.tenure


def states(world: World, actors: list[Actor], task: bytes) -> set[str]:
    """Return what state a task has with everybody, and with who reads it in another order."""
    settle(actors)
    frames = frames_of(actors[0])
    copies = [reader(world, f"copy{n}-{task.hex()[:8]}", actors[0]) for n in range(2)]
    for copy, order in zip(copies, (frames, frames[::-1]), strict=True):
        deliver(copy, order, one_by_one=True)
    found = [one.store.task(1, task) for one in (*actors, *copies)]
    return {row.state for row in found if row is not None}


def test_a_policy_that_saw_a_completion_from_far_asks_nothing_of_it(
    world: World, team: list[Actor]
) -> None:
    lead, w = team
    task, tenure = held(lead, w)
    say(w, TaskComplete(task, tenure, "done", (), False))
    settle(team)
    for number in range(FAR):
        lead.send(f"later {number}")
    space.set_policy(lead.copy, {"gate.reviews": 1})
    assert states(world, team, task) == {"completed"}


def test_a_policy_beside_a_completion_asks_of_it_however_late_it_is_written(
    world: World, team: list[Actor]
) -> None:
    lead, w = team
    task, tenure = held(lead, w)
    w.door.away = True
    w.copy.compose(lambda author: [author.say(TaskComplete(task, tenure, "done", (), False))])
    for number in range(FAR):
        lead.send(f"without news of that {number}")
    space.set_policy(lead.copy, {"gate.reviews": 1})
    w.door.away = False
    assert states(world, team, task) == {"submitted"}
