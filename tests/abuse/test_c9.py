"""C9: evidence that is stale, another's, made up or graded too well counts for what it is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envoy.core.codec import OpenValue
from envoy.core.records import Record, RecordRetract
from envoy.errors import EnvoyError
from envoy.replica.actions import tasks
from envoy.views import records, rows
from replica.beside import say, settle
from replica.gated import PASS, TEST, done, evidence, shown, states, work
from replica.test_evidence import is_stale
from replica.test_gates import WRONG, wrong
from replica.world import Actor, World

RUN: dict[str, OpenValue] = {
    "argv": ("make", "test"),
    "cwd": ".",
    "exit": 0,
    "grade": "recorded",
    "output_bytes": 12,
    "output_sha256": "5" * 64,
    "output_tail": "all is well",
    "result": "pass",
    "started_at": "2026-01-01T00:00:00.000Z",
    "took_ms": 1000,
}


@pytest.mark.parametrize("what", WRONG)
def test_evidence_that_shows_nothing_meets_no_gate(what: str, world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, tenure = work(lead, w, TEST)
    other, _ = work(lead, w, ())
    named = wrong(w, task, other, what)
    with pytest.raises(EnvoyError):
        tasks.complete(w.copy, task, summary="", evidence=[named])
    done(w, task, tenure, named)
    assert states(team, task) == {"submitted"}
    done(w, task, tenure, named, say(w, evidence(task))[0])  # the control
    assert states(team, task) == {"completed"}


def added(actor: Actor, fields: Mapping[str, OpenValue]) -> rows.Record:
    """Return the row of evidence with these fields, which is written past every check."""
    body = Record("evidence", "test", None, "", tuple(sorted(fields.items())), "git:parser@1", ())
    (found,) = say(actor, body)
    row = actor.store.record(actor.space.sn, found)
    assert row is not None
    return row


def test_a_grade_is_no_better_than_what_the_record_carries(world: World) -> None:
    (w,) = world.team("w")
    assert records.grade(added(w, RUN)) == "recorded"
    for name in set(RUN) - {"result"}:
        less = {key: one for key, one in RUN.items() if key != name}
        assert records.grade(added(w, less)) == "self_reported", name
    wrong: dict[str, OpenValue] = {"exit": "0", "argv": (), "output_sha256": "x" * 64, "grade": "A"}
    for name, value in wrong.items():
        assert records.grade(added(w, {**RUN, name: value})) == "self_reported", name


def test_a_record_is_its_signer_s_whatever_it_says_and_nobody_else_takes_it_back(
    world: World,
) -> None:
    _, w, other = team = world.team("lead", "w", "other")
    row = added(w, {**RUN, "by": other.me.hex()})
    say(other, RecordRetract(row.id, "not so"))
    settle(team)
    for one in team:
        found = one.store.record(one.space.sn, row.id)
        assert found is not None and found.retracted is None
        assert found.an == one.events.actor(w.me)
    say(w, RecordRetract(row.id, "I may"))  # the control
    settle(team)
    taken = w.store.record(w.space.sn, row.id)
    assert taken is not None and taken.retracted is not None


def test_what_was_overtaken_is_shown_as_stale(world: World) -> None:
    lead, w = team = world.team("lead", "w")
    task, _ = work(lead, w, TEST)
    first = shown(w, task)
    settle(team)
    assert not is_stale(lead, task, first)
    say(w, Record("evidence", "test", task, "", PASS, "git:parser@2", ()))
    settle(team)
    assert is_stale(lead, task, first) and is_stale(w, task, first)
