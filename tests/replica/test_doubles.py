"""Doubles as conflicts: who is told of them, what settles them, and that every copy agrees."""

from __future__ import annotations

from functools import partial
from itertools import permutations

from envoy import limits
from envoy.core.records import ConflictResolve
from envoy.replica.actions import conflicts
from envoy.replica.rebuild import rebuild
from envoy.sync import frames
from envoy.views import rows
from replica.beside import say
from replica.compare import differences, dump, meaning
from replica.council import refused
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, reader
from replica.world import Actor, World


def met(actor: Actor, kind: str) -> list[rows.Conflict]:
    """Return the conflicts of a kind that a copy shows, ascending by id."""
    found = actor.connection.rows(
        bytes, "SELECT id FROM conflict WHERE kind = ? ORDER BY id", (kind,)
    )
    every = [actor.store.conflict(actor.space.sn, one) for one in found]
    return [row for row in every if row is not None]


def told(actor: Actor) -> list[tuple[str, str | None]]:
    """Return what the stream of a copy said about conflicts."""
    sql = "SELECT type, reason FROM stream WHERE type GLOB 'conflict_*' ORDER BY n"
    return actor.connection.rows(_told, sql)


def _told(type_: str, reason: str | None) -> tuple[str, str | None]:
    return type_, reason


def equivocal(actor: Actor, *, chain: bytes, count: int = 2) -> list[tuple[bytes, bytes]]:
    """Return frames and ids of events that take the first place of one chain."""
    made = list[tuple[bytes, bytes]]()
    for number in range(count):
        frame, event = Forger(actor, chain=chain).say(message(f"{number}"))
        made.append((frame, event.id))
    return sorted(made, key=lambda one: one[1])


def test_a_fork_is_told_to_its_author_and_to_admins_and_settled_by_a_word(world: World) -> None:
    lead, one, two = team = world.team("lead", "one", "two")
    (low, first), (high, second) = equivocal(one, chain=b"c" * 16)
    for actor in team:
        deliver(actor, [high, low], one_by_one=True)
        (row,) = met(actor, "fork")
        assert (row.entity, row.winner, row.loser, row.rule) == (one.me, first, second, "both")
        assert row.status == "open"
    assert told(lead) == told(one) == [("conflict_opened", "conflict")]
    assert told(two) == [("conflict_opened", None)]
    done = conflicts.resolve(lead.copy, row.id, first, note="a restored backup")
    for actor in team:
        actor.sync()
        (row,) = met(actor, "fork")
        assert (row.status, row.kept, row.act) == ("resolved", first, done.event)
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert differences(meaning(lead), meaning(two)) == []


def test_whoever_forked_does_not_say_that_it_is_settled(world: World) -> None:
    lead, one = team = world.team("lead", "one")
    frames = equivocal(one, chain=b"c" * 16)
    for actor in team:
        deliver(actor, [frame for frame, _ in frames])
    (row,) = met(one, "fork")
    for side in (row.winner, row.loser):
        act = partial(conflicts.resolve, one.copy, row.id, side)
        assert refused(act) == "capability_missing"
    (blunt,) = say(one, ConflictResolve(row.id, row.winner, None))
    lead.sync()
    assert met(lead, "fork")[0].status == "open"
    assert meaning(lead)["refused"] == {blunt: "resolve_without_rank"}
    conflicts.resolve(lead.copy, row.id, row.winner)
    one.sync()
    assert {met(actor, "fork")[0].status for actor in team} == {"resolved"}


def test_a_chain_forked_again_and_again_is_one_conflict_in_whatever_order(world: World) -> None:
    lead, one = world.team("lead", "one")
    frames = equivocal(one, chain=b"c" * 16, count=3)
    base = frames_of(lead)
    for number, order in enumerate(permutations(frames)):
        copy = reader(world, f"copy{number}", lead)
        deliver(copy, base)
        deliver(copy, [frame for frame, _ in order], one_by_one=True)
        (row,) = met(copy, "fork")
        assert (row.winner, row.loser) == (frames[0][1], frames[1][1])
        before = dump(copy)
        rebuild(copy.profile)
        assert dump(copy) == before


def test_of_many_forked_chains_of_one_author_a_few_are_shown(world: World) -> None:
    lead, one = world.team("lead", "one")
    chains = [bytes([number]) * 16 for number in range(1, limits.OPS_BESIDE_MAX + 3)]
    frames = [frame for chain in chains for frame, _ in equivocal(one, chain=chain)]
    deliver(lead, frames)
    copy = reader(world, "copy", lead)
    deliver(copy, frames_of(lead)[::-1], one_by_one=True)
    for actor in (lead, copy):
        assert len(met(actor, "fork")) == limits.OPS_BESIDE_MAX
    assert met(lead, "fork") == [row._replace(sn=1) for row in met(copy, "fork")]


def overused(world: World) -> tuple[Actor, Actor, Actor]:
    """Return a founder, who came in by an invite for one, and who did not; all know of it."""
    (lead,) = world.team("lead")
    code, racers = lead.code(uses=1), [world.actor(name) for name in ("one", "two")]
    for one in racers:
        one.door.refusals[frames.Push] = "space_not_found"  # neither hears of the other
        with lead.door.log.transaction():
            lead.door.log.connection.run("UPDATE invite SET uses_left = 9")
        one.join(code)
        one.door.refusals.clear()
    for one in (*racers, lead, *racers):
        one.sync()
    inside, outside = sorted(racers, key=lambda one: one.space.role is None)
    return lead, inside, outside


def test_an_over_used_invite_is_a_conflict_until_who_lost_comes_in_otherwise(world: World) -> None:
    lead, inside, outside = overused(world)
    for actor in (lead, inside):
        (row,) = met(actor, "invite_overused")
        (invite,) = [one for one in lead.store.invites(1) if one == row.entity]
        authors = [lead.events.entry(1, one) for one in (row.winner, row.loser)]
        assert [one and one.author for one in authors] == [inside.me, outside.me]
        assert (row.rule, row.status, invite) == ("uses", "open", row.entity)
    assert told(lead) == told(inside) == [("conflict_opened", "conflict")]
    assert told(outside)[-1] == ("conflict_opened", "conflict")
    outside.join(lead.code())
    for actor in (lead, inside):
        actor.sync()
        assert met(actor, "invite_overused")[0].status == "resolved"
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert differences(meaning(lead), meaning(inside)) == []


def test_an_over_used_invite_is_settled_by_a_word_of_who_made_it(world: World) -> None:
    lead, inside, _ = overused(world)
    (row,) = met(lead, "invite_overused")
    conflicts.resolve(lead.copy, row.id, row.winner, note="one was enough")
    inside.sync()
    assert met(inside, "invite_overused")[0].status == "resolved"


def test_a_copy_that_hears_of_it_backwards_shows_the_same(world: World) -> None:
    lead, inside, _ = overused(world)
    assert len(met(lead, "invite_overused")) == 1
    copy = reader(world, "copy", lead)
    deliver(copy, frames_of(lead)[::-1], one_by_one=True)
    assert len(met(copy, "invite_overused")) == 1
    assert differences(meaning(lead), meaning(inside)) == []
