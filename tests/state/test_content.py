"""Cards and the fields of a space: the simple folds."""

from __future__ import annotations

import itertools

import pytest

from envoy.core.bodies import Card, MemberKeys, Merge, SpacePolicy, SpaceUpdate, Statement
from envoy.state import content
from envoy.state.content import Labels
from histories import ADMIN, FIRST, OTHER_ADMIN, TASK, History, fixed

SPACE = TASK  # the tie of ADMIN and OTHER_ADMIN is whatever it is; tests ask for it


def card(name: str, kind: str = "agent") -> Card:
    """Return a card."""
    return Card(name, kind, "1.0.0", None, ("inbox",))


# -- cards -----------------------------------------------------------------------------------


def test_a_member_without_a_card_has_no_labels() -> None:
    history = History(None, entity=FIRST)
    history.act(FIRST, MemberKeys(Statement(b"", bytes(64))))
    assert content.reduce_member(FIRST, history.ops) == Labels(None, None, None, None, None, ())


def test_the_card_of_the_greatest_lam_and_id_is_shown() -> None:
    history = History(None, entity=FIRST)
    history.act(FIRST, card("old"))
    history.act(FIRST, card("beside"), [])
    last = history.act(FIRST, card("new", "human"), history.ops[:1])
    expected = Labels(last.id, "new", "human", "1.0.0", None, ("inbox",))
    for order in itertools.permutations(history.ops):
        assert content.reduce_member(FIRST, order) == expected


def test_what_else_a_member_does_takes_no_card_away() -> None:
    history = History(None, entity=FIRST)
    history.act(FIRST, card("shown"))
    history.act(FIRST, MemberKeys(Statement(b"", bytes(64))))
    history.act(FIRST, Merge(FIRST))
    assert content.reduce_member(FIRST, history.ops).name == "shown"


def test_a_held_card_is_not_shown_and_an_admitted_one_stands_with_its_admit() -> None:
    history = History(None, entity=FIRST)
    history.act(FIRST, card("shown"))
    history.act(FIRST, card("held"), counts=False)
    assert content.reduce_member(FIRST, history.ops).name == "shown"
    history.act(FIRST, card("admitted"), [], admitted=(9, fixed("admit")))
    assert content.reduce_member(FIRST, history.ops).name == "admitted"


# -- the fields of a space -------------------------------------------------------------------


def updated(*texts: tuple[bytes, str | None, str | None]) -> History:
    """Return updates of a space that nobody had seen of each other."""
    history = History(None, entity=SPACE)
    for author, name, description in texts:
        history.act(author, SpaceUpdate(name, description), [])
    return history


def test_fields_that_nobody_wrote_are_left_to_the_genesis() -> None:
    history = History(None, entity=SPACE)
    history.act(ADMIN, Merge(SPACE))
    found = content.reduce_space(SPACE, history.ops)
    assert (found.name, found.description, found.conflicts) == (None, None, ())
    assert found.heads == (history.ops[0].id,)


def test_each_field_is_a_register_of_its_own() -> None:
    history = updated((ADMIN, "name", None), (OTHER_ADMIN, None, "about"))
    found = content.reduce_space(SPACE, history.ops)
    assert (found.name, found.description, found.conflicts) == ("name", "about", ())
    history.act(ADMIN, SpaceUpdate(None, ""))
    found = content.reduce_space(SPACE, history.ops)
    assert (found.name, found.description, found.conflicts) == ("name", "", ())


def test_two_admins_beside_each_other_are_one_conflict_on_both_fields() -> None:
    history = updated((ADMIN, "one", "first"), (OTHER_ADMIN, "two", "second"))
    found = content.reduce_space(SPACE, history.ops)
    assert (found.name, found.description) in {("one", "first"), ("two", "second")}
    (conflict,) = found.conflicts
    assert (conflict.kind, conflict.rule, conflict.is_open) == ("field_conflict", "tie", True)
    assert {conflict.winner, conflict.loser} == {op.id for op in history.ops}
    assert content.reduce_space(SPACE, reversed(history.ops)) == found


def test_a_conflict_stays_open_while_one_of_the_fields_is_not_written_again() -> None:
    history = updated((ADMIN, "one", "first"), (OTHER_ADMIN, "two", "second"))
    history.act(ADMIN, SpaceUpdate("three", None))
    assert [one.is_open for one in content.reduce_space(SPACE, history.ops).conflicts] == [True]
    history.act(ADMIN, SpaceUpdate(None, "third"))
    found = content.reduce_space(SPACE, history.ops)
    assert [one.is_open for one in found.conflicts] == [False]
    assert (found.name, found.description) == ("three", "third")


# -- the policy ----------------------------------------------------------------------------------


def ruled(*acts: tuple[bytes, content.Policy]) -> History:
    """Return acts on a policy that nobody had seen of each other."""
    history = History(None, entity=SPACE)
    for author, policy in acts:
        history.act(author, SpacePolicy(policy), [])
    return history


def test_each_field_of_a_policy_is_a_register_of_its_own() -> None:
    history = ruled((ADMIN, (("audit", "free"), ("gate.reviews", 2))))
    history.act(OTHER_ADMIN, SpacePolicy((("gate.reviews", 0),)))
    history.act(OTHER_ADMIN, SpaceUpdate("name", None))
    found = content.reduce_space(SPACE, history.ops)
    assert found.policy == (("audit", "free"), ("gate.reviews", 0)) and found.name == "name"
    assert found.conflicts == ()


def test_two_policies_beside_each_other_are_one_conflict() -> None:
    both = (("audit", "free"), ("lease_s", 60))
    history = ruled((ADMIN, both), (OTHER_ADMIN, (("audit", "keep"), ("lease_s", 120))))
    found = content.reduce_space(SPACE, history.ops)
    assert [(one.kind, one.is_open) for one in found.conflicts] == [("field_conflict", True)]
    assert content.reduce_space(SPACE, reversed(history.ops)) == found


def test_a_held_policy_has_no_part() -> None:
    history = ruled((ADMIN, (("audit", "free"),)))
    history.act(OTHER_ADMIN, SpacePolicy((("audit", "keep"),)), counts=False)
    assert content.reduce_space(SPACE, history.ops).policy == (("audit", "free"),)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        pytest.param("audit", ["keep", "free"], ["none", True, 1, None, ("keep",)], id="audit"),
        pytest.param("gate.reviews", [0, 100], [-1, 101, True, "1", None], id="reviews"),
        pytest.param("gate.no_self_review", [True, False], [1, "true", None], id="self-review"),
        pytest.param("lease_s", [60, 86_400], [59, 86_401, True, None], id="lease"),
        pytest.param(
            "gate.review_by",
            [(), ("human", "owner", "admin", "write", "read"), ("human",) * 32],
            [("robot",), "human", ("human",) * 33, None],
            id="reviewers",
        ),
        pytest.param(
            "gate.evidence",
            [(), ("e",), ("test",), ("e" * 64,) * 32],
            ["test", ("",), ("e" * 65,), ("e",) * 33, None],
            id="evidence",
        ),
        pytest.param("zeal", [], [1, "much"], id="a field of later versions"),
    ],
)
def test_a_bad_value_never_replaces_a_good_one(
    field: str, good: list[content.PolicyValue], bad: list[content.PolicyValue]
) -> None:
    for value in good:
        history = ruled((ADMIN, ((field, value),)))
        for wrong in bad:
            history.act(OTHER_ADMIN, SpacePolicy(((field, wrong),)))
        found = content.reduce_space(SPACE, history.ops)
        assert found.policy == ((field, value),) and found.conflicts == ()
    assert content.sound_policy(tuple((field, value) for value in bad)) == ()
