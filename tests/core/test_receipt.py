"""Receipts: every field signed, read in one form only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import receipt
from envoy.core.receipt import Award, LogState
from envoy.errors import RemoteFault
from oracle import events, scene
from vectorfile import bad, good, load
from vectors import make_receipt

Case = dict[str, Any]
NUMBERS = st.integers(min_value=0, max_value=limits.INT_MAX)
IDS = st.binary(min_size=32, max_size=32)
AWARDS = st.builds(
    Award,
    space=IDS,
    no=NUMBERS,
    instance=st.binary(min_size=16, max_size=16),
    slot=IDS,
    fence=st.integers(min_value=1, max_value=limits.INT_MAX),
    event=IDS,
    holder=IDS,
    at=st.just(0),
    until=NUMBERS,
)


def judge(case: Case) -> object:
    """Do what a vector says; a signature that does not hold is the code bad_signature."""
    key = bytes.fromhex(case["hub_key"])
    if case["op"] == "push":
        raw = {name: bytes.fromhex(case[name]) for name in ("instance", "space", "h")}
        state = LogState(head=case["head"], at=case["at"], **raw)
        if not receipt.is_push_signed(state, bytes.fromhex(case["sig"]), key):
            raise RemoteFault("bad_signature")
        return True
    frame = bytes.fromhex(case["hex"])
    found = receipt.read_receipt(frame, bytes.fromhex(case["space"]))
    if not receipt.is_signed(found, key):
        raise RemoteFault("bad_signature")
    return {
        "id": receipt.receipt_id(frame).hex(),
        "signed_part": receipt._signed_part(found).hex(),
        **{
            name: value.hex() if isinstance(value, bytes) else value
            for name in make_receipt.GOOD
            for value in [getattr(found, name)]
        },
    }


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("receipt") == make_receipt.vectors()


@pytest.mark.parametrize(("case", "expect"), good("receipt"))
def test_a_good_receipt_is_read(case: Case, expect: object) -> None:
    assert judge(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("receipt"))
def test_a_bad_receipt_is_refused_with_its_code(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        judge(case)
    assert caught.value.code == code


@settings(max_examples=50)
@given(AWARDS)
def test_what_a_hub_issues_is_read_back_and_holds_under_its_key_alone(award: Award) -> None:
    frame = receipt.issue_receipt(make_receipt.HUB_SEED, award)
    found = receipt.read_receipt(frame, award.space)
    assert all(getattr(found, name) == getattr(award, name) for name in award.__struct_fields__)
    assert receipt.is_signed(found, scene.HUB)
    assert not receipt.is_signed(found, events.public(make_receipt.OTHER_SEED))


def test_the_issued_bytes_are_those_of_the_vector() -> None:
    frame = bytes.fromhex(load("receipt")[0]["input"]["hex"])
    found = receipt.read_receipt(frame, make_receipt.SPACE)
    award = Award(**{name: getattr(found, name) for name in Award.__struct_fields__})
    assert receipt.issue_receipt(make_receipt.HUB_SEED, award) == frame


def test_a_hub_signs_the_state_of_its_log() -> None:
    state = LogState(bytes(16), bytes(32), head=1, h=bytes(32), at=2)
    sig = receipt.sign_push(make_receipt.HUB_SEED, state)
    assert receipt.is_push_signed(state, sig, scene.HUB)
