"""Conflicts settled by a word: who may, what it marks, and that every copy agrees."""

from __future__ import annotations

import pytest

from envoy.core.bodies import Remove
from envoy.errors import AuthorityError, ConflictError, NotFoundError, UsageError
from envoy.ids import did_text, to_text
from envoy.replica.actions import conflicts, desk, fields, tasks
from envoy.replica.actions.fields import Changes
from envoy.replica.rebuild import rebuild
from envoy.views import rows
from replica.beside import say, settle
from replica.compare import differences, dump, meaning
from replica.scenes import deliver, frames_of, reader, status_of
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    """Return a founder and two members, who have met on the title of a task of the first."""
    lead, one, two = world.team("lead", "one", "two")
    task = tasks.create(one.copy, "work").after.id
    for actor in (lead, one):
        actor.sync()
        actor.door.away = True
        fields.edit(actor.copy, task, Changes(title=actor.name))
        actor.door.away = False
    for actor in (lead, one, two, lead):
        actor.sync()
    return [lead, one, two]


def met(actor: Actor) -> rows.Conflict:
    """Return the only conflict that a copy shows."""
    (ident,) = actor.connection.rows(bytes, "SELECT id FROM conflict")
    found = actor.store.conflict(actor.space.sn, ident)
    assert found is not None
    return found


def told(actor: Actor) -> list[tuple[str, str | None, int]]:
    """Return what the stream of a copy said about conflicts."""
    sql = "SELECT type, reason, own FROM stream WHERE type GLOB 'conflict_*' ORDER BY n"
    return actor.connection.rows(_told, sql)


def _told(type_: str, reason: str | None, own: int) -> tuple[str, str | None, int]:
    return type_, reason, own


def test_resolving_marks_the_conflict_and_nothing_more(team: list[Actor]) -> None:
    lead, one, two = team
    row = met(lead)
    before = lead.store.task(lead.space.sn, row.entity)
    done = conflicts.resolve(lead.copy, row.id, row.loser, note="the older title")
    assert done.changed and before is not None and before.conflicts == 1
    for actor in team:
        actor.sync()
        after = met(actor)
        assert (after.status, after.kept, after.act) == ("resolved", row.loser, done.event)
    now = lead.store.task(lead.space.sn, row.entity)
    assert now == before._replace(conflicts=0)
    again = conflicts.resolve(lead.copy, row.id, row.loser)
    assert (again.changed, again.event) == (False, None)
    assert differences(meaning(lead), meaning(one)) == []
    opened, resolved = ("conflict_opened", "conflict", 0), ("conflict_resolved", "conflict", 0)
    assert told(one) == [opened, resolved]
    assert told(lead) == [opened, ("conflict_resolved", "conflict", 1)]
    assert [type_ for type_, reason, _ in told(two) if reason is None][-1] == "conflict_resolved"


def test_a_rebuild_writes_the_same_resolution(team: list[Actor]) -> None:
    lead, one, _ = team
    row = met(lead)
    conflicts.resolve(one.copy, row.id, row.winner)
    lead.sync()
    conflicts.resolve(lead.copy, row.id, row.loser)
    for actor in (one, lead):
        actor.sync()
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before


def test_whatever_order_acts_come_in_a_copy_ends_alike(team: list[Actor], world: World) -> None:
    lead = team[0]
    row = met(lead)
    conflicts.resolve(lead.copy, row.id, row.loser, note="x")
    frames = frames_of(lead)
    for number, order in enumerate((frames, frames[::-1], frames[5:] + frames[:5])):
        late = reader(world, f"late{number}", lead)
        deliver(late, order, one_by_one=True)
        assert met(late)[4:] == met(lead)[4:]
        before = dump(late)
        rebuild(late.profile)
        assert dump(late) == before


def test_who_lost_may_give_in_and_who_has_no_part_may_not(team: list[Actor]) -> None:
    _, one, two = team
    row = met(one)
    with pytest.raises(AuthorityError, match="capability_missing"):
        conflicts.resolve(two.copy, row.id, row.winner)
    with pytest.raises(ConflictError, match="invalid_transition"):
        conflicts.resolve(one.copy, row.id, row.entity)
    with pytest.raises(NotFoundError, match="not_found"):
        conflicts.resolve(one.copy, row.entity, row.winner)
    assert conflicts.resolve(one.copy, row.id, row.winner).changed


def test_a_conflict_and_its_sides_are_found_by_what_is_typed(team: list[Actor]) -> None:
    lead, one, two = team
    row = met(lead)
    copy, found = conflicts.find(lead.profile, None, to_text("cfl", row.id)[:12])
    assert found == row
    for text, side in (
        (to_text("evt", row.winner), row.winner),
        (to_text("evt", row.loser)[:10], row.loser),
        (did_text(one.me), row.loser),
        ("@lead", row.winner),
    ):
        assert conflicts.side(copy, row, text) == side
    with pytest.raises(NotFoundError):
        conflicts.side(copy, row, to_text("evt", row.entity))
    with pytest.raises(UsageError, match="invalid_argument"):
        conflicts.side(copy, row, did_text(two.me))
    with pytest.raises(UsageError, match="invalid_argument"):
        conflicts.side(copy, row._replace(winner=row.loser, loser=row.loser), "@one")


def test_a_resolution_that_is_held_settles_nothing_until_it_is_admitted(team: list[Actor]) -> None:
    lead, one, two = team
    row = met(one)
    one.door.away = True
    done = conflicts.resolve(one.copy, row.id, row.winner)
    say(lead, Remove(one.me, "key lost", ()))
    one.door.away = False
    settle([one, lead, two])
    assert done.event is not None and status_of(lead, done.event) == "held"
    for actor in (lead, two):
        assert (met(actor).status, met(actor).act) == ("open", None)
    desk.admit(lead.copy, (done.event,), reason="it was before")
    settle([lead, two])
    for actor in (lead, two):
        assert (met(actor).status, met(actor).act) == ("resolved", done.event)
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
