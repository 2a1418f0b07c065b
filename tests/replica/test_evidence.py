"""Evidence after it was used: what came later undoes nothing, what came beside binds."""

from __future__ import annotations

import pytest

from envoy.core.codec import Open
from envoy.core.crypto.sign import sha256
from envoy.core.objects import ObjectPut, ObjectRetract, object_id
from envoy.core.records import Record, RecordRetract, TaskReview
from envoy.errors import EnvoyError
from envoy.replica import gating
from envoy.replica.actions import records, reviews, tasks
from envoy.views.records import is_stale as found_stale
from replica.beside import say, settle
from replica.compare import differences, meaning
from replica.council import council
from replica.gated import (
    PASS,
    TEST,
    done,
    evidence,
    kind_of,
    row_of,
    shown,
    states,
    work,
)
from replica.scenes import deliver, frames_of, reader
from replica.world import Actor, World


def proved(world: World, gate: Open = TEST) -> tuple[list[Actor], bytes, bytes, bytes]:
    """Return a team, a task that was completed, its evidence and the tenure."""
    team = council(world)
    lead, w = team[0], team[3]
    task, tenure = work(lead, w, gate)
    named = shown(w, task)
    tasks.complete(w.copy, task, summary="done", evidence=[named])
    settle(team)
    return team, task, named, tenure


def newer(task: bytes) -> Record:
    """Return a record about another version of what the evidence speaks of."""
    return Record("evidence", "test", task, "", (("result", "fail"),), "git:parser@2", ())


def is_stale(actor: Actor, task: bytes, record: bytes) -> bool:
    """Say whether a record is shown as stale."""
    every = gating.speakers(actor.store, actor.space.sn, task)
    return found_stale(next(one for one in every if one.id == record), every)


def test_a_later_record_about_another_version_does_not_undo_a_completion(world: World) -> None:
    team, task, named, _ = proved(world)
    say(team[2], newer(task))
    assert states(team, task) == {"completed"}
    assert all(is_stale(one, task, named) for one in team), "and is to be seen"


def test_a_later_retraction_of_evidence_does_not_undo_a_completion(world: World) -> None:
    team, task, named, _ = proved(world)
    records.retract(team[3].copy, named, reason="wrong run")
    assert states(team, task) == {"completed"}
    row = team[0].store.record(1, named)
    assert row is not None and row.retracted is not None


@pytest.mark.parametrize("what", ["record", "retraction"])
def test_what_came_beside_a_completion_binds_it_and_that_is_told(world: World, what: str) -> None:
    team = council(world)
    lead, b, _c, w, _r = team
    task, _ = work(lead, w, TEST)
    named = shown(w, task)
    settle(team)
    b.door.away = True
    body: Record | RecordRetract = newer(task) if what == "record" else RecordRetract(named, "no")
    b.copy.compose(lambda author: [author.say(body)])
    tasks.complete(w.copy, task, summary="done", evidence=[named])
    settle([lead, w])
    assert row_of(lead, task).state == "completed"
    b.door.away = False
    assert states(team, task) == {"submitted"}
    types = [one[0] for one in lead.connection.rows(kind_of, "SELECT type FROM stream")]
    assert types.count("task_submitted") == 1
    again = shown(w, task) if what == "retraction" else say(w, evidence(task))[0]
    tasks.complete(w.copy, task, summary="done again", evidence=[again])
    assert states(team, task) == {"completed"}


def test_an_approval_of_what_is_stale_by_now_is_refused_early_and_counts_if_given(
    world: World,
) -> None:
    team, task, _, _ = proved(world, (("evidence", ("test",)), ("reviews", 1)))
    lead, b, _c, w, _r = team
    assert states(team, task) == {"submitted"}
    say(w, newer(task))
    settle(team)
    with pytest.raises(EnvoyError) as caught:
        reviews.review(b.copy, task, "approve")
    assert caught.value.code == "evidence_stale"
    completion = row_of(b, task).completion
    assert completion is not None
    reviews.review(b.copy, task, "request_changes", note="run it again")
    assert states(team, task) == {"changes_requested"}
    say(b, TaskReview(task, completion, "approve", None, ()))
    say(lead, TaskReview(task, completion, "approve", None, ()))
    assert states(team, task) == {"completed"}


def test_a_rebuild_says_the_same_of_evidence_and_what_came_after(world: World) -> None:
    team, task, named, _ = proved(world)
    say(team[2], newer(task))
    records.retract(team[3].copy, named)
    settle(team)
    lead = team[0]
    frames = frames_of(lead)
    for number, order in enumerate((frames, frames[::-1])):
        copy = reader(world, f"copy{number}", lead)
        deliver(copy, order, one_by_one=True)
        assert differences(meaning(lead), meaning(copy)) == []


def put_object(actor: Actor, task: bytes, name: str, **more: bytes | None) -> bytes:
    """Add a reference to an object past every check, and return it."""
    chunk = b"\1" * 32
    body = ObjectPut(
        object=object_id(actor.space.id, (chunk,)),
        name=name,
        media="text/plain",
        size=3,
        key=bytes(32),
        sha256=sha256(more.get("bytes") or name.encode()),
        chunks=(chunk,),
        task=task,
        supersedes=more.get("supersedes"),
    )
    return say(actor, body)[0]


def test_a_later_object_of_the_same_name_makes_a_record_about_it_stale(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, _ = work(lead, w, TEST)
    first = put_object(w, task, "log", bytes=b"one")
    subject = f"object:log@{sha256(b'one').hex()}"
    (about,) = say(w, Record("evidence", "test", task, "", PASS, subject, ()))
    settle(team)
    assert not is_stale(lead, task, about)
    put_object(w, task, "other", bytes=b"two")
    put_object(w, task, "log", bytes=b"one")  # the same bytes again
    settle(team)
    assert not is_stale(lead, task, about)
    done(w, task, row_of(w, task).tenure or b"", about)
    assert states(team, task) == {"completed"}
    second = put_object(w, task, "renamed", bytes=b"three", supersedes=first)
    settle(team)
    assert all(is_stale(one, task, about) for one in team)
    assert states(team, task) == {"completed"}
    say(w, ObjectRetract(second, "no"))
    settle(team)
    assert not is_stale(lead, task, about)


def test_an_object_beside_a_completion_makes_its_evidence_stale(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, _ = work(lead, w, TEST)
    subject = f"object:log@{sha256(b'one').hex()}"
    (about,) = say(w, Record("evidence", "test", task, "", PASS, subject, ()))
    settle(team)
    lead.door.away = True
    tasks.complete(w.copy, task, summary="", evidence=[about])
    put_object_alone(lead, task)
    lead.door.away = False
    assert states(team, task) == {"submitted"}


def put_object_alone(actor: Actor, task: bytes) -> None:
    """Add an object while the hub does not answer."""
    chunk = b"\1" * 32
    ident = object_id(actor.space.id, (chunk,))
    digest = sha256(b"two")
    body = ObjectPut(ident, "log", "text/plain", 3, bytes(32), digest, (chunk,), task, None)
    actor.copy.compose(lambda author: [author.say(body)])
