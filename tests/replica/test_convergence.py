"""Whatever three members do while apart, and however it travels, every copy comes to one state.

The histories are random and named by their seed. They go through a real hub that is away for each
member at times; then all frames are handed, shuffled and cut anew, to copies that never saw a hub;
then every copy makes its projections again. All of it has to be the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from envoy.errors import EnvoyError
from envoy.replica.actions import local, members, space, tasks
from envoy.replica.rebuild import rebuild
from replica.compare import differences, dump, meaning
from replica.scenes import deliver, frames_of, parked, quarantine, reader
from replica.world import MINUTE_MS, Actor, World

STEPS = 60
LONG = pytest.mark.prove


class Wild:
    """Three members, one of them the founder, and a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.actors = world.team("lead", "one", "two")
        self.tasks: list[bytes] = []
        self.codes: list[bytes] = []

    def run(self, steps: int) -> None:
        """Let somebody do something, again and again."""
        for number in range(steps):
            actor = self.random.choice(self.actors)
            self.world.clock.now += self.random.randrange(2 * MINUTE_MS)
            actor.door.away = self.random.random() < 0.4
            acts = [self.say, self.make, self.claim, self.claim, self.end, self.end]
            acts += [self.give, self.rename, self.invite, self.close_invite, self.read]
            self.attempt(self.random.choice(acts), actor, number)

    def attempt(self, act: Callable[[Actor, int], object], actor: Actor, number: int) -> None:
        """Do something; to be refused is as good as anything, to break is not."""
        try:
            act(actor, number)
        except EnvoyError as error:
            assert error.exit != 1, error

    def settle(self) -> None:
        """Bring everybody together."""
        for actor in self.actors * 3:
            actor.door.away = False
            actor.sync()

    # -- what one may do --------------------------------------------------------------------

    def say(self, actor: Actor, number: int) -> None:
        """Send a message."""
        actor.send(f"message {number}")

    def make(self, actor: Actor, number: int) -> None:
        """Make a task, given to somebody at times."""
        to = self.random.choice([None, *[one.me for one in self.actors]])
        self.tasks.append(tasks.create(actor.copy, f"task {number}", assignee=to).after.id)

    def claim(self, actor: Actor, number: int) -> None:
        """Claim a task, in one of two sessions."""
        if self.tasks:
            session = self.random.choice(["default", "night"])
            tasks.claim(actor.copy, self.random.choice(self.tasks[-3:]), session=session)

    def end(self, actor: Actor, number: int) -> None:
        """Go on with a task, give it back or finish it."""
        if not self.tasks:
            return
        task = self.random.choice(self.tasks[-3:])
        what = self.random.randrange(4)
        if what == 0:
            tasks.release(actor.copy, task, note=f"note {number}")
        elif what == 1:
            tasks.complete(actor.copy, task, summary=f"done {number}")
        else:
            tasks.progress(actor.copy, task, self.random.choice(["in_progress", "blocked"]))

    def give(self, actor: Actor, number: int) -> None:
        """Give a task to somebody."""
        if self.tasks:
            to = self.random.choice(self.actors).me
            tasks.assign(actor.copy, self.random.choice(self.tasks[-3:]), to)

    def rename(self, actor: Actor, number: int) -> None:
        """Rename the space, or try to."""
        space.update(actor.copy, name=f"name {number}", description=None)

    def invite(self, actor: Actor, number: int) -> None:
        """Make an invite, or try to."""
        made = members.make(actor.copy, role="read", max_uses=1, ttl_ms=60 * MINUTE_MS)
        self.codes.append(made.invite.id)

    def close_invite(self, actor: Actor, number: int) -> None:
        """Revoke an invite, or try to."""
        if self.codes:
            members.revoke_invite(actor.copy, self.random.choice(self.codes))

    def read(self, actor: Actor, number: int) -> None:
        """Read all there is."""
        actor.sync()
        local.ack(actor.copy, None)


def check(world: World, seed: int, steps: int, *, cloned: bool = False) -> None:
    wild = Wild(world, seed)
    if cloned:
        for number, actor in enumerate(wild.actors[1:]):
            wild.actors.append(world.clone(actor, f"clone{number}", unnoticed=number == 0))
    wild.run(steps)
    wild.settle()
    lead, *others = wild.actors
    wanted = meaning(lead)
    for one in others:
        assert differences(wanted, meaning(one)) == [], one.name
        assert one.space.frame_sum == lead.space.frame_sum
    for one in wild.actors:
        assert not parked(one) and not quarantine(one) and one.space.pending == 0
        assert one.space.hub_chain == lead.space.hub_chain
    frames = frames_of(lead)
    for name in ("pages", "singles"):
        copy = reader(world, name, lead)
        wild.random.shuffle(frames)
        deliver(copy, frames, one_by_one=name == "singles")
        assert differences(wanted, meaning(copy)) == [], name
        assert not parked(copy) and not quarantine(copy)
        wild.actors.append(copy)
    for one in wild.actors:
        before = dump(one)
        rebuild(one.profile)
        after = dump(one)
        assert [table for table in before if before[table] != after[table]] == [], one.name


@pytest.mark.parametrize(
    "seed", [0, 1, *[pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)]]
)
def test_every_copy_comes_to_one_state(world: World, seed: int) -> None:
    check(world, seed, STEPS)


@pytest.mark.parametrize("seed", [10, pytest.param(11, marks=pytest.mark.slow)])
def test_every_copy_comes_to_one_state_beside_clones_of_two_of_them(
    world: World, seed: int
) -> None:
    check(world, seed, STEPS, cloned=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [200, 201, *(pytest.param(n, marks=LONG) for n in range(202, 208))]
)
def test_clones_come_to_one_state_after_a_long_history(world: World, seed: int) -> None:
    check(world, seed, 3 * STEPS, cloned=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [*range(100, 104), *(pytest.param(n, marks=LONG) for n in range(104, 124))]
)
def test_every_copy_comes_to_one_state_after_a_long_history(world: World, seed: int) -> None:
    check(world, seed, 3 * STEPS)
