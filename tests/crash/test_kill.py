"""kill -9 at any moment: what was acknowledged is there, and nobody has to mend anything.

A process writes as fast as it can, says what it was told is saved, and is killed. The next one
opens the same home: every acknowledged event is there, whole, once; the chain has no hole and no
fork; the hub gets what it lacks; projections are what a rebuild makes of the log.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from envoy.replica.actions import local
from envoy.replica.rebuild import rebuild
from envoy.system import db, host
from processes import python
from replica.compare import differences, dump, meaning
from replica.world import Actor, World

WRITER = """
import os, sys
from envoy.errors import EnvoyError
from envoy.replica.actions import tasks, work
from envoy.wiring import config, writes

home, name, start = sys.argv[1:]
os.environ["ENVOY_HOME"] = home
settings = config.load({"profile": name}, read_toml=lambda path: {})
print("ready", flush=True)
with writes.open_profile(settings) as profile:
    copy = writes.open_space(profile, None)
    number = int(start)
    while True:
        number += 1
        print(work.send(copy, f"{number}", key=f"m{number}").event.hex(), flush=True)
        task = tasks.create(copy, f"task {number}").after.id
        print(task.hex(), flush=True)
        try:
            print(tasks.claim(copy, task, session="default").event.hex(), flush=True)
        except EnvoyError as error:
            assert error.code == "task_already_claimed", error.code
"""


def killed_after(seconds: float, home: str, name: str, start: int) -> list[bytes]:
    """Let a process write for a while, kill it, and return what it was told is saved."""
    writer = python(WRITER, home, name, str(start))
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    out, _ = writer.communicate(timeout=60)
    whole, _, _ = out.rpartition("\n")  # the last line may be cut
    return [bytes.fromhex(line) for line in whole.splitlines()]


def check(actor: Actor, acked: set[bytes]) -> None:
    """Find everything that was acknowledged, whole and once."""
    sound(actor)
    entries = actor.events.entries(actor.space.sn, after=0, limit=100_000)
    assert acked <= {one.id for one in entries}
    own = [one for one in entries if one.author == actor.me]
    places = [(one.chain, one.seq) for one in own]
    assert len(set(places)) == len(places) and actor.count("fork") == 0
    for chain in {one.chain for one in own}:
        seqs = sorted(one.seq for one in own if one.chain == chain)
        assert seqs == list(range(len(seqs)))
    assert actor.count("frame") == len(entries) == actor.space.events


def sound(actor: Actor) -> None:
    """Find nothing wrong with the file.

    By a new connection: what FTS5 remembers of its index in one that was idle makes its check see
    damage that is none (SQLite 3.54; searches and writes begin by forgetting it).
    """
    with db.connect(actor.where.replica) as connection:
        assert db.quick_check(connection) == []


def loop(world: World, kills: int, seed: int) -> None:
    """Kill a writer again and again; another member reads along."""
    print("seed", seed)
    chance = random.Random(seed)
    world.clock.now = host.now_ms()
    lead, agent = world.team("lead", "agent")
    acked = set[bytes]()
    for number in range(8 * kills):
        if number >= kills and len(acked) > kills:  # a slow disk lets little be written in time
            break
        home = os.fspath(Path(agent.where.home))
        acked.update(killed_after(chance.random() * 0.12, home, "agent", number * 1_000))
        world.clock.now = host.now_ms()
        check(agent, acked)
    assert len(acked) > kills
    for actor in (agent, lead, agent):
        local.exchange(actor.copy)
    assert agent.space.pending == 0 and agent.count("quarantine") == lead.count("quarantine") == 0
    assert differences(meaning(lead), meaning(agent)) == []
    before = dump(agent)
    rebuild(agent.profile)
    after = dump(agent)
    assert [table for table in before if before[table] != after[table]] == []


@pytest.mark.parametrize(
    ("kills", "seed"),
    [
        pytest.param(8, 3, id="eight times"),
        pytest.param(30, 1, id="thirty times", marks=pytest.mark.slow),
        pytest.param(200, 2, id="two hundred times", marks=pytest.mark.prove),
    ],
)
def test_a_killed_writer_loses_nothing_that_it_was_told_is_saved(
    world: World, kills: int, seed: int
) -> None:
    loop(world, kills, seed)


READER = """
import os, sys
from envoy.replica.actions import local
from envoy.wiring import config, writes

os.environ["ENVOY_HOME"] = sys.argv[1]
settings = config.load({"profile": sys.argv[2]}, read_toml=lambda path: {})
print("ready", flush=True)
with writes.open_profile(settings) as profile:
    local.sync_all(profile, None)
    print("done", flush=True)
"""


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(3, id="three times"),
        pytest.param(12, id="twelve times", marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_is_killed_reads_on_and_misses_nothing(world: World, kills: int) -> None:
    world.clock.now = host.now_ms()
    lead, agent = world.team("lead", "agent")
    for number in range(150):
        agent.send(f"{number}")
    chance = random.Random(3)
    home = os.fspath(Path(lead.where.home))
    for _ in range(kills):
        reader = python(READER, home, "lead")
        assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
        time.sleep(chance.random() * 0.08)
        reader.send_signal(signal.SIGKILL)
        reader.communicate(timeout=60)
        sound(lead)
        assert lead.count("event") == lead.space.events
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []
    numbers = lead.connection.rows(int, "SELECT n FROM stream ORDER BY n")
    assert len(numbers) == len(set(numbers)) and lead.space.next_n > max(numbers)
