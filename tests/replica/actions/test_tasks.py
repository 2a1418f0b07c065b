"""What a member is told of acts on tasks: done, nothing to do, or why not, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from envoy.errors import EnvoyError
from envoy.replica.actions import tasks
from envoy.views import rows
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def made(actor: Actor, *, assignee: Actor | None = None) -> bytes:
    """Return a new task."""
    to = None if assignee is None else assignee.me
    return tasks.create(actor.copy, "repair it\nwith care", assignee=to).after.id


def claim(actor: Actor, task: bytes) -> rows.Transition:
    """Claim a task."""
    return tasks.claim(actor.copy, task, session="default")


# -- making --------------------------------------------------------------------------------------


def test_a_task_has_the_first_line_of_its_text_as_title(team: list[Actor]) -> None:
    lead = team[0]
    done = tasks.create(lead.copy, "repair it\nwith care")
    assert (done.after.title, done.after.body) == ("repair it", "repair it\nwith care")
    assert (done.after.state, done.after.priority, done.before) == ("open", 2, None)
    assert done.event == done.after.id and done.changed and done.n is not None
    assert tasks.create(lead.copy, "text", title="title").after.title == "title"


def test_a_task_made_for_somebody_is_that_members(team: list[Actor]) -> None:
    lead, one, _ = team
    row = tasks.create(lead.copy, "work", assignee=one.me).after
    assert row.state == "assigned" and row.assignee == lead.events.actor(one.me)


TOO_LONG = [
    pytest.param("x" * 32_769, None, "message_too_large", id="a text over 32 KiB"),
    pytest.param("text", "x" * 513, "invalid_argument", id="a title over 512 bytes"),
    pytest.param("a\0b", None, "field_invalid", id="a zero character"),
]


@pytest.mark.parametrize(("body", "title", "code"), TOO_LONG)
def test_a_task_that_says_too_much_is_refused(
    team: list[Actor], body: str, title: str | None, code: str
) -> None:
    lead = team[0]
    before = lead.space.events
    assert refusal(lambda: tasks.create(lead.copy, body, title=title)).code == code
    assert lead.space.events == before


def test_a_retry_makes_no_second_task(team: list[Actor]) -> None:
    lead = team[0]
    first = tasks.create(lead.copy, "work", key="k")
    again = tasks.create(lead.copy, "work", key="k")
    assert again.event == first.event and again.replayed and again.changed
    assert refusal(lambda: tasks.create(lead.copy, "other", key="k")).code == "idempotency_mismatch"


def test_a_retry_of_a_claim_is_answered_like_the_claim(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    first = tasks.claim(one.copy, task, session="default", key="k")
    again = tasks.claim(one.copy, task, session="default", key="k")
    assert again.replayed and again.event == first.event
    assert again.after.claim_state == "confirmed"


# -- one act after another -----------------------------------------------------------------------


def test_work_goes_from_open_to_done(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    seen = [claim(one, task).after.state]
    seen.append(tasks.progress(one.copy, task, "in_progress", note="begun").after.state)
    seen.append(tasks.progress(one.copy, task, "blocked").after.state)
    evidence = one.send("the output").event
    done = tasks.complete(one.copy, task, summary="repaired", evidence=[evidence])
    seen.append(done.after.state)
    assert seen == ["claimed", "in_progress", "blocked", "completed"]
    assert done.before is not None and done.before.state == "blocked"
    lead.sync()
    row = lead.store.task(1, task)
    assert row is not None and row.summary == "repaired" and row.evidence.count("evt_") == 1
    assert row.completed_by == lead.events.actor(one.me)


def test_what_changes_nothing_writes_nothing(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    assert not tasks.release(lead.copy, task).changed
    claim(one, task)
    acts: list[Callable[[], rows.Transition]] = [
        lambda: claim(one, task),
        lambda: tasks.progress(one.copy, task, "in_progress"),
        lambda: tasks.progress(one.copy, task, "in_progress"),
        lambda: tasks.complete(one.copy, task),
        lambda: tasks.complete(one.copy, task),
    ]
    found = [(act().changed, one.space.events) for act in acts]
    assert [changed for changed, _ in found] == [False, True, False, True, False]
    assert found[1][1] == found[2][1] and found[3][1] == found[4][1]


def test_assigned_work_goes_back_and_forth(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead, assignee=one)
    assert not tasks.assign(lead.copy, task, one.me).changed
    assert tasks.assign(lead.copy, task, two.me).after.assignee == lead.events.actor(two.me)
    assert tasks.release(two.copy, task, note="no time").after.state == "open"
    assert claim(one, task).after.claim_state == "confirmed"
    assert tasks.release(lead.copy, task).after.state == "open"  # by who made it


# -- refusals ------------------------------------------------------------------------------------


def test_what_nobody_made_is_not_found(team: list[Actor]) -> None:
    one, unknown = team[1], os.urandom(32)
    assert refusal(lambda: claim(one, unknown)).code == "task_not_found"
    assert refusal(lambda: tasks.release(one.copy, unknown)).code == "task_not_found"


def test_a_message_is_no_task(team: list[Actor]) -> None:
    one = team[1]
    assert refusal(lambda: claim(one, one.send("hello").event)).code == "task_not_found"


def test_nobody_else_works_on_a_task(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead)
    claim(one, task)
    two.sync()
    before = two.space.events
    assert refusal(lambda: claim(two, task)).code == "task_already_claimed"
    assert refusal(lambda: tasks.complete(two.copy, task)).code == "not_assignee"
    assert refusal(lambda: tasks.progress(two.copy, task, "blocked")).code == "not_assignee"
    assert refusal(lambda: tasks.release(two.copy, task)).code == "not_assignee"
    assert refusal(lambda: tasks.assign(two.copy, task, two.me)).code == "capability_missing"
    assert two.space.events == before


def test_work_on_a_task_that_nobody_holds_begins_with_a_claim(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    error = refusal(lambda: tasks.complete(one.copy, task))
    assert error.code == "task_unassigned" and "envoy task claim" in str(error.next_command)


def test_what_is_done_stays_done(team: list[Actor]) -> None:
    lead, one, two = team
    task = made(lead)
    claim(one, task)
    tasks.complete(one.copy, task)
    two.sync()
    assert refusal(lambda: claim(two, task)).code == "invalid_transition"
    assert refusal(lambda: tasks.assign(lead.copy, task, two.me)).code == "invalid_transition"


def test_a_state_that_does_not_exist_is_refused(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    claim(one, task)
    assert refusal(lambda: tasks.progress(one.copy, task, "dancing")).code == "field_invalid"


def test_evidence_is_something_that_is_here_and_counts(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    claim(one, task)
    error = refusal(lambda: tasks.complete(one.copy, task, evidence=[os.urandom(32)]))
    assert error.code == "not_found"
    row = one.store.task(1, task)
    assert row is not None and row.state == "claimed"


def test_the_hub_need_not_be_there(team: list[Actor]) -> None:
    lead, one, _ = team
    task = made(lead)
    one.sync()
    one.door.away = True
    assert claim(one, task).delivery == "pending"
    assert tasks.progress(one.copy, task, "in_progress").delivery == "pending"
    assert tasks.complete(one.copy, task, summary="done offline").after.state == "completed"
    one.door.away = False
    one.sync()
    lead.sync()
    row = lead.store.task(1, task)
    assert row is not None and (row.state, row.claim_state) == ("completed", "confirmed")
