"""What is handed in and judged, between replicas: gates that no client skips."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envoy.core.codec import Open
from envoy.errors import EnvoyError
from envoy.replica.actions import records, reviews, space, tasks
from envoy.replica.actions.records import Said
from envoy.replica.actions.tasks import More
from envoy.state.gates import Gate
from envoy.views import rows
from replica.world import Actor, World


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def held(lead: Actor, one: Actor, gate: Open = ()) -> bytes:
    """Return a task with a gate that ``one`` has claimed."""
    task = tasks.create(lead.copy, "paint", more=More(gate=gate)).after.id
    tasks.claim(one.copy, task, session="s")
    return task


def row(actor: Actor, task: bytes) -> rows.Task:
    """Return a task as an actor has it once it looked at the hub."""
    actor.sync()
    found = actor.copy.profile.rows.task(actor.copy.sn, task)
    assert found is not None
    return found


def proof(actor: Actor, task: bytes, digest: str = "1", result: str = "pass") -> bytes:
    """Add evidence and return its id."""
    said = Said("evidence", "", "test", task, (("result", result),), f"git:hull@{digest}")
    return records.add(actor.copy, said).event


def test_work_is_handed_in_judged_and_done(team: list[Actor]) -> None:
    lead, one, two = team
    task = held(lead, one, (("reviews", 1),))
    done = tasks.complete(one.copy, task, summary="two coats")
    assert done.after.state == "submitted"
    asked = reviews.review(lead.copy, task, "request_changes", note="the keel")
    assert asked.after.state == "changes_requested"
    assert tasks.complete(one.copy, task).after.state == "submitted"
    assert refusal(lambda: reviews.review(two.copy, task, "approve")).code == "capability_missing"
    assert refusal(lambda: reviews.review(one.copy, task, "approve")).code == "self_review_denied"
    assert reviews.review(lead.copy, task, "approve").after.state == "completed"
    assert not reviews.review(lead.copy, task, "approve").changed
    assert [row(actor, task).state for actor in team] == ["completed"] * 3
    assert reviews.review(lead.copy, task, "reject", note="it leaks").after.state == "open"
    assert refusal(lambda: reviews.review(lead.copy, task, "approve")).code == "invalid_transition"


def test_whoever_held_a_task_approves_nothing_where_that_is_forbidden(team: list[Actor]) -> None:
    lead, one, _ = team
    task = held(lead, lead, (("no_self_review", True), ("reviews", 1)))
    tasks.assign(lead.copy, task, one.me)
    tasks.complete(one.copy, task)
    assert refusal(lambda: reviews.review(lead.copy, task, "approve")).code == "self_review_denied"
    control = reviews.review(lead.copy, task, "request_changes", note="why")
    assert control.after.state == "changes_requested"


def test_a_review_can_be_asked_for_without_a_gate(team: list[Actor]) -> None:
    lead, one, _ = team
    task = held(lead, one)
    assert (
        tasks.complete(one.copy, task, summary="done", for_review=True).after.state == "submitted"
    )
    assert reviews.review(lead.copy, task, "approve").after.state == "completed"


def test_the_policy_of_the_space_binds_every_task(team: list[Actor]) -> None:
    lead, one, two = team
    before = held(lead, one)
    tasks.complete(one.copy, before)
    space.set_policy(lead.copy, {"gate.reviews": 1, "gate.review_by": ("write",)})
    task = held(lead, one)
    assert tasks.complete(one.copy, task).after.state == "submitted"
    assert reviews.review(two.copy, task, "approve").after.state == "completed"
    # What came after a completion does not undo it.
    assert [row(actor, before).state for actor in team] == ["completed"] * 3


def test_a_policy_written_beside_a_completion_binds_it(team: list[Actor]) -> None:
    lead, one, _ = team
    task = held(lead, one)
    one.door.away = True
    tasks.complete(one.copy, task)
    space.set_policy(lead.copy, {"gate.reviews": 1})
    one.door.away = False
    assert [row(actor, task).state for actor in (one, lead, one)] == ["submitted"] * 3


def test_a_gate_wants_evidence_that_still_holds(team: list[Actor]) -> None:
    lead, one, _ = team
    task = held(lead, one, (("evidence", ("test",)),))
    assert refusal(lambda: tasks.complete(one.copy, task)).code == "evidence_missing"
    failed = proof(one, task, result="fail")
    missing = refusal(lambda: tasks.complete(one.copy, task, evidence=[failed]))
    assert missing.code == "evidence_missing"
    old = proof(one, task)
    good = proof(one, task, "2")
    stale = refusal(lambda: tasks.complete(one.copy, task, evidence=[old]))
    assert stale.code == "evidence_stale"
    assert tasks.complete(one.copy, task, evidence=[good]).after.state == "completed"
    records.retract(one.copy, good, reason="the wrong hull")
    assert [row(actor, task).state for actor in team] == ["completed"] * 3, "it came after"


def test_a_gate_is_written_by_who_ranks(team: list[Actor]) -> None:
    lead, one, _ = team
    task, wanted = held(lead, one), Gate(1, (), False, ())
    assert refusal(lambda: reviews.gate(one.copy, task, wanted)).code == "capability_missing"
    assert reviews.gate(lead.copy, task, wanted).changed
    assert tasks.complete(one.copy, task).after.state == "submitted"


def test_records_are_held_to_their_schema_and_taken_back_by_few(team: list[Actor]) -> None:
    lead, one, two = team
    bare = refusal(lambda: records.add(one.copy, Said("evidence", "")))
    assert bare.code == "field_invalid"
    alone = refusal(
        lambda: records.add(one.copy, Said("objection", "no", fields=(("severity", "major"),)))
    )
    assert alone.code == "field_invalid"
    charter = refusal(lambda: records.add(one.copy, Said("charter", "we paint")))
    assert charter.code == "capability_missing"
    assert records.add(lead.copy, Said("charter", "we paint")).event
    decision = records.add(one.copy, Said("decision", "grey")).event
    two.sync()
    denied = refusal(lambda: records.retract(two.copy, decision))
    assert denied.code == "capability_missing"
    assert records.retract(one.copy, decision).changed
    assert not records.retract(one.copy, decision).changed
    assert refusal(lambda: records.retract(one.copy, bytes(32))).code == "not_found"
