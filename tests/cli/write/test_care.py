"""`fingerprint`: the forms of a key that people compare, of me and of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console

STRANGER = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"  # RFC 8032 key 1


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home in which lead and a1 share a space."""
    console = Console(tmp_path)
    code = console.ok("--profile", "lead", "quickstart", "--human")["invite_code"]
    console.ok("--profile", "a1", "join", code, "--name", "a1")
    return console


def test_both_sides_see_one_safety_number(console: Console) -> None:
    lead = console.ok("--profile", "lead", "fingerprint", "@a1")
    agent = console.ok("--profile", "a1", "fingerprint", "@lead")
    assert lead["safety_number"] == agent["safety_number"] is not None
    assert lead["member"]["display_name"] == "a1"
    assert lead["fingerprint"] != agent["fingerprint"]


def test_my_own_fingerprint_has_no_safety_number(console: Console) -> None:
    mine = console.ok("--profile", "a1", "fingerprint")
    assert mine["safety_number"] is None and len(mine["words"]) == 6
    shown = console.call("--profile", "a1", "fingerprint")
    assert mine["full"] not in shown.out and " ".join(mine["words"]) in shown.out
    assert mine["full"] in console.call("--profile", "a1", "fingerprint", "--full").out


def test_two_others_can_be_compared(console: Console) -> None:
    pair = console.ok("--profile", "lead", "fingerprint", "@a1", "--with", STRANGER)
    turned = console.ok("--profile", "a1", "fingerprint", STRANGER)
    assert pair["safety_number"] == turned["safety_number"]
    assert pair["with"]["member_id"] == STRANGER
    mine = console.ok("--profile", "lead", "fingerprint", "@a1")
    assert mine["with"]["display_name"] == "lead" and mine["safety_number"] != pair["safety_number"]


def test_a_did_that_shares_no_space_can_be_compared_too(console: Console) -> None:
    found = console.ok("--profile", "a1", "fingerprint", STRANGER)
    assert found["member"]["member_id"] == STRANGER and found["safety_number"] is not None
    shown = console.call("--profile", "a1", "fingerprint", STRANGER)
    assert found["safety_number"] in shown.out


def test_a_member_nobody_knows_is_not_found(console: Console) -> None:
    refused = console.call("--profile", "a1", "--json", "fingerprint", "@nobody")
    assert refused.status == 3 and refused.data["error_code"] == "not_found"


def test_a_profile_without_a_space_can_be_asked(console: Console) -> None:
    console.ok("--profile", "solo", "init", "--name", "Solo")
    assert console.ok("--profile", "solo", "fingerprint")["member"]["display_name"] == "Solo"
