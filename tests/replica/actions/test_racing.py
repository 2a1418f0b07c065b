"""Several who redeem one finite code at once: who comes in, in every order, and what others see."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import pytest

from envoy.core.log import Entry
from envoy.errors import EnvoyError
from envoy.replica.actions import approve, desk, local, members
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.council import refused
from replica.scenes import deliver, frames_of, reader, status_of
from replica.world import MINUTE_MS, Actor, World

NAMES = ("one", "two", "three", "four")


def sync(actor: Actor) -> None:
    """Do what the command does."""
    local.sync_all(actor.profile, None)


def raced(world: World, *, uses: int) -> tuple[Actor, str, list[Actor], list[bytes]]:
    """Return a founder, its code, four who joined by it unseen by each other, and what was before.

    The hub gave all of them the blob: it lost count of the uses.
    """
    (lead,) = world.team("lead")
    code, base = lead.code(uses=uses), frames_of(lead)
    racers = [world.actor(name) for name in NAMES]
    for one in racers:
        one.door.refusals[frames.Push] = "space_not_found"
        with lead.door.log.transaction():
            lead.door.log.connection.run("UPDATE invite SET uses_left = 9")
        one.join(code)
        one.door.refusals.clear()
    return lead, code, racers, base


def join_of(actor: Actor) -> Entry:
    """Return the join of somebody, as its own copy has it."""
    (entry,) = [one for one in actor.events.of_kind(1, "join", after=0) if one.author == actor.me]
    return entry


def written(actor: Actor, base: list[bytes]) -> list[bytes]:
    """Return what somebody wrote beside the others."""
    known = set(base)
    return [frame for frame in frames_of(actor) if frame not in known]


def inside(actor: Actor) -> set[bytes]:
    """Return the members that a copy shows."""
    return {did for did, row in actor.store.members(actor.space.sn).items() if row.role}


def test_the_first_in_place_come_in_whatever_order_their_joins_arrive_in(world: World) -> None:
    lead, _, racers, base = raced(world, uses=2)
    base = frames_of(lead)
    first = sorted(racers, key=lambda one: (join_of(one).lam, join_of(one).id))[:2]
    wanted = {lead.me, *(one.me for one in first)}
    parts = [written(one, base) for one in racers]
    for number, order in enumerate(permutations(parts)):
        watcher = reader(world, f"watcher{number}", lead)
        deliver(watcher, base)
        for part in order:
            deliver(watcher, part)
        assert inside(watcher) == wanted
    assert number == 23


def said_alone(actor: Actor) -> bytes:
    """Say something before one hears of the others."""
    actor.door.away = True
    sent = actor.send("here I am").event
    actor.door.away = False
    return sent


def settled(world: World, *, uses: int) -> tuple[Actor, str, list[Actor], list[Actor]]:
    """Return a founder, its code, who came in of four and who did not; all have heard of it."""
    lead, code, racers, _ = raced(world, uses=uses)
    for one in (*racers, lead, *racers):
        one.sync()
    ins = [one for one in racers if one.space.role]
    outs = [one for one in racers if not one.space.role]
    return lead, code, ins, outs


@pytest.mark.parametrize("uses", [1, 2, 3])
def test_all_copies_agree_on_who_came_in(uses: int, world: World) -> None:
    lead, _, ins, outs = settled(world, uses=uses)
    assert (len(ins), len(outs)) == (uses, 4 - uses)
    for one in (lead, *ins):
        assert inside(one) == {lead.me, *(other.me for other in ins)}
        assert differences(meaning(lead), meaning(one)) == []
    for one in outs:
        entry = lead.events.entry(1, join_of(one).id)
        assert entry is not None and (entry.status, entry.cause) == ("void", "R6 over-used")


def test_who_lost_writes_nothing_more_and_what_it_wrote_is_held(world: World) -> None:
    lead, code, racers, _ = raced(world, uses=1)
    said = {one.me: said_alone(one) for one in racers}  # each believes that it is in
    for one in (*racers, lead, *racers):
        one.sync()
    for one in racers:
        won = one.space.role is not None
        assert status_of(lead, said[one.me]) == ("ok" if won else "held")
        if not won:
            assert refused(partial(one.send, "and again")) == "epoch_revoked"
            assert refused(partial(one.join, code)) in (
                "invite_already_redeemed",
                "invalid_invite",
            )


def test_who_lost_comes_in_by_a_new_code_and_its_held_words_can_be_admitted(world: World) -> None:
    lead, _, racers, _ = raced(world, uses=1)
    said = {one.me: said_alone(one) for one in racers}
    for one in (*racers, lead):
        one.sync()
    sync(lead)  # the used invite ends, and the epoch with it
    loser = next(one for one in racers if one.me not in inside(lead))
    done = loser.join(lead.code())
    assert (done.join_state, done.role) == ("member", "write")
    after = loser.send("now I am").event
    lead.sync()
    assert status_of(lead, after) == "ok" and status_of(lead, said[loser.me]) == "held"
    desk.admit(lead.copy, [said[loser.me]], reason="it meant well")
    for one in (lead, loser):
        one.sync()
        assert status_of(one, said[loser.me]) == "ok*"


# -- several who ask -----------------------------------------------------------------------------


def asking(world: World, lead: Actor, *, uses: int) -> tuple[str, list[Actor]]:
    """Return a code in approve mode, and four who asked by it."""
    made = members.make(
        lead.copy, role="write", max_uses=uses, ttl_ms=10 * MINUTE_MS, mode="approve"
    )
    racers = [world.actor(name) for name in NAMES]
    for one in racers:
        assert one.join(made.code).join_state == "pending_approval"
    return made.code, racers


def test_of_four_who_ask_for_two_uses_the_two_that_are_let_in_are_members(world: World) -> None:
    (lead,) = world.team("lead")
    _, racers = asking(world, lead, uses=2)
    pending = approve.pending(lead.copy)
    assert [one.id for one in pending] == sorted(one.id for one in pending) and len(pending) == 4
    chosen, others = pending[1::2], pending[::2]
    for one in chosen:
        assert approve.approve(lead.copy, one.id).changed
    for one in others:
        assert refused(partial(approve.approve, lead.copy, one.id)) == ("invite_already_redeemed")
    assert [one.id for one in approve.pending(lead.copy)] == [one.id for one in others]
    assert {one.invite.uses for one in approve.pending(lead.copy)} == {2}
    for racer in racers:
        sync(racer)
    assert {one.me for one in racers if one.space.role} == {one.asks.did for one in chosen}


@pytest.mark.parametrize("how", ["its time", "revoked"])
def test_who_was_not_let_in_waits_until_the_invite_ends_and_is_told_so_then(
    how: str, world: World
) -> None:
    (lead,) = world.team("lead")
    code, racers = asking(world, lead, uses=1)
    first, *_ = approve.pending(lead.copy)
    approve.approve(lead.copy, first.id)
    losers = [one for one in racers if one.me != first.asks.did]
    for one in losers:
        sync(one)
        assert one.join(code).join_state == "pending_approval"
    if how == "its time":
        world.clock.now += 10 * MINUTE_MS
    else:
        members.revoke_invite(lead.copy, first.invite.id)
    for one in losers:
        with pytest.raises(EnvoyError) as caught:
            one.join(code)
        assert caught.value.code == "invalid_invite" and not one.store.spaces()
