"""What cannot be taken in yet: frames that lack a parent, a key, or their space's genesis."""

from __future__ import annotations

import itertools
import os

import pytest

from envoy import limits
from envoy.core.bodies import TaskAssign
from envoy.core.codec import encode
from envoy.core.envelope import Writer, author_event
from envoy.core.epoch import NO_WRAP, epoch_id, epoch_keys
from envoy.core.event import Links
from envoy.errors import RelayError
from envoy.replica import unlocking
from envoy.replica.actions import members, tasks
from envoy.replica.ingest import Taken, take_in
from envoy.storage import parking
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger, ident
from replica.scenes import (
    HAND,
    deliver,
    dropped,
    frames_of,
    give_keys,
    message,
    parked,
    quarantine,
    reader,
    status_of,
)
from replica.world import DAY_MS, MINUTE_MS, Actor, World


def line(forger: Forger, count: int) -> list[bytes]:
    """Return messages of one chain, each naming the one before it."""
    return [forger.say(message(f"{number}"))[0] for number in range(count)]


def orphan(actor: Actor, *, author: Actor | None = None) -> bytes:
    """Return an event whose only parent nobody ever wrote."""
    forger = Forger(author or actor)
    return forger.say(message(), deps=(os.urandom(32),))[0]


# -- a parent is missing -------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_chain_is_taken_in_whatever_order_it_comes(
    pair: list[Actor], order: tuple[int, ...]
) -> None:
    lead, agent = pair
    chain = line(Forger(agent), 4)
    for place, number in enumerate(order):
        take_in(lead.copy, [chain[number]], source=HAND)
        first_gap = next(one for one in range(5) if one not in order[: place + 1])
        held = [status_of(lead, ident(frame)) for frame in chain]
        assert held[:first_gap] == ["ok"] * first_gap
        assert held[first_gap:] == [None] * (4 - first_gap)
        assert len(parked(lead)) == place + 1 - first_gap
    assert not parked(lead)


def test_what_waits_in_the_same_page_is_released_there(pair: list[Actor]) -> None:
    lead, agent = pair
    chain = line(Forger(agent), 5)
    assert take_in(lead.copy, chain[::-1], source=HAND) == Taken(5, 0, 0)


def test_what_waited_is_judged_at_the_door_when_its_parent_comes(pair: list[Actor]) -> None:
    lead, agent = pair
    forger = Forger(agent)
    parent = forger.say(message("parent"))[0]
    child = forger.say(message("child"), lam=1_000)[0]
    assert take_in(lead.copy, [child], source=HAND) == Taken(0, 1, 0)
    assert take_in(lead.copy, [parent], source=HAND) == Taken(1, -1, 1)
    assert quarantine(lead)[ident(child)].code == "bad_link"


def test_a_missing_basis_is_waited_for_like_a_parent(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(agent.copy, "work").after.id
    (made,) = [frame for frame in frames_of(agent) if ident(frame) == task]
    frame, event = Forger(agent).say(TaskAssign(task, agent.me), deps=())
    assert event.basis == (task,)
    frame, event = Forger(agent).say(
        TaskAssign(task, agent.me),
        deps=tuple(one.id for one in lead.events.heads(1, citable=True)),
        lam=1_000,
    )
    assert take_in(lead.copy, [frame], source=HAND).parked == 1
    take_in(lead.copy, [made], source=HAND)
    assert not parked(lead)  # its lam was no good, but it waited for its basis before that


def test_the_waiting_of_one_author_is_bounded_and_bars_nobody(
    pair: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", 5)
    lead, agent = pair
    take_in(lead.copy, [orphan(agent) for _ in range(12)], source=HAND)
    assert len(parked(lead)) == 5 and dropped(lead) == 7
    assert take_in(lead.copy, [orphan(lead)], source=HAND).parked == 1
    assert len(parked(lead)) == 6
    good = line(Forger(agent), 3)
    assert take_in(lead.copy, good, source=HAND) == Taken(3, 0, 0)


def test_the_waiting_of_all_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, agent = world.team("lead", "agent")
    size = len(orphan(agent))
    monkeypatch.setattr(limits, "WAITING_BYTES_MAX", 3 * size)
    take_in(lead.copy, [orphan(agent) for _ in range(5)], source=HAND)
    assert len(parked(lead)) == 3
    monkeypatch.setattr(limits, "WAITING_BYTES_MAX", 1000 * size)
    monkeypatch.setattr(limits, "WAITING_FRAMES_MAX", 4)
    take_in(lead.copy, [orphan(agent) for _ in range(5)], source=HAND)
    assert len(parked(lead)) == 4


def test_what_waited_a_month_is_dropped_and_its_id_stays_known(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    old = orphan(agent)
    take_in(lead.copy, [old], source=HAND)
    world.clock.now += 31 * DAY_MS
    take_in(lead.copy, [orphan(agent)], source=HAND)
    assert ident(old) not in parked(lead) and len(parked(lead)) == 1
    assert take_in(lead.copy, [old], source=HAND) == Taken(0, 0, 0)


def test_what_was_dropped_is_fetched_by_id_when_its_parent_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    chain = line(Forger(agent), 8)
    monkeypatch.setattr(limits, "WAITING_PER_AUTHOR_MAX", 3)
    lead.door.handle(frames.Push(lead.space.id, (*chain[1:],)))
    lead.sync()
    assert len(parked(lead)) == 3 and dropped(lead) == 4
    count = lead.space.frame_count
    lead.door.handle(frames.Push(lead.space.id, (chain[0],)))
    lead.sync()
    assert [status_of(lead, ident(frame)) for frame in chain] == ["ok"] * 8
    assert not parked(lead) and dropped(lead) == 0
    assert lead.space.frame_count == count + 1  # each was counted when it was seen first
    agent.sync()
    assert lead.space.frame_sum == agent.space.frame_sum


# -- the key is missing ----------------------------------------------------------------------


def test_what_is_sealed_opens_when_the_key_comes_and_is_counted_once(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    lead.code(uses=1)
    lead.send("under the first epoch")
    copy = reader(world, "late", lead, keys=False)
    deliver(copy, frames_of(lead))
    every = len(frames_of(lead))
    assert list(parked(copy).values()) == ["sealed"] * every
    assert copy.space.frame_sum == lead.space.frame_sum and copy.space.role is None
    give_keys(lead, copy)
    unlocking.unlock(copy.copy)
    assert not parked(copy) and differences(meaning(lead), meaning(copy)) == []
    assert copy.space.frame_sum == lead.space.frame_sum
    assert copy.space.frame_count == every


def test_a_kill_between_key_and_frames_loses_nothing(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    copy = reader(world, "late", lead, keys=False)
    copy.pull()
    assert set(parked(copy).values()) == {"sealed"}
    give_keys(lead, copy)  # committed, and then nothing more of that process
    again = world.open("late")
    again.pull()
    assert not parked(again) and differences(meaning(lead), meaning(again)) == []


def test_two_processes_that_open_the_same_frames_take_them_in_once(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    copy = reader(world, "late", lead, keys=False)
    deliver(copy, frames_of(lead))
    other = world.open("late")
    give_keys(lead, copy)
    sealed = [row.bytes for row in copy.events.parking.parked(1, "sealed", lead.space.epoch or b"")]
    assert take_in(copy.copy, sealed, source="hub", again=True).accepted == len(sealed)
    assert take_in(other.copy, sealed, source="hub", again=True) == Taken(0, 0, 0)
    assert differences(meaning(lead), meaning(other)) == []


def invented(actor: Actor, epoch: bytes, count: int = 1) -> list[bytes]:
    """Return frames sealed under an epoch that is nobody's."""
    row = actor.space
    writer = Writer(
        space=row.id,
        epoch=epoch,
        event_key=epoch_keys(row.id, os.urandom(32)).event_key,
        seed=actor.profile.identity.signing_seed,
    )
    links = Links(bytes(16), 0, None, (os.urandom(32),), 1, row.id, 0, ())
    made = [
        author_event(writer, links=links, kind="message", body=b"\xc0", entropy=os.urandom(32))
        for _ in range(count)
    ]
    return [frame for frame, _ in made]


def test_invented_epochs_push_nothing_real_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_PER_EPOCH_FRAMES_MAX", 40)
    lead, agent = world.team("lead", "agent")
    copy = reader(world, "late", lead, keys=False)
    flood = invented(agent, os.urandom(32), 60)
    deliver(copy, flood)
    assert len(parked(copy)) == 40 and dropped(copy) == 20
    deliver(copy, frames_of(lead))
    give_keys(lead, copy)
    unlocking.unlock(copy.copy)
    assert differences(meaning(lead), meaning(copy)) == []
    assert copy.space.frame_count == 60 + len(frames_of(lead))


def test_a_hub_is_asked_for_so_many_unknown_epochs_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlocking, "EPOCHS_AGAIN_MAX", 4)
    lead, agent = world.team("lead", "agent")
    copy = reader(world, "late", lead, keys=False)
    for _ in range(20):
        deliver(copy, invented(agent, os.urandom(32)))
    asked = set[bytes]()
    for _ in range(60):
        copy.door.calls.clear()
        unlocking.unlock(copy.copy)
        now = [call.epoch for call in copy.door.calls if isinstance(call, frames.EpochGet)]
        assert len(now) == 4
        asked.update(now)
    assert len(asked) > 10  # each call begins somewhere else


def test_an_epoch_is_asked_for_when_it_comes_by_whatever_flood_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlocking, "EPOCHS_AGAIN_MAX", 0)  # as if the flood had no end
    lead, agent = world.team("lead", "agent")
    for _ in range(20):
        deliver(agent, invented(lead, os.urandom(32)))
    lead.code(uses=1)
    made = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    members.revoke_invite(lead.copy, made.invite.id)
    lead.send("under an epoch that is new to the agent")
    lead.sync()
    agent.sync()
    assert agent.space.epoch == lead.space.epoch
    assert len(parked(agent)) == 20


def test_heads_of_invented_epochs_are_not_kept(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    space, tag, commitment = lead.space.id, bytes(32), os.urandom(32)
    epoch = epoch_id(space, tag=tag, commitment=commitment, wrap=NO_WRAP)
    posted = frames.EpochPut(space, epoch, encode((1, tag, commitment, None)))
    lead.door.handle(posted)
    lead.door.handle(frames.Push(space, tuple(invented(lead, epoch))))
    agent.sync()
    asked = [call.epoch for call in agent.door.calls if isinstance(call, frames.EpochGet)]
    assert epoch in asked and agent.events.epoch(1, epoch) is None


def test_an_event_that_no_parent_can_make_right_does_not_wait(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    many = tuple(sorted(os.urandom(32) for _ in range(limits.BASIS_MAX + 1)))
    frame, _ = Forger(agent).say(message(), basis=many)
    deliver(lead, [frame])
    assert not parked(lead) and quarantine(lead)[ident(frame)].code == "bad_link"


def test_a_hub_that_is_away_leaves_everything_as_it_was(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    copy = reader(world, "late", lead, keys=False)
    deliver(copy, frames_of(lead))
    before = parked(copy)
    copy.door.away = True
    with pytest.raises(RelayError):
        copy.pull()
    assert parked(copy) == before


# -- evidence --------------------------------------------------------------------------------


def test_evidence_is_bounded_per_source_and_known_ids_stay_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_ROWS_MAX", 10)
    lead, _ = world.team("lead", "agent")
    bad = [b"\xc1" + bytes((number,)) for number in range(40)]
    for page in (bad[:5], bad[5:25], bad[25:]):
        world.clock.now += 1
        take_in(lead.copy, page, source=HAND)
    rows = quarantine(lead)
    assert len(rows) == 10 and {row.first_ms for row in rows.values()} == {world.clock.now}
    assert take_in(lead.copy, bad, source=HAND) == Taken(0, 0, 0)
    take_in(lead.copy, [b"\xc1another"], source="hub")
    assert len(quarantine(lead)) == 11


def test_one_large_reject_makes_room_for_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_BYTES_MAX", 1_000)
    lead, _ = world.team("lead", "agent")
    take_in(lead.copy, [b"\xc1" + bytes((number,)) * 100 for number in range(8)], source=HAND)
    world.clock.now += 1
    take_in(lead.copy, [b"\xc1" + bytes(900)], source=HAND)
    assert [row.size for row in quarantine(lead).values()] == [901]


def test_the_states_have_the_names_that_reads_ask_for() -> None:
    assert (parking.SEALED, parking.WAITING) == ("sealed", "waiting")
