"""Conflicts in words: no kind and no rule without them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from envoy import ids
from envoy.state import claims, doubles, status
from envoy.views import conflicts, rows
from envoy.views.people import People

ROOT = Path(__file__).parents[2]
TENURE_ACTS = ("create", "assign", "claim", "handoff", "release", "reopen")
# Written by hand, beside the code that makes them: those of no list.
KINDS = {
    *("field_conflict", "double_fence", "fence_stale", "complete_raced", "complete_after_loss"),
    *("stale_review", "gate_raced", *doubles.KINDS),
}
RULES = {
    doubles.BOTH,
    doubles.USES,
    "rank",
    "tie",
    "order",
    "kind",
    "tenure",
    "work",
    "fence",
    "gate",
    "replaced",
}


def test_every_kind_of_conflict_has_words() -> None:
    lost = {f"lost_{one}" for one in TENURE_ACTS}
    beside = {f"concurrent_{one}" for one in status.PRECEDENCE}
    assert conflicts.KIND_WORDS.keys() == KINDS | lost | beside


def test_every_rule_has_words() -> None:
    assert conflicts.RULE_WORDS.keys() == RULES | set(claims.RULES)


@pytest.mark.parametrize("page", ["tasks.md", "claims.md"])
def test_no_page_names_a_conflict_without_words(page: str) -> None:
    text = (ROOT / "docs/spec" / page).read_text("utf-8")
    shape = r"`((?:lost|concurrent)_[a-z_]*[a-z]|\w+_raced|field_conflict)`"
    named = set(re.findall(shape, text))
    assert named and named <= conflicts.KIND_WORDS.keys()


def row(**fields: Any) -> rows.Conflict:
    """Return a conflict."""
    made = rows.Conflict(1, bytes(32), b"t" * 32, "lost_claim", b"w" * 32, b"l" * 32, "tie", "open")
    return made._replace(**fields)


@pytest.mark.parametrize(
    ("found", "action"),
    [
        pytest.param(row(), "decide_anew_or_keep_a_side", id="a task lost"),
        pytest.param(row(kind="field_conflict"), "edit_anew_or_keep_a_side", id="a field"),
        pytest.param(row(kind="gate_raced"), "review_the_completion", id="a gate"),
        pytest.param(row(kind="fork"), "ask_the_author_and_keep_a_side", id="a fork"),
        pytest.param(row(status="resolved"), "nothing_to_do", id="settled"),
    ],
)
def test_an_open_conflict_says_what_to_do(found: rows.Conflict, action: str) -> None:
    assert conflicts.next_action(found) == action


def test_what_is_of_no_entity_leads_to_where_more_stands() -> None:
    (of_task,) = next_commands("lost_claim")
    (of_chain,), (of_invite,) = next_commands("fork"), next_commands("invite_overused")
    assert of_task.startswith("envoy task show task_")
    assert of_chain.startswith("envoy audit space_")
    assert of_invite.startswith("envoy invites list space_")


def next_commands(kind: str) -> list[str]:
    """Return what a resolved conflict of a kind leads to."""
    known = conflicts.Known({}, {}, People([], me=bytes(32), find_did=bytes))
    return list(conflicts.next_commands(row(kind=kind, status="resolved"), bytes(32), known))


def test_an_event_that_says_nothing_or_does_not_count_has_no_text() -> None:
    assert conflicts.said(None) is None
    assert ids.to_text("cfl", row().id).startswith("cfl_")
