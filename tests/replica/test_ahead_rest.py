"""Clocks that were ahead: epochs, requests, files and the stream go on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from bundles import exported, verified
from envoy.core.bodies import Close, MemberKeys, Statement
from envoy.core.identity import make_statement
from envoy.errors import EnvoyError
from envoy.replica.actions import (
    authority,
    cards,
    fields,
    local,
    members,
    messages,
    objects,
    records,
    space,
    tasks,
)
from envoy.replica.actions.audit import Chosen
from envoy.replica.actions.cards import Wanted
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.records import Said
from envoy.replica.rebuild import rebuild
from envoy.storage.views import Views
from replica.compare import differences, dump, meaning
from replica.scenes import deliver, frames_of, parked, status_of
from replica.test_ahead import crew, invite_of, own_clock, say, task_of
from replica.test_effects import ahead, told_or_done
from replica.test_epochs import act, epochs, remove_without_epoch
from replica.test_requests import lose
from replica.world import DAY_MS, MINUTE_MS, YEAR_MS, Actor, Inline, World

TOOLS = objects.Tools(Inline(), lambda _: None)


def ahead_without_invites(world: World, by: int) -> tuple[Actor, Actor, Actor]:
    """As ``ahead``, with no invite open that would come to its end under the wrong clock."""
    lead, fast, w = ahead(world, 0)
    members.revoke_invite(lead.copy, invite_of(lead))
    for one in (fast, w):
        one.sync()
    fast.clock.now += by
    return lead, fast, w


def newkey(actor: Actor, no: int = 1) -> None:
    """State a new key for the space."""
    made = make_statement(actor.profile.identity, actor.space.id, no=no, ts=actor.clock.now)
    act(actor, MemberKeys(Statement(*made)))


@pytest.mark.parametrize("by", [0, DAY_MS, 10 * YEAR_MS])
def test_an_epoch_dated_ahead_is_left_for_new_keys(world: World, by: int) -> None:
    lead, fast, w = ahead_without_invites(world, by)
    authority.rotate(fast.copy)
    for one in (lead, w):
        one.sync()
    newkey(w)
    for _ in range(3):
        lead.send("time passes")
    world.clock.now += 2 * DAY_MS
    old = lead.space.epoch
    local.sync_all(lead.profile, None)
    assert lead.space.epoch != old


@pytest.mark.parametrize("by", [0, DAY_MS, 10 * YEAR_MS])
def test_an_owner_rotates_beside_an_epoch_dated_ahead(world: World, by: int) -> None:
    lead, fast, w = ahead_without_invites(world, by)
    for _ in range(5):
        fast.send("time passes")
    authority.rotate(fast.copy)
    for one in (lead, w):
        one.sync()
    old = lead.space.epoch
    told_or_done(lambda: authority.rotate(lead.copy), lambda: lead.space.epoch != old)


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_an_epoch_dated_ahead_is_left_once_it_is_a_month_old(world: World, by: int) -> None:
    lead, fast, w = ahead_without_invites(world, by)
    authority.rotate(fast.copy)
    for one in (lead, w):
        one.sync()
    old = lead.space.epoch
    for _ in range(3):
        lead.send("time passes")
    world.clock.now += 40 * DAY_MS
    local.sync_all(lead.profile, None)
    assert lead.space.epoch != old


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
def test_after_a_removal_said_again_an_admin_renews_the_epoch_each_month(
    world: World, by: int
) -> None:
    lead, fast, w, x = crew(world, "w", "x")
    members.revoke_invite(lead.copy, invite_of(lead))
    for one in (fast, w, x):
        one.sync()
    fast.clock.now += by
    remove_without_epoch(fast, x)
    lead.sync()
    lead.send("says it again")
    old, count = lead.space.epoch, len(epochs(lead))
    assert old is not None
    world.clock.now += 40 * DAY_MS
    local.sync_all(lead.profile, None)
    assert (lead.space.epoch != old, len(epochs(lead))) == (True, count + 1)


def shut_out_ahead(world: World, by: int) -> tuple[Actor, Actor, bytes]:
    """Return a founder, a member that met a closed epoch under a wrong clock, what it lacks."""
    lead, w = world.team("lead", "w")
    members.revoke_invite(lead.copy, invite_of(lead))
    w.sync()
    own_clock(w, by)
    authority.rotate(lead.copy)
    sent = lead.send("under the new epoch").event
    lose(lead, "box")
    local.sync_all(w.profile, None)
    assert parked(w)[sent] == "sealed"
    return lead, w, sent


@pytest.mark.parametrize("by", [0, 10 * YEAR_MS])
@pytest.mark.parametrize("asks", [False, True])
def test_who_met_a_closed_epoch_under_a_wrong_clock_asks_under_a_right_one(
    world: World, by: int, asks: bool
) -> None:
    lead, w, sent = shut_out_ahead(world, by)
    if asks:
        w.clock.now += 2 * MINUTE_MS
        local.sync_all(w.profile, None)
        local.sync_all(lead.profile, None)
        lose(lead, "box")  # and again
    w.clock.now -= by
    for _ in range(3):
        world.clock.now += DAY_MS
        w.clock.now += DAY_MS
        for one in (w, lead, w):
            local.sync_all(one.profile, None)
    assert status_of(w, sent) == "ok"


def test_who_may_read_is_answered_though_its_request_is_dated_ahead(world: World) -> None:
    lead, w, sent = shut_out_ahead(world, 10 * YEAR_MS)
    w.clock.now += 2 * MINUTE_MS
    for one in (w, lead, w):
        local.sync_all(one.profile, None)
    assert status_of(w, sent) == "ok"


def test_an_object_asked_for_under_a_wrong_clock_is_asked_for_again(world: World) -> None:
    lead, w = world.team("lead", "w")
    own_clock(w, 10 * YEAR_MS)
    label = objects.Label("log", "text/plain", None)
    made = objects.put(lead.copy, BytesIO(b"x" * 999).read, label, tools=TOOLS).row
    w.sync()
    found = w.store.object(1, made.id)
    assert found is not None
    assert objects.request(w.copy, found)
    w.clock.now -= 10 * YEAR_MS - DAY_MS
    assert objects.request(w.copy, found)


def test_a_record_that_supersedes_one_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    for _ in range(5):
        fast.send("time passes")
    old = records.add(fast.copy, Said("decision", "old")).event
    lead.sync()
    new = records.add(lead.copy, Said("decision", "new", refs=(("supersedes", old),))).event
    assert records.shown(lead.copy, old).state == "superseded"
    assert records.shown(lead.copy, new).state == "in_force"


def test_a_space_closed_ahead_is_closed_and_acts_of_admins_go_on(world: World) -> None:
    lead, fast, w = crew(world, "w")
    fast.sync()
    own_clock(lead, 10 * YEAR_MS)
    say(lead, Close(""))
    for one in (lead, fast, w):
        one.sync()
    with pytest.raises(EnvoyError) as caught:
        w.send("after")
    assert caught.value.code == "space_closed"
    assert space.close(fast.copy) is False
    authority.remove(fast.copy, w.me, reason="")
    assert fast.events.entries(1, after=0, limit=999)[-1].status == "ok"
    for one in (fast, lead, fast):
        local.sync_all(one.profile, None)
    new = world.actor("new")
    with pytest.raises(EnvoyError):
        new.join(fast.code())


def test_a_bundle_with_events_dated_ahead_verifies(world: World, tmp_path: Path) -> None:
    lead, fast, _ = ahead(world, 10 * YEAR_MS)
    task = task_of(fast, "one")
    tasks.claim(fast.copy, task, session="default")
    tasks.complete(fast.copy, task)
    messages.redact(fast.copy, fast.send("secret").event)
    authority.rotate(fast.copy)
    lead.sync()
    lead.send("beside it")
    for chosen in (
        Chosen(),
        Chosen(task=task),
        Chosen(since=lead.clock.now),
        Chosen(member=lead.me),
    ):
        assert verified(exported(lead, chosen), tmp_path).events == lead.space.events


def test_a_rebuild_comes_to_the_same_beside_what_is_dated_ahead(world: World) -> None:
    lead, fast, w = ahead(world, 10 * YEAR_MS)
    task = task_of(fast, "one")
    tasks.claim(fast.copy, task, session="default")
    space.set_policy(fast.copy, {"lease_s": 120})
    cards.publish(fast.copy, Wanted("new", None, None, None))
    newkey(fast)
    for one in (lead, w):
        one.sync()
        for attempt in (
            lambda: messages.redact(lead.copy, fast.send("x").event),
            lambda: space.set_policy(lead.copy, {"lease_s": 300}),
            lambda: fields.edit(lead.copy, task, Changes(title="two")),
            lambda: tasks.progress(fast.copy, task, "blocked"),
        ):
            try:
                attempt()
            except EnvoyError as error:
                assert error.code not in ("state_corrupt", "internal")
        one.sync()
    for one in (lead, fast, w, lead, fast, w):
        one.sync()
    assert differences(meaning(lead), meaning(w)) == []
    before = dump(lead)
    rebuild(lead.profile)
    assert dump(lead) == before


def test_messages_beside_one_dated_ahead_are_unread_in_order_of_arrival(world: World) -> None:
    lead, fast, w = ahead(world, 10 * YEAR_MS)
    for _ in range(20):
        fast.send("ahead")
    w.sync()
    n = w.space.next_n
    sent = lead.send("now").event
    w.sync()
    items = Views(w.connection).stream(1, after=n - 1, limit=10)
    assert [one.event for one in items] == [sent] and w.space.unread >= 21


@pytest.mark.parametrize("turned", [False, True])
def test_frames_of_a_file_come_to_the_same_whatever_their_dates(world: World, turned: bool) -> None:
    lead, fast, w = ahead(world, 10 * YEAR_MS)
    task = task_of(fast, "one")
    tasks.claim(fast.copy, task, session="default")
    space.set_policy(fast.copy, {"lease_s": 120})
    lead.door.away = True
    lead.send("beside")
    lead.door.away = False
    frames = frames_of(fast)
    w.door.away = True
    deliver(w, frames[::-1] if turned else frames, one_by_one=turned)
    w.door.away = False
    for one in (lead, w, lead, w):
        one.sync()
    assert differences(meaning(lead), meaning(w)) == []


def test_a_name_that_nobody_can_change_falls_with_its_author(world: World) -> None:
    lead, fast, w = ahead(world, 10 * YEAR_MS)
    space.update(fast.copy, name="rude", description=None)
    lead.sync()
    assert lead.space.name == "rude"
    authority.remove(lead.copy, fast.me, reason="")
    w.sync()
    assert lead.space.name == w.space.name == "bughunt"
