"""The words of the folds: causes, reasons and rules, as scripts and other builds know them.

They are wire contract (add, never rename), so they stand here once more, by hand: the other tests
name the constants, and would follow a slip.
"""

from __future__ import annotations

from types import ModuleType

import pytest

from envoy.core import capability
from envoy.state import (
    authority,
    claims,
    content,
    doubles,
    epochs,
    fields,
    gates,
    lines,
    needs,
    records,
    registers,
    reviews,
    settling,
    status,
    transitions,
)

WORDS: dict[ModuleType, dict[str, str]] = {
    capability: {
        "NO_GRANT": "S2 no grant",
        "NOT_SUBJECT": "S2 not the subject",
        "BAD_PROOF": "S2 proof",
        "BAD_BODY": "S3 body",
        "NO_CAP": "S3 cap",
        "OUT_OF_SCOPE": "S3 scope",
        "SELF_GRANT": "S3 self",
        "FOUNDER_STAYS": "S3 founder",
        "BAD_NUMBER": "S3 number",
        "BAD_INVITE": "S3 invite",
        "BAD_EPOCH": "S3 epoch",
        "DEPTH_BEYOND": "S4 depth",
        "SCOPE_BEYOND": "S4 scope",
        "END_BEYOND": "S4 end",
        "OUTSIDER": "S4 outsider",
        "TOO_LATE": "S5 end",
    },
    authority: {
        "UNDER_LOST": "R1 lost grant",
        "AFTER": "R3 after",
        "BESIDE": "R3 beside",
        "UNDONE": "R4 undone",
        "OVER_COUNT": "R4 over count",
        "ADMITTED": "R5 admitted",
        "OVER_USED": "R6 over-used",
        "CLOSED": "R7 closed",
    },
    claims: {"CLAIM": "claim", "DOUBLE_FENCE": "double_fence"},
    content: {
        "REDACT_WITHOUT_RANK": "redact_without_rank",
        "RETRACT_WITHOUT_RANK": "retract_without_rank",
    },
    doubles: {"FORK": "fork", "OVERUSED": "invite_overused", "BOTH": "both", "USES": "uses"},
    fields: {"NEED": "need", "PARENT": "parent"},
    gates: {"HUMAN": "human", "PREFIX": "gate."},
    lines: {"RESOLVE": "conflict.resolve", "ATTACH": "attach", "HANDOFF": "handoff"},
    needs: {"REFUSED": "needs_cycle"},
    records: {
        "FIELD_INVALID": "field_invalid",
        "RECORD_WITHOUT_RANK": "record_without_rank",
        "RETRACT_WITHOUT_RANK": "retract_without_rank",
        "SUPERSEDES": "supersedes",
    },
    registers: {"OVER_LIMIT": "over_limit", "FIELD_CONFLICT": "field_conflict"},
    reviews: {"RACED": "gate_raced"},
    settling: {"RESOLVE_WITHOUT_RANK": "resolve_without_rank"},
    status: {
        "CANCEL": "cancel",
        "REOPEN": "reopen",
        "COMPLETE": "complete",
        "FENCE_STALE": "fence_stale",
        "RACED": "complete_raced",
        "LATE_RESULT": "complete_after_loss",
        "LATE_WORK": "progress_after_loss",
    },
    transitions: {
        "NONE": "none",
        "WRONG_STATE": "wrong_state",
        "STALE_REVIEW": "stale_review",
    },
}


@pytest.mark.parametrize("module", WORDS, ids=lambda module: str(module.__name__))
def test_the_words_of_a_module_are_these(module: ModuleType) -> None:
    assert {name: getattr(module, name) for name in WORDS[module]} == WORDS[module]


def test_what_becomes_of_an_event_and_what_is_owed_before_a_write_have_these_names() -> None:
    assert [str(one) for one in authority.Status] == ["ok", "ok*", "held", "void", "invalid"]
    assert [str(one) for one in epochs.Duty] == ["write", "rotate", "repeat", "refuse"]


def test_conflicts_of_chains_and_invites_have_two_kinds() -> None:
    assert doubles.KINDS == ("fork", "invite_overused")


def test_a_gate_and_a_policy_have_these_fields() -> None:
    assert gates.FIELDS == ("evidence", "no_self_review", "review_by", "reviews")
    assert content.POLICY == (
        "audit",
        "gate.evidence",
        "gate.no_self_review",
        "gate.review_by",
        "gate.reviews",
        "lease_s",
    )
    assert content.AUDITS == ("keep", "free")
    assert content.REVIEWERS == ("human", "read", "write", "admin", "owner")


def test_caps_are_bits_and_a_role_has_those_of_the_lesser_ones() -> None:
    assert capability.CAPS == {
        "read": 1,
        "write": 2,
        "grant": 4,
        "admin": 8,
        "own": 16,
        "join": 32,
    }
    assert capability.ROLE_CAPS == {"read": 1, "write": 3, "admin": 15, "owner": 31}
    assert capability.ROLE_NEEDS == {"read": 4, "write": 4, "admin": 8, "owner": 16}
    assert capability.INVITE_ROLES == ("read", "write")
    assert (capability.CLASSES, capability.OTHERS) == ({"owner": 0, "admin": 1}, 2)
    assert {"genesis", "grant", "role", "join"} == capability.ROLE_KINDS
