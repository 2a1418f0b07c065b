"""Audit bundles as the vectors say: what verifies to what, and which part is refused for what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import bundles
import vectorfile
from envoy import ids
from envoy.core.crypto import aead
from envoy.core.crypto.seal import once_key
from envoy.core.crypto.sign import prefixed
from envoy.errors import RemoteFault

BAD = [pytest.param(one, id=one["name"]) for one in vectorfile.load("audit") if "code" in one]


@pytest.mark.parametrize(("given", "expect"), vectorfile.good("audit"))
def test_what_is_good_is_what_the_vectors_say(
    given: dict[str, Any], expect: dict[str, Any], tmp_path: Path
) -> None:
    if given["op"] == "verify":
        found = bundles.verified(bytes.fromhex(given["hex"]), tmp_path)
        told = {**found._asdict(), "fingerprint": found.fingerprint.hex()}
        assert told == expect
        return
    key, nonce = bytes.fromhex(given["key"]), bytes.fromhex(given["nonce"])
    context, sealed = bytes.fromhex(given["context"]), bytes.fromhex(given["ciphertext"])
    opener = once_key(key, nonce)
    assert opener.hex() == expect["opener"]
    assert (
        aead.decrypt_once(opener, nonce, prefixed("evt", context), sealed).hex()
        == expect["plaintext"]
    )


@pytest.mark.parametrize("vector", BAD)
def test_what_is_bad_is_refused_where_the_vectors_say(
    vector: dict[str, Any], tmp_path: Path
) -> None:
    told = bundles.first_bad(bytes.fromhex(vector["input"]["hex"]), tmp_path)
    event = vector["event"]
    named = None if event is None else ids.to_text("evt", bytes.fromhex(event))
    assert (told["reason"], told["part"]) == (vector["code"], vector["part"])
    assert (told["number"], told["event_id"]) == (vector["number"], named)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"context": b"another"}, id="another context"),
        pytest.param({"label": "hist"}, id="another label"),
        pytest.param({"ciphertext": b"too short"}, id="shorter than a tag"),
        pytest.param({"nonce": bytes(24)}, id="another nonce"),
    ],
)
def test_an_opener_opens_one_ciphertext(change: dict[str, Any]) -> None:
    key, nonce = os.urandom(32), os.urandom(24)
    sealed = aead.encrypt(key, nonce, "evt", b"context", b"text")
    given: dict[str, Any] = {
        "label": "evt",
        "nonce": nonce,
        "context": b"context",
        "ciphertext": sealed,
    }
    opener = once_key(key, nonce)

    def opened(label: str, nonce: bytes, context: bytes, ciphertext: bytes) -> bytes:
        return aead.decrypt_once(opener, nonce, prefixed(label, context), ciphertext)

    assert opened(**given) == b"text"
    with pytest.raises(RemoteFault, match="cannot_open"):
        opened(**{**given, **change})
