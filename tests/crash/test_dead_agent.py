"""An agent in a process of its own holds a task while it lives, and loses it once it was killed.

The process shows signs of life as long as it is asked for them; the hub's clock is a file that the
test writes, so that nobody waits. Its pulse is real: it is the process that calls the hub, and
kill -9 is all that ends it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from subprocess import Popen

import pytest

from envoy import limits
from envoy.errors import ConflictError
from envoy.ids import did_text
from envoy.replica.actions import hold, tasks
from processes import python
from replica.world import NOW_MS, World

LEASE_S = limits.LEASE_SECONDS_MIN
STEP_MS = (LEASE_S - 5) * 1000  # a pulse in good time
FREE_MS = (LEASE_S + limits.LEASE_GRACE_SECONDS) * 1000

AGENT = """
import sys
from pathlib import Path
from envoy.replica.actions import hold, tasks, work
from replica.world import World

root, task = Path(sys.argv[1]), bytes.fromhex(sys.argv[2])

class Clock:
    def now_ms(self):
        return int((root / "now").read_text())

world = World(root)
world.clock = Clock()
agent = world.open("agent")
tasks.claim(agent.copy, task, require="confirmed", lease_s=60, session="default")
work.send(agent.copy, "half of it is written", task=task)
print("held", flush=True)
for _ in sys.stdin:
    hold.heartbeat(agent.copy, task, lease_s=60)
    print("alive", flush=True)
"""


class Machine:
    """A task that an agent is at, a colleague, and the time that both share."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pass_time(0)
        self.lead, agent, self.other = world.team("lead", "agent", "other")
        self.agent = agent.me
        self.task = tasks.create(self.lead.copy, "write the changelog").after.id
        for one in (agent, self.other):
            one.sync()
        self.process = python(AGENT, str(world.root), self.task.hex(), talk=True)
        self.hears("held")

    def pass_time(self, ms: int) -> None:
        """Let time pass for everybody."""
        self.world.clock.now += ms
        (self.world.root / "now.draft").write_text(str(self.world.clock.now))
        os.replace(self.world.root / "now.draft", self.world.root / "now")

    def hears(self, word: str) -> None:
        """Wait until the agent says a word."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def pulse(self) -> None:
        """Have the agent show that it lives."""
        assert self.process.stdin is not None
        self.process.stdin.write("beat\n")
        self.process.stdin.flush()
        self.hears("alive")

    def kill(self) -> None:
        """Kill the agent as a machine would."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(10) == -signal.SIGKILL


@pytest.fixture
def machine(world: World) -> Iterator[Machine]:
    """Return an agent at work."""
    made = Machine(world)
    yield made
    end(made.process)


def end(process: Popen[str]) -> None:
    """End a process that may be dead, and close its pipes."""
    process.kill()
    process.communicate()


def refused(machine: Machine) -> None:
    """Try to take the task that is not to be had; whoever tries is told who holds it."""
    with pytest.raises(ConflictError, match="task_already_claimed") as caught:
        tasks.claim(machine.other.copy, machine.task, require="confirmed", session="default")
    assert caught.value.details["holder"] == did_text(machine.agent)


def test_a_task_is_never_freed_while_its_holder_lives_and_is_free_after_its_lease(
    machine: Machine,
) -> None:
    other, task = machine.other, machine.task
    for _ in range(8):  # many leases long
        machine.pass_time(STEP_MS)
        refused(machine)
        machine.pulse()
    assert machine.world.clock.now > NOW_MS + 4 * FREE_MS
    machine.kill()
    machine.pass_time(FREE_MS - 1)
    refused(machine)
    machine.pass_time(1)
    taken = tasks.claim(other.copy, task, require="confirmed", session="default").after
    assert (taken.claim_state, taken.fence) == ("confirmed", 2)
    notes = "SELECT body FROM item WHERE task = ? AND kind = 'message'"
    assert other.connection.rows(str, notes, (task,)) == ["half of it is written"]
    assert hold.heartbeat(other.copy, task, lease_s=LEASE_S).changed


def test_without_a_pulse_the_task_of_a_living_agent_is_freed_too(machine: Machine) -> None:
    machine.pass_time(FREE_MS + 1)
    taken = tasks.claim(machine.other.copy, machine.task, require="confirmed", session="default")
    assert taken.after.fence == 2
