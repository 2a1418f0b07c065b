"""A flood of acts on authority beside each other is looked through once by who writes next."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from envoy import limits
from envoy.core.bodies import Grant, Remove
from envoy.core.capability import AuthEvent
from envoy.core.event import Event
from envoy.core.log import Entry, Head, split
from envoy.core.structs import Body
from envoy.replica.court import Court
from envoy.replica.replica import Author
from envoy.storage.events import EventStore
from envoy.sync import frames
from replica.forge import Forger
from replica.scenes import message
from replica.world import Actor, World

ENOUGH = limits.DEPS_MAX


def flood(lead: Actor, bodies: Sequence[Body], *, answers: int = 0) -> list[Event]:
    """Take in acts that do not see one another, each on a chain with some ``answers`` behind it."""
    forgers = [Forger(lead) for _ in bodies]
    made = [forger.say(body) for forger, body in zip(forgers, bodies, strict=True)]
    made += [forger.say(bodies[0]) for forger in forgers[:answers]]
    lead.door.handle(frames.Push(lead.space.id, tuple(frame for frame, _ in made)))
    lead.pull()
    return [event for _, event in made]


class Looks:
    """What the linking looked at: acts of the ledger, heads of the log."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.acts = self.heads = 0
        acts, heads = Court.heads, EventStore.heads

        def counted_acts(court: Court, *, unless: int, latest: int) -> list[AuthEvent]:
            self.acts += len(court.ledger.events)
            return acts(court, unless=unless, latest=latest)

        def counted_heads(store: EventStore, sn: int, *, citable: bool) -> list[Head]:
            found = heads(store, sn, citable=citable)
            self.heads += len(found)
            return found

        patch.setattr(Court, "heads", counted_acts)
        patch.setattr(EventStore, "heads", counted_heads)


def gathering(author: Author) -> list[Entry]:
    """See all there is, then say something."""
    author.gather()
    return [author.say(message("x"))]


@pytest.mark.parametrize("gathers", [False, True], ids=["a message", "a removal"])
def test_four_times_the_flood_is_four_times_the_looks(gathers: bool, world: World) -> None:
    looked = dict[int, Looks]()
    for count in (60, 240):
        lead, agent = world.team(f"lead{count}", f"agent{count}")
        flood(lead, [Grant(agent.me, "read", None, None, None, None)] * count)
        with pytest.MonkeyPatch.context() as patch:
            looked[count] = Looks(patch)
            if gathers:
                lead.copy.compose(gathering)
            else:
                lead.copy.write(lambda _: (message("after all of them"),))
        (tip,) = lead.events.heads(1, citable=True)
        assert lead.space.tip == tip.id, "all of them are named"
    few, many = looked[60], looked[240]
    assert few.acts > 0 and many.acts <= 5 * few.acts
    assert many.heads <= 5 * max(few.heads, ENOUGH)


def test_each_merge_names_the_newest_heads_that_none_before_it_saw(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    grant, remove = Grant(agent.me, "read", None, None, None, None), Remove(gone.me, "", ())
    made = flood(lead, [grant, remove, *[grant] * 50], answers=30)
    covered = {one.prev for one in made}
    heads = sorted(
        (one for one in made if one.id not in covered), key=lambda one: (one.lam, one.id)
    )
    lead.copy.write(lambda _: (message("after all of them"),))
    every = {one.id: one for one in lead.events.entries(1, after=0, limit=1_000)}
    chain = sorted((one for one in every.values() if one.kind == "merge"), key=lambda one: one.lam)
    assert len(chain) > 2
    for merge in chain:
        newest = [heads.pop().id for _ in range(ENOUGH)]
        assert split(merge.deps) == tuple(sorted(newest))
    assert len(heads) <= ENOUGH
    (behind,) = (one for one in every.values() if one.prev == chain[-1].id)
    assert {one.id for one in heads} <= set(split(behind.deps))
