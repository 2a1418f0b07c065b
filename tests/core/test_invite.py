"""Invites: a code read aloud, all that follows from it, and a proof that fits one joiner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import invite
from envoy.core.crypto import sign
from envoy.core.joining import Joining, check_proof
from envoy.core.structs import replace
from envoy.errors import ConflictError, EnvoyError, InternalError, RemoteFault
from oracle import scene
from vectorfile import bad, good, load
from vectors import make_invite

Case = dict[str, Any]
KEYS = invite.invite_keys(make_invite.SECRET)
SECRETS = st.binary(min_size=15, max_size=15).map(invite.new_secret)


def raw(text: str) -> bytes:
    """Return the bytes that a vector writes as hex."""
    return bytes.fromhex(text)


def parse(case: Case) -> Case:
    """Read a code or URI, and write it again."""
    found = invite.parse(case["text"])
    assert invite.parse(invite.uri(found.secret, relay=found.relay, pin=found.pin)) == found
    return {"secret": found.secret, "relay": found.relay, "pin": found.pin}


def keys(case: Case) -> Case:
    """Derive all keys of a code."""
    secret = raw(case["secret"])
    found = invite.invite_keys(secret)
    named = {name: getattr(found, name) for name in found.__struct_fields__}
    key = sign.extract(b"envoy/1 invite", secret)
    return {**named, "key": key, "ipk": invite.ipk(found)}


def blob(case: Case) -> Case:
    """Open a blob, and seal it again."""
    found = invite.invite_keys(raw(case["secret"]))
    info = invite.open_blob(found, raw(case["blob"]))
    assert invite.seal_blob(found, info, raw(case["blob"])[:24]) == raw(case["blob"])
    return {name: getattr(info, name) for name in info.__struct_fields__}


def proof(case: Case) -> bool:
    """Check a redeem proof."""
    names = ("space", "invite", "author", "kid", "access")
    joining = Joining(*(raw(case[name]) for name in names))
    return check_proof(raw(case["ipk"]), raw(case["proof"]), joining)


def request(case: Case) -> Case:
    """Open a join request."""
    found = invite.open_request(*(raw(case[name]) for name in ("seed", "lookup", "sealed")))
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return fields | {"keys": [found.keys.statement, found.keys.sig]}


def answer(case: Case) -> Case:
    """Open the answer to a join request."""
    found = invite.open_reply(*(raw(case[name]) for name in ("seed", "lookup", "sealed")))
    return {name: getattr(found, name) for name in found.__struct_fields__}


OPS: dict[str, Callable[[Case], object]] = {
    "request": request,
    "answer": answer,
    "code": lambda case: invite.code(raw(case["secret"])),
    "secret": lambda case: invite.new_secret(raw(case["entropy"])),
    "parse": parse,
    "keys": keys,
    "blob": blob,
    "proof": proof,
}


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("invite") == make_invite.vectors()


@pytest.mark.parametrize(("case", "expect"), good("invite"))
def test_an_invite_gives_what_the_vectors_say(case: Case, expect: object) -> None:
    assert scene.shown(OPS[case["op"]](case)) == expect


@pytest.mark.parametrize(("case", "code"), bad("invite"))
def test_a_bad_code_or_blob_is_refused(case: Case, code: str) -> None:
    with pytest.raises((EnvoyError, RemoteFault)) as caught:
        OPS[case["op"]](case)
    assert isinstance(caught.value, EnvoyError | RemoteFault) and caught.value.code == code


@given(SECRETS, st.text("- ", max_size=8), st.booleans())
def test_every_secret_comes_back_from_its_code(secret: bytes, noise: str, lower: bool) -> None:
    text = invite.code(secret)
    text = text[:7] + noise + text[7:]
    assert invite.parse_code(text.lower() if lower else text) == secret


@settings(max_examples=60)
@given(SECRETS, st.integers(0, 23), st.integers(1, 31))
def test_a_symbol_misheard_is_noticed_thirty_one_times_in_thirty_two(
    secret: bytes, at: int, by: int
) -> None:
    symbols = invite.code(secret).replace("-", "")
    value = invite.ALPHABET[(invite.ALPHABET.index(symbols[at]) + by) % 32]
    try:
        found = invite.parse_code(symbols[:at] + value + symbols[at + 1 :])
    except ConflictError:
        return
    assert found != secret


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_code_or_invalid_invite(text: str) -> None:
    try:
        assert len(invite.parse(text).secret) == invite.SECRET_BYTES
    except EnvoyError as error:
        assert str(error) == str(ConflictError("invalid_invite")) and error.details == {}


def test_a_proof_is_made_by_the_holder_of_the_code() -> None:
    joining = Joining(
        scene.SPACE, make_invite.INVITE, scene.WRITER, make_invite.KID, make_invite.ACCESS
    )
    made = invite.prove(KEYS, joining)
    assert check_proof(invite.ipk(KEYS), made, joining)
    assert not check_proof(invite.ipk(KEYS), made, joining._replace(author=scene.OTHER))


def test_a_minter_publishes_nothing_that_no_joiner_could_read() -> None:
    right = invite.open_blob(KEYS, make_invite.blob(make_invite.plain_of(make_invite.OPEN)))
    assert len(invite.seal_blob(KEYS, right, bytes(24))) == limits.INVITE_BLOB_BYTES
    with pytest.raises(RemoteFault, match="malformed"):
        invite.seal_blob(KEYS, replace(right, role="guest"), bytes(24))


@pytest.mark.parametrize("size", [0, 14, 16])
def test_a_secret_of_another_length_makes_no_code(size: int) -> None:
    for make in (invite.new_secret, invite.code, invite.invite_keys):
        with pytest.raises(InternalError):
            make(bytes(size))


def test_secrets_do_not_stand_in_texts() -> None:
    link = invite.parse(make_invite.CODE)
    for value, secret in ((KEYS, KEYS.redeem), (link, link.secret)):
        assert repr(secret) not in repr(value)
