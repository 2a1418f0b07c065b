"""What a record must have, and who takes it back."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import Merge, Ref
from envoy.core.records import Record, RecordRetract
from envoy.core.structs import replace
from envoy.state import records
from envoy.state.registers import OVER_LIMIT
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


def test_a_ninth_head_of_an_author_is_refused() -> None:
    history = said()
    made = history.ops[:1]
    late = [history.act(CREATOR, RecordRetract(RECORD, ""), made) for _ in range(9)]
    ninth = max(late, key=lambda op: op.id)
    assert records.reduce(RECORD, history.ops).refused == ((ninth.id, OVER_LIMIT),)
