"""Identity: one root gives all keys, words give the root, and nothing else passes for either."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import ids
from envoy.core import cards, identity
from envoy.core.crypto import seal, sign
from envoy.core.identity import Identity, Stored
from envoy.errors import EnvoyError, IntegrityError, RemoteFault, UsageError
from vectorfile import bad, good, load
from vectors import make_identity, make_people

ME = Identity(bytes(range(32)))
SPACE = b"\x11" * 32


def answer(case: dict[str, Any]) -> object:
    """Return what the function of a vector answers."""
    match case["op"]:
        case "derive":
            return derived(Identity(bytes.fromhex(case["root"])), case).hex()
        case "words":
            return " ".join(identity.recovery_words(bytes.fromhex(case["root"])))
        case "root":
            return identity.root_from_words(case["text"]).hex()
        case "statement":
            return stated(case)
        case "record":
            stored = recorded(case)
            root, name, enc_no = stored.identity.root.hex(), stored.name, stored.enc_no
            return {"root": root, "name": name, "enc_no": enc_no}
        case "fingerprint":
            key = bytes.fromhex(case["key"])
            words, full = identity.fingerprint_words(key), identity.fingerprint_full(key)
            return {"short": ids.fingerprint(key), "words": " ".join(words), "full": full}
        case "safety":
            one, other = map(bytes.fromhex, case["keys"])
            return identity.safety_number(one, other)
        case "space":
            heads = map(bytes.fromhex, case["heads"])
            return identity.space_fingerprint(bytes.fromhex(case["space"]), heads).hex()
        case "card":
            return carded(case)
    raise AssertionError(f"unknown op {case['op']}")


def carded(case: dict[str, Any]) -> dict[str, object]:
    """Return what the card string of a vector says, which is made again the same."""
    found = cards.read(case["text"])
    keys, labels = found.keys, found.card
    enc = identity.check_statement(keys.statement, keys.sig, did=found.did, space=None).enc
    holder = Identity(bytes.fromhex(case["root"]))
    assert cards.make(holder, labels, ts=case["ts"]) == case["text"]
    told = [labels.name, labels.type, labels.version, labels.service, list(labels.capabilities)]
    return {"did": found.did.hex(), "labels": told, "enc": enc.hex()}


def recorded(case: dict[str, Any]) -> Stored:
    """Return what the record of a vector holds, which is written again the same."""
    lock, wrap = identity.check_record(case["record"]), None
    if "secret" in case:
        wrap = identity.lock_key(lock, bytes.fromhex(case["secret"]))
    stored = identity.from_record(case["record"], wrap)
    assert identity.to_record(stored, lock, wrap or b"") == case["record"]
    return stored


def derived(holder: Identity, case: dict[str, Any]) -> bytes:
    """Return the key that a vector asks for."""
    of = bytes.fromhex(case["of"]) if case.get("of") else None
    found = getattr(holder, case["key"])
    if "no" in case:
        value: bytes = found(case["no"], of)
        return value
    value = found if of is None else found(of)
    return value


def stated(case: dict[str, Any]) -> dict[str, int]:
    """Return number and time of a vector's statement, made again where its root is known."""
    statement, sig = bytes.fromhex(case["statement"]), bytes.fromhex(case["sig"])
    space = None if case["space"] is None else bytes.fromhex(case["space"])
    found = identity.check_statement(statement, sig, did=bytes.fromhex(case["did"]), space=space)
    if "root" in case:
        holder = Identity(bytes.fromhex(case["root"]))
        again = identity.make_statement(holder, space, no=found.no, ts=found.ts)
        assert again == (statement, sig)
    return {"no": found.no, "ts": found.ts}


def details_of(name: str) -> dict[str, Any]:
    """Return what else the error of vector ``name`` says."""
    found = [vector for vector in load("identity") if vector["name"] == name]
    details: dict[str, Any] = found[0]["details"]
    return details


def test_the_vector_files_are_what_their_scripts_write() -> None:
    assert load("identity") == make_identity.vectors()
    assert load("people") == make_people.vectors()


@pytest.mark.parametrize(("case", "expect"), [*good("identity"), *good("people")])
def test_the_answer_is_the_expected_one(case: dict[str, Any], expect: object) -> None:
    assert answer(case) == expect


@pytest.mark.parametrize(("case", "code"), [*bad("identity"), *bad("people")])
def test_anything_else_is_refused(case: dict[str, Any], code: str) -> None:
    with pytest.raises((EnvoyError, RemoteFault)) as caught:
        answer(case)
    assert isinstance(caught.value, EnvoyError | RemoteFault)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(vector["name"], id=vector["name"])
        for vector in load("identity")
        if "details" in vector
    ],
)
def test_a_wrong_word_is_named_by_its_place_and_never_shown(name: str) -> None:
    text = next(v["input"]["text"] for v in load("identity") if v["name"] == name)
    with pytest.raises(UsageError) as caught:
        identity.root_from_words(text)
    assert caught.value.details == details_of(name)
    said = f"{caught.value} {caught.value.details}".split()
    assert not set(text.split()) & set(said)


# -- roots ------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32))
def test_every_root_comes_back_from_its_words(root: bytes) -> None:
    words = identity.recovery_words(root)
    assert len(words) == 24
    assert identity.root_from_words(" ".join(words)) == root


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_any_other_text_is_refused_and_never_breaks(text: str) -> None:
    with pytest.raises(UsageError):
        identity.root_from_words(text)


@given(st.binary(min_size=32, max_size=32), NAMES, st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_every_record_comes_back(root: bytes, name: str, enc_no: int) -> None:
    stored = Stored(Identity(root), name, enc_no)
    assert identity.from_record(identity.to_record(stored)) == stored


def test_a_root_never_shows_in_a_representation() -> None:
    for text in (repr(ME), str(ME), f"{Stored(ME, 'lead', 0)}", repr([ME])):
        assert "Identity(...)" in text
        assert repr(ME.root) not in text and ME.root.hex() not in text


def test_no_two_keys_of_a_root_are_the_same() -> None:
    other = b"\x22" * 32
    found = [
        ME.signing_seed,
        ME.access_seed(SPACE),
        ME.access_seed(other),
        ME.space_root_seed(SPACE),
        ME.enc_seed(0, SPACE),
        ME.enc_seed(1, SPACE),
        ME.enc_seed(0, other),
        ME.enc_seed(0, None),
        ME.backup_key,
        ME.root,
    ]
    assert len(set(found)) == len(found)
    assert ME.check not in {key[:8] for key in found}


def test_the_did_is_a_key_that_verifies_what_the_seed_signs() -> None:
    sig = sign.sign(ME.signing_seed, "event", b"inner")
    assert sign.is_valid_key(ME.did)
    assert sign.verify(ME.did, "event", sig, b"inner")
    assert seal.is_usable(ME.enc_key(0, SPACE))


def test_a_damaged_record_names_no_secret() -> None:
    record = identity.to_record(Stored(ME, "lead", 0)) | {"check": "AAAAAAAAAAA"}
    with pytest.raises(IntegrityError) as caught:
        identity.from_record(record)
    assert str(record["root"]) not in f"{caught.value} {caught.value.details}"
