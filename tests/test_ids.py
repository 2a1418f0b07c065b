"""Ids and member ids: one text for one value, short forms that never guess."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import ids
from envoy.core.crypto import sign
from envoy.errors import EnvoyError, UsageError
from vectorfile import bad, good, load
from vectors import make_did, make_ids

RAW = st.binary(min_size=32, max_size=32)


def read_id(case: dict[str, Any]) -> bytes:
    """Read the id of a vector as a face does: in full, or among the ids that a store holds."""
    if "known" not in case:
        return ids.from_text(case["text"], *case["prefixes"])
    low, high = ids.span(case["text"], *case["prefixes"])
    found = [raw for raw in map(bytes.fromhex, case["known"]) if low <= raw <= high]
    return ids.choose(case["text"], found, case["prefixes"][0])


def read_did(text: str) -> bytes:
    """Read a member id as the command line does: its form, then whether its key can sign."""
    key = ids.did_key(text)
    if not sign.is_valid_key(key):
        raise UsageError("invalid_argument", cause="bad_key")
    return key


def test_the_vector_files_are_what_their_scripts_write() -> None:
    assert load("ids") == make_ids.vectors()
    assert load("did") == make_did.vectors()


@pytest.mark.parametrize(("case", "expect"), good("ids"))
def test_a_good_id_is_read(case: dict[str, Any], expect: str) -> None:
    assert read_id(case).hex() == expect


@pytest.mark.parametrize(("case", "code"), bad("ids"))
def test_a_bad_id_is_refused(case: dict[str, Any], code: str) -> None:
    with pytest.raises(EnvoyError) as caught:
        read_id(case)
    assert caught.value.code == code


@pytest.mark.parametrize(("text", "expect"), good("did"))
def test_a_good_member_id_is_read_and_written_back(text: str, expect: str) -> None:
    assert read_did(text).hex() == expect
    assert ids.did_text(bytes.fromhex(expect)) == text


@pytest.mark.parametrize(("text", "code"), bad("did"))
def test_a_bad_member_id_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_did(text)
    assert caught.value.details["cause"] == code


@given(RAW, st.sampled_from(ids.PREFIXES))
def test_an_id_comes_back_from_its_text(raw: bytes, prefix: str) -> None:
    text = ids.to_text(prefix, raw)
    assert ids.from_text(text, prefix) == raw
    assert text == prefix + "_" + base64.b32encode(raw).decode().rstrip("=").lower()


@given(RAW, st.integers(6, 51))
def test_every_short_form_spans_the_id_it_was_cut_from(raw: bytes, symbols: int) -> None:
    text = ids.to_text("task", raw)
    low, high = ids.span(text[: 5 + symbols], "task")
    assert low <= raw <= high and low < high
    assert all(ids.to_text("task", end).startswith(text[: 5 + symbols]) for end in (low, high))


@given(RAW)
def test_a_member_id_comes_back_from_its_text(key: bytes) -> None:
    text = ids.did_text(key)
    assert ids.did_key(text) == key
    assert text.startswith("did:key:z6Mk")


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_any_other_text_is_refused_and_never_breaks(text: str) -> None:
    with pytest.raises(UsageError):
        ids.from_text(text, *ids.PREFIXES)
    with pytest.raises(UsageError):
        ids.did_key("did:key:z" + text)


def test_an_ambiguous_id_names_what_it_may_stand_for() -> None:
    with pytest.raises(EnvoyError) as caught:
        ids.choose("task_aaaaaa", [bytes(32), bytes(31) + b"\x10"], "task")
    listed = caught.value.details["matching_ids"]
    assert listed == ["task_" + "a" * 52, "task_" + "a" * 50 + "ia"]


def test_people_see_six_symbols_and_eight_hex_digits() -> None:
    key = bytes(range(32))
    assert ids.short(ids.to_text("task", key)) == "task_aaaqea"
    digits = hashlib.sha256(b"envoy/1 fp\x00" + key).hexdigest()
    assert ids.fingerprint(key) == f"{digits[:4]} {digits[4:8]}"


@pytest.mark.parametrize("missing", [{"_sha2"}, {"_sha2", "_sha256"}])
def test_a_build_without_the_lean_hash_gives_the_same_bytes(
    missing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location("ids_without_lean_hash", ids.__file__)
    assert spec and spec.loader
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    assert other.fingerprint(bytes(32)) == ids.fingerprint(bytes(32))
