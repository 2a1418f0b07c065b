"""Epochs as copies drive them: who makes one, who reads under it, and who no longer does."""

from __future__ import annotations

import pytest

from envoy.core.bodies import Card, Grant, Leave, MemberKeys, Remove, Statement
from envoy.core.crypto import seal
from envoy.core.crypto.sign import sign
from envoy.core.identity import make_statement
from envoy.core.structs import Body
from envoy.errors import ConflictError, EnvoyError
from envoy.ids import to_text
from envoy.replica.actions import authority, local
from envoy.replica.actions.deliver import deliver as push
from envoy.replica.epochs import settled
from envoy.replica.replica import Author
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, give_keys, message, parked, status_of
from replica.world import YEAR_MS, Actor, Clock, World


def act(actor: Actor, *bodies: Body) -> None:
    """Write any acts and tell the hub."""
    actor.copy.write(lambda _: bodies)
    push(actor.copy)


def remove(actor: Actor, gone: Actor) -> None:
    """Remove somebody."""
    act(actor, Remove(gone.me, "", ()))


def admin(lead: Actor, other: Actor) -> None:
    """Make somebody an admin."""
    act(lead, Grant(other.me, "admin", None, None, None, None))
    other.sync()


def epochs(actor: Actor) -> list[bytes]:
    """Return the epochs of the events that make one, in order."""
    entries = actor.events.entries(actor.space.sn, after=0, limit=999)
    return [one.id for one in entries if one.kind == "epoch.create"]


def test_who_is_removed_reads_nothing_that_is_written_after_it(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    before = lead.send("all three read this").event
    remove(lead, gone)
    after = lead.send("two read this").event
    agent.sync()
    gone.sync()
    assert status_of(agent, after) == "ok" and status_of(gone, before) == "ok"
    assert parked(gone)[after] == "sealed"
    late = agent.send("and this").event
    gone.sync()
    assert parked(gone)[late] == "sealed"
    assert epochs(lead) == epochs(agent)


def test_the_epoch_is_left_in_the_same_commit(world: World) -> None:
    lead, _, gone = world.team("lead", "agent", "gone")
    epoch, count = lead.space.epoch, len(epochs(lead))
    remove(lead, gone)
    assert lead.space.epoch != epoch and lead.space.adequate
    assert len(epochs(lead)) == count + 1


def test_removals_beside_each_other_leave_no_epoch_until_the_next_writer_makes_one(
    world: World,
) -> None:
    lead, other, one, two = world.team("lead", "other", "one", "two")
    admin(lead, other)
    for actor in (one, two):
        actor.sync()
    other.door.away = True
    remove(lead, one)
    remove(other, two)
    other.door.away = False
    for actor in (other, lead, other):
        actor.sync()
    assert not lead.space.adequate and not other.space.adequate
    sent = lead.send("needs one that covers both").event
    assert lead.space.adequate
    other.sync()
    assert status_of(other, sent) == "ok" and other.space.epoch == lead.space.epoch
    for actor in (one, two):
        actor.sync()
        assert parked(actor)[sent] == "sealed"
    assert differences(meaning(lead), meaning(other)) == []


def test_two_epochs_beside_each_other_are_both_read_and_the_greater_is_written_under(
    world: World,
) -> None:
    lead, other, gone = world.team("lead", "other", "gone")
    admin(lead, other)
    remove_without_epoch(lead, gone)
    other.sync()
    lead.door.away = other.door.away = True
    first, second = lead.send("under one"), other.send("under another")
    lead.door.away = other.door.away = False
    for actor in (lead, other, lead, other):
        actor.sync()
    assert status_of(lead, second.event) == status_of(other, first.event) == "ok"
    assert lead.space.epoch == other.space.epoch and lead.space.adequate
    assert differences(meaning(lead), meaning(other)) == []


def remove_without_epoch(actor: Actor, gone: Actor) -> None:
    """Remove somebody as a process does that is killed before it makes an epoch."""
    with actor.events.transaction(durable=True):
        batch = actor.copy.batch()
        Author(actor.profile, batch).say(Remove(gone.me, "", ()))
        batch.finish()
    actor.sync()


def test_a_member_who_goes_by_itself_leaves_the_epoch_to_the_next_writer(world: World) -> None:
    lead, gone = world.team("lead", "gone")
    act(gone, Leave(""))
    lead.sync()
    assert not lead.space.adequate and gone.space.role is None
    after = lead.send("after it").event
    gone.sync()
    assert parked(gone)[after] == "sealed"


def test_who_may_only_read_makes_no_epoch_and_says_what_it_may(world: World) -> None:
    lead, reader, gone = world.team("lead", "reader", "gone", role="read")
    remove_without_epoch(lead, gone)
    reader.sync()
    assert not reader.space.adequate
    act(reader, Card("renamed", "agent", "1", None, ()))
    lead.sync()
    assert lead.store.members(1)[reader.me].name == "renamed"


def test_a_key_that_cannot_be_sealed_to_stops_no_rotation(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    row = lead.space
    identity = agent.profile.identity
    bad = make_statement(identity, row.id, no=1, ts=world.clock.now)
    raw = bad[0].replace(identity.enc_key(1, row.id), b"\xff" * seal.PUBLIC_BYTES)
    signature = sign(identity.signing_seed, "keys", raw)
    act(agent, MemberKeys(Statement(raw, signature)))
    lead.sync()
    remove(lead, gone)
    sent = lead.send("goes on").event
    agent.sync()
    assert lead.space.adequate and parked(agent)[sent] == "sealed"  # it has to ask


def test_a_new_key_is_sealed_to_from_then_on(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    made = make_statement(agent.profile.identity, lead.space.id, no=1, ts=world.clock.now)
    act(agent, MemberKeys(Statement(*made)))
    lead.sync()
    row = lead.store.members(1)[agent.me]
    assert row.enc_no == 1 and row.enc == agent.profile.identity.enc_key(1, lead.space.id)
    remove(lead, gone)
    sent = lead.send("under the new key").event
    agent.sync()
    assert status_of(agent, sent) == "ok"


def test_an_older_key_that_comes_later_changes_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    newer, older = (
        make_statement(agent.profile.identity, lead.space.id, no=no, ts=world.clock.now)
        for no in (2, 1)
    )
    act(agent, MemberKeys(Statement(*newer)))
    act(agent, MemberKeys(Statement(*older)))
    lead.sync()
    assert lead.store.members(1)[agent.me].enc_no == 2
    forged = make_statement(lead.profile.identity, lead.space.id, no=9, ts=world.clock.now)
    act(agent, MemberKeys(Statement(*forged)))
    lead.sync()
    assert lead.store.members(1)[agent.me].enc_no == 2


# -- a removal dated ahead -----------------------------------------------------------------------


def dated_ahead(world: World) -> tuple[Actor, Actor, Actor, Actor]:
    """Return a founder, an admin, a writer, and somebody removed by an admin ten years ahead."""
    lead, agent, gone = world.team("lead", "agent", "gone")
    fast = world.actor("fast", clock=Clock(world.clock.now))
    fast.join(lead.code())
    lead.sync()
    admin(lead, fast)
    for actor in (agent, gone):
        actor.sync()
    fast.clock.now += 10 * YEAR_MS
    remove_without_epoch(fast, gone)
    return lead, fast, agent, gone


def test_a_writer_does_not_write_beside_a_removal_that_it_cannot_name(world: World) -> None:
    _, _, agent, _ = dated_ahead(world)
    agent.sync()
    before = agent.space
    with pytest.raises(ConflictError, match="clock_ahead") as caught:
        agent.send("not yet")
    assert len(str(caught.value.details["event_ids"]).split("evt_")) == 2
    assert agent.space.events == before.events and agent.space.pending == 0


def test_an_admin_repeats_it_by_its_own_clock_and_all_go_on(world: World) -> None:
    lead, fast, agent, gone = dated_ahead(world)
    sent = lead.send("after my own removal of them")
    entry = lead.events.entry(1, sent.event)
    assert entry is not None and entry.ts == world.clock.now
    agent.sync()
    assert status_of(agent, sent.event) == "ok"
    after = agent.send("so do I").event
    for actor in (fast, gone, lead):
        actor.sync()
    assert parked(gone)[after] == "sealed" and status_of(fast, after) == "ok"
    assert differences(meaning(lead), meaning(fast)) == []


@pytest.mark.parametrize("how", ["removes somebody", "rotates"])
def test_who_makes_an_epoch_beside_it_says_it_again_first(world: World, how: str) -> None:
    lead, fast, agent, gone = dated_ahead(world)
    fast.send("under an epoch that leaves it out")
    made = fast.space.epoch
    lead.sync()
    assert made is not None and lead.space.adequate and lead.space.epoch == made
    if how == "rotates":
        authority.rotate(lead.copy)
    else:
        remove(lead, agent)
    lead.send("after that")
    gone.sync()
    held = {one.id for one in gone.events.epochs(1) if one.secret is not None}
    assert not held & {made, lead.space.epoch} and lead.space.epoch != made
    again = [one for one in lead.events.entries(1, after=0, limit=99) if one.kind == "remove"]
    assert [one.ts for one in again if one.author == lead.me][:1] == [world.clock.now]


def test_an_epoch_passes_on_none_that_is_dated_ahead(world: World) -> None:
    lead, fast, _, _ = dated_ahead(world)
    fast.send("under an epoch of ten years ahead")
    lead.sync()
    judged, now, made = lead.copy.batch().court.judgement, world.clock.now, lead.space.epoch
    for latest, passes_on in ((now, False), (now + 11 * YEAR_MS, True)):
        found = {one.id for one in settled(lead.events, 1, judged, latest=latest)}
        assert (made in found) is passes_on and found


def test_a_grant_that_comes_to_nothing_gives_no_key(world: World) -> None:
    lead, fast, agent, gone = dated_ahead(world)
    fast.send("under an epoch that leaves it out")
    agent.sync()
    given = authority.Delegation(gone.me, "write", None, 0, None)
    before = agent.space.events
    with pytest.raises(ConflictError, match="clock_ahead") as caught:
        authority.delegate(agent.copy, given)
    ends = agent.events.of_kind(1, "remove", after=0)
    assert caught.value.details["event_ids"] == [to_text("evt", ends[0].id)]
    gone.sync()
    assert agent.space.events == before
    assert agent.space.epoch not in {one.id for one in gone.events.epochs(1) if one.secret}
    world.clock.now += 10 * YEAR_MS
    authority.delegate(lead.copy, given)  # who has seen the removal may let in again
    gone.sync()
    assert lead.space.epoch in {one.id for one in gone.events.epochs(1) if one.secret}


def test_an_epoch_beside_a_leave_dated_ahead_is_left_once_that_can_be_cited(world: World) -> None:
    _, agent, gone = world.team("lead", "agent", "gone")
    gone.profile = gone.profile._replace(clock=Clock(world.clock.now + YEAR_MS))
    act(gone, Leave(""))
    agent.sync()
    early = agent.send("beside it").event
    assert agent.space.adequate == 0, "it is excused, no more"
    world.clock.now += YEAR_MS
    late = agent.send("after it").event
    gone.sync()
    assert agent.space.adequate == 1
    assert status_of(gone, early) == "ok" and parked(gone)[late] == "sealed"


# -- a grant dated ahead -------------------------------------------------------------------------


def role_ahead(world: World, *roles: str) -> tuple[Actor, Actor]:
    """Return a founder a year ahead and a member, by its role, who got each of these from it."""
    lead, agent = world.team("lead", "agent")
    lead.clock = Clock(world.clock.now)
    lead.profile = lead.profile._replace(clock=lead.clock)
    for ahead, role in zip((0, YEAR_MS), roles, strict=False):
        lead.clock.now = world.clock.now + ahead
        authority.set_role(lead.copy, agent.me, role)
    agent.sync()
    return lead, agent


def test_who_was_promoted_by_a_grant_dated_ahead_writes_under_the_one_before(world: World) -> None:
    lead, agent = role_ahead(world, "write", "admin")
    assert agent.space.role == "admin"
    sent = agent.send("as before").event
    lead.sync()
    entry, seen = agent.events.entry(1, sent), lead.events.entry(1, sent)
    assert entry is not None and seen is not None and entry.ts == world.clock.now
    assert entry.status == seen.status == "ok"
    with pytest.raises(ConflictError, match="clock_ahead"):
        authority.set_role(agent.copy, lead.me, "write")


def test_who_has_nothing_but_a_grant_dated_ahead_is_told_so(world: World) -> None:
    lead, agent = role_ahead(world, "read", "write")
    before = agent.space.events
    with pytest.raises(ConflictError, match="clock_ahead") as caught:
        agent.send("not yet")
    role = lead.events.of_kind(1, "role", after=0)[-1]
    assert caught.value.details["event_ids"] == [to_text("evt", role.id)]
    assert agent.space.events == before and agent.space.pending == 0
    local.sync_all(agent.profile, None)  # what it owes the others waits, too
    world.clock.now += YEAR_MS
    assert status_of(agent, agent.send("now").event) == "ok"


def test_a_secret_that_came_with_a_frame_that_waits_is_handed_to_nobody(world: World) -> None:
    lead, other, gone = world.team("lead", "other", "gone")
    admin(lead, other)
    frame, hidden = Forger(gone).say(message("for the remover alone"))
    deliver(lead, [frame])
    remove(lead, gone)  # it stands on what only the remover has
    secret, made = lead.send("sealed against who is gone").event, lead.space.epoch
    other.sync()
    assert made is not None and other.events.epoch(1, made) is not None  # its box came along
    assert parked(other)[secret] == "waiting" and status_of(other, hidden.id) is None
    authority.rotate(other.copy)
    gone.sync()
    assert other.space.epoch is not None
    found = gone.events.epoch(1, other.space.epoch)
    assert found is not None and found.secret is not None  # who rotated knew of no removal
    assert gone.events.epoch(1, made) is None
    push_all(lead, other, gone, [frame])
    assert status_of(other, secret) == "ok" and parked(gone)[secret] == "sealed"


def push_all(lead: Actor, other: Actor, gone: Actor, carried: list[bytes]) -> None:
    """Let the hub have what was carried past it, and everybody read and rotate as it is due."""
    gone.door.handle(frames.Push(gone.space.id, tuple(carried)))
    for actor in (other, lead, gone, other):
        actor.sync()


# -- keys that are lost --------------------------------------------------------------------------


def test_who_has_no_key_cannot_write_and_is_told(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    epoch = agent.space.epoch
    with agent.events.transaction(durable=True):
        agent.connection.run("UPDATE epoch SET secret = NULL WHERE id = ?", (epoch,))
    with pytest.raises(EnvoyError, match="epoch_revoked"):
        act(agent, message("cannot be sealed"))
    give_keys(lead, agent)
    assert agent.send("can").delivery == "delivered"


def test_a_box_that_comes_after_the_frames_opens_them(world: World) -> None:
    lead, agent, gone = world.team("lead", "agent", "gone")
    agent.door.refusals[frames.EpochGet] = "not_found"
    remove(lead, gone)
    sent = lead.send("sealed for now").event
    agent.sync()
    assert parked(agent)[sent] == "sealed"
    agent.door.refusals.clear()
    agent.sync()
    assert status_of(agent, sent) == "ok" and not parked(agent)
