"""Boxes that are lost, bogus or for another key: who asks, who answers, and whom nobody answers."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core.bodies import EpochCreate, KeyRequest, MemberKeys, Statement
from envoy.core.crypto import seal
from envoy.core.crypto.sign import sha256, sign
from envoy.core.envelope import open_parsed, parse
from envoy.core.epoch import box_tag, epoch_keys, seal_box
from envoy.core.identity import make_statement
from envoy.core.log import EpochRow
from envoy.core.structs import Body, replace
from envoy.errors import IntegrityError, RemoteFault
from envoy.hub.handler import LocalHub
from envoy.replica import epochs, requests
from envoy.replica.actions import authority, local
from envoy.replica.actions.deliver import deliver as push
from envoy.replica.ingest import take_in
from envoy.state import epochs as rules
from envoy.sync import frames
from envoy.views import rows
from replica.scenes import frames_of, parked, quarantine, status_of
from replica.world import DAY_MS, MINUTE_MS, Actor, World

HOUR_MS = 60 * MINUTE_MS


def sync(actor: Actor) -> rows.Synced:
    """Do what the command does, housekeeping too."""
    return local.sync_all(actor.profile, None)


def act(actor: Actor, *bodies: Body) -> None:
    """Write any acts and tell the hub."""
    actor.copy.write(lambda _: bodies)
    push(actor.copy)


def asked(actor: Actor) -> list[tuple[bytes, tuple[bytes, ...]]]:
    """Return who asked for which epochs, in order."""
    copy = actor.copy
    batch = copy.batch()
    found = list[tuple[bytes, tuple[bytes, ...]]]()
    for entry in actor.events.of_kind(copy.sn, "key.request", after=0):
        body = batch.keys.body(entry)
        assert isinstance(body, KeyRequest)
        found.append((entry.author, body.epochs))
    return found


def lose(actor: Actor, *tables: str, keep: bytes = b"") -> None:
    """Let the hub lose what it has for epochs, but for that of the epoch ``keep``."""
    for table in tables:
        with actor.door.log.transaction():
            actor.door.log.connection.run(f"DELETE FROM {table} WHERE epoch <> ?", (keep,))


def boxes(actor: Actor, epoch: bytes) -> int:
    """Count the boxes that the hub has for an epoch."""
    sql = "SELECT count(*) FROM box WHERE epoch = ?"
    return actor.door.log.connection.find(int, sql, (epoch,)) or 0


def shut_out(lead: Actor, agent: Actor, *tables: str) -> bytes:
    """Rotate so that ``agent`` finds no box; return a message that it cannot read."""
    authority.rotate(lead.copy)
    sent = lead.send("under the new epoch").event
    lose(lead, *(tables or ("box",)))
    sync(agent)
    assert parked(agent)[sent] == "sealed"
    return sent


@pytest.mark.parametrize("tables", [("box",), ("box", "epoch")])
def test_who_finds_no_box_asks_after_a_minute_and_reads_on(
    world: World, tables: tuple[str, ...]
) -> None:
    lead, agent = world.team("lead", "agent")
    sent = shut_out(lead, agent, *tables)
    world.clock.now += MINUTE_MS - 1
    sync(agent)
    assert asked(agent) == []
    world.clock.now += 1
    sync(agent)
    assert asked(agent) == [(agent.me, (lead.space.epoch,))]
    sync(lead)
    sync(agent)
    assert status_of(agent, sent) == "ok" and not parked(agent)
    assert agent.space.epoch == lead.space.epoch


def test_asking_makes_no_epoch(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    authority.remove(lead.copy, gone.me, reason="")
    lose(lead, "box")
    sync(agent)
    assert not agent.space.adequate
    world.clock.now += MINUTE_MS
    sync(agent)
    assert len(asked(agent)) == 1 and not agent.space.adequate
    assert [one for one in agent.events.entries(1, after=0, limit=99)
            if one.kind == "epoch.create" and one.author == agent.me] == []  # fmt: skip
    sync(lead)
    sync(agent)
    assert agent.space.adequate and agent.space.epoch == lead.space.epoch


def test_a_request_is_answered_once_and_a_repeat_anew(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    shut_out(lead, agent)
    epoch = lead.space.epoch
    assert epoch is not None
    world.clock.now += MINUTE_MS
    sync(agent)
    for _ in range(3):
        sync(lead)
    assert boxes(lead, epoch) == 1
    lose(lead, "box")
    for _ in range(3):
        sync(agent)
        sync(lead)
    assert boxes(lead, epoch) == 0 and len(asked(lead)) == 1  # not asked again within the hour
    world.clock.now += HOUR_MS
    sync(agent)
    sync(lead)
    assert boxes(lead, epoch) == 1 and len(asked(lead)) == 2


def test_every_member_that_holds_it_may_answer(world: World) -> None:
    lead, agent, other = world.team("lead", "agent", "other")
    authority.rotate(lead.copy)
    sync(other)
    sent = lead.send("sealed").event
    lose(lead, "box")
    sync(agent)
    world.clock.now += MINUTE_MS
    sync(agent)
    lead.door.away = True
    sync(other)
    sync(agent)
    assert status_of(agent, sent) == "ok"


# -- bogus boxes ---------------------------------------------------------------------------------


def bogus(lead: Actor, agent: Actor, count: int) -> None:
    """Let so many boxes with another secret stand at the hub before any good one."""
    epoch, space = lead.space.epoch, lead.space.id
    assert epoch is not None
    enc = agent.profile.identity.enc_key(0, space)
    for number in range(count):
        poster = sha256(b"spam", (number // limits.BOXES_PER_TAG_MAX).to_bytes(4))
        hub = LocalHub(lead.door.log, poster=poster, now_ms=lead.clock.now_ms)
        bad = frames.Box(box_tag(epoch, seal.kid(enc)), seal_box(enc, space, epoch, bytes(32)))
        hub.handle(frames.BoxPut(space, epoch, (bad,)))


@pytest.mark.parametrize(("count", "opens"), [(63, True), (64, False)])
def test_a_good_box_opens_behind_bogus_ones_as_far_as_a_reader_tries(
    world: World, count: int, opens: bool
) -> None:
    lead, agent, other = world.team("lead", "agent", "other")
    authority.rotate(lead.copy)
    sent = lead.send("sealed").event
    sync(other)
    lose(lead, "box")
    bogus(lead, agent, count)
    sync(agent)
    alarm = sync(agent)
    posters = {sha256(b"spam", number.to_bytes(4)).hex() for number in range(16)}
    assert set(alarm.bad_posters) == posters
    world.clock.now += MINUTE_MS
    sync(agent)
    lead.door.away = True  # its boxes would stand first: it posted the head
    sync(other)
    done = sync(agent)
    assert (status_of(agent, sent) == "ok") is opens
    assert bool(done.bad_posters) is not opens
    lead.door.away = False
    world.clock.now += HOUR_MS
    for actor in (agent, lead, agent):
        sync(actor)
    assert status_of(agent, sent) == "ok"
    rows_ = [row for row in quarantine(agent).values() if row.code == "epoch_box_bad"]
    assert {row.source for row in rows_} == posters and len(rows_) == count


# -- keys that cannot be used --------------------------------------------------------------------


def test_a_key_that_cannot_be_sealed_to_gets_no_box_until_a_better_one_asks(
    world: World,
) -> None:
    lead, agent = world.team("lead", "agent")
    identity, space = agent.profile.identity, lead.space.id
    raw, _ = make_statement(identity, space, no=1, ts=world.clock.now)
    raw = raw.replace(identity.enc_key(1, space), b"\xff" * seal.PUBLIC_BYTES)
    act(agent, MemberKeys(Statement(raw, sign(identity.signing_seed, "keys", raw))))
    sync(lead)
    authority.rotate(lead.copy)
    sent = lead.send("goes on").event
    create = rules.current(lead.copy.batch().court.judgement, lead.copy.batch().court.views)
    assert create is not None
    assert isinstance(create.body, EpochCreate)
    rcpt = {one.id: one.kid for one in create.body.rcpt}
    assert rcpt[agent.me] is None and rcpt[lead.me] is not None
    sync(agent)
    world.clock.now += MINUTE_MS
    sync(agent)
    sync(lead)
    sync(agent)
    assert parked(agent)[sent] == "sealed"  # it asked, and still nobody can seal to it
    made = make_statement(identity, space, no=2, ts=world.clock.now)
    act(agent, MemberKeys(Statement(*made)))
    world.clock.now += HOUR_MS
    for actor in (agent, lead, agent):
        sync(actor)
    assert status_of(agent, sent) == "ok"


# -- late and gone -------------------------------------------------------------------------------


def test_a_late_joiner_reads_the_whole_history_once_lost_heads_are_refilled(
    world: World,
) -> None:
    lead, _ = world.team("lead", "agent")
    said = [lead.send("0").event]
    for number in range(1, 4):
        authority.rotate(lead.copy)
        said.append(lead.send(str(number)).event)
    code, late = lead.code(), world.actor("late")
    lose(lead, "epoch", "box", keep=lead.space.epoch or b"")
    with pytest.raises(IntegrityError):
        late.join(code)  # no way back to the genesis
    assert late.profile.rows.spaces() == []
    sync(lead)
    late.join(code)
    assert [status_of(late, one) for one in said] == ["ok"] * 4


def test_a_head_that_was_lost_with_its_box_comes_by_a_request(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    authority.rotate(lead.copy)
    lost = lead.space.epoch
    assert lost is not None
    lose(lead, "epoch", "box")
    lead.copy.compose(lambda author: [author.rotate()])
    push(lead.copy)
    agent.pull()
    row = agent.events.epoch(1, lost)
    assert row is not None and row.secret is not None and row.head is None
    sync(agent)
    assert asked(agent) == [(agent.me, (lost,))]
    sync(lead)
    sync(agent)
    row = agent.events.epoch(1, lost)
    assert row is not None and row.head is not None


def test_who_was_removed_opens_nothing_sealed_after_with_all_its_keys(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    before = lead.send("before").event
    authority.remove(lead.copy, gone.me, reason="")
    sync(agent)
    after = [actor.send("after").event for actor in (lead, agent)]
    for actor in (lead, agent, gone, lead, gone):
        world.clock.now += HOUR_MS
        sync(actor)
    space = lead.space.id
    known = {row.id: row for row in gone.events.epochs(gone.space.sn)}
    secrets = [row.secret for row in known.values() if row.secret is not None]
    secrets += epochs.unwrapped(space, known).values()
    keys = [epoch_keys(space, one).event_key for one in secrets]
    opened = {
        frames.frame_id(frame)
        for frame in frames_of(lead)
        if frames.is_envelope(frame) and any(opens(frame, space, key) for key in keys)
    }
    assert before in opened and not opened & set(after)
    assert not [one for one in asked(lead) if one[0] == gone.me]  # nor does it ask


def opens(frame: bytes, space: bytes, key: bytes) -> bool:
    """Say whether an event key opens a frame."""
    try:
        open_parsed(parse(frame), frames.frame_id(frame), space, key)
    except RemoteFault:
        return False
    return True


# -- whom nobody answers -------------------------------------------------------------------------


def test_who_was_left_out_is_not_answered_though_it_asks_beside_the_removal(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    authority.remove(lead.copy, gone.me, reason="")
    epoch = lead.space.epoch
    assert epoch is not None
    before = boxes(lead, epoch)
    act(gone, KeyRequest((epoch,)))
    for actor in (lead, agent, lead):
        sync(actor)
    assert asked(lead) == [(gone.me, (epoch,))] and boxes(lead, epoch) == before


def test_a_stale_answerer_gives_no_epoch_whose_creation_it_does_not_know(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    authority.remove(lead.copy, gone.me, reason="")
    epoch = lead.space.epoch
    assert epoch is not None
    held = lead.events.epoch(1, epoch)
    assert held is not None
    with agent.events.transaction(durable=True):  # it has the key, as by a box, and no more
        agent.events.put_epoch(1, EpochRow(epoch, held.head, held.secret, None, None, None))
    gone.door.away = True
    gone.copy.write(lambda _: [KeyRequest((epoch,))])
    take_in(agent.copy, frames_of(gone), source="hand")
    assert agent.store.members(1)[gone.me].reader
    assert requests.answer(agent.copy) is False
    assert agent.store.outgoing(1, 9) == []


def test_a_box_is_for_whom_the_epoch_was_or_who_came_later(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    old = lead.space.epoch
    authority.remove(lead.copy, gone.me, reason="")
    new = lead.space.epoch
    late, nobody = world.actor("late"), world.actor("nobody")
    late.join(lead.code())
    sync(lead)
    court = lead.copy.batch().court
    judgement, views = court.judgement, court.views
    assert old is not None and new is not None
    found = {}
    for name, epoch in (("old", old), ("new", new)):
        create = rules.created(judgement, epoch)
        assert create is not None
        for one in (lead, agent, gone, late, nobody):
            found[name, one.name] = rules.may_read(judgement, create, one.me, views)
    readers, others = ("lead", "agent", "late"), ("gone", "nobody")
    assert found == {
        **{(epoch, one): True for epoch in ("old", "new") for one in readers},
        **{(epoch, one): False for epoch in ("old", "new") for one in others},
    }


def test_a_member_who_was_left_out_of_an_epoch_that_knew_its_grant_is_let_in(world: World) -> None:
    """E4 gives nobody leave to omit a reader, and nobody writes under such an epoch."""
    lead, agent, gone = world.team("lead", "agent", "gone")
    authority.remove(lead.copy, gone.me, reason="")
    court = lead.copy.batch().court
    create = rules.current(court.judgement, court.views)
    assert create is not None
    without = replace(create, body=EpochCreate(1, bytes(16), bytes(32), ()))
    for one, may in ((agent, True), (gone, False)):
        assert rules.may_read(court.judgement, create, one.me, court.views) is may
        assert rules.may_read(court.judgement, without, one.me, court.views) is may


def test_whom_an_epoch_was_made_against_gets_no_box_of_it_though_a_senior_lets_it_in_again(
    world: World,
) -> None:
    """Its history comes by the next wrap: who has not heard of that removal must not answer."""
    lead, b, gone = world.team("lead", "b", "gone")
    authority.set_role(lead.copy, b.me, "admin")
    sync(b)
    b.door.away = True
    removal = authority.remove(b.copy, gone.me, reason="")
    b.door.away = False
    sync(b)
    epoch = b.space.epoch
    sync(lead)
    assert epoch is not None and removal.event is not None
    authority.remove(lead.copy, b.me, reason="", undo=_removals(lead))
    court = lead.copy.batch().court
    create = rules.created(court.judgement, epoch)
    assert create is not None and gone.me in court.judgement.readers()
    assert not rules.may_read(court.judgement, create, gone.me, court.views)


def _removals(actor: Actor) -> tuple[bytes, ...]:
    """Return the removals that an actor knows."""
    return tuple(one.id for one in actor.events.of_kind(1, "remove", after=0))


# -- E8: when epochs end -------------------------------------------------------------------------


def settled(world: World) -> list[Actor]:
    """Return a founder and a writer whose invite has ended and whose epoch is new."""
    lead, agent = world.team("lead", "agent")
    world.clock.now += DAY_MS
    sync(lead)
    authority.rotate(lead.copy)
    sync(agent)
    return [lead, agent]


def test_an_admin_leaves_an_epoch_after_thirty_days_and_nobody_else_does(world: World) -> None:
    lead, agent = settled(world)
    epoch = lead.space.epoch
    world.clock.now += 30 * DAY_MS
    sync(lead)
    assert lead.space.epoch == epoch
    world.clock.now += 1
    sync(agent)
    lead.send("a plain write waits for nothing")
    assert lead.space.epoch == agent.space.epoch == epoch
    sync(lead)
    assert lead.space.epoch != epoch and lead.space.adequate


def test_an_admin_leaves_an_epoch_after_so_many_events(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = settled(world)
    epoch = lead.space.epoch
    monkeypatch.setattr(limits, "EPOCH_EVENTS_MAX", 4)
    for _ in range(3):
        lead.send("one more")
    sync(lead)
    assert lead.space.epoch == epoch
    lead.send("one more")
    sync(agent)
    sync(lead)
    assert agent.space.epoch == epoch != lead.space.epoch


def new_key(actor: Actor, no: int) -> None:
    """State another encryption key."""
    identity = actor.profile.identity
    made = make_statement(identity, actor.space.id, no=no, ts=actor.clock.now)
    act(actor, MemberKeys(Statement(*made)))


def test_a_writer_leaves_the_epoch_for_its_own_new_key_once_a_day(world: World) -> None:
    lead, agent = settled(world)
    epochs_ = [agent.space.epoch]
    for step in (0, HOUR_MS, DAY_MS):
        world.clock.now += step
        new_key(agent, len(epochs_))
        sync(agent)
        epochs_.append(agent.space.epoch)
    first, second, third, fourth = epochs_
    assert first != second == third != fourth and agent.space.adequate
    sync(lead)
    assert lead.space.epoch == fourth


def test_an_admin_leaves_the_epoch_for_others_keys_once_a_day(world: World) -> None:
    lead, agent = settled(world)
    epoch = lead.space.epoch
    new_key(agent, 1)
    sync(lead)
    assert lead.space.epoch == epoch
    world.clock.now += DAY_MS
    sync(lead)
    after = lead.space.epoch
    assert after != epoch
    world.clock.now += DAY_MS
    sync(lead)
    assert lead.space.epoch == after  # nothing is new any more


def test_a_key_that_cannot_be_used_makes_nobody_rotate(world: World) -> None:
    lead, agent = settled(world)
    identity, space = agent.profile.identity, lead.space.id
    raw, _ = make_statement(identity, space, no=1, ts=world.clock.now)
    raw = raw.replace(identity.enc_key(1, space), b"\xff" * seal.PUBLIC_BYTES)
    act(agent, MemberKeys(Statement(raw, sign(identity.signing_seed, "keys", raw))))
    sync(agent)
    epoch = lead.space.epoch
    for _ in range(3):
        world.clock.now += DAY_MS
        sync(lead)
    assert lead.space.epoch == epoch
