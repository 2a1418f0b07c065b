"""What the authority rules ask of a log: who had seen what, forks and far-off branches included."""

from __future__ import annotations

import os

import pytest

from envoy.core.bodies import Admit, Grant, Remove
from envoy.errors import IntegrityError
from envoy.replica.actions.deliver import deliver as push
from envoy.replica.keyring import KeyRing
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, reader, status_of
from replica.world import Actor, World


def remove(actor: Actor, gone: Actor) -> None:
    """Remove somebody, having seen what the copy has."""
    actor.copy.write(lambda _: [Remove(gone.me, "", ())])


def lines(forger: Forger, count: int) -> list[tuple[bytes, bytes]]:
    """Return (frame, id) of messages of one chain."""
    found = [forger.say(message(f"{number}")) for number in range(count)]
    return [(frame, event.id) for frame, event in found]


def test_content_is_held_that_a_removal_had_not_seen(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    line = lines(Forger(agent), 4)
    deliver(lead, [frame for frame, _ in line[:2]])
    remove(lead, agent)
    deliver(lead, [frame for frame, _ in line[2:]])
    assert [status_of(lead, one) for _, one in line] == ["ok", "ok", "held", "held"]
    entry = lead.events.entry(1, line[3][1])
    assert entry is not None and entry.cause == "R3 beside" and entry.cause_by is not None


def test_on_a_forked_chain_the_branch_decides(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    chain = os.urandom(16)
    one, two = Forger(agent, chain=chain), Forger(agent, chain=chain)
    shared = one.say(message("shared"))
    two.tip = one.tip
    seen, other = lines(one, 3), lines(two, 3)
    deliver(lead, [shared[0], *[frame for frame, _ in seen]])
    remove(lead, agent)
    deliver(lead, [frame for frame, _ in other])
    assert status_of(lead, shared[1].id) == "ok"
    assert [status_of(lead, ident) for _, ident in seen] == ["ok"] * 3
    assert [status_of(lead, ident) for _, ident in other] == ["held"] * 3
    assert lead.count("fork") == 3  # a proof for each place that is taken twice
    flags = {row.did: row.flags for row in lead.store.members(1).values()}
    assert flags[agent.me] == '["fork"]' and flags[lead.me] == "[]"


def test_a_removal_that_saw_both_branches_leaves_both(world: World) -> None:
    lead, agent, watcher = world.team("lead", "agent", "watcher")
    chain = os.urandom(16)
    one, two = Forger(agent, chain=chain), Forger(agent, chain=chain)
    seen, other = lines(one, 2), lines(two, 2)
    deliver(lead, [frame for frame, _ in seen + other])
    for _ in range(2):
        lead.send("names one head of an author at a time")
    remove(lead, agent)
    after = lines(Forger(agent), 1)
    deliver(lead, [after[0][0]])
    assert [status_of(lead, ident) for _, ident in seen + other] == ["ok"] * 4
    assert status_of(lead, after[0][1]) == "held"
    lead.copy.write(lambda _: [Admit((after[0][1],), "good")])
    assert status_of(lead, after[0][1]) == "ok*"
    watcher.sync()
    copy = reader(world, "copy", lead)
    deliver(copy, frames_of(lead)[::-1], one_by_one=True)
    assert differences(meaning(lead), meaning(copy)) == []


def test_a_later_removal_builds_on_what_an_earlier_one_had_seen(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    first = lines(Forger(one), 2)
    deliver(lead, [frame for frame, _ in first])
    second = lines(Forger(two), 2)
    deliver(lead, [second[0][0]])
    remove(lead, one)
    late = lines(Forger(one), 1)
    deliver(lead, [late[0][0]])  # asks for the past of the first removal, and keeps it
    remove(lead, two)
    deliver(lead, [second[1][0]])
    assert status_of(lead, late[0][1]) == status_of(lead, second[1][1]) == "held"
    assert [status_of(lead, ident) for _, ident in first] == ["ok", "ok"]
    assert status_of(lead, second[0][1]) == "ok"
    assert lead.count("past") > 0
    copy = reader(world, "copy", lead)
    deliver(copy, frames_of(lead))
    assert differences(meaning(lead), meaning(copy)) == []


def test_what_an_admit_had_not_seen_stays_held(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    line = lines(Forger(agent), 3)
    remove(lead, agent)
    deliver(lead, [frame for frame, _ in line[:2]])
    removal = next(one for one in lead.events.entries(1, after=0, limit=99) if one.kind == "remove")
    lead.copy.write(lambda _: [Admit((removal.id,), "all of it")])
    deliver(lead, [line[2][0]])
    assert [status_of(lead, ident) for _, ident in line] == ["ok*", "ok*", "held"]


def test_a_grant_of_an_admin_who_is_out_is_void_and_what_stands_on_it_is_held(
    world: World,
) -> None:
    lead, admin, friend = world.team("lead", "admin", "friend")
    lead.copy.write(lambda _: [Grant(admin.me, "admin", None, None, None, None)])
    push(lead.copy)
    admin.sync()
    frame, grant = Forger(admin).say(Grant(friend.me, "admin", None, None, None, None))
    remove(lead, admin)
    deliver(lead, [frame])
    assert status_of(lead, grant.id) == "void"
    said = Forger(friend).say(
        message("as an admin"),
        auth=grant.id,
        deps=(grant.id,),
        lam=grant.lam + 1,
    )
    deliver(lead, [said[0]])
    assert status_of(lead, said[1].id) == "held"


def test_a_frame_that_no_longer_opens_is_damage_and_told_so(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    sent = lead.send("hello").event
    entry = lead.events.entry(1, sent)
    assert entry is not None
    ring = KeyRing(lead.events, 1, lead.space.id)
    assert ring.body(entry) == message("hello")
    frame = lead.events.frame(entry.rid)
    lead.connection.run("UPDATE frame SET bytes = ? WHERE rid = ?", (frame[:-1] + b"\0", entry.rid))
    with pytest.raises(IntegrityError, match="state_corrupt"):
        ring.body(entry)
    lead.connection.run("UPDATE frame SET bytes = ? WHERE rid = ?", (frame, entry.rid))
    lead.connection.run("UPDATE epoch SET secret = NULL")
    with pytest.raises(IntegrityError, match="state_corrupt"):
        KeyRing(lead.events, 1, lead.space.id).body(entry)


def test_a_kind_that_nobody_knows_has_no_body(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    frame, event = Forger(agent).say(message(), kind="task.dance")
    deliver(lead, [frame])
    entry = lead.events.entry(1, event.id)
    assert entry is not None
    assert KeyRing(lead.events, 1, lead.space.id).body(entry) is None
