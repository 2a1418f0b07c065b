"""One copy and one hub: read, send, fill again what was lost, and believe no hub that contradicts
itself."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.core.log import EpochRow
from envoy.core.structs import Body, replace
from envoy.errors import IntegrityError, RelayError
from envoy.replica import sync
from envoy.replica.actions import local, members, tasks
from envoy.replica.actions.deliver import deliver
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.system import db
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import frames_of, message, parked
from replica.world import MINUTE_MS, Actor, World


def same(*actors: Actor) -> bool:
    """Say whether all copies mean the same."""
    first, *others = actors
    return all(differences(meaning(first), meaning(one)) == [] for one in others)


def wipe(world: World, *actors: Actor) -> None:
    """Lose the hub, and open a new one behind the doors of ``actors``."""
    for path in (world.root / "home/hub").iterdir():
        path.unlink()
    for actor in actors:
        actor.door.hub = world.door(actor.profile.identity, "home").hub


# -- reading -------------------------------------------------------------------------------------


def test_what_one_sends_another_reads(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    sent = agent.send("hello")
    assert sent.delivery == "delivered"
    done = lead.sync()
    assert done.pulled == 1 and done.pushed == 0
    assert same(lead, agent) and lead.space.synced_ms == world.clock.now


def test_reading_twice_reads_nothing_twice(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("hello")
    assert lead.sync().pulled == 1
    lead.door.calls.clear()
    assert lead.sync().pulled == 0
    assert [type(call) for call in lead.door.calls] == [frames.Pull]


def test_a_long_log_comes_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(7):
        agent.send(f"{number}")
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 3)
    lead.door.calls.clear()
    assert lead.sync().pulled == 7
    assert len(lead.door.calls) == 3 and same(lead, agent)


def test_who_has_no_time_left_reads_on_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(7):
        agent.send(f"{number}")
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 3)
    turns = iter([True, False])
    sync.pull(lead.copy, go=lambda: next(turns, False))
    assert 0 < lead.space.events < agent.space.events
    lead.sync()
    assert same(lead, agent)


def test_two_processes_read_the_same_pages(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    other = world.open("lead")
    page: list[Body] = []

    def late(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Pull) and not page:
            page.append(reply)
            other.sync()  # another process reads on while this one has the page in its hands
        return reply

    agent.send("hello")
    lead.door.alter = late
    lead.sync()
    assert lead.space.cursor == agent.space.cursor and same(lead, agent)
    assert lead.space.frame_sum == agent.space.frame_sum


def test_own_frames_are_not_read_back(world: World) -> None:
    (lead,) = world.team("lead")
    lead.send("hello")
    assert lead.space.cursor == lead.space.frame_count
    lead.door.calls.clear()
    assert lead.sync().pulled == 0


# -- sending -------------------------------------------------------------------------------------


def test_what_could_not_be_sent_waits_and_goes_in_its_order(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    agent.door.away = True
    sent = [agent.send(f"{number}") for number in range(3)]
    assert {one.delivery for one in sent} == {"pending"} and agent.space.pending == 3
    agent.door.away = False
    assert agent.sync().pushed == 3 and agent.space.pending == 0
    lead.sync()
    assert [one.id for one in lead.events.entries(1, after=0, limit=99)][-3:] == [
        one.event for one in sent
    ]


def test_an_answer_that_is_lost_is_asked_for_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lost = list[Body]()

    def lose(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Push) and not lost:
            lost.append(reply)
            raise RelayError("relay_unavailable")
        return reply

    agent.door.alter = lose
    assert agent.send("hello").delivery == "pending"
    assert agent.sync().pushed == 1 and agent.space.pending == 0
    lead.sync()
    assert same(lead, agent) and lead.space.frame_count == agent.space.frame_count


def test_a_push_holds_no_more_than_a_hub_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    agent.door.away = True
    for _ in range(4):
        agent.send("x" * 20_000)
    agent.door.away = False
    monkeypatch.setattr(limits, "PUSH_BYTES_MAX", 50_000)
    agent.door.calls.clear()
    assert agent.sync().pushed == 4
    sizes = [len(call.frames) for call in agent.door.calls if isinstance(call, frames.Push)]
    assert sizes == [2, 2]
    lead.sync()
    assert same(lead, agent)


def test_an_entry_is_not_struck_for_one_that_had_its_number(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    other, before = world.open("lead"), lead.space.events

    def late(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.Push) and lead.door.alter is not None:
            lead.door.alter = None
            deliver(other.copy)  # another process sends the same entry and strikes it off
            other.door.away = True
            other.send("queued meanwhile")
        return reply

    lead.door.alter = late
    lead.send("first")
    lead.sync()
    agent.sync()
    assert same(lead, agent) and agent.space.events == before + 2


REFUSED = [
    pytest.param(frames.BoxPut, "quota_exceeded", id="a box there is no room for"),
    pytest.param(frames.InvitePut, "already_exists", id="an invite that is there"),
    pytest.param(frames.InviteDelete, "hosted_relay_invite_not_found", id="an invite that is gone"),
]


@pytest.mark.parametrize(("call", "code"), REFUSED)
def test_what_a_hub_refuses_for_good_bars_nothing_behind_it(
    world: World, call: type[Body], code: str
) -> None:
    lead, agent = world.team("lead", "agent")
    lead.door.refusals[call] = code
    made = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    members.revoke_invite(lead.copy, made.invite.id)
    assert lead.send("behind it").delivery == "delivered"
    assert lead.space.pending == 0
    agent.sync()
    assert (agent.space.frame_sum, agent.space.cursor) == (lead.space.frame_sum, lead.space.cursor)


def test_of_several_boxes_only_the_refused_one_is_given_up(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")

    def full(call: Body, reply: Body) -> Body:
        if isinstance(call, frames.BoxPut) and len(call.boxes) > 1:
            raise HubRefusal("quota_exceeded")
        return reply

    lead.door.alter = full
    made = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    members.revoke_invite(lead.copy, made.invite.id)
    lead.send("under a new epoch")
    for actor in (one, two):
        actor.sync()
        assert same(lead, actor)


def test_a_box_whose_epoch_the_hub_lost_goes_after_its_head(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    epoch = lead.space.epoch
    assert epoch is not None
    box = encode((bytes(16), bytes(frames.BOX_BYTES)))
    with lead.events.transaction(durable=True):
        lead.store.send_later(1, "box", epoch, box)
    hub = world.root / "home/hub/hub.db"
    lose(hub, "DELETE FROM epoch")
    local.exchange(lead.copy)
    assert lead.store.outgoing(1, 1) == []
    found = lead.door.handle(frames.EpochGet(lead.space.id, epoch, (bytes(16),)))
    assert isinstance(found, frames.EpochFound) and found.head is not None and found.boxes[0]


def lose(path: os.PathLike[str], sql: str) -> None:
    """Let a hub lose something."""
    with db.connect(os.fspath(path)) as connection:
        connection.run(sql)


def test_a_box_for_an_epoch_nobody_has_is_given_up(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    box = encode((bytes(16), bytes(frames.BOX_BYTES)))
    with lead.events.transaction(durable=True):
        lead.store.send_later(1, "box", os.urandom(32), box)
    assert lead.send("behind it").delivery == "delivered"


# -- a hub that lost something -------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1], ids=["the founder comes first", "a joiner comes first"])
def test_a_wiped_hub_is_filled_again_by_whoever_comes(world: World, first: int) -> None:
    actors = world.team("lead", "agent")
    task = tasks.create(actors[1].copy, "work").after.id
    tasks.claim(actors[1].copy, task, session="default")
    actors[0].sync()
    before = meaning(actors[0])
    wipe(world, *actors)
    actors[first].sync()
    late = world.actor("late")
    actors[0].sync()
    late.join(actors[0].code())
    for actor in (*actors, late) * 2:
        actor.sync()
    assert same(*actors, late)
    kept = meaning(late)
    assert before["tasks"] == kept["tasks"] and before["holders"] == kept["holders"]
    assert late.space.frame_sum == actors[0].space.frame_sum == actors[1].space.frame_sum


def test_what_was_written_while_the_hub_was_lost_reaches_everybody(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    wipe(world, lead, agent)
    agent.door.away = True
    assert agent.send("into nothing").delivery == "pending"
    agent.door.away = False
    assert deliver(agent.copy) == "pending"  # nobody made the new hub keep the space yet
    assert lead.send("the look before it does that").delivery == "delivered"
    for actor in (agent, lead, agent):
        actor.sync()
    assert same(lead, agent)


@pytest.mark.parametrize("column", ["id", "genesis"])
def test_a_space_whose_genesis_is_damaged_is_given_to_no_hub(world: World, column: str) -> None:
    (lead,) = world.team("lead")
    assert lead.sync() is not None  # control
    (data,) = lead.connection.rows(bytes, f"SELECT {column} FROM space")
    lead.connection.run(f"UPDATE space SET {column} = ?", (data[:-1] + bytes([data[-1] ^ 1]),))
    if column == "genesis":
        wipe(world, lead)
    with pytest.raises(IntegrityError, match="state_corrupt"):
        lead.sync()


def test_a_claim_is_asked_for_again_at_a_hub_that_lost_the_space(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    agent.door.away = True
    tasks.claim(agent.copy, task, session="default")
    wipe(world, lead, agent)
    agent.door.away = False
    assert deliver(agent.copy) == "pending"
    agent.door.calls.clear()
    agent.sync()
    assert any(isinstance(call, frames.Slot) for call in agent.door.calls)
    # The key of the lost hub is the one that the space believes.
    row = agent.store.task(1, task)
    assert row is not None and row.claim_state == "provisional" and agent.space.pending == 0


def backup(world: World) -> dict[str, bytes]:
    """Return the files of the hub as they are."""
    return {path.name: path.read_bytes() for path in (world.root / "home/hub").iterdir()}


def restore(world: World, files: dict[str, bytes], *actors: Actor) -> None:
    """Set the hub back."""
    wipe(world)
    for name, data in files.items():
        path = world.root / "home/hub" / name
        path.write_bytes(data)
        path.chmod(0o600)
    for actor in actors:
        actor.door.hub = world.door(actor.profile.identity, "home").hub


def test_a_hub_that_was_set_back_gets_again_what_it_lost(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    old = backup(world)
    lead.send("lost by the hub")
    agent.sync()
    restore(world, old, lead, agent)
    for actor in (lead, agent, lead):
        actor.sync()
    assert same(lead, agent)
    head = lead.door.handle(frames.HeadGet(lead.space.id))
    assert isinstance(head, frames.Head) and head.sum == lead.space.frame_sum


def test_a_hub_that_was_set_back_and_went_on_is_told_once_and_healed(world: World) -> None:
    lead, agent, late = world.team("lead", "agent", "late")
    old = backup(world)
    lead.send("lost by the hub")
    agent.sync()
    restore(world, old, lead, agent, late)
    for number in range(3):
        late.send(f"{number}")
    for actor in (agent, lead):
        with pytest.raises(IntegrityError, match="relay_inconsistent"):
            actor.sync()
    for actor in (agent, lead, late, agent, lead):
        actor.sync()
    assert same(lead, agent, late)


# -- a hub that lies -----------------------------------------------------------------------------


def of_pull(change: Callable[[frames.Page], frames.Page]) -> Callable[[Body, Body], Body]:
    """Return what changes each page on its way."""

    def alter(call: Body, reply: Body) -> Body:
        if not isinstance(reply, frames.Pulled):
            return reply
        return replace(reply, pages=tuple(change(page) for page in reply.pages))

    return alter


def head(page: frames.Page) -> frames.Head:
    assert page.head is not None
    return page.head


def head_of(actor: Actor) -> frames.Head:
    """Return where the hub stands."""
    found = actor.door.handle(frames.HeadGet(actor.space.id))
    assert isinstance(found, frames.Head)
    return found


LIES = [
    pytest.param(lambda page: replace(page, frames=page.frames[:-1]), id="a frame is left out"),
    pytest.param(lambda page: replace(page, frames=page.frames[::-1]), id="frames change places"),
    pytest.param(lambda page: replace(page, last=page.last + 1), id="a number is skipped"),
    pytest.param(lambda page: replace(page, frames=()), id="numbers without their frames"),
    pytest.param(
        lambda page: replace(page, head=replace(head(page), head=page.last - 1)),
        id="frames behind the head",
    ),
    pytest.param(
        lambda page: replace(page, frames=page.frames * 501, last=page.last + 1000),
        id="a larger page than was asked for",
    ),
    pytest.param(
        lambda page: replace(page, head=replace(head(page), h=bytes(32))),
        id="the chain ends otherwise",
    ),
    pytest.param(
        lambda page: replace(page, frames=(), last=page.last - 2), id="there is more, but not now"
    ),
    pytest.param(
        lambda page: replace(page, head=replace(head(page), instance=os.urandom(16))),
        id="the hub is another one each time",
    ),
]


@pytest.mark.parametrize("change", LIES)
def test_a_hub_that_contradicts_itself_is_told_and_changes_no_state(
    world: World, change: Callable[[frames.Page], frames.Page]
) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(2):
        agent.send(f"{number}")
    before = meaning(lead)
    lead.door.alter = of_pull(change)
    with pytest.raises(IntegrityError, match="relay_inconsistent"):
        lead.sync()
    assert differences(before, meaning(lead)) == []
    lead.door.alter = None
    for actor in (lead, agent, lead):
        actor.sync()
    assert same(lead, agent) and lead.space.pending == 0


def test_a_hub_that_contradicts_itself_each_time_does_not_fill_the_outbox(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.door.alter = of_pull(lambda page: replace(page, last=page.last + 1))
    lengths = set[int]()
    for number in range(4):
        agent.send(f"{number}")
        with pytest.raises(IntegrityError, match="relay_inconsistent"):
            lead.sync()
        lengths.add(lead.count("outbox"))
    assert len(lengths) == 1 and 0 not in lengths


def test_a_hub_that_keeps_to_itself_what_others_sent_is_not_noticed_but_harms_nothing(
    world: World,
) -> None:
    lead, agent = world.team("lead", "agent")
    agent.send("held back")
    old = replace(head_of(lead), head=lead.space.cursor, h=lead.space.hub_chain)
    lead.door.alter = of_pull(lambda page: replace(page, frames=(), last=old.head, head=old))
    lead.pull()
    lead.door.alter = None
    agent.send("after it")
    lead.sync()
    assert same(lead, agent)


# -- keys ----------------------------------------------------------------------------------------


def test_a_secret_is_never_lost_to_who_read_before_it_came(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    epoch = lead.space.epoch
    assert epoch is not None
    before = lead.events.epoch(1, epoch)
    assert before is not None and before.secret is not None and before.head is not None
    with lead.events.transaction(durable=True):
        lead.events.put_epoch(1, EpochRow(epoch, None, None, None, None, None))
    assert lead.events.epoch(1, epoch) == before


def test_a_bogus_head_or_box_is_passed_over(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code(uses=1)
    made = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    members.revoke_invite(lead.copy, made.invite.id)

    def bogus(call: Body, reply: Body) -> Body:
        if isinstance(reply, frames.EpochFound):
            return replace(reply, head=encode((1, bytes(32), bytes(32), None)))
        return reply

    agent.door.alter = bogus
    agent.sync()
    assert parked(agent)
    agent.door.alter = None
    agent.sync()
    assert not parked(agent) and same(lead, agent)


def test_a_frame_is_taken_from_whoever_pushed_it(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    frame, event = Forger(agent).say(message("never sent by its author"))
    lead.door.handle(frames.Push(lead.space.id, (frame,)))
    lead.sync()
    assert lead.events.entry(1, event.id) is not None
    assert frame in frames_of(lead)
