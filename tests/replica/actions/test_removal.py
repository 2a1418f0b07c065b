"""Removals by real replicas over a real hub: what they end, free and hold, whoever crosses them."""

from __future__ import annotations

from collections.abc import Callable

from envoy.core.bodies import Grant, Message, Remove
from envoy.replica.actions import authority, local, tasks
from envoy.replica.actions.authority import Delegation
from envoy.sync import frames
from envoy.views.reach import Reach
from replica.compare import dump
from replica.council import council, kinds, readable, refused, remove, role
from replica.forge import Forger
from replica.scenes import deliver, frames_of, message, parked, status_of
from replica.world import DAY_MS, World

# -- removal -------------------------------------------------------------------------------------


def test_a_removal_is_one_batch_that_ends_codes_leaves_the_epoch_and_frees_tasks(
    world: World,
) -> None:
    lead, b, _, w, reader = council(world)
    code = lead.code()
    task = tasks.create(w.copy, "work").after.id
    tasks.claim(w.copy, task, session="default")
    said = w.send("seen").event
    b.sync()
    before = b.count("event")
    reach = remove(b, w)
    written = kinds(b, before)
    invites = [one for one in b.store.invites(1).values() if one.status == "revoked"]
    assert written[0] == "remove" and written[-2:] == ["epoch.create", "task.release"]
    assert set(written[1:-2]) == {"revoke"} and len(reach.revoked) == len(written) - 3 > 0
    assert set(reach.revoked) <= {one.id for one in invites} and reach.is_new_epoch
    assert reach.freed == (task,) and reach.kept == () and reach.touched == ()
    assert reach.cut is not None and reach.cut.uncited == 0 and reach.cut.accepted > 3
    assert [one.kind for one in reach.ended if one.kind != "invite"] == ["join"]
    assert status_of(b, said) == "ok" and role(b, w) is None
    row = b.store.task(1, task)
    assert row is not None and row.state == "open"
    # Nobody comes in by what may be known outside; whoever stays reads on and takes the task.
    assert refused(lambda: world.actor("late").join(code)) == "invalid_invite"
    reader.sync()
    assert not parked(reader) and reader.space.epoch == b.space.epoch
    lead.sync()
    world.clock.now += DAY_MS  # the lease that the hub gave runs out by itself
    assert tasks.claim(lead.copy, task, session="default").after.claim_state == "confirmed"


def test_who_was_removed_reads_nothing_sealed_after_and_changes_nothing(world: World) -> None:
    lead, b, _, w, _ = council(world)
    remove(b, w)
    b.send("not for w")
    lead.sync()
    lead.send("nor this")
    w.sync()
    assert not readable(w, "not for w") and not readable(w, "nor this")
    secrets = {row.id for row in w.events.epochs(1) if row.secret is not None}
    assert b.space.epoch not in secrets and w.space.role is None
    assert refused(lambda: w.send("still here")) == "epoch_revoked"
    b.sync()
    # The control: what stays for those who stay.
    assert readable(lead, "not for w") and readable(b, "nor this")


def test_what_was_written_beside_a_removal_is_held_and_what_saw_it_invalid(world: World) -> None:
    lead, b, _, w, _ = council(world)
    w.door.away = True
    beside = w.send("I did not know").event
    backdated, _ = Forger(w).say(message("I pretend not to know"))
    remove(b, w)
    lead.pull()
    (removal,) = [one for one in lead.events.authority(1) if one.entry.kind == "remove"]
    late, event = Forger(w).say(
        Message("I know", None, (), (), (), None),
        deps=(removal.entry.id,),
        lam=removal.entry.lam + 1,
        ts=removal.entry.ts,
    )
    deliver(lead, [*frames_of(w), backdated, late])
    assert status_of(lead, beside) == "held" and status_of(lead, event.id) == "invalid"
    assert role(lead, w) is None
    held = lead.connection.rows(str, "SELECT status FROM item WHERE body = 'I pretend not to know'")
    assert held == ["held"]
    # An invite or a grant from the past brings nobody in.
    puppet = world.actor("puppet")
    grant, _ = Forger(w).say(Grant(puppet.me, "write", None, None, None, None))
    deliver(lead, [grant])
    assert puppet.me not in lead.store.members(1)


def test_an_old_code_does_not_let_the_removed_back_in(world: World) -> None:
    lead, w = world.team("lead", "w")
    code = lead.code(uses=5)
    remove(lead, w)
    assert refused(lambda: w.join(code)) == "invalid_invite"
    w.sync()
    lead.sync()
    assert role(lead, w) is None
    # The control: a new code does.
    w.join(lead.code())
    lead.sync()
    assert role(lead, w) == "write" and lead.space.adequate


def test_two_admins_remove_each_other_and_the_senior_stays(world: World) -> None:
    lead, b, c, w, _ = council(world)
    b.door.away = c.door.away = True
    assert refused(lambda: remove(c, b)) == "outranked"
    remove(b, c)
    c.copy.write(lambda _: [Remove(b.me, "by another client", ())])
    b.door.away = c.door.away = False
    for one in (c, b, lead, w, c, b, lead, w):
        local.sync_all(one.profile, None)
    for one in (lead, w, b):
        assert (role(one, b), role(one, c)) == ("admin", None), one.name
    b.send("after all")
    w.sync()
    assert readable(w, "after all") and w.space.adequate


def test_concurrent_removals_are_covered_by_the_next_epoch_alone(world: World) -> None:
    lead, b, c, w, reader = council(world)
    b.door.away = c.door.away = True
    remove(b, w)
    remove(c, reader)
    b.door.away = c.door.away = False
    b.sync()
    c.sync()
    lead.pull()
    assert lead.space.adequate == 0  # each of the two left the other's subject in
    lead.send("for the three of us")
    for one in (b, c, w, reader):
        one.sync()
    assert [readable(one, "for the three of us") for one in (b, c, w, reader)] == [
        True, True, False, False
    ]  # fmt: skip


def test_a_remover_that_dies_before_its_epoch_leaves_it_to_the_next_writer(world: World) -> None:
    lead, b, _, w, reader = council(world)
    code = lead.code()
    b.sync()
    b.door.refusals[frames.EpochPut] = "malformed"
    remove(b, w)  # the removal is out, its epoch is not, and b is never heard of again
    reader.sync()
    assert role(reader, w) is None and reader.space.adequate == 0
    lead.pull()
    assert role(lead, w) is None and lead.space.adequate == 0
    lead.send("for who stayed")
    w.sync()
    reader.sync()
    assert readable(reader, "for who stayed") and not readable(w, "for who stayed")
    local.sync_all(lead.profile, None)  # an admin does the rest: codes that w may know
    assert refused(lambda: world.actor("late").join(code)) == "invalid_invite"


def test_undo_takes_back_what_was_seen(world: World) -> None:
    lead, b, c, w, _ = council(world)
    added = world.actor("added")
    code = c.code()
    added.join(code)
    remove(c, w)
    lead.sync()
    removal = next(one.entry.id for one in lead.events.authority(1) if one.entry.kind == "remove")
    shown = remove(lead, c, dry_run=True)
    assert removal in {item.id for item in shown.acts}
    remove(lead, c, undo=(removal,))
    assert role(lead, w) == "write" and role(lead, c) is None
    assert role(lead, added) == "write"  # what is not named stays
    b.sync()
    w.sync()
    w.send("back again")
    b.sync()
    assert readable(b, "back again")


def test_to_undo_what_a_senior_did_is_refused(world: World) -> None:
    lead, b, c, w, _ = council(world)
    authority.set_role(b.copy, w.me, "admin")
    w.sync()
    c.sync()
    promotion = next(
        one.entry.id for one in c.events.authority(1) if one.entry.author == b.me
        and one.entry.kind == "role"
    )  # fmt: skip
    assert refused(lambda: remove(c, b, undo=(promotion,))) == "outranked"
    lead.sync()
    remove(lead, b, undo=(promotion,))
    assert role(lead, w) == "write"  # the control


def test_who_left_can_still_be_removed_and_who_was_removed_cannot_twice(world: World) -> None:
    lead, w = world.team("lead", "w")
    authority.leave(w.copy)
    assert remove(lead, w).changed
    before = lead.count("event")
    assert not remove(lead, w).changed and lead.count("event") == before


def test_many_chains_make_nobody_unremovable(world: World) -> None:
    lead, w = world.team("lead", "w")
    scattered = []
    for number in range(70):
        forger = Forger(w)
        scattered.append(forger.say(message(f"chain {number}")))
    deliver(lead, [frame for frame, _ in scattered])
    reach = remove(lead, w)
    assert reach.cut is not None and (reach.cut.uncited, reach.touched) == (0, ())
    assert {status_of(lead, event.id) for _, event in scattered} == {"ok"}
    assert kinds(lead, 0).count("merge") == 4


# -- rehearsals ----------------------------------------------------------------------------------


def test_a_rehearsal_shows_what_the_act_does_and_writes_nothing(world: World) -> None:
    lead, b, _, w, reader = council(world)
    task = tasks.create(w.copy, "work", assignee=w.me).after.id
    delegated = authority.delegate(w.copy, Delegation(reader.me, "write", None, 0, None))
    lead.code()
    b.sync()
    acts: list[Callable[[bool], Reach]] = [
        lambda dry: authority.revoke(b.copy, delegated.event or b"", reason="", dry_run=dry),
        lambda dry: authority.set_role(b.copy, w.me, "read", dry_run=dry),
        lambda dry: authority.rotate(b.copy, dry_run=dry),
        lambda dry: remove(b, w, dry_run=dry),
        lambda dry: authority.leave(b.copy, dry_run=dry),
    ]
    for act in acts:
        before, calls = dump(b), len(b.door.calls)
        shown = act(True)
        assert dump(b) == before and shown.is_rehearsal and shown.changed
        asked = {type(call) for call in b.door.calls[calls:]}
        assert asked <= {frames.Pull, frames.EpochGet, frames.HeadGet}
        done = act(False)
        assert [sorted(one.ended) for one in (shown, done)] == [sorted(done.ended)] * 2
        assert (shown.freed, shown.kept) == (done.freed, done.kept)
        assert shown.is_new_epoch == done.is_new_epoch
    assert status_of(b, task) == "ok"
    lead.sync()
    before = dump(lead)
    assert authority.end_space(lead.copy, dry_run=True).changed and dump(lead) == before
    assert authority.end_space(lead.copy).changed and lead.space.closed_ms is not None


def test_a_rehearsal_that_would_be_refused_is(world: World) -> None:
    _, b, c, _, _ = council(world)
    assert refused(lambda: remove(c, b, dry_run=True)) == "outranked"


def test_what_cannot_be_cited_yet_is_held_and_counted(world: World) -> None:
    lead, w = world.team("lead", "w")
    frame, event = Forger(w).say(message("from the future"), ts=world.clock.now + DAY_MS)
    deliver(lead, [frame])
    reach = remove(lead, w)
    assert [one.id for one in reach.touched] == [event.id]
    assert reach.cut is not None and reach.cut.uncited == 1
    assert status_of(lead, event.id) == "held"
