"""What a record must have, and who takes it back."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import Merge, Ref
from envoy.core.records import Record, RecordRetract
from envoy.core.structs import replace
from envoy.state import records
from envoy.state.records import Schema
from envoy.state.registers import OVER_LIMIT, Op
from histories import ADMIN, CREATOR, FIRST, History, fixed

RECORD = fixed("record")
EVIDENCE = Record("evidence", "test", None, "", (("result", "pass"),), "git:hull@4f1c", ())
TO = Ref("contradicts", fixed("a decision"), None)
OBJECTION = Record("objection", None, None, "no", (("severity", "blocking"),), None, (TO,))
DECISION = Record("decision", None, None, "grey", (), None, ())


@pytest.mark.parametrize(
    ("body", "rho", "reason"),
    [
        pytest.param(EVIDENCE, 1, None, id="evidence"),
        pytest.param(replace(EVIDENCE, type=None), 1, "field_invalid", id="of no type"),
        pytest.param(replace(EVIDENCE, subject=None), 1, "field_invalid", id="of nothing"),
        pytest.param(replace(EVIDENCE, subject="hull"), 1, "field_invalid", id="without a digest"),
        pytest.param(replace(EVIDENCE, subject="git:@1"), 1, None, id="of no name"),
        pytest.param(replace(EVIDENCE, subject=":a@1"), 1, "field_invalid", id="of no scheme"),
        pytest.param(replace(EVIDENCE, fields=()), 1, "field_invalid", id="without a result"),
        pytest.param(
            replace(EVIDENCE, fields=(("result", "good"),)), 1, "field_invalid", id="another word"
        ),
        pytest.param(OBJECTION, 1, None, id="an objection"),
        pytest.param(replace(OBJECTION, refs=()), 1, "field_invalid", id="to nothing"),
        pytest.param(replace(OBJECTION, text=""), 1, "field_invalid", id="without a word"),
        pytest.param(DECISION, 1, None, id="a decision"),
        pytest.param(replace(DECISION, kind="charter"), 3, None, id="an admin's charter"),
        pytest.param(
            replace(DECISION, kind="charter"), 2, "record_without_rank", id="another's charter"
        ),
        pytest.param(replace(DECISION, kind="handoff"), 3, "field_invalid", id="of another way"),
    ],
)
def test_a_record_has_what_its_kind_must_have(body: Record, rho: int, reason: str | None) -> None:
    assert records.refusal(body, rho=rho) == reason


# Once more by hand, from docs/spec/records.md, Kinds.
SCHEMAS = {
    "charter": Schema(True, False, False, True, (), ()),
    "decision": Schema(True, False, False, False, (), ()),
    "evidence": Schema(False, True, True, False, (("result", ("pass", "fail", "info")),), ()),
    "objection": Schema(
        *(True, False, False, False),
        fields=(("severity", ("note", "major", "blocking")),),
        relations=("contradicts",),
    ),
    "repair": Schema(True, False, False, False, (), ("repairs",)),
    "approval": Schema(
        *(False, False, True, False),
        fields=(("verdict", ("approve", "reject", "defer", "conditional")),),
    ),
    "risk": Schema(True, False, False, False, (("severity", ("note", "major", "blocking")),), ()),
    "correction": Schema(True, False, False, False, (), ("supersedes", "contradicts")),
}


def test_these_kinds_must_have_these_parts() -> None:
    assert records.SCHEMAS == SCHEMAS


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        pytest.param({"result": "pass"}, [], id="it passed"),
        pytest.param({"result": "pass", "exit": 0}, [], id="it passed with 0"),
        pytest.param({"result": "pass", "exit": 1}, ["exit"], id="it passed with 1"),
        pytest.param({"result": "fail", "exit": 1}, [], id="it failed with 1"),
        pytest.param({"result": "fail", "exit": 0}, ["exit"], id="it failed with 0"),
        pytest.param({"result": "fail"}, [], id="it failed, nobody says how"),
        pytest.param({"result": "info", "exit": 0}, [], id="it says something with 0"),
        pytest.param({"result": "info", "exit": 3}, [], id="it says something with 3"),
        pytest.param({"exit": 0}, ["result"], id="nobody says whether it passed"),
    ],
)
def test_an_exit_status_agrees_with_the_result(fields: dict[str, object], lacks: list[str]) -> None:
    body = replace(EVIDENCE, fields=tuple(sorted(fields.items())))
    assert records.lacking(body) == lacks
    other = replace(DECISION, fields=body.fields)
    assert records.lacking(other) == [], "an exit means nothing elsewhere"


def test_what_a_record_lacks_is_named() -> None:
    assert records.lacking(replace(EVIDENCE, type=None, subject=None, fields=())) == [
        *("type", "subject", "result"),
    ]
    assert records.lacking(replace(EVIDENCE, subject="hull")) == ["subject"]
    assert records.lacking(replace(DECISION, text="")) == ["text"]
    assert records.lacking(replace(DECISION, kind="vote")) == ["kind"]
    assert records.misses_relation("correction", ()) == ("supersedes", "contradicts")
    assert records.misses_relation("correction", (TO,)) == ()
    assert records.misses_relation("repair", (TO,)) == ("repairs",)


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        pytest.param("git:hull@4f1c", ("git:hull", "4f1c"), id="whole"),
        pytest.param("git:a@b@c", ("git:a@b", "c"), id="the last at counts"),
        pytest.param("git:hull@", None, id="no digest"),
        pytest.param("hull@4f1c", None, id="no scheme"),
        pytest.param("git:hull", None, id="no at"),
    ],
)
def test_a_subject_has_a_scheme_a_name_and_a_digest(
    subject: str, parts: tuple[str, str] | None
) -> None:
    assert records.split(subject) == parts


def test_records_that_take_the_place_of_one_apart_are_rivals_until_one_saw_both() -> None:
    history = said()
    over = replace(DECISION, refs=(Ref("supersedes", RECORD, None),))
    one, other = (history.act(who, over, []) for who in (CREATOR, ADMIN))
    (found,) = records.rivals(RECORD, (one, other))
    assert {found.winner, found.loser} == {one.id, other.id} and found.is_open
    last: Op = history.act(FIRST, over, [one, other])
    assert [one.is_open for one in records.rivals(RECORD, (one, other, last))] == [False]
    assert records.rivals(RECORD, (one,)) == ()


def test_a_record_of_no_known_kind_misses_no_relation() -> None:
    assert records.misses_relation("vote", ()) == ()


def said(body: Record = DECISION, *, author: bytes = CREATOR) -> History:
    """Return the acts on a new record."""
    history = History(None, entity=RECORD)
    history.act(author, body, id=RECORD)
    return history


def test_a_record_is_taken_back_by_its_author_or_an_admin() -> None:
    history = said()
    by_other = history.act(FIRST, RecordRetract(RECORD, ""))
    history.act(FIRST, Merge(RECORD))
    by_author = history.act(CREATOR, RecordRetract(RECORD, ""))
    history.act(ADMIN, RecordRetract(RECORD, ""))
    held = history.act(ADMIN, RecordRetract(RECORD, ""), counts=False)
    assert not held.counts
    for order in itertools.permutations(history.ops):
        found = records.reduce(RECORD, order)
        assert (found.body, found.retracted, found.is_ranked) == (DECISION, by_author.id, False)
        assert found.refused == ((by_other.id, "retract_without_rank"),)


def test_what_was_not_seen_is_not_taken_back_and_what_is_held_says_nothing() -> None:
    history = said()
    blind = history.act(ADMIN, RecordRetract(RECORD, ""), [])
    found = records.reduce(RECORD, history.ops)
    assert (found.retracted, found.refused) == (None, ((blind.id, "wrong_state"),))
    held = History(None, entity=RECORD)
    held.act(CREATOR, DECISION, id=RECORD, counts=False)
    assert records.reduce(RECORD, held.ops).body is None
    alone = records.reduce(RECORD, [blind])
    assert (alone.body, alone.refused) == (None, ((blind.id, "wrong_state"),))


def test_a_record_that_lacks_something_has_no_effect_and_its_reason_is_kept() -> None:
    found = records.reduce(RECORD, said(replace(DECISION, text="")).ops)
    assert (found.body, found.refused) == (None, ((RECORD, "field_invalid"),))


def test_of_a_record_that_does_not_count_nothing_is_known() -> None:
    history = said(author=ADMIN)
    ranked = records.reduce(history.entity, history.ops)
    assert ranked.body == DECISION and ranked.is_ranked
    history.ops = [replace(op, counts=False) for op in history.ops]
    assert records.reduce(history.entity, history.ops) == records.Fold(None, False, None, ())


def test_a_held_act_is_passed_over_and_a_held_one_too_many_is_not_refused() -> None:
    history = said()
    history.act(CREATOR, Merge(history.entity), counts=False)
    gone = history.act(CREATOR, RecordRetract(history.entity, ""))
    found = records.reduce(history.entity, history.ops)
    assert (found.retracted, found.refused) == (gone.id, ())
    history = said()
    for _ in range(9):
        history.act(CREATOR, RecordRetract(history.entity, ""), history.ops[:1], counts=False)
    assert records.reduce(history.entity, history.ops).refused == ()


def test_a_ninth_head_of_an_author_is_refused() -> None:
    history = said()
    made = history.ops[:1]
    late = [history.act(CREATOR, RecordRetract(RECORD, ""), made) for _ in range(9)]
    ninth = max(late, key=lambda op: op.id)
    assert records.reduce(RECORD, history.ops).refused == ((ninth.id, OVER_LIMIT),)
