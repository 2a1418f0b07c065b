"""L10: a loss of power, sectors torn and out of order, takes nothing that was said to be saved.

A home with its hub (thousands more by `python -m faults.power`); a relay's store:
`relay.test_powerloss`, with what a weaker sync would lose.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import powerloss
from envoy import limits
from envoy.replica.actions import tasks
from envoy.system import db
from powerloss import Recorder, State
from replica.compare import differences, meaning
from replica.world import Actor, World

NAMES = ("lead", "agent")
ROUNDS = 10


def worked(root: Path) -> Recorder:
    """Let two write into a space that stands; return what the disk of their home was told."""
    world = World(root)
    world.team(*NAMES)
    world.close()
    with powerloss.recording(root / "home") as made:
        world = World(root)
        lead, agent = (world.open(name) for name in NAMES)
        for number in range(ROUNDS):
            made.acknowledge(f"agent {agent.send(f'{number}').event.hex()}")
            made.acknowledge(f"lead {lead.send('heard').event.hex()}")
            lead.sync()
            task = tasks.create(lead.copy, f"task {number}").after.id
            made.acknowledge(f"lead {task.hex()}")
            agent.sync()
            claimed = tasks.claim(agent.copy, task, session="default")
            assert claimed.event is not None
            made.acknowledge(f"agent {claimed.event.hex()}")
        world.close()
    return made


def lost(actor: Actor, state: State) -> list[str]:
    """Return what is wrong with the replica of somebody, and what it lacks of its own."""
    wrong = db.quick_check(actor.connection)
    entries = actor.events.entries(actor.space.sn, after=0, limit=100_000)
    there = {f"{actor.name} {one.id.hex()}" for one in entries}
    mine = {one for one in state.acknowledged if one.startswith(actor.name)}
    return [*wrong, *(mine - there)]


def judged(state: State, root: Path) -> list[str]:
    """Open a home that a power cut left; return what is wrong, now and when all have synced."""
    state.restore(root / "home")
    world = World(root)
    actors = [world.open(name) for name in NAMES]
    wrong = [one for actor in actors for one in lost(actor, state)]
    if not wrong:
        for actor in (*actors, *actors):
            actor.sync()
        wrong = differences(*map(meaning, actors))
        wrong += ["pending"] * sum(actor.space.pending for actor in actors)
    world.close()
    shutil.rmtree(root)
    return wrong


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let logs be folded into their databases again and again."""
    monkeypatch.setattr(limits, "LOG_PAGES_MAX", 60)
    monkeypatch.setattr(limits, "LOG_PAGES_FIRST_MAX", 60)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(40, id="forty cuts"),
        pytest.param(150, id="a hundred and fifty cuts", marks=pytest.mark.slow),
        pytest.param(1_000, id="a thousand cuts", marks=pytest.mark.prove),
    ],
)
def test_a_power_cut(tmp_path: Path, count: int) -> None:
    made = worked(tmp_path / "before")
    assert powerloss.acknowledged(made) == 4 * ROUNDS
    for state in powerloss.states(made, count, seed=count):
        assert judged(state, tmp_path / "left") == [], (state.at, state.how)


def test_control_less_than_a_full_sync_loses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db._SYNCHRONOUS, "full", "PRAGMA synchronous=NORMAL")
    made = worked(tmp_path / "before")
    found = list[str]()
    for state in powerloss.states(made, 40, seed=3):
        state.restore(tmp_path / "left" / "home")
        world = World(tmp_path / "left")
        found += [one for name in NAMES for one in lost(world.open(name), state)]
        world.close()
        shutil.rmtree(tmp_path / "left")
    assert len(found) > 10
