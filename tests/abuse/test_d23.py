"""D23: a flood of events that do not count fills the log, and nothing else: no fold, page, write.

All of it is kept, whoever wrote it, after a removal too. Whoever dropped some of it by a bound of
its own would drop what others may have built on, and copies that dropped different ones would
differ for good (E11, E13). What only waits for something, or failed at the door, is bounded.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from abuse.siege import verdict
from envoy.core.bodies import TaskCreate
from envoy.core.envelope import author_event
from envoy.core.structs import replace
from envoy.replica.actions import tasks
from envoy.storage.desk_views import Desk
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.council import council, remove
from replica.forge import Forger, Value
from replica.scenes import deliver, dropped, frames_of, message, parked, reader
from replica.world import Actor, World

FLOOD = 300
Flood = Callable[[World, Actor, Actor, Actor], list[bytes]]


def said(forger: Forger, count: int, **place: Value) -> list[bytes]:
    """Return messages and tasks of one chain, by turns."""
    task = TaskCreate("t", "work", (), 2, None, (), None, (), (), None)
    bodies = (message("flood"), task)
    return [forger.say(bodies[number % 2], **place)[0] for number in range(count)]


def beside_its_removal(world: World, lead: Actor, gone: Actor, low: Actor) -> list[bytes]:
    """Let who was removed write as if it had not heard of that."""
    remove(lead, gone)
    return said(Forger(gone), FLOOD)


def after_its_removal(world: World, lead: Actor, gone: Actor, low: Actor) -> list[bytes]:
    """Let who was removed write in the knowledge of that, under the epoch that it still has."""
    forger = Forger(gone)
    (grant, *_) = gone.profile.rows.grants_of(1, gone.events.actor(gone.me))
    event = remove(lead, gone).event
    entry = None if event is None else lead.events.entry(1, event)
    assert event is not None and entry is not None
    deps, ts = (event,), entry.ts
    return [
        forger.say(message("flood"), auth=grant.id, deps=deps, ts=ts, lam=entry.lam + 1 + number)[0]
        for number in range(FLOOD)
    ]


def by_a_reader(world: World, lead: Actor, gone: Actor, low: Actor) -> list[bytes]:
    """Let somebody write who may not."""
    return said(Forger(low), FLOOD)


def by_strangers(world: World, lead: Actor, gone: Actor, low: Actor) -> list[bytes]:
    """Let whoever has a key, as by an open code, write under as many names as it likes."""
    found = list[bytes]()
    forger = Forger(gone)
    links = forger.links(message(), "message")
    for _ in range(FLOOD):
        writer = replace(forger.writer, seed=os.urandom(32))
        body = b"\x92\xa1x\xc0"
        one = author_event(
            writer, links=replace(links, chain=os.urandom(16)), kind="message", body=body,
            entropy=os.urandom(32),
        )  # fmt: skip
        found.append(one[0])
    return found


def shown(actor: Actor) -> tuple[object, ...]:
    """Return what a copy shows: members, tasks, conflicts, and how much is unread."""
    tasks_of = actor.connection.rows(bytes, "SELECT digest FROM task WHERE sn = 1 ORDER BY id")
    return actor.store.members(1), tasks_of, actor.count("conflict"), actor.space.unread


FLOODS: dict[str, tuple[Flood, str]] = {
    "beside its removal": (beside_its_removal, "held"),
    "after its removal": (after_its_removal, "invalid"),
    "by a reader": (by_a_reader, "invalid"),
    "by strangers": (by_strangers, "invalid"),
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_that_does_not_count_leaves_all_but_the_log_as_it_was(
    what: str, world: World
) -> None:
    lead, _, _, gone, low = council(world)
    task = tasks.create(lead.copy, "work").after.id
    make, status = FLOODS[what]
    flood = make(world, lead, gone, low)
    before, counts = shown(lead), Desk(lead.connection).counts(1)
    size = lead.count("event")
    for start in range(0, FLOOD, 100):
        deliver(lead, flood[start : start + 100])

    assert Desk(lead.connection).counts(1) == {**counts, status: FLOOD}
    assert lead.count("event") == size + FLOOD and dropped(lead) == 0 and not parked(lead)
    assert shown(lead) == before
    # The desk shows it by pages, the next write is one event that names few others.
    assert len(Desk(lead.connection).not_counting(1, after=None, limit=50)) == 50
    written = lead.count("event")
    done = tasks.claim(lead.copy, task, session="default")
    assert done.changed and lead.count("event") <= written + 2
    assert len(lead.events.entries(1, after=0, limit=99_999)[-1].parents) <= 17


def test_copies_that_read_the_flood_in_other_orders_agree(world: World) -> None:
    lead, _, _, gone, low = council(world)
    flood = [*beside_its_removal(world, lead, gone, low)[:60], *said(Forger(low), 60)]
    deliver(lead, flood)
    everything = frames_of(lead)
    other = reader(world, "other", lead)
    deliver(other, everything[::-1])
    assert differences(meaning(lead), meaning(other)) == []


def test_pinned_the_hub_of_this_machine_turns_nobody_away_who_was_removed(world: World) -> None:
    lead, _, _, gone, _ = council(world)
    before = shown(lead)
    flood = after_its_removal(world, lead, gone, lead)[:20]
    gone.door.handle(frames.Push(lead.space.id, tuple(flood)))
    lead.sync()
    assert Desk(lead.connection).counts(1) == {"invalid": 20}
    assert shown(lead)[1:] == before[1:]  # but for who is a member


def test_control_what_counts_moves_the_state(world: World) -> None:
    lead, _, _, w, _ = council(world)
    before = shown(lead)
    frame, event = Forger(w).say(message("counts"))
    deliver(lead, [frame])
    assert verdict(lead, event.id) == ("ok", None) and shown(lead) != before
