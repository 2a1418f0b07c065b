"""The rows of a record: there while it counts, gone with its references when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from envoy.core.bodies import Admit, Ref, Remove
from envoy.core.codec import Open
from envoy.core.records import Record, RecordRetract
from envoy.errors import EnvoyError
from envoy.replica.actions import conflicts as disputes
from envoy.replica.actions import records, tasks
from envoy.replica.actions.records import Said
from envoy.views import records as shapes
from envoy.views import rows
from replica.beside import say, settle
from replica.compare import differences, meaning
from replica.council import council
from replica.scenes import deliver, frames_of, reader, status_of
from replica.world import Actor, World


def record_of(actor: Actor, record: bytes) -> rows.Record | None:
    """Return the row of a record."""
    return actor.store.record(1, record)


def refs_of(actor: Actor, record: bytes) -> list[tuple[str | None, bytes]]:
    """Return what a record refers to, as the rows have it."""
    return [(row.rel, row.target) for row in actor.store.record_refs(1, record)]


def refused(actor: Actor, event: bytes) -> str | None:
    """Return why an act has no effect, None if it has."""
    found = meaning(actor)["refused"]
    assert isinstance(found, dict)
    return found.get(event)


def test_a_record_that_is_held_later_loses_its_rows_and_gets_them_back(world: World) -> None:
    lead, b, c, w, _ = council(world)
    task = tasks.create(lead.copy, "work").after.id
    settle([w, b])
    said = w.send("what it is about").event
    settle([lead, b])
    b.door.away = True
    made = Said("decision", "seen", task=task, refs=[("supports", said)])
    record = records.add(w.copy, made).event
    settle([lead, c])
    assert record_of(lead, record) is not None and refs_of(lead, record) == [("supports", said)]
    say_alone(b, Remove(w.me, "key lost", ()))  # which has not seen the record
    b.door.away = False
    settle([b, lead, c])
    assert status_of(lead, record) == "held"
    for one in (lead, b, c):
        assert record_of(one, record) is None and refs_of(one, record) == []
        assert one.count("record_ref") == 0
    say(lead, Admit((record,), "it is true"))
    settle([b, c])
    for one in (lead, b, c):
        row = record_of(one, record)
        assert row is not None and (row.text, row.task) == ("seen", task)
        assert refs_of(one, record) == [("supports", said)]


def say_alone(actor: Actor, body: Remove) -> None:
    """Write an act of somebody whom the hub does not answer."""
    actor.copy.compose(lambda author: [author.say(body)])


def test_a_record_that_never_counted_has_no_row_in_whatever_order_it_came(world: World) -> None:
    lead, b, _, w, _ = council(world)
    w.door.away = True
    record = records.add(w.copy, Said("decision", "grey")).event
    say(lead, Remove(w.me, "", ()))
    w.door.away = False
    settle([w, lead, b])
    assert status_of(lead, record) == "held" and record_of(lead, record) is None
    frames = frames_of(lead)
    for number, order in enumerate((frames, frames[::-1])):
        copy = reader(world, f"copy{number}", lead)
        deliver(copy, order, one_by_one=True)
        assert record_of(copy, record) is None
        assert differences(meaning(lead), meaning(copy)) == []


def test_an_act_without_effect_leaves_the_row_as_it_was(world: World) -> None:
    lead, b, _, w, _ = council(world)
    record = records.add(lead.copy, Said("decision", "grey")).event
    settle([w])
    before = record_of(lead, record)
    (stranger,) = say(w, RecordRetract(record, "not mine"))
    settle([lead, b])
    assert before is not None and before.retracted is None
    assert record_of(lead, record) == record_of(b, record) == before
    assert refused(lead, stranger) == "retract_without_rank"
    (own,) = say(lead, RecordRetract(record, "it was white"))
    row = record_of(lead, record)
    assert row is not None and row.retracted == own and refused(lead, own) is None
    assert row.digest != before.digest


RAN: Open = (
    ("argv", ("make",)),
    ("cwd", "."),
    ("exit", 0),
    ("grade", "recorded"),
    ("output_bytes", 3),
    ("output_sha256", "4f" * 32),
    ("output_tail", "ok"),
    ("result", "pass"),
    ("started_at", "2026-01-01T00:00:00Z"),
    ("took_ms", 7),
)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        pytest.param({"argv": "make"}, ["argv"], id="typed by hand"),
        pytest.param({"output_sha256": "4f"}, ["output_sha256"], id="a digest that is none"),
        pytest.param({"argv": (), "took_ms": "7"}, ["argv", "took_ms"], id="of no command"),
        pytest.param({"exit": 1}, ["exit"], id="a pass that failed"),
        pytest.param({"result": "fail"}, ["exit"], id="a fail that passed"),
    ],
)
def test_what_only_calls_itself_recorded_is_refused_at_the_door(
    world: World, change: dict[str, Any], missing: list[str]
) -> None:
    (lead,) = world.team("lead")
    said = Said("evidence", "", "test", None, RAN, "git:hull@1")
    altered = tuple(sorted({**dict(RAN), **change}.items()))
    with pytest.raises(EnvoyError) as caught:
        records.add(lead.copy, said._replace(fields=altered))
    assert (caught.value.code, caught.value.details["missing"]) == ("field_invalid", missing)
    row = record_of(lead, records.add(lead.copy, said).event)
    assert row is not None and shapes.grade(row) == "recorded"


def successors(actor: Actor) -> list[tuple[str, str, bytes, bytes]]:
    """Return the conflicts of a copy between records."""
    sql = "SELECT kind, status, winner, loser FROM conflict ORDER BY winner, loser"
    return actor.connection.rows(_conflict, sql)


def _conflict(kind: str, status: str, winner: bytes, loser: bytes) -> tuple[str, str, bytes, bytes]:
    return kind, status, winner, loser


def instead(actor: Actor, text: str, *older: bytes) -> bytes:
    """Add a decision in the place of others, past the hub."""
    refs = tuple(Ref("supersedes", one, None) for one in older)
    body = Record("decision", None, None, text, (), None, refs)
    written = actor.copy.compose(lambda author: [author.say(body)])
    return written.entries[-1].id


def test_two_successors_apart_both_stand_and_are_a_conflict(world: World) -> None:
    lead, b, _, w, _ = team = council(world)
    first = instead(w, "grey")
    settle(team)
    b.door.away = w.door.away = True
    ranked, other = instead(b, "black", first), instead(w, "white", first)
    b.door.away = w.door.away = False
    settle(team)
    for one in team:
        assert successors(one) == [("field_conflict", "open", ranked, other)]
        assert "conflict_opened" in kinds_of(one)
    assert {"conflict"} <= reasons_of(b) and {"conflict"} <= reasons_of(w)
    assert "conflict" not in reasons_of(lead)
    both = instead(lead, "blue", ranked, other, first)
    settle(team)
    for one in team:
        assert successors(one) == [("field_conflict", "resolved", ranked, other)]
    records.retract(lead.copy, both)
    records.retract(w.copy, other)
    settle(team)
    frames = frames_of(lead)
    for number, order in enumerate((frames, frames[::-1])):
        copy = reader(world, f"copy{number}", lead)
        deliver(copy, order, one_by_one=True)
        assert successors(copy) == successors(lead) == []
        assert differences(meaning(lead), meaning(copy)) == []


def kinds_of(actor: Actor) -> set[str]:
    """Return the types in the stream of a copy."""
    return {one for (one,) in actor.connection.rows(_word, "SELECT type FROM stream")}


def reasons_of(actor: Actor) -> set[str]:
    """Return why anything is in an inbox."""
    sql = "SELECT reason FROM stream WHERE reason IS NOT NULL AND own = 0"
    return {one for (one,) in actor.connection.rows(_word, sql)}


def _word(word: str) -> tuple[str]:
    return (word,)


def test_a_successor_that_saw_the_other_is_no_conflict(world: World) -> None:
    lead, b, _, w, _ = team = council(world)
    first = instead(w, "grey")
    instead(w, "white", first)
    settle(team)
    instead(b, "black", first)
    settle(team)
    assert successors(lead) == []


def test_what_a_writer_puts_in_the_place_of_an_admins_ends_nothing(world: World) -> None:
    lead, b, _, w, r = team = council(world)
    first = instead(lead, "grey")
    settle(team)
    b.door.away = w.door.away = True
    instead(b, "black", first), instead(w, "white", first)
    b.door.away = w.door.away = False
    settle(team)
    for one in (lead, b, w, r):
        assert successors(one) == []
        assert records.shown(one.copy, first).state == "superseded"
    second = instead(lead, "blue")
    settle(team)
    instead(w, "green", second)
    settle(team)
    assert {records.shown(one.copy, second).state for one in team} == {"contested"}


def test_a_conflict_of_successors_can_be_settled(world: World) -> None:
    lead, b, _, w, _ = team = council(world)
    first = instead(w, "grey")
    settle(team)
    b.door.away = w.door.away = True
    ranked, other = instead(b, "black", first), instead(w, "white", first)
    b.door.away = w.door.away = False
    settle(team)
    (row,) = lead.store.conflicts(1, first).values()
    disputes.resolve(lead.copy, row.id, keep=other, note="white it is")
    settle(team)
    assert {one[1] for actor in team for one in successors(actor)} == {"resolved"}
    assert record_of(w, ranked) is not None
