"""Invites and joins: who gets in, who does not, and what a code opens after its end."""

from __future__ import annotations

import os

import pytest

from envoy import limits
from envoy.core import invite
from envoy.core.bodies import Grant, Remove, Revoke
from envoy.errors import EnvoyError, RelayError
from envoy.ids import to_text
from envoy.replica import sync
from envoy.replica.actions import care, local, members, space, tasks
from envoy.replica.replica import Author, Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.system import db
from replica.compare import differences, meaning
from replica.scenes import deliver, frames_of, parked, reader, status_of
from replica.world import DAY_MS, MINUTE_MS, Actor, World


def refused(actor: Actor, code: str) -> str:
    """Return why an actor is not let in."""
    with pytest.raises(EnvoyError) as caught:
        actor.join(code)
    return caught.value.code


def made(actor: Actor, *, uses: int = 1, role: str = "write", ttl_ms: int = MINUTE_MS) -> str:
    """Return the code of a new invite."""
    return actor.code(role=role, uses=uses, ttl_ms=ttl_ms)


def status(actor: Actor) -> list[str]:
    """Return what became of all invites, oldest first."""
    rows = actor.store.invites(actor.space.sn).values()
    return [row.status for row in sorted(rows, key=lambda row: row.created_ms)]


# -- joining -------------------------------------------------------------------------------------


def test_a_code_leads_into_the_space_with_its_whole_history(world: World) -> None:
    lead, early = world.team("lead", "early")
    task = tasks.create(early.copy, "work").after.id
    tasks.claim(early.copy, task, session="default")
    made(lead)  # an epoch later, twice
    members.revoke_invite(lead.copy, next(iter(lead.store.invites(1))))
    lead.send("under a later epoch")
    late = world.actor("late")
    joined = late.join(made(lead, role="read"))
    assert (joined.role, joined.join_state, joined.space.name) == ("read", "member", "bughunt")
    assert joined.did == late.me and len({*lead_epochs(late)}) >= 2
    lead.sync()
    assert differences(meaning(lead), meaning(late)) == [] and not parked(late)
    row = lead.store.members(1)[late.me]
    assert (row.name, row.type, row.role, row.reader) == ("late", "agent", "read", 1)
    assert row.enc is not None and row.access is not None


def lead_epochs(actor: Actor) -> list[bytes]:
    """Return the epochs whose secret an actor holds."""
    return [row.id for row in actor.events.epochs(1) if row.secret is not None]


def test_three_profiles_talk(world: World) -> None:
    actors = world.team("lead", "one", "two")
    for actor in actors:
        actor.send(f"I am {actor.name}")
    for actor in actors * 2:
        actor.sync()
    assert all(differences(meaning(actors[0]), meaning(one)) == [] for one in actors[1:])
    bodies = {one.connection.find(int, "SELECT count(*) FROM item WHERE kind = 'message'")
              for one in actors}  # fmt: skip
    assert bodies == {3}


def test_a_human_is_shown_as_one(world: World) -> None:
    (lead,) = world.team("lead")
    human = world.actor("ada", type="human")
    human.join(made(lead))
    lead.sync()
    assert lead.store.members(1)[human.me].type == "human"


WRONG = [
    pytest.param("", id="nothing"),
    pytest.param("hello", id="a word"),
    pytest.param("2222-2222-2222-2222-2222-2222", id="a code whose check does not fit"),
]


@pytest.mark.parametrize("code", WRONG)
def test_what_is_no_code_is_told_so(world: World, code: str) -> None:
    assert refused(world.actor("agent"), code) == "invalid_invite"


def test_a_code_that_nobody_made_opens_nothing(world: World) -> None:
    world.team("lead")
    agent = world.actor("agent")
    code = invite.code(invite.new_secret(os.urandom(invite.SECRET_BYTES)))
    assert refused(agent, code) == "invalid_invite"
    assert agent.store.spaces() == []


def test_a_code_is_good_for_as_many_as_it_says(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead, uses=2)
    for name in ("one", "two"):
        assert world.actor(name).join(code).role == "write"
    late = world.actor("late")
    assert refused(late, code) == "invite_already_redeemed"
    assert late.store.spaces() == []
    lead.sync()
    assert status(lead) == ["used"]


def test_who_is_in_already_burns_no_use(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    code = made(lead)
    agent.sync()
    assert agent.join(code).role == "write" and lead.join(code).role == "owner"
    assert world.actor("late").join(code).role == "write"


def test_a_join_that_was_cut_short_is_finished_by_the_same_call(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    agent = world.actor("agent")
    agent.door.refusals[frames.Pull] = "space_not_found"
    with pytest.raises(HubRefusal):
        agent.join(code)
    agent.door.refusals.clear()
    assert agent.join(code).role == "write"  # its use was burnt by the first try


def test_a_join_that_could_not_be_told_is_told_later(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    agent = world.actor("agent")
    agent.door.refusals[frames.Push] = "space_not_found"
    assert agent.join(code).role == "write" and agent.space.pending > 0
    agent.door.refusals.clear()
    assert agent.join(code).role == "write" and agent.space.pending == 0
    lead.sync()
    assert agent.me in lead.store.members(1)


def test_a_code_past_its_time_opens_nothing(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    world.clock.now += 2 * MINUTE_MS
    agent = world.actor("agent")
    assert refused(agent, code) == "invalid_invite" and agent.store.spaces() == []


def test_a_hub_that_forgets_the_time_lets_nobody_in_late(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    change(world, "UPDATE invite SET expires = expires * 2")
    world.clock.now += 2 * MINUTE_MS
    assert refused(world.actor("agent"), code) == "invalid_invite"


def change(world: World, sql: str) -> None:
    """Let the hub be another than it was."""
    with db.connect(os.fspath(world.root / "home/hub/hub.db")) as connection:
        connection.run(sql)


def test_a_join_in_the_last_moment_is_refused_where_others_clocks_are_past_it(
    world: World,
) -> None:
    lead, agent = world.team("lead", "agent")
    code = made(lead)
    world.clock.now += MINUTE_MS + 1000
    agent.send("after the end of the invite")
    world.clock.now -= 2000
    change(world, "UPDATE invite SET expires = expires * 2")
    late = world.actor("late")
    assert refused(late, code) == "invalid_invite"
    assert late.store.spaces() == [] or late.space.role is None


def test_a_revoked_code_opens_nothing(world: World) -> None:
    (lead,) = world.team("lead")
    done = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    assert members.revoke_invite(lead.copy, done.invite.id)
    assert not members.revoke_invite(lead.copy, done.invite.id)
    agent = world.actor("agent")
    assert refused(agent, done.code) == "invalid_invite"
    assert agent.store.spaces() == []


@pytest.mark.parametrize("what", ["revoked", "closed"])
def test_a_hub_that_goes_on_with_an_ended_invite_lets_nobody_in(world: World, what: str) -> None:
    (lead,) = world.team("lead")
    done = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    lead.door.refusals[frames.InviteDelete] = "hosted_relay_invite_not_found"
    if what == "revoked":
        members.revoke_invite(lead.copy, done.invite.id)
    else:
        space.close(lead.copy)
    agent = world.actor("agent")
    assert refused(agent, done.code) == "invalid_invite"
    assert agent.store.spaces() == []  # nothing of what was inside is kept
    assert all(agent.count(table) == 0 for table in ("event", "frame", "item", "words", "task"))


def test_a_hub_that_forgets_what_was_used_lets_nobody_in(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    world.actor("one").join(code)
    change(world, "UPDATE invite SET uses_left = 5")
    two = world.actor("two")
    assert refused(two, code) == "invite_already_redeemed"
    assert two.store.spaces() == []


def test_who_was_out_comes_back_by_a_new_code(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.copy.write(lambda _: [Remove(agent.me, "", ())])
    lead.sync()
    agent.sync()
    assert agent.space.role is None and agent.space.join_state == "removed"
    assert agent.join(made(lead)).role == "write"
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []


def test_a_genesis_that_the_hub_does_not_have_is_no_space(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    change(world, "DELETE FROM frame")
    change(world, "UPDATE space SET head = 0, count = 0")
    agent = world.actor("agent")
    assert refused(agent, code) in ("state_corrupt", "relay_inconsistent")
    assert agent.store.spaces() == []


# -- more joins than uses ------------------------------------------------------------------------


def beside(world: World, lead: Actor) -> tuple[Actor, Actor]:
    """Return two who joined by one use, at a hub that lies, and saw nothing of one another."""
    code = made(lead)
    one, two = world.actor("one"), world.actor("two")
    one.door.refusals[frames.Push] = "space_not_found"
    one.join(code)
    change(world, "UPDATE invite SET uses_left = 5")
    two.join(code)
    one.door.refusals.clear()
    one.sync()
    two.sync()
    return one, two


def joins(actor: Actor) -> dict[bytes, str]:
    """Return by author the verdicts on joins."""
    entries = actor.events.entries(1, after=0, limit=99)
    return {one.author: one.status for one in entries if one.kind == "join"}


def test_of_two_joins_for_one_use_the_first_in_order_stands_until_an_admin_saw_one(
    world: World,
) -> None:
    (lead,) = world.team("lead")
    one, two = beside(world, lead)
    lead.sync()
    first = joins(lead)
    assert sorted(first.values()) == ["ok", "void"]
    loser = one if first[one.me] == "void" else two
    winner = two if loser is one else one
    assert loser.space.role is None and winner.space.role == "write"
    assert differences(meaning(lead), meaning(winner)) == []


def test_content_of_an_admin_that_saw_one_join_decides_and_is_taken_in_alone(world: World) -> None:
    # It comes in a page of its own, after all joins: their verdicts have to follow it.
    (lead,) = world.team("lead")
    code = made(lead)
    one, two = world.actor("one"), world.actor("two")
    for actor in (one, two):
        actor.door.refusals[frames.Push] = "space_not_found"
    one.join(code)
    change(world, "UPDATE invite SET uses_left = 5")
    two.join(code)
    ids = {
        actor.me: entry.id
        for actor in (one, two)
        for entry in actor.events.entries(1, after=0, limit=99)
        if entry.kind == "join"
    }
    second = max((one, two), key=lambda actor: ids[actor.me])  # void by its place alone
    first = two if second is one else one
    deliver(lead, frames_of(second))
    sent = lead.send("saw the second one alone")
    watcher = reader(world, "watcher", lead)
    deliver(watcher, frames_of(first))
    deliver(watcher, [frame for frame in frames_of(lead) if not is_event(frame, sent.event)])
    assert joins(watcher) == {first.me: "ok", second.me: "void"}
    deliver(watcher, [frame for frame in frames_of(lead) if is_event(frame, sent.event)])
    assert joins(watcher) == {first.me: "void", second.me: "ok"}
    deliver(lead, frames_of(first))
    assert differences(meaning(lead), meaning(watcher)) == []
    assert watcher.store.members(1)[second.me].enc is not None


def is_event(frame: bytes, event: bytes) -> bool:
    """Say whether a frame is the envelope of an event."""
    return frames.frame_id(frame) == event


def test_the_next_look_of_an_admin_ends_the_invite_for_good(world: World) -> None:
    (lead,) = world.team("lead")
    one, two = beside(world, lead)
    local.sync_all(lead.profile, None)
    assert status(lead) == ["revoked"]
    for actor in (one, two, lead):
        actor.sync()
    assert sorted(joins(lead).values()) == ["ok", "void"]


# -- what a code opens ---------------------------------------------------------------------------


def holder_of(world: World, source: Actor, code: str) -> Actor:
    """Return somebody who holds nothing but a code and whatever a hub gives to anybody."""
    spy = reader(world, "spy", source, keys=False)
    keys = invite.invite_keys(invite.parse(code).secret)
    copy = Replica(spy.profile, 1, seeds=[keys.enc])
    sync.pull(copy)
    return spy


@pytest.mark.parametrize("how", ["revoked", "used up", "closed"])
def test_the_holder_of_an_ended_code_reads_nothing_that_follows(world: World, how: str) -> None:
    lead, agent = world.team("lead", "agent")
    done = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    before = lead.send("while the code lives")
    if how == "revoked":
        members.revoke_invite(lead.copy, done.invite.id)
    elif how == "used up":
        world.actor("late").join(done.code)
        local.sync_all(lead.profile, None)
    else:
        space.close(lead.copy)
    after = lead.copy.write(lambda _: [Grant(agent.me, "write", None, None, None, None)])
    lead.sync()
    spy = holder_of(world, lead, done.code)
    assert status_of(spy, before.event) == "ok"
    assert after.event is not None and parked(spy)[after.event] == "sealed"
    agent.sync()
    assert status_of(agent, after.event) == "ok" and not parked(agent)


def test_while_a_code_lives_its_holder_reads_on(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    code = made(lead, uses=2)
    agent.sync()
    sent = agent.send("while the code lives")
    assert status_of(holder_of(world, lead, code), sent.event) == "ok"


def test_an_invite_that_is_not_used_up_is_left_alone(world: World) -> None:
    (lead,) = world.team("lead")
    made(lead, uses=2)
    before = lead.space.events
    assert not care.housekeep(lead.copy)
    local.sync_all(lead.profile, None)
    assert lead.space.events == before and status(lead) == ["active"]


def test_only_admins_keep_house(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    world.actor("late").join(made(lead))
    agent.sync()
    assert "used" in status(agent) and not care.housekeep(agent.copy)
    lead.sync()
    assert care.housekeep(lead.copy) and "used" not in status(lead)
    agent.sync()
    assert agent.space.epoch == lead.space.epoch and agent.space.adequate


def test_a_rotation_that_was_never_made_is_made_by_the_next_writer(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    spare = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS).invite.id
    epoch = lead.space.epoch
    with lead.events.transaction(durable=True):  # as if the batch had been cut short by a kill
        batch = lead.copy.batch()
        author = Author(lead.profile, batch)
        author.say(Revoke(spare, ""))
        batch.finish()
    lead.sync()
    agent.sync()
    assert not agent.space.adequate and agent.space.epoch == epoch
    sent = agent.send("needs a new epoch first")
    assert agent.space.adequate and agent.space.epoch != epoch
    lead.sync()
    assert status_of(lead, sent.event) == "ok" and lead.space.epoch == agent.space.epoch
    assert differences(meaning(lead), meaning(agent)) == []


# -- making --------------------------------------------------------------------------------------

BOUNDS = [
    pytest.param({"role": "admin"}, id="an invite for an admin"),
    pytest.param({"uses": 0}, id="an invite for nobody"),
    pytest.param({"uses": 101}, id="an invite for too many"),
    pytest.param({"ttl_ms": 0}, id="an invite that never begins"),
    pytest.param({"ttl_ms": 8 * DAY_MS}, id="an invite for too long"),
]


@pytest.mark.parametrize("bad", BOUNDS)
def test_an_invite_that_no_replica_would_accept_is_refused(
    world: World, bad: dict[str, int | str]
) -> None:
    (lead,) = world.team("lead")
    asked = {"role": "write", "uses": 1, "ttl_ms": MINUTE_MS, **bad}
    with pytest.raises(EnvoyError) as caught:
        lead.code(role=str(asked["role"]), uses=int(asked["uses"]), ttl_ms=int(asked["ttl_ms"]))
    assert caught.value.code == "invalid_argument" and lead.store.invites(1) == {}


def test_a_writer_makes_no_invites(world: World) -> None:
    _, agent = world.team("lead", "agent")
    with pytest.raises(EnvoyError) as caught:
        made(agent)
    assert caught.value.code == "capability_missing"


def test_a_space_takes_so_many_live_invites_and_old_ones_make_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVITES_MAX", 2)
    (lead,) = world.team("lead")
    made(lead)
    made(lead)
    with pytest.raises(EnvoyError, match="limit_exceeded"):
        made(lead)
    world.clock.now += 2 * MINUTE_MS
    made(lead)


def test_a_closed_space_invites_nobody(world: World) -> None:
    (lead,) = world.team("lead")
    space.close(lead.copy)
    with pytest.raises(EnvoyError, match="space_closed"):
        made(lead)


def test_an_invite_made_while_the_hub_is_away_works_once_it_is_back(world: World) -> None:
    (lead,) = world.team("lead")
    lead.door.away = True
    code = made(lead)
    agent = world.actor("agent")
    assert refused(agent, code) == "invalid_invite"
    lead.door.away = False
    lead.sync()
    assert agent.join(code).role == "write"


def test_who_joins_needs_the_hub(world: World) -> None:
    (lead,) = world.team("lead")
    code = made(lead)
    agent = world.actor("agent")
    agent.door.away = True
    with pytest.raises(RelayError):
        agent.join(code)
    assert agent.store.spaces() == []


def test_an_invite_is_found_by_id_prefix_and_code(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    done = members.make(lead.copy, role="write", max_uses=1, ttl_ms=MINUTE_MS)
    text = to_text("inv", done.invite.id)
    for named in (text, text[:14], done.code, done.code.lower()):
        assert members.find_invite(lead.copy, named).id == done.invite.id
    with pytest.raises(EnvoyError, match="not_found"):
        members.find_invite(agent.copy, text)
    with pytest.raises(EnvoyError, match="not_found"):
        members.revoke_invite(agent.copy, os.urandom(32))
    with pytest.raises(EnvoyError, match="invalid_invite"):
        members.find_invite(lead.copy, "no code at all")
