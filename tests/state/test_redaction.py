"""Redactions: whose counts, whose is refused, and that no order of arrival matters."""

from __future__ import annotations

import itertools

from envoy.core.bodies import Message, MessageRedact
from envoy.core.objects import ObjectPut, ObjectRetract
from envoy.state import content
from histories import ADMIN, CREATOR, FIRST, TASK, History

SAID = Message("text", None, (), (), (), None)
HIDE = MessageRedact(TASK, "")


def said(*, counts: bool = True) -> History:
    """Return a message by CREATOR."""
    history = History(None)
    history.act(CREATOR, SAID, id=TASK, counts=counts)
    return history


def test_the_first_redaction_of_author_or_admin_stands() -> None:
    history = said()
    stranger = history.act(FIRST, HIDE)
    blind = history.act(ADMIN, HIDE, [])
    held = history.act(CREATOR, HIDE, counts=False)
    stands = history.act(ADMIN, HIDE, history.ops[:1])
    history.act(CREATOR, HIDE)
    for order in itertools.permutations(history.ops):
        found = content.reduce_message(TASK, order)
        assert found.by == stands.id and held.id not in dict(found.refused)
        assert dict(found.refused) == {
            stranger.id: "redact_without_rank",
            blind.id: "wrong_state",
        }


def test_a_held_message_is_redacted_too_and_one_that_is_not_here_is_not() -> None:
    history = said(counts=False)
    by = history.act(CREATOR, HIDE)
    assert content.reduce_message(TASK, history.ops).by == by.id
    assert content.reduce_message(TASK, history.ops[1:]).by is None
    assert content.reduce_message(TASK, []).by is None


def test_a_held_redaction_hides_nothing() -> None:
    history = said()
    history.act(CREATOR, HIDE, counts=False)
    assert content.reduce_message(TASK, history.ops).by is None
    later = history.act(CREATOR, HIDE)
    assert content.reduce_message(TASK, history.ops).by == later.id


def test_a_flood_of_redactions_is_cut() -> None:
    history = said()
    for _ in range(9):
        history.act(FIRST, HIDE, history.ops[:1])
    found = content.reduce_message(TASK, history.ops)
    assert sorted(dict(found.refused).values()) == ["over_limit"] + ["redact_without_rank"] * 8
    held = said()
    for _ in range(9):
        held.act(FIRST, HIDE, held.ops[:1], counts=False)
    assert content.reduce_message(TASK, held.ops).refused == (), "what is held has no part"


PUT = ObjectPut(bytes(32), "hull.png", "image/png", 0, bytes(32), bytes(32), (), None, None)
TAKE_BACK = ObjectRetract(TASK, "")


def test_a_reference_to_a_file_is_taken_back_by_its_author_or_an_admin() -> None:
    history = History(None)
    history.act(CREATOR, PUT, id=TASK)
    stranger = history.act(FIRST, TAKE_BACK)
    history.act(ADMIN, HIDE)  # of a message: nothing here
    blind = history.act(ADMIN, TAKE_BACK, [])
    stands = history.act(CREATOR, TAKE_BACK, history.ops[:1])
    for order in itertools.permutations(history.ops):
        found = content.reduce_object(TASK, order)
        assert found.by == stands.id
        assert dict(found.refused) == {
            stranger.id: "retract_without_rank",
            blind.id: "wrong_state",
        }
