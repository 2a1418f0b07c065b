"""Gates in a whole space: what every copy says of acts that an honest client would not write.

Acts are written with ``say``, past every check of the client, as a modified one would.
"""

from __future__ import annotations

import pytest

from envoy.core.bodies import SpacePolicy, TaskComplete
from envoy.core.records import Record, RecordRetract, TaskGate, TaskReview
from envoy.errors import EnvoyError
from envoy.replica.actions import fields, records, reviews, space, tasks
from envoy.replica.actions.fields import Asked, Changes
from envoy.replica.actions.records import Said
from envoy.state.gates import Gate
from replica.beside import say, settle
from replica.council import council, remove
from replica.forge import Forger
from replica.gated import (
    NO_SELF,
    ONE,
    PASS,
    TEST,
    conflicts,
    done,
    evidence,
    kind_of,
    refusal,
    row_of,
    shown,
    states,
    work,
)
from replica.scenes import deliver, status_of
from replica.world import Actor, World


def test_a_modified_client_cannot_skip_a_gate(world: World) -> None:
    lead, b, _c, w, _r = team = council(world)
    task, tenure = work(lead, w, NO_SELF)
    completion = done(w, task, tenure)
    assert states(team, task) == {"submitted"}
    (own,) = say(w, TaskReview(task, completion, "approve", None, ()))
    (stranger,) = say(w, TaskGate(task, ()))
    assert states(team, task) == {"submitted"}
    for one in team:
        assert refusal(one, own) == "review_without_rank"
        assert refusal(one, stranger) == "gate_without_rank"
    say(b, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"completed"}


def test_who_did_the_work_cannot_approve_it_even_with_rank(world: World) -> None:
    lead, b, c, _w, _r = team = council(world)
    task, tenure = work(lead, b, NO_SELF)
    completion = done(b, task, tenure)
    (own,) = say(b, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"submitted"}
    assert refusal(lead, own) is None, "it stands, and does not count"
    with pytest.raises(EnvoyError) as caught:
        reviews.review(b.copy, task, "approve", note="again")
    assert caught.value.code == "self_review_denied"
    say(c, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"completed"}


def test_a_former_holder_is_no_other_reviewer(world: World) -> None:
    lead, b, c, w, _r = team = council(world)
    task, _ = work(lead, b, NO_SELF)
    tasks.release(b.copy, task, note="not now")
    settle(team)
    tasks.claim(w.copy, task, session="default")
    settle(team)
    tenure = row_of(w, task).tenure
    assert tenure is not None
    completion = done(w, task, tenure)
    settle(team)
    say(b, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"submitted"}
    say(c, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"completed"}


WRONG = [
    pytest.param("other type", id="evidence of another type"),
    pytest.param("other task", id="evidence of another task"),
    pytest.param("no task", id="evidence of no task"),
    pytest.param("failed", id="evidence that failed"),
    pytest.param("retracted", id="evidence that was retracted"),
    pytest.param("stale", id="evidence of an older version"),
    pytest.param("no evidence", id="a record that is no evidence"),
    pytest.param("message", id="a message"),
    pytest.param("unknown", id="an event that is not here"),
]


def wrong(actor: Actor, task: bytes, other: bytes, what: str) -> bytes:
    """Return something that a gate for a test must not count."""
    match what:
        case "other type":
            return shown(actor, task, kind="build")
        case "other task":
            return shown(actor, other)
        case "no task":
            return shown(actor, None)
        case "failed":
            return shown(actor, task, result="fail")
        case "no evidence":
            return say(actor, Record("decision", "test", task, "it works", (), None, ()))[0]
        case "message":
            return actor.send("it works").event
        case "unknown":
            return b"\7" * 32
    found = shown(actor, task)
    if what == "retracted":
        say(actor, RecordRetract(found, "no"))
    else:
        say(actor, Record("evidence", "lint", task, "", PASS, "git:parser@2", ()))
    return found


@pytest.mark.parametrize("what", WRONG)
def test_wrong_evidence_meets_no_gate(world: World, what: str) -> None:
    lead, w = team = world.team("lead", "w")
    task, tenure = work(lead, w, TEST)
    other, _ = work(lead, w, ())
    named = wrong(w, task, other, what)
    with pytest.raises(EnvoyError) as caught:
        tasks.complete(w.copy, task, summary="", evidence=[named])
    expected = {"stale": "evidence_stale", "unknown": "not_found"}
    assert caught.value.code == expected.get(what, "evidence_missing")
    done(w, task, tenure, named)
    assert states(team, task) == {"submitted"}
    done(w, task, tenure, named, say(w, evidence(task))[0])
    assert states(team, task) == {"completed"}


def test_a_reviewer_who_is_removed_beside_a_verdict_does_not_count(world: World) -> None:
    lead, b, c, w, r = team = council(world)
    task, tenure = work(lead, w, ONE)
    completion = done(w, task, tenure)
    settle(team)
    c.door.away = True
    reviews.review(c.copy, task, "approve", note="fine")
    verdict = c.events.entity(c.space.sn, task)[-1].id
    remove(lead, c)
    c.door.away = False
    c.sync()
    rest = [lead, b, w, r]
    assert states(rest, task) == {"submitted"}
    assert {status_of(one, verdict) for one in rest} == {"held"}
    say(b, TaskReview(task, completion, "approve", None, ()))
    assert states(rest, task) == {"completed"}


def test_a_verdict_that_the_removal_of_its_author_saw_counts(world: World) -> None:
    lead, b, c, w, r = team = council(world)
    task, tenure = work(lead, w, ONE)
    done(w, task, tenure)
    settle(team)
    reviews.review(c.copy, task, "approve", note="fine")
    settle(team)
    remove(lead, c)
    assert states([lead, b, w, r], task) == {"completed"}


def test_the_policy_binds_a_task_that_asks_for_nothing(world: World) -> None:
    lead, b, c, w, _r = team = council(world)
    space.set_policy(lead.copy, {"gate.reviews": 2, "gate.no_self_review": True})
    settle(team)
    task, tenure = work(lead, w, ())
    completion = done(w, task, tenure)
    assert states(team, task) == {"submitted"}
    frame, stranger = Forger(w).say(SpacePolicy((("gate.reviews", 0),)))
    for one in team:
        deliver(one, [frame])
        assert status_of(one, stranger.id) == "invalid"
    assert states(team, task) == {"submitted"}
    for one in (b, c):
        say(one, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"completed"}


def test_a_policy_beside_a_completion_binds_it_and_one_after_it_does_not(world: World) -> None:
    lead, b, _c, w, _r = team = council(world)
    first, tenure = work(lead, w, ())
    second, other = work(lead, w, ())
    settle(team)
    done(w, first, tenure)
    settle(team)
    w.door.away = True
    completion = _alone(w, TaskComplete(second, other, "done", (), False))
    space.set_policy(lead.copy, {"gate.reviews": 1})
    w.door.away = False
    assert states(team, first) == {"completed"}
    assert states(team, second) == {"submitted"}
    say(b, TaskReview(second, completion, "approve", None, ()))
    assert states(team, second) == {"completed"}


def _alone(actor: Actor, body: TaskComplete) -> bytes:
    """Write an act of somebody whom the hub does not answer."""
    written = actor.copy.compose(lambda author: [author.say(body)])
    return written.entries[-1].id


def test_a_gate_that_comes_beside_a_completion_binds_it_and_the_race_is_shown(
    world: World,
) -> None:
    lead, _b, _c, w, _r = team = council(world)
    task, tenure = work(lead, w, ())
    settle(team)
    w.door.away = True
    _alone(w, TaskComplete(task, tenure, "done", (), False))
    fields.edit(lead.copy, task, Changes(gate=Asked(reviews=1)))
    w.door.away = False
    assert states(team, task) == {"submitted"}
    assert all("gate_raced" in conflicts(one) for one in team)


def test_who_a_gate_names_is_asked_and_may_judge(world: World) -> None:
    lead, b, _c, w, r = team = council(world)
    other = world.actor("other")
    other.join(lead.code())
    settle([*team, other])
    task, tenure = work(lead, w, (("review_by", ("write",)), ("reviews", 1)))
    settle([*team, other])
    done(w, task, tenure)
    settle([*team, other])
    assert "review_wanted" in reasons(other)
    assert "review_wanted" not in reasons(r)
    assert "review_wanted" not in reasons(w)
    assert "review_wanted" in reasons(b)
    reviews.review(other.copy, task, "approve")
    assert states([*team, other], task) == {"completed"}
    assert "verdict" in reasons(w)


def reasons(actor: Actor) -> set[str]:
    """Return why anything is in an inbox."""
    sql = "SELECT DISTINCT reason FROM stream WHERE reason IS NOT NULL AND own = 0"
    return {one[0] for one in actor.connection.rows(kind_of, sql)}


# -- changing a gate ---------------------------------------------------------------------------


def test_an_edit_changes_the_fields_of_a_gate_that_it_names_alone(world: World) -> None:
    (lead,) = world.team("lead")
    task, _ = work(lead, lead, (("no_self_review", True), ("review_by", ("admin",))))
    steps = [
        (Asked(reviews=2), Gate(2, ("admin",), True, ())),
        (Asked(evidence=("test", "lint", "test")), Gate(2, ("admin",), True, ("lint", "test"))),
        (Asked(no_self_review=False, review_by=()), Gate(2, (), False, ("lint", "test"))),
        (Asked(reviews=0, evidence=()), Gate(0, (), False, ())),
    ]
    for asked, expected in steps:
        assert fields.edit(lead.copy, task, Changes(gate=asked)).changed
        assert gate_of(lead, task) == expected
        assert not fields.edit(lead.copy, task, Changes(gate=asked)).changed


def gate_of(actor: Actor, task: bytes) -> Gate:
    """Return what a task asks of its next completion."""
    from_row = actor.copy.batch().folded(task)
    assert from_row is not None
    known = dict(from_row.gate)
    reviews, by, types = known.get("reviews", 0), known.get("review_by"), known.get("evidence")
    assert isinstance(reviews, int)
    return Gate(
        reviews,
        by if isinstance(by, tuple) else (),
        known.get("no_self_review") is True,
        types if isinstance(types, tuple) else (),
    )


def test_an_edit_of_fields_and_gate_is_all_or_nothing(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, _ = work(lead, w, ())
    with pytest.raises(EnvoyError) as caught:
        fields.edit(w.copy, task, Changes(body="mine", gate=Asked(reviews=1)))
    assert caught.value.code == "capability_missing"
    settle(team)
    assert {row_of(one, task).body for one in team} == {"work"}
    both = Changes(body="ours", gate=Asked(reviews=1))
    made = fields.edit(lead.copy, task, both, key="k")
    again = fields.edit(lead.copy, task, both, key="k")
    assert (made.event, again.replayed) == (again.event, True)
    settle(team)
    assert {row_of(one, task).body for one in team} == {"ours"}
    assert gate_of(w, task) == Gate(1, (), False, ())


def test_a_policy_does_not_become_the_gate_of_a_task_by_an_edit(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    space.set_policy(lead.copy, {"gate.reviews": 3})
    settle(team)
    task, tenure = work(lead, w, ())
    done(w, task, tenure)
    settle(team)
    fields.edit(lead.copy, task, Changes(gate=Asked(evidence=("test",))))
    body = lead.events.entity(lead.space.sn, task)[-1]
    assert body.kind == "task.gate"
    tasks.progress(w.copy, task, "in_progress")
    settle(team)
    assert gate_of(lead, task) == Gate(0, (), False, ("test",))


# -- handing in once more ------------------------------------------------------------------------


def test_what_waits_for_a_verdict_is_not_handed_in_again_word_for_word(world: World) -> None:
    lead, b, _c, w, _r = team = council(world)
    task, _ = work(lead, w, (("reviews", 2),))
    tasks.complete(w.copy, task, summary="done")
    settle(team)
    reviews.review(b.copy, task, "approve")
    settle(team)
    with pytest.raises(EnvoyError) as caught:
        tasks.complete(w.copy, task, summary="done")
    assert caught.value.code == "review_required"
    assert caught.value.details["reviews_missing"] == 1
    assert tasks.complete(w.copy, task, summary="done, and tested").changed
    settle(team)
    assert row_of(lead, task).reviews == "[]"


def test_humans_are_counted_as_they_declare(world: World) -> None:
    lead = world.actor("lead", type="human")
    lead.found()
    w = world.actor("w")
    w.join(lead.code())
    task, _ = work(lead, w, (("review_by", ("human",)), ("reviews", 2)))
    tasks.complete(w.copy, task, summary="done")
    settle([w, lead])
    reviews.review(lead.copy, task, "approve")
    settle([w, lead])
    with pytest.raises(EnvoyError) as caught:
        tasks.complete(w.copy, task, summary="done")
    assert caught.value.details["reviews_missing"] == 1


def test_evidence_of_a_run_is_said_with_what_it_is_about(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, _ = work(lead, w, TEST)
    made = records.add(
        w.copy, Said("evidence", "", type="test", task=task, fields=PASS, subject="git:parser@1")
    )
    tasks.complete(w.copy, task, summary="done", evidence=[made.event])
    assert states(team, task) == {"completed"}
