"""What a task says and when it ends: by its creator, its holder, and by clients that cheat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from envoy import limits
from envoy.core.bodies import TaskCancel, TaskEdit, TaskReopen
from envoy.core.structs import Body, replace
from envoy.errors import EnvoyError
from envoy.ids import to_text
from envoy.replica.actions import fields, names, tasks
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.tasks import More
from envoy.replica.rebuild import rebuild
from envoy.replica.replica import Replica
from envoy.views import rows
from envoy.views import tasks as shapes
from replica.compare import differences, dump, meaning
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def row(actor: Actor, task: bytes) -> rows.Task:
    """Return a task as a copy sees it, after an exchange."""
    actor.sync()
    found = actor.store.task(actor.space.sn, task)
    assert found is not None
    return found


def made(actor: Actor, body: str = "work", **more: Any) -> bytes:
    """Return a new task."""
    return tasks.create(actor.copy, body, more=More()._replace(**more)).after.id


def edit(actor: Actor, task: bytes, **changes: Any) -> rows.Transition:
    """Edit a task."""
    return fields.edit(actor.copy, task, Changes()._replace(**changes))


def needed(actor: Actor, task: bytes) -> list[bytes]:
    """Return what a task needs as a copy sees it."""
    return shapes.needed([row(actor, task)])


PLAIN = TaskEdit(bytes(32), None, None, None, None, None, (), (), (), (), (), ())


def force(actor: Actor, body: Body) -> None:
    """Write an act that no honest client writes."""
    actor.copy.write(lambda _: [body])


def refused(actor: Actor) -> set[str]:
    """Return the reasons for which a copy refuses acts."""
    sql = "SELECT refused FROM item WHERE refused IS NOT NULL"
    return set(actor.connection.rows(str, sql))


# -- fields ----------------------------------------------------------------------------------------


def test_a_task_is_made_with_all_its_fields(team: list[Actor]) -> None:
    lead, one, _ = team
    first = made(lead)
    more = More(("a", "b"), 0, 77, (first,), first)
    done = tasks.create(lead.copy, "text", title="title", assignee=one.me, more=more, key="k")
    after = row(one, done.after.id)
    assert (after.title, after.body, after.priority, after.due_ms) == ("title", "text", 0, 77)
    assert (after.labels, after.parent) == ('["a","b"]', first)
    assert shapes.needed([after]) == [first]
    again = tasks.create(lead.copy, "text", title="title", assignee=one.me, more=more, key="k")
    assert again.replayed and again.after.id == done.after.id
    other = more._replace(priority=1)
    code = refusal(lambda: tasks.create(lead.copy, "text", title="title", more=other, key="k")).code
    assert code == "idempotency_mismatch"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param(More(priority=5), "invalid_argument", id="a fifth priority"),
        pytest.param(More(labels=("",)), "invalid_argument", id="an empty label"),
        pytest.param(More(labels=("x" * 65,)), "invalid_argument", id="a long label"),
        pytest.param(
            More(labels=tuple(map(str, range(33)))), "limit_exceeded", id="a flood of labels"
        ),
        pytest.param(More(needs=(bytes(32),)), "task_not_found", id="a need that is not here"),
        pytest.param(More(parent=bytes(32)), "task_not_found", id="a parent that is not here"),
    ],
)
def test_a_task_that_cannot_be_is_refused(team: list[Actor], more: More, code: str) -> None:
    lead = team[0]
    before = lead.space.events
    assert refusal(lambda: tasks.create(lead.copy, "text", more=more)).code == code
    assert lead.space.events == before


def test_a_creator_edits_and_everybody_reads_it(team: list[Actor]) -> None:
    lead, one, _ = team
    task, need = made(lead, labels=("a",)), made(lead)
    changed = {"title": "t", "body": "b", "priority": 1, "due_ms": 9, "needs": (need,)}
    assert edit(lead, task, label=("b",), unlabel=("a",), **changed).changed
    after = row(one, task)
    assert (after.title, after.body, after.priority, after.due_ms) == ("t", "b", 1, 9)
    assert after.labels == '["b"]' and needed(one, task) == [need]
    assert not edit(lead, task, label=("b",), **changed).changed
    assert edit(lead, task, needs=(), due_ms=0).changed
    assert (needed(one, task), row(one, task).due_ms) == ([], None)


def test_a_holder_edits_text_labels_and_needs_alone(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead)
    assert refusal(lambda: edit(one, task, body="mine")).code == "capability_missing"
    tasks.claim(one.copy, task, session="default")
    assert edit(one, task, body="notes", label=("seen",)).changed
    assert refusal(lambda: edit(one, task, title="mine")).code == "capability_missing"
    assert refusal(lambda: edit(two, task, body="mine")).code == "capability_missing"
    assert row(lead, task).body == "notes"


def test_a_modified_client_edits_nothing(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead)
    tasks.claim(one.copy, task, session="default")
    for actor, body in (
        (one, replace(PLAIN, task=task, title="mine", body="and this")),
        (two, replace(PLAIN, task=task, label=("x",))),
        (two, TaskCancel(task, "")),
        (one, TaskCancel(task, "")),
    ):
        actor.sync()
        force(actor, body)
        actor.sync()
    after = row(lead, task)
    assert (after.title, after.body, after.labels, after.state) == ("work", "work", "[]", "claimed")
    assert refused(lead) == {"edit_without_rank", "cancel_without_rank"}


def test_two_edits_beside_each_other_are_one_conflict_that_both_hear_of(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(one)
    for actor in (lead, one):
        actor.sync()
        actor.door.away = True
        fields.edit(actor.copy, task, Changes(title=actor.name, priority=0))
        actor.door.away = False
    for actor in (lead, one, two, lead):
        actor.sync()
    found = two.connection.rows(str, "SELECT kind FROM conflict")
    assert found == ["field_conflict"] and row(two, task).title == "lead"
    sql = "SELECT count(*) FROM stream WHERE reason = 'conflict'"
    assert [actor.connection.find(int, sql) for actor in team] == [1, 1, 0]
    assert differences(meaning(lead), meaning(one)) == []
    edit(one, task, title="agreed", priority=1)
    assert row(two, task).conflicts == 0


# -- ends ------------------------------------------------------------------------------------------


def test_what_is_cancelled_is_free_at_the_hub_and_its_holder_is_told(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead)
    tasks.claim(one.copy, task, session="default")
    assert refusal(lambda: fields.cancel(one.copy, task)).code == "capability_missing"
    assert fields.cancel(lead.copy, task, reason="why").after.state == "cancelled"
    assert not fields.cancel(lead.copy, task).changed
    assert row(one, task).state == "cancelled"
    told = one.connection.rows(str, "SELECT type FROM stream WHERE reason IS NOT NULL AND own = 0")
    assert told[-1] == "task_cancelled"
    assert refusal(lambda: fields.reopen(two.copy, task)).code == "capability_missing"
    assert refusal(lambda: tasks.claim(two.copy, task, session="default")).code == (
        "invalid_transition"
    )
    assert fields.reopen(one.copy, task, reason="again").after.state == "open"
    assert not fields.reopen(lead.copy, task).changed
    assert refusal(lambda: fields.cancel(lead.copy, task, reason="x" * 513)).code == (
        "invalid_argument"
    )


def test_a_task_that_was_done_and_is_open_again_is_claimed_under_a_higher_fence(
    team: list[Actor],
) -> None:
    lead, one, two = team
    task = made(lead)
    tasks.claim(one.copy, task, session="default")
    tasks.complete(one.copy, task)
    fields.reopen(lead.copy, task)
    after = tasks.claim(two.copy, task, session="default").after
    assert (after.claim_state, after.fence) == ("confirmed", 2)


def test_a_stranger_who_reopens_by_a_modified_client_reopens_nothing(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    fields.cancel(lead.copy, task)
    one.sync()
    one.copy.write(lambda _: [TaskReopen(task, "mine now")])
    one.sync()
    assert row(lead, task).state == "cancelled"
    assert refused(lead) == {"reopen_without_tenure"}


# -- versions --------------------------------------------------------------------------------------


def test_who_acts_on_another_version_is_refused(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    seen = shapes.version(row(lead, task))
    tasks.claim(one.copy, task, session="default")
    before = lead.space.events
    acts: tuple[Callable[[Replica], object], ...] = (
        lambda copy: fields.cancel(copy, task),
        lambda copy: fields.edit(copy, task, Changes(title="t")),
        lambda copy: tasks.assign(copy, task, lead.me),
        lambda copy: tasks.claim(copy, task, session="default"),
        lambda copy: tasks.release(copy, task),
    )
    for act in acts:
        error = refusal(partial(act, names.expecting(lead.copy, seen)))
        assert error.code == "version_conflict"
    assert lead.space.events == before + 1  # the claim of the other
    now = shapes.version(row(lead, task))
    assert fields.cancel(names.expecting(lead.copy, now), task).changed


# -- needs -----------------------------------------------------------------------------------------


def test_what_has_to_wait_is_not_claimed(team: list[Actor]) -> None:
    lead, one, _ = team
    first = made(lead)
    second = made(lead, needs=(first,))
    error = refusal(lambda: tasks.claim(one.copy, second, session="default"))
    assert (error.code, error.details["unmet"]) == ("needs_unmet", [to_text("task", first)])
    fields.cancel(lead.copy, first)
    error = refusal(lambda: tasks.claim(one.copy, second, session="default"))
    assert error.details["states"] == {to_text("task", first): "cancelled"}
    fields.reopen(lead.copy, first)
    tasks.claim(one.copy, first, session="default")
    tasks.complete(one.copy, first)
    assert tasks.claim(one.copy, second, session="default").changed


def test_an_author_closes_no_circle(team: list[Actor]) -> None:
    lead = team[0]
    first = made(lead)
    second = made(lead, needs=(first,))
    third = made(lead, needs=(second,))
    for need in (first, second, third):
        error = refusal(partial(edit, lead, first, needs=(need,)))
        assert (error.code, error.details["cause"]) == ("field_invalid", "needs_cycle")
    assert edit(lead, third, needs=(first, second)).changed
    assert refusal(lambda: edit(lead, first, needs=(bytes(32),))).code == "task_not_found"


def test_a_circle_made_by_two_apart_is_opened_the_same_everywhere(team: list[Actor]) -> None:
    lead, one, two = team
    first, second = made(lead), made(one)
    for actor in team:
        actor.sync()
    for actor, task, need in ((lead, first, second), (one, second, first)):
        actor.door.away = True
        edit(actor, task, needs=(need,))
        actor.door.away = False
    for actor in (lead, one, two, lead):
        actor.sync()
    stands = [needed(two, first), needed(two, second)]
    assert sorted(map(len, stands)) == [0, 1] and refused(two) == {"needs_cycle"}
    for actor in team:
        assert [needed(actor, first), needed(actor, second)] == stands
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert differences(meaning(lead), meaning(two)) == []
    winner, loser = (first, second) if stands[0] else (second, first)
    edit(lead, winner, needs=())
    assert needed(two, loser) == [winner] and not refused(two)
    before = dump(two)
    rebuild(two.profile)
    assert dump(two) == before


def test_a_modified_client_ties_a_knot_and_loses_its_own_edges(team: list[Actor]) -> None:
    lead, one, two = team
    mine = [made(one) for _ in range(3)]
    theirs = made(lead, needs=(mine[0],))
    for actor in team:
        actor.sync()
    for task, need in zip(mine, [mine[1], mine[2], theirs], strict=True):
        force(one, replace(PLAIN, task=task, need=(need, task)))
    one.copy.write(lambda _: [replace(PLAIN, task=mine[0], parent=mine[0])])
    one.sync()
    assert needed(two, theirs) == [mine[0]]
    assert [needed(two, task) for task in mine] == [[mine[1]], [mine[2]], []]
    assert row(two, mine[0]).parent is None
    before = dump(two)
    rebuild(two.profile)
    assert dump(two) == before


def test_a_flood_of_labels_and_needs_is_cut(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    for part in range(3):
        labels = tuple(f"{part} {number}" for number in range(limits.LABELS_MAX))
        force(lead, replace(PLAIN, task=task, label=labels))
    lead.sync()
    assert len(shapes.listed(row(one, task).labels)) == limits.LABELS_MAX
    assert refusal(lambda: edit(lead, task, label=("one more",))).code == "limit_exceeded"
