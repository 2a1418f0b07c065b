"""Acts that take authority from one another while apart: one verdict on every copy, and on rebuild.

As in ``test_convergence``, with the authority acts that no command writes yet, said with the real
pen: grants, roles, removals, departures, admissions. Who was removed cannot read on; at the end it
is given the keys, so that its copy can be compared too.
"""

from __future__ import annotations

import pytest

from envoy.core.bodies import Admit, Grant, Leave, Remove, Role
from envoy.core.structs import Body
from envoy.replica.actions.deliver import deliver as push
from envoy.replica.rebuild import rebuild
from replica.compare import differences, dump, meaning
from replica.scenes import deliver, frames_of, give_keys, parked, reader
from replica.test_convergence import Wild
from replica.world import Actor, World

STEPS = 50
ROLES = ("read", "write", "admin")


class WildAuthority(Wild):
    """Members who give and take roles beside talking and working."""

    def run(self, steps: int) -> None:
        """Make an admin first: more than one has to be able to take authority away."""
        self.act(self.actors[0], self.granting(self.actors[1], "admin"))
        for actor in self.actors:
            actor.sync()
        for number in range(steps):
            actor = self.random.choice(self.actors)
            self.world.clock.now += self.random.randrange(60_000)
            actor.door.away = self.random.random() < 0.5
            acts = [self.say, self.say, self.make, self.claim, self.end, self.read, self.rename]
            acts += [self.grant, self.remove, self.role, self.leave, self.admit, self.invite]
            self.attempt(self.random.choice(acts), actor, number)

    def act(self, actor: Actor, body: Body) -> None:
        """Write any act with the pen of ``actor``, and tell the hub."""
        actor.copy.write(lambda _: [body])
        push(actor.copy)

    @staticmethod
    def granting(to: Actor, role: str) -> Grant:
        """Return a grant of a role; its keys and name came with the join."""
        return Grant(to.me, role, None, None, None, None)

    def other(self, actor: Actor) -> Actor:
        """Return somebody else."""
        return self.random.choice([one for one in self.actors if one is not actor])

    def grant(self, actor: Actor, number: int) -> None:
        """Give a role."""
        self.act(actor, self.granting(self.other(actor), self.random.choice(ROLES)))

    def role(self, actor: Actor, number: int) -> None:
        """Set a role."""
        self.act(actor, Role(self.other(actor).me, self.random.choice(ROLES)))

    def remove(self, actor: Actor, number: int) -> None:
        """Remove somebody, and at times what it did before."""
        gone = self.other(actor)
        mine = actor.events.entries(actor.space.sn, after=0, limit=1_000)
        acts = [one.id for one in mine if one.author == gone.me and one.ix is not None]
        undo = self.random.sample(acts, min(len(acts), self.random.randrange(3)))
        self.act(actor, Remove(gone.me, f"reason {number}", tuple(undo)))

    def leave(self, actor: Actor, number: int) -> None:
        """Go, at times."""
        if actor is not self.actors[0] and self.random.random() < 0.2:
            self.act(actor, Leave(""))

    def admit(self, actor: Actor, number: int) -> None:
        """Admit something that is held, or all that a removal holds."""
        mine = actor.events.entries(actor.space.sn, after=0, limit=1_000)
        found = [one for one in mine if one.status == "held"]
        if found:
            one = self.random.choice(found)
            named = self.random.choice([one.id, one.cause_by or one.id])
            self.act(actor, Admit((named,), "good"))

    def settle(self) -> None:
        """Let everybody read everything, whoever may."""
        super().settle()
        for actor in self.actors * 2:
            for source in self.actors:
                give_keys(source, actor)
            actor.sync()


def check(world: World, seed: int, steps: int) -> set[str]:
    wild = WildAuthority(world, seed)
    wild.run(steps)
    wild.settle()
    lead, *others = wild.actors
    wanted = meaning(lead)
    for one in others:
        assert differences(wanted, meaning(one)) == [], one.name
    frames = frames_of(lead)
    for name in ("pages", "singles"):
        copy = reader(world, name, lead)
        wild.random.shuffle(frames)
        deliver(copy, frames, one_by_one=name == "singles")
        assert differences(wanted, meaning(copy)) == [], name
        assert not parked(copy)
        wild.actors.append(copy)
    for one in wild.actors:
        before = dump(one)
        rebuild(one.profile)
        after = dump(one)
        assert [table for table in before if before[table] != after[table]] == [], one.name
    entries = lead.events.entries(lead.space.sn, after=0, limit=10_000)
    return {one.status for one in entries}


@pytest.mark.parametrize(
    "seed", [0, 1, *[pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)]]
)
def test_every_copy_judges_alike(world: World, seed: int) -> None:
    check(world, seed, STEPS)


@pytest.mark.slow
def test_the_histories_hold_every_verdict(world: World) -> None:
    assert {"ok", "ok*", "held", "void"} <= check(world, 7, 4 * STEPS)
