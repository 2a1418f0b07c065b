"""Clocks that are ahead: what is dated ahead counts and cannot be cited, and still nobody loses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envoy.core.bodies import Grant, HubPin, Leave, Remove, Revoke, Role
from envoy.core.structs import Body
from envoy.errors import AuthorityError, ConflictError
from envoy.replica.actions import approve, authority, desk, local, members, tasks
from envoy.replica.actions.authority import Delegation
from envoy.replica.replica import Author
from replica.scenes import status_of
from replica.test_epochs import act, admin, dated_ahead, remove, remove_without_epoch, role_ahead
from replica.world import DAY_MS, YEAR_MS, Actor, Clock, World


def own_clock(actor: Actor, ahead: int = 0) -> None:
    """Give somebody a clock of its own, so many milliseconds ahead."""
    actor.clock = Clock(actor.clock.now + ahead)
    actor.profile = actor.profile._replace(clock=actor.clock)


def say(actor: Actor, *bodies: Body) -> None:
    """Write acts as a process that is killed before the epoch, with no hub in reach."""
    with actor.events.transaction(durable=True):
        batch = actor.copy.batch()
        author = Author(actor.profile, batch)
        for body in bodies:
            author.say(body)
        batch.finish()


def crew(world: World, *names: str) -> list[Actor]:
    """Return a founder, an admin whose clock is its own, and writers."""
    lead, fast, *others = world.team("lead", "fast", *names)
    own_clock(fast)
    admin(lead, fast)
    for one in others:
        one.sync()
    return [lead, fast, *others]


def in_approve_mode(lead: Actor, joiner: Actor) -> Callable[[], object]:
    """Return how to let somebody in who asks by an invite for approval."""
    made = members.make(lead.copy, role="write", max_uses=5, ttl_ms=3 * DAY_MS, mode="approve")
    members.join(joiner.profile, made.code, name=joiner.name)
    (request,) = approve.pending(lead.copy)
    return lambda: approve.approve(lead.copy, request.id)


def holds(actor: Actor) -> set[bytes]:
    """Return the epochs whose secret somebody has."""
    return {one.id for one in actor.events.epochs(1) if one.secret is not None}


def kinds(actor: Actor) -> list[str]:
    """Return the kinds of all events of a copy."""
    return [one.kind for one in actor.events.entries(1, after=0, limit=9999)]


def grants_to(actor: Actor, other: Actor) -> list[bytes]:
    """Return the live grants to somebody."""
    live = actor.copy.batch().court.judgement.live
    return [one.key for one in live if one.subject == other.me]


def task_of(actor: Actor, title: str) -> bytes:
    """Make a task; return its id."""
    made = tasks.create(actor.copy, title).event
    assert made is not None
    return made


def invite_of(actor: Actor) -> bytes:
    """Return the newest invite that a copy knows."""
    return list(actor.store.invites(1))[-1]


# -- what is ended ahead reads nothing -------------------------------------------------------------


def let_in_beside(world: World) -> tuple[Actor, Actor, Actor, Actor]:
    """Return a founder, an admin a day ahead, another who may let z in again, and z."""
    lead, fast, co, z = crew(world, "co", "z")
    admin(lead, co)
    remove(lead, z)
    for one in (co, fast):
        one.sync()
    fast.clock.now += DAY_MS
    return lead, fast, co, z


@pytest.mark.parametrize("ends", ["a removal", "revocations"])
def test_who_was_let_in_beside_the_end_of_the_inviter_gets_no_key(world: World, ends: str) -> None:
    lead, fast, co, z = let_in_beside(world)
    acts = [Revoke(one, "") for one in grants_to(fast, co)]
    say(fast, *([Remove(co.me, "", ())] if ends == "a removal" else acts))
    act(co, Grant(z.me, "write", None, None, None, None))
    for one in (lead, fast, lead, z):
        one.sync()
    assert z.space.role is None
    sent = lead.send("neither for z nor for co").event
    z.sync()
    assert lead.space.epoch not in holds(z) | holds(co) and status_of(z, sent) is None


def test_nor_where_the_founder_had_removed_the_inviter_before_it_knew(world: World) -> None:
    lead, fast, co, z = let_in_beside(world)
    say(fast, Remove(co.me, "", ()))
    act(co, Grant(z.me, "write", None, None, None, None))
    lead.sync()
    remove(lead, co)
    for one in (fast, lead, z):
        one.sync()
    assert z.space.role is None
    sent = lead.send("not for z").event
    z.sync()
    assert status_of(z, sent) is None
    before = len(kinds(lead))
    for _ in range(3):
        lead.send("more")
    assert len(kinds(lead)) == before + 3, "and nothing is said again and again"


def test_who_was_undone_ahead_gets_no_key_though_another_removes_the_inviter(world: World) -> None:
    lead, fast, co, z = crew(world, "co", "z")
    admin(lead, co)
    remove(lead, z)
    co.sync()
    act(co, Grant(z.me, "write", None, None, None, None))
    for one in (z, lead, fast):
        one.sync()
    fast.clock.now += DAY_MS
    say(fast, Remove(co.me, "", tuple(grants_to(lead, z))))
    remove(lead, co)
    for one in (fast, lead, z):
        one.sync()
    sent = lead.send("not for z").event
    z.sync()
    assert z.space.role is None and lead.space.epoch not in holds(z)
    assert status_of(z, sent) is None


def test_an_epoch_of_a_writer_has_no_box_for_an_invite_that_was_ended_ahead(world: World) -> None:
    lead, fast, w, x = crew(world, "w", "x")
    fast.sync()
    fast.code()
    w.sync()
    invite = invite_of(fast)
    fast.clock.now += DAY_MS
    say(fast, Revoke(invite, ""))
    fast.sync()
    remove_without_epoch(lead, x)
    w.sync()
    w.send("under a new epoch")
    ledger = w.copy.batch().court.ledger
    made = [one for one in ledger.by_kind["epoch.create"] if one.author == w.me]
    boxes = [{one.id: one.kid for one in getattr(create.body, "rcpt", ())} for create in made]
    assert made and all(one.get(invite) is None for one in boxes)


def test_who_was_let_in_ahead_reads_on_after_a_rotation(world: World) -> None:
    lead, fast, _ = crew(world, "x")
    fast.sync()
    new = world.actor("new")
    let_in = in_approve_mode(fast, new)
    fast.clock.now += DAY_MS
    let_in()
    local.sync_all(new.profile, None)
    lead.sync()
    authority.rotate(lead.copy)
    sent = lead.send("for all members").event
    local.sync_all(new.profile, None)
    assert status_of(new, sent) == "ok"


# -- what is said again says no more ---------------------------------------------------------------


def test_a_removal_by_a_junior_is_not_made_stronger(world: World) -> None:
    lead, b, fast, w = world.team("lead", "b", "fast", "w")
    own_clock(fast)
    admin(lead, b)
    act(b, Grant(fast.me, "admin", None, None, None, None))
    for one in (fast, lead):
        one.sync()
    fast.clock.now += DAY_MS
    say(fast, Remove(w.me, "", ()))
    act(lead, Role(w.me, "admin"))  # beside it, by the founder: it stands
    for one in (fast, lead, w):
        one.sync()
    assert w.space.role == "admin"
    lead.send("hello")
    w.sync()
    assert w.space.role == "admin"


def test_a_removal_that_undoes_what_there_is_not_stops_nobody(world: World) -> None:
    lead, fast, gone = crew(world, "gone")
    content = gone.send("no act on authority").event
    fast.sync()
    fast.clock.now += DAY_MS
    assert content is not None
    say(fast, Remove(gone.me, "", tuple(sorted((bytes([7] * 32), content)))))
    for one in (fast, lead, gone):
        one.sync()
    sent = lead.send("goes on").event
    gone.sync()
    removals = [one for one in kinds(lead) if one == "remove"]
    assert status_of(lead, sent) == "ok" and status_of(gone, sent) is None and len(removals) == 2


def test_a_removal_without_effect_stays_without(world: World) -> None:
    lead, senior, junior = world.team("lead", "senior", "junior")
    admin(lead, senior)
    act(senior, Grant(junior.me, "admin", None, None, None, None))
    junior.sync()
    own_clock(junior, DAY_MS)
    say(junior, Remove(senior.me, "", ()))
    for one in (junior, lead, senior):
        one.sync()
    assert lead.send("hello").event and kinds(lead).count("remove") == 1
    senior.sync()
    assert senior.space.role == "admin"


def test_what_is_said_in_vain_is_not_said_at_every_write(world: World) -> None:
    lead, _, b, co = crew(world, "b", "co")
    admin(lead, b)
    act(lead, Grant(co.me, "owner", None, None, None, None))
    co.sync()
    co.code()
    lead.sync()
    own_clock(lead, YEAR_MS)
    say(lead, Role(co.me, "admin"))  # ends the invite of co, who stands above b
    for one in (lead, b):
        one.sync()
    before = kinds(b)
    for _ in range(4):
        b.send("hello")
    new = kinds(b)[len(before) :]
    assert new.count("message") == 4 and new.count("role") == 0
    assert new.count("revoke") <= 1 and new.count("epoch.create") <= 1


def test_who_was_promoted_ahead_makes_no_epoch_at_every_write(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code()
    own_clock(lead, YEAR_MS)
    say(lead, Role(agent.me, "admin"), Revoke(invite_of(lead), ""))
    for one in (lead, agent):
        one.sync()
    before = kinds(agent).count("epoch.create")
    for _ in range(4):
        agent.send("hello")
    assert kinds(agent).count("epoch.create") <= before + 1


def test_two_who_say_it_again_come_to_rest(world: World) -> None:
    lead, fast, b, x, y = crew(world, "b", "x", "y")
    admin(lead, b)
    fast.sync()
    ended = grants_to(lead, x)
    own_clock(y, DAY_MS)
    fast.clock.now += DAY_MS
    say(fast, *(Revoke(one, "") for one in ended))
    fast.sync()
    authority.leave(y.copy)
    for one in (lead, b):
        one.sync()
        one.door.away = True
        one.send("beside the other")
        one.door.away = False
    for _ in range(3):
        for one in (lead, b):
            local.sync_all(one.profile, None)
            one.send("more")
    for one in (x, y):
        one.sync()
    assert lead.space.epoch not in holds(x) | holds(y)
    before = len(kinds(lead))
    for one in (lead, b, lead):
        local.sync_all(one.profile, None)
        one.send("more")
    lead.sync()
    assert set(kinds(lead)[before:]) == {"message"}


@pytest.mark.parametrize("how", ["rotates", "removes again"])
def test_who_is_asked_to_end_it_again_does_so_once(world: World, how: str) -> None:
    lead, fast, w, gone = crew(world, "w", "gone")
    fast.sync()
    members.revoke_invite(lead.copy, invite_of(lead))
    fast.sync()
    fast.clock.now += DAY_MS
    remove_without_epoch(fast, gone)
    lead.sync()
    before = kinds(lead)
    if how == "rotates":
        authority.rotate(lead.copy)
    else:
        authority.remove(lead.copy, gone.me, reason="again")
    new = kinds(lead)[len(before) :]
    assert new.count("remove") == 1 and new.count("epoch.create") <= 2
    w.sync()
    assert status_of(w, w.send("goes on").event) == "ok"


# -- what cannot be cited is told by its name ------------------------------------------------------


def test_an_approval_dated_ahead_lets_in_and_the_card_waits(world: World) -> None:
    (lead,) = world.team("lead")
    own_clock(lead)
    new = world.actor("new")
    let_in = in_approve_mode(lead, new)
    lead.clock.now += DAY_MS
    let_in()
    local.sync_all(new.profile, None)
    assert new.space.role == "write" and "card" not in kinds(new)[-2:]
    world.clock.now += DAY_MS
    local.sync_all(new.profile, None)
    lead.sync()
    assert [one.author for one in lead.events.of_kind(1, "card", after=0)][-1] == new.me


def test_a_pin_dated_ahead_stops_no_sync(world: World) -> None:
    lead, fast = crew(world)
    fast.sync()
    fast.clock.now += DAY_MS
    act(fast, HubPin(1, world.actor("other").me, None))
    lead.sync()
    local.sync_all(lead.profile, None)
    assert lead.send("goes on").delivery == "delivered"


def test_a_revocation_takes_no_grant_dated_ahead(world: World) -> None:
    lead, agent, third = world.team("lead", "agent", "third")
    own_clock(lead, YEAR_MS)
    authority.set_role(lead.copy, agent.me, "admin")
    agent.sync()
    with pytest.raises(ConflictError, match="clock_ahead"):
        authority.revoke(agent.copy, grants_to(agent, third)[0], reason="")


def test_who_was_promoted_ahead_ends_no_invite_yet(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code(uses=1)
    world.actor("new").join(lead.code(uses=1))
    lead.pull()
    own_clock(lead, YEAR_MS)
    say(lead, Role(agent.me, "admin"))
    for one in (lead, agent):
        one.sync()
    before = kinds(agent).count("revoke")
    for _ in range(4):
        local.sync_all(agent.profile, None)
    with pytest.raises(ConflictError, match="clock_ahead"):
        members.revoke_invite(agent.copy, invite_of(agent))
    assert kinds(agent).count("revoke") == before


def test_a_writer_ends_no_invite(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    lead.code()
    agent.sync()
    with pytest.raises(AuthorityError, match="capability_missing"):
        members.revoke_invite(agent.copy, invite_of(agent))
    assert agent.copy.batch().court.judgement.is_live(invite_of(agent))


def test_who_left_ahead_does_not_come_in_by_a_join_that_is_dead(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    own_clock(agent, DAY_MS)
    authority.leave(agent.copy)
    agent.clock.now -= DAY_MS
    lead.sync()
    with pytest.raises(ConflictError, match="clock_ahead"):
        agent.join(lead.code())


def test_a_promotion_beside_a_demotion_ahead_is_refused_by_name(world: World) -> None:
    lead, fast, w = crew(world, "w")
    fast.sync()
    fast.clock.now += DAY_MS
    say(fast, Role(w.me, "read"))
    fast.sync()
    lead.sync()
    with pytest.raises(ConflictError, match="clock_ahead"):
        authority.set_role(lead.copy, w.me, "write")


def test_a_role_dated_ahead_is_given_again_by_a_right_clock(world: World) -> None:
    lead, agent = role_ahead(world, "read", "write")
    lead.clock.now = world.clock.now
    authority.set_role(lead.copy, agent.me, "write")
    agent.sync()
    assert status_of(agent, agent.send("goes on").event) == "ok"


def test_a_request_to_come_in_after_a_removal_ahead_is_answered_by_name(world: World) -> None:
    lead, _, _, gone = dated_ahead(world)
    lead.send("says the removal again")
    gone.sync()
    let_in = in_approve_mode(lead, gone)
    with pytest.raises(ConflictError, match="clock_ahead"):
        let_in()


@pytest.mark.parametrize("how", ["release", "assign"])
def test_who_was_promoted_ahead_has_no_rank_yet(world: World, how: str) -> None:
    lead, agent, third = world.team("lead", "agent", "third")
    task = task_of(lead, "do it")
    third.sync()
    tasks.claim(third.copy, task, session="default")
    lead.sync()
    own_clock(lead, YEAR_MS)
    say(lead, Role(agent.me, "admin"))
    for one in (lead, agent):
        one.sync()
    with pytest.raises((AuthorityError, ConflictError)):
        if how == "release":
            tasks.release(agent.copy, task)
        else:
            tasks.assign(agent.copy, task, agent.me)
    row = agent.store.task(1, task)
    assert row is not None and row.assignee == agent.events.actor(third.me)


def test_a_task_dated_ahead_is_not_claimed_in_vain(world: World) -> None:
    lead, fast, w = crew(world, "w")
    fast.sync()
    fast.clock.now += DAY_MS
    task = task_of(fast, "do it")
    w.sync()
    before = w.space.events
    with pytest.raises(ConflictError, match="clock_ahead"):
        tasks.claim(w.copy, task, session="default", require="confirmed")
    assert w.space.events == before and lead.space.role == "owner"


def test_what_is_held_and_dated_ahead_is_not_admitted_in_vain(world: World) -> None:
    lead, _, x = crew(world, "x")
    own_clock(x, DAY_MS)
    x.door.away = True
    sent = x.send("beside my removal").event
    x.door.away = False
    act(lead, Remove(x.me, "", ()))
    x.sync()
    lead.sync()
    assert status_of(lead, sent) == "held"
    with pytest.raises(ConflictError, match="clock_ahead"):
        desk.admit(lead.copy, [sent], reason="it is sound")
    world.clock.now += DAY_MS
    assert desk.admit(lead.copy, [sent], reason="it is sound").changed


# -- beside clocks ---------------------------------------------------------------------------------


def test_a_newcomer_joins_after_a_leave_that_nobody_covered(world: World) -> None:
    lead, x = world.team("lead", "x")
    code = lead.code()
    x.sync()
    act(x, Leave(""))
    new = world.actor("new")
    new.join(code)
    sent = new.send("in").event
    lead.sync()
    x.sync()
    assert (
        new.space.role == "write" and status_of(lead, sent) == "ok" and status_of(x, sent) is None
    )


def test_a_grant_for_a_task_stands_in_the_way_of_no_other(world: World) -> None:
    lead, w = world.team("lead", "w")
    task = task_of(lead, "one")
    act(lead, Role(w.me, "read"))
    for what in (task, None):
        authority.delegate(lead.copy, Delegation(w.me, "write", what, 0, None))
    w.sync()
    assert status_of(w, w.send("for the whole space").event) == "ok"


def test_who_has_a_grant_for_a_task_works_on_it_after_a_leave(world: World) -> None:
    lead, w, x = world.team("lead", "w", "x")
    task = task_of(lead, "one")
    act(lead, Role(w.me, "read"))
    authority.delegate(lead.copy, Delegation(w.me, "write", task, 0, None))
    w.sync()
    act(x, Leave(""))
    w.sync()
    tasks.claim(w.copy, task, session="default")
    lead.sync()
    row = lead.store.task(1, task)
    assert row is not None and row.assignee == lead.events.actor(w.me)
