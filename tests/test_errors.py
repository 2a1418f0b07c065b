"""Errors: one tree, stable codes, each with an exit status, a next action and one sentence."""

from __future__ import annotations

import re

import pytest

from envoy import errors
from envoy.errors import CODES, EnvoyError, InternalError, NotFoundError, RemoteFault, error

# Restated by hand from the interface, so that a slip in the table cannot agree with itself.
EXITS = {
    1: "internal storage_failed",
    2: "missing_required_flag invalid_argument unsupported_operation message_too_large"
    " object_too_large field_invalid field_policy invalid_url unsupported_scheme"
    " unsupported_destination",
    3: "space_not_found space_name_ambiguous id_ambiguous task_not_found not_found"
    " profile_not_found hosted_relay_invite_not_found",
    4: "epoch_revoked read_only capability_missing capability_expired not_assignee auth_failed"
    " egress_denied outranked self_review_denied",
    5: "task_unassigned task_already_claimed claim_unconfirmed lease_expired fence_stale"
    " needs_unmet invalid_transition review_required evidence_missing evidence_stale"
    " conflict_pending event_not_ok version_conflict idempotency_mismatch invalid_invite"
    " invite_already_redeemed enc_key_missing space_local_only space_closed already_exists"
    " limit_exceeded clock_ahead",
    6: "timeout inbox_wait_timeout wait_timeout nothing_ready hosted_relay_inviter_no_response",
    7: "relay_unavailable rate_limited quota_exceeded subscription_required"
    " connected_intent_unsatisfied clock_skew_ahead clock_skew_behind object_incomplete"
    " daemon_not_running send_status_unknown",
    8: "state_corrupt state_access_denied signature_invalid audit_invalid relay_inconsistent"
    " schema_too_new",
    9: "confirmation_required profile_locked",
}
CLASS_NAMES = {
    1: "InternalError",
    2: "UsageError",
    3: "NotFoundError",
    4: "AuthorityError",
    5: "ConflictError",
    6: "WaitTimeoutError",
    7: "RelayError",
    8: "IntegrityError",
    9: "NeedsHumanError",
}


def test_the_codes_and_their_exits_are_those_of_the_interface() -> None:
    found = {code: entry[0] for code, entry in CODES.items()}
    assert found == {code: exit for exit, codes in EXITS.items() for code in codes.split()}


@pytest.mark.parametrize("code", CODES)
def test_each_code_makes_the_error_of_its_exit(code: str) -> None:
    made = error(code, next_command="envoy status", task_id="task_x")
    assert type(made).__name__ == CLASS_NAMES[made.exit]
    assert (made.code, made.exit, made.next_action) == (code, *CODES[code][:2])
    assert (made.next_command, made.details) == ("envoy status", {"task_id": "task_x"})
    assert str(made) == f"{code}: {CODES[code][2]}"


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_a_snake_case_action_and_one_plain_sentence(code: str) -> None:
    _, action, sentence = CODES[code]
    assert re.fullmatch(r"[a-z][a-z_]*", code) and re.fullmatch(r"[a-z][a-z_]*", action)
    assert re.fullmatch(r"[A-Z][^.\n]{8,90}\.", sentence)


def test_an_error_of_the_wrong_class_is_a_bug() -> None:
    assert NotFoundError("task_not_found").exit == 3
    with pytest.raises(AssertionError, match="exit 3"):
        InternalError("task_not_found")


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(KeyError):
        error("no_such_code")


def test_every_class_has_its_own_exit_and_no_class_is_left_out() -> None:
    assert {kind.exit: kind for kind in EnvoyError.__subclasses__()} == errors.CLASSES


def test_a_remote_fault_is_never_taken_for_a_callers_mistake() -> None:
    assert not issubclass(RemoteFault, EnvoyError)
    assert RemoteFault("bad_link").code == "bad_link"


def test_a_remote_fault_has_a_door_code() -> None:
    with pytest.raises(AssertionError, match="no door code"):
        RemoteFault("task_not_found")


def test_door_codes_are_no_error_codes() -> None:
    assert not errors.DOOR_CODES & CODES.keys()
