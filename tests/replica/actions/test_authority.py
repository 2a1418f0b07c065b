"""Acts on authority by real replicas over a real hub: roles, grants that are lent, ways out."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from envoy import limits
from envoy.core.bodies import Remove
from envoy.errors import EnvoyError
from envoy.replica.actions import (
    authority,
    cards,
    care,
    directory,
    identities,
    local,
    members,
    space,
    tasks,
)
from envoy.replica.actions.authority import Delegation
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.views.reach import Reach
from replica.council import announce, council, kinds, readable, refused, remove, role
from replica.forge import Forger
from replica.scenes import deliver, parked, status_of
from replica.world import DAY_MS, MINUTE_MS, Actor, World

FOREVER = Delegation(b"", "write", None, 0, None)


# -- roles ---------------------------------------------------------------------------------------


def test_a_promotion_ends_nothing_and_keeps_the_epoch(world: World) -> None:
    lead, _, _, w, _ = council(world)
    before = lead.space.epoch
    reach = authority.set_role(lead.copy, w.me, "admin")
    assert reach.changed and not reach.ended and not reach.is_new_epoch
    assert lead.space.epoch == before and role(lead, w) == "admin"


def test_a_demotion_leaves_the_epoch_and_what_was_given_under_the_old_role(world: World) -> None:
    lead, _, c, w, _ = council(world)
    code = c.code()
    lead.pull()
    reach = authority.set_role(lead.copy, c.me, "write")
    assert reach.is_new_epoch and reach.epoch == lead.space.epoch and lead.space.adequate
    assert sorted(one.kind for one in reach.ended) == ["invite", "role"]
    w.sync()
    assert w.space.epoch == lead.space.epoch and role(w, c) == "write"
    assert refused(lambda: world.actor("late").join(code)) == "invalid_invite"


def test_a_role_that_somebody_has_changes_nothing(world: World) -> None:
    lead, _, _, w, _ = council(world)
    before = lead.count("event")
    reach = authority.set_role(lead.copy, w.me, "write")
    assert not reach.changed and lead.count("event") == before


# -- what the rules would void is refused first ------------------------------------------------


Case = tuple[Actor, Callable[[], object], str]


def above(lead: Actor, b: Actor, c: Actor, w: Actor, own: bytes) -> dict[str, Case]:
    """Return acts that reach above whoever does them, and the codes that they get."""
    return {
        "a junior removes its senior": (c, lambda: remove(c, b), "outranked"),
        "a junior demotes its senior": (
            c, lambda: authority.set_role(c.copy, b.me, "read"), "outranked"
        ),
        "an admin removes the founder": (b, lambda: remove(b, lead), "outranked"),
        "an admin revokes the genesis": (
            b, lambda: authority.revoke(b.copy, b.space.id, reason=""), "outranked"
        ),
        "an admin revokes its own grant": (
            b, lambda: authority.revoke(b.copy, own, reason=""), "outranked"
        ),
        "somebody gives itself a role": (
            b, lambda: authority.set_role(b.copy, b.me, "owner"), "capability_missing"
        ),
        "somebody takes its own role back": (
            b, lambda: authority.set_role(b.copy, b.me, "read"), "outranked"
        ),
        "an admin makes an owner": (
            b, lambda: authority.set_role(b.copy, w.me, "owner"), "capability_missing"
        ),
    }  # fmt: skip


def beyond(lead: Actor, b: Actor, w: Actor, reader: Actor, own: bytes) -> dict[str, Case]:
    """Return acts that nobody may do, or not this one, and the codes that they get."""
    stranger = os.urandom(32)
    return {
        "a writer makes a reader": (
            w, lambda: authority.set_role(w.copy, reader.me, "read"), "unchanged"
        ),
        "a writer makes a writer": (
            w, lambda: authority.set_role(w.copy, reader.me, "write"), "capability_missing"
        ),
        "a writer removes a reader": (w, lambda: remove(w, reader), "capability_missing"),
        "a reader delegates": (
            reader,
            lambda: authority.delegate(reader.copy, FOREVER._replace(to=w.me)),
            "read_only",
        ),
        "a writer rotates without a cause": (
            w, lambda: authority.rotate(w.copy), "capability_missing"
        ),
        "the founder leaves": (lead, lambda: authority.leave(lead.copy), "outranked"),
        "somebody removes itself": (b, lambda: remove(b, b), "invalid_argument"),
        "a stranger is removed": (
            b, lambda: authority.remove(b.copy, stranger, reason=""), "not_found"
        ),
        "a stranger gets a role": (
            b, lambda: authority.set_role(b.copy, stranger, "read"), "not_found"
        ),
        "no grant is revoked": (
            b, lambda: authority.revoke(b.copy, os.urandom(32), reason=""), "not_found"
        ),
        "a writer revokes what is beside it": (
            w, lambda: authority.revoke(w.copy, own, reason=""), "capability_missing"
        ),
        "a delegate is to delegate deeper than can be": (
            w,
            lambda: authority.delegate(w.copy, FOREVER._replace(to=reader.me, depth=11)),
            "invalid_argument",
        ),
        "an act is undone that is another's": (
            lead, lambda: remove(lead, b, undo=(own,)), "invalid_argument"
        ),
        "257 acts are undone": (
            lead,
            lambda: remove(lead, b, undo=tuple(os.urandom(32) for _ in range(257))),
            "limit_exceeded",
        ),
    }  # fmt: skip


def test_acts_without_effect_are_refused_and_write_nothing(world: World) -> None:
    lead, b, c, w, reader = council(world)
    own = b.store.grants_of(1, b.events.actor(b.me))[0].id
    cases = {**above(lead, b, c, w, own), **beyond(lead, b, w, reader, own)}
    for name, (actor, act, code) in cases.items():
        local.sync_all(actor.profile, None)
        before = actor.count("event"), actor.space.pending
        if code == "unchanged":
            reach = act()
            assert isinstance(reach, Reach) and not reach.changed, name
        else:
            assert refused(act) == code, name
        assert (actor.count("event"), actor.space.pending) == before, name


# -- revoke, delegate, leave, rotate -----------------------------------------------------------


def test_revoking_the_only_grant_of_a_member_ends_its_reading(world: World) -> None:
    lead, w, other = world.team("lead", "w", "other")
    (grant,) = lead.store.grants_of(1, lead.events.actor(w.me))
    task = tasks.create(lead.copy, "work", assignee=w.me).after.id
    reach = authority.revoke(lead.copy, grant.id, reason="over")
    assert [one.id for one in reach.ended] == [grant.id] and reach.freed == (task,)
    lead.send("not for w")
    w.sync()
    other.sync()
    assert not readable(w, "not for w") and readable(other, "not for w")
    assert not authority.revoke(lead.copy, grant.id, reason="again").changed


def test_a_writer_delegates_to_a_member_and_takes_it_back(world: World) -> None:
    lead, _, _, w, reader = council(world)
    given = Delegation(reader.me, "write", None, 1, 30 * MINUTE_MS)
    reach = authority.delegate(w.copy, given)
    assert reach.changed and not reach.is_new_epoch
    assert reach.event is not None
    reader.sync()
    said = reader.send("by delegation").event
    w.sync()
    assert status_of(w, said) == "ok"
    ended = authority.revoke(w.copy, reach.event, reason="done")
    assert [one.kind for one in ended.ended] == ["delegate"] and not ended.is_new_epoch
    lead.sync()
    reader.sync()
    assert refused(lambda: reader.send("again")) == "read_only"
    assert role(lead, reader) == "read"


def test_a_delegation_reaches_no_further_than_what_it_is_made_from(world: World) -> None:
    lead, w, x, y = world.team("lead", "w", "x", "y")
    for one in (x, y):
        authority.set_role(lead.copy, one.me, "read")
    authority.delegate(w.copy, Delegation(x.me, "write", None, 1, 30 * MINUTE_MS))
    for one in (x, y):
        one.sync()
    beyond = {
        "as deep": Delegation(y.me, "write", None, 1, 10 * MINUTE_MS),
        "longer": Delegation(y.me, "write", None, 0, 31 * MINUTE_MS),
        "without end": Delegation(y.me, "write", None, 0, None),
    }
    for name, given in beyond.items():
        with pytest.raises(EnvoyError) as caught:
            authority.delegate(x.copy, given)
        assert caught.value.code == "capability_missing", name
    assert authority.delegate(x.copy, Delegation(y.me, "write", None, 0, 10 * MINUTE_MS)).changed


def test_an_outside_delegate_reads_by_a_box_until_it_is_revoked(world: World) -> None:
    lead, w, out = world.team("lead", "w", "out")
    authority.leave(out.copy)
    lead.send("while it was away")
    lead.send("and more")
    given = Delegation(out.me, "write", None, 0, DAY_MS)
    assert refused(lambda: authority.delegate(w.copy, given)) == "capability_missing"
    reach = authority.delegate(lead.copy, given)
    assert reach.event is not None
    out.sync()
    assert readable(out, "and more") and not parked(out)
    out.send("from outside")
    lead.sync()
    assert readable(lead, "from outside") and role(lead, out) is None
    assert authority.revoke(lead.copy, reach.event, reason="done").is_new_epoch
    lead.send("alone again")
    out.sync()
    assert not readable(out, "alone again")


def test_an_outsider_is_found_by_the_key_it_announced(world: World) -> None:
    (lead,) = world.team("lead")
    stranger = world.actor("stranger")
    given = Delegation(stranger.me, "read", None, 0, DAY_MS)
    assert refused(lambda: authority.delegate(lead.copy, given)) == "enc_key_missing"
    assert announce(stranger)
    assert authority.delegate(lead.copy, given).changed
    row = lead.store.members(1)[stranger.me]
    assert (row.role, row.reader) == (None, 1) and row.kid is not None
    assert lead.space.adequate  # its reader stands in the next epoch
    authority.rotate(lead.copy)
    assert lead.space.adequate


def test_an_outsider_that_no_hub_knows_is_found_by_its_card_string(world: World) -> None:
    (lead,) = world.team("lead")
    stranger = world.actor("stranger")
    given = Delegation(stranger.me, "read", None, 0, DAY_MS)
    assert refused(lambda: authority.delegate(lead.copy, given)) == "enc_key_missing"
    text = cards.own_string(stranger.profile, None)
    half = len(text) // 2
    card = cards.read_string(f"  {text[:half]}\n {text[half:]}\n")  # as a terminal wrapped it
    assert (card.did, card.card.name) == (stranger.me, "stranger")
    assert authority.delegate(lead.copy, given, card=card).changed
    row = lead.store.members(1)[stranger.me]
    assert row.enc == stranger.profile.identity.enc_key(0, None)
    assert (row.role, row.reader) == (None, 1) and lead.space.adequate
    lead.send("for the stranger, too")
    epochs = [lead.space.epoch or b""]
    found = identities.find_spaces(stranger.profile, {lead.space.id: epochs})
    assert [one.id for one in found.spaces] == [lead.space.id]
    assert readable(stranger, "for the stranger, too")


def test_the_key_that_a_member_stated_here_goes_before_its_card_string(world: World) -> None:
    lead, out = world.team("lead", "out")
    authority.leave(out.copy)
    lead.sync()
    before = lead.store.members(1)[out.me].enc
    card = cards.read_string(cards.own_string(out.profile, None))
    given = Delegation(out.me, "read", None, 0, DAY_MS)
    assert authority.delegate(lead.copy, given, card=card).changed
    assert before is not None and lead.store.members(1)[out.me].enc == before
    lead.send("after")
    out.sync()
    assert readable(out, "after")


def test_a_hub_cannot_pass_off_another_key(world: World) -> None:
    (lead,) = world.team("lead")
    stranger, liar = world.actor("stranger"), world.actor("liar")
    announce(liar)
    wrong = lead.door.handle(frames.KeysGet((liar.me,)))
    lead.door.alter = lambda call, reply: wrong if isinstance(call, frames.KeysGet) else reply
    assert directory.find(lead.profile, stranger.me) is None
    given = Delegation(stranger.me, "read", None, 0, DAY_MS)
    assert refused(lambda: authority.delegate(lead.copy, given)) == "enc_key_missing"


def test_who_leaves_gives_its_tasks_back_and_the_next_writer_leaves_the_epoch(
    world: World,
) -> None:
    lead, _, _, w, reader = council(world)
    task = tasks.create(lead.copy, "work").after.id
    w.sync()
    tasks.claim(w.copy, task, session="default")
    before = w.space.epoch
    reach = authority.leave(w.copy)
    assert reach.freed == (task,) and w.space.role is None and not reach.is_new_epoch
    assert not authority.leave(w.copy).changed
    lead.sync()
    row = lead.store.task(1, task)
    assert row is not None and row.state == "open" and role(lead, w) is None
    assert tasks.claim(lead.copy, task, session="default").after.claim_state == "confirmed"
    lead.send("without w")
    assert lead.space.epoch != before
    w.sync()
    reader.sync()
    assert not readable(w, "without w") and readable(reader, "without w")


def test_an_admin_rotates_on_demand(world: World) -> None:
    _, b, _, w, _ = council(world)
    before = b.space.epoch
    reach = authority.rotate(b.copy)
    assert reach.is_new_epoch and b.space.epoch == reach.epoch != before
    b.send("anew")
    w.sync()
    assert readable(w, "anew") and w.space.epoch == reach.epoch


def test_a_writer_rotates_where_a_removal_left_no_epoch(world: World) -> None:
    lead, b, _, w, reader = council(world)
    b.door.refusals[frames.EpochPut] = "malformed"
    remove(b, reader)
    w.pull()
    assert w.space.adequate == 0
    assert refused(lambda: authority.rotate(w.copy)) == "capability_missing"  # one is enough
    w.send("forces it")
    lead.pull()
    assert w.space.adequate and lead.space.epoch == w.space.epoch


# -- in every space ------------------------------------------------------------------------------


def test_a_compromised_agent_goes_from_every_space_that_allows_it(world: World) -> None:
    lead, agent, other = world.actor("lead"), world.actor("agent"), world.actor("other")
    for number in range(2):
        found = space.create(lead.profile, f"mine {number}")
        replica = Replica(lead.profile, found.sn)
        agent.join(members.make(replica, role="write", max_uses=1, ttl_ms=MINUTE_MS).code)
    foreign = Replica(other.profile, space.create(other.profile, "foreign").sn)
    for one in (lead, agent):
        one.join(members.make(foreign, role="write", max_uses=1, ttl_ms=MINUTE_MS).code)
    space.create(lead.profile, "empty")
    local.sync_all(agent.profile, None)
    results = authority.cast_out(lead.profile, agent.me, reason="stolen")
    assert [(one.space.name, one.error) for one in results] == [
        ("mine 0", None), ("mine 1", None), ("foreign", "capability_missing")
    ]  # fmt: skip
    assert all(one.reach is None or one.reach.is_new_epoch for one in results)
    local.sync_all(agent.profile, None)
    assert [row.role for row in agent.store.spaces()] == [None, None, "write"]
    again = authority.cast_out(lead.profile, agent.me, reason="stolen")
    assert [one.reach is not None and one.reach.changed for one in again] == [False] * 3
    stranger = world.actor("stranger").me
    assert refused(lambda: authority.cast_out(lead.profile, stranger, reason="")) == "not_found"


# -- housekeeping --------------------------------------------------------------------------------


def test_a_code_past_its_end_leaves_the_space_with_the_next_command_of_an_admin(
    world: World,
) -> None:
    lead, _, _, w, _ = council(world)
    lead.code(ttl_ms=MINUTE_MS)
    w.sync()
    world.clock.now += MINUTE_MS + limits.CITABLE_AHEAD_MS + 1
    before = lead.space.epoch, w.space.epoch
    w.send("a writer does nothing about it")
    lead.send("nor does a plain write")
    assert (lead.space.epoch, w.space.epoch) == before
    assert care.housekeep(lead.copy) and not care.housekeep(lead.copy)
    assert lead.space.epoch != before[0] and lead.space.adequate
    assert sorted(one.status for one in lead.store.invites(1).values()) == [
        "active", "active", "revoked"
    ]  # fmt: skip


def test_an_admin_waits_for_joiners_whose_clocks_are_behind(world: World) -> None:
    lead, *_ = council(world)
    for row in lead.store.invites(1).values():
        members.revoke_invite(lead.copy, row.id)
    lead.code(ttl_ms=MINUTE_MS)
    world.clock.now += MINUTE_MS + limits.CITABLE_AHEAD_MS - 1
    assert not care.housekeep(lead.copy)


# -- the rest ------------------------------------------------------------------------------------


def test_a_removal_in_a_closed_space_ends_the_reading_and_frees_nothing(world: World) -> None:
    lead, w = world.team("lead", "w")
    task = tasks.create(w.copy, "work", assignee=w.me).after.id
    lead.sync()
    space.close(lead.copy)
    reach = remove(lead, w)
    assert reach.changed and reach.freed == () and reach.kept == (task,) and reach.is_new_epoch


def test_a_writer_has_256_acts_under_one_grant(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, w, reader = world.team("lead", "w", "reader")
    monkeypatch.setattr(limits, "AUTH_EVENTS_PER_GRANT_MAX", 2)
    given = Delegation(reader.me, "read", None, 0, None)
    for _ in range(2):
        authority.delegate(w.copy, given)
    assert refused(lambda: authority.delegate(w.copy, given)) == "limit_exceeded"


def test_a_rehearsed_policy_shows_what_it_would_be_and_changes_nothing(world: World) -> None:
    lead, _, _, w, _ = council(world)
    space.set_policy(lead.copy, {"gate.reviews": 1, "audit": "keep"})
    before = lead.space
    shown = space.rehearse_policy(lead.copy, {"gate.reviews": 2, "audit": "keep"})
    assert lead.space == before and shown.policy != before.policy
    assert refused(lambda: space.rehearse_policy(w.copy, {"audit": "free"})) == "capability_missing"
    assert refused(lambda: space.rehearse_policy(lead.copy, {"lease_s": 1})) == "field_invalid"
    same = space.rehearse_policy(lead.copy, {"gate.reviews": 1})
    assert same == lead.space == before
    space.set_policy(lead.copy, {"gate.reviews": 2})
    assert lead.space.policy == shown.policy


def test_a_policy_is_one_register_for_each_field(world: World) -> None:
    lead, b, _, w, _ = council(world)
    assert space.set_policy(lead.copy, {"gate.reviews": 1, "audit": "keep"}).changed
    assert not space.set_policy(lead.copy, {"gate.reviews": 1}).changed
    b.sync()
    space.set_policy(b.copy, {"gate.review_by": ("admin", "human")})
    w.sync()
    wanted = '{"audit":"keep","gate.review_by":["admin","human"],"gate.reviews":1}'
    assert w.space.policy == wanted
    assert refused(lambda: space.set_policy(w.copy, {"audit": "free"})) == "capability_missing"
    assert refused(lambda: space.set_policy(b.copy, {"lease_s": 1})) == "field_invalid"
    assert refused(lambda: space.set_policy(b.copy, {"gate.review_by": ("all",)})) == (
        "field_invalid"
    )


def test_an_act_dated_ahead_is_repeated_before_another_epoch_is_made(world: World) -> None:
    lead, b, _, w, _ = council(world)
    frame, _ = Forger(b).say(Remove(w.me, "", ()), ts=world.clock.now + DAY_MS)
    deliver(lead, [frame])
    assert lead.space.adequate == 0
    authority.rotate(lead.copy)
    assert kinds(lead, 0).count("remove") == 2
    made = kinds(lead, 0).count("epoch.create")
    lead.send("under the new one")
    assert kinds(lead, 0).count("epoch.create") == made
    w.sync()
    assert not readable(w, "under the new one")
