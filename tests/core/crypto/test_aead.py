"""XChaCha20-Poly1305: opens only what was sealed, where it was sealed, under the same key."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.crypto import aead
from envoy.errors import InternalError, RemoteFault
from oracle import chacha
from vectorfile import bad, good, load
from vectors import make_aead

KEY, NONCE = bytes(range(32)), bytes(range(24))


def opened(case: dict[str, Any]) -> bytes:
    """Return what the input of a vector opens to."""
    names = ("key", "nonce", "ciphertext")
    key, nonce, ciphertext = (bytes.fromhex(case[name]) for name in names)
    if "aad" in case:
        return aead.decrypt_raw(key, nonce, bytes.fromhex(case["aad"]), ciphertext)
    return aead.decrypt(key, nonce, case["label"], bytes.fromhex(case["ctx"]), ciphertext)


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("aead") == make_aead.vectors()


@pytest.mark.parametrize(("case", "expect"), good("aead"))
def test_a_ciphertext_opens_and_comes_out_again(case: dict[str, Any], expect: str) -> None:
    plaintext = bytes.fromhex(expect)
    assert opened(case) == plaintext
    key, nonce = bytes.fromhex(case["key"]), bytes.fromhex(case["nonce"])
    if "aad" in case:
        again = aead.encrypt_raw(key, nonce, bytes.fromhex(case["aad"]), plaintext)
    else:
        again = aead.encrypt(key, nonce, case["label"], bytes.fromhex(case["ctx"]), plaintext)
    assert again.hex() == case["ciphertext"]


@pytest.mark.parametrize(("case", "code"), bad("aead"))
def test_anything_else_does_not_open(case: dict[str, Any], code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        opened(case)
    assert caught.value.code == code


def test_the_oracle_is_rfc_8439() -> None:
    """Section 2.8.2, and OpenSSL where the paper has no answer."""
    nonce = bytes.fromhex("070000004041424344454647")
    sealed = chacha.encrypt(make_aead.KEY, nonce, make_aead.AAD, make_aead.PLAINTEXT)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert chacha.decrypt(make_aead.KEY, nonce, make_aead.AAD, sealed) == make_aead.PLAINTEXT
    with pytest.raises(chacha.Forged):
        chacha.decrypt(make_aead.KEY, nonce, b"", sealed)
    other = ChaCha20Poly1305(make_aead.KEY)
    assert other.encrypt(nonce, make_aead.PLAINTEXT, make_aead.AAD) == sealed


@given(st.binary(max_size=300), st.binary(max_size=40))
@settings(max_examples=40)
def test_libsodium_and_the_oracle_seal_alike(plaintext: bytes, ctx: bytes) -> None:
    sealed = aead.encrypt(KEY, NONCE, "obj", ctx, plaintext)
    assert sealed == chacha.xchacha_encrypt(KEY, NONCE, b"envoy/1 obj\0" + ctx, plaintext)
    assert aead.decrypt(KEY, NONCE, "obj", ctx, sealed) == plaintext


@pytest.mark.parametrize(
    ("key", "nonce"),
    [
        pytest.param(bytes(31), NONCE, id="a key of 31 bytes"),
        pytest.param(bytes(33), NONCE, id="a key of 33 bytes"),
        pytest.param(KEY, bytes(23), id="a nonce of 23 bytes"),
        pytest.param(KEY, bytes(12), id="a nonce of 12 bytes"),
        pytest.param(KEY, bytes(25), id="a nonce of 25 bytes"),
    ],
)
def test_other_lengths_never_reach_c_code(key: bytes, nonce: bytes) -> None:
    assert aead.encrypt(KEY, NONCE, "evt", b"", b"")
    with pytest.raises(InternalError):
        aead.encrypt(key, nonce, "evt", b"", b"")
    with pytest.raises(InternalError):
        aead.decrypt(key, nonce, "evt", b"", bytes(16))


def test_the_zero_nonce_has_the_length_of_one() -> None:
    assert bytes(aead.NONCE_BYTES) == aead.NONCE_ZERO
    assert aead.decrypt(
        KEY, aead.NONCE_ZERO, "hist", b"", aead.encrypt(KEY, aead.NONCE_ZERO, "hist", b"", b"x")
    ) == (b"x")


# -- the key of one nonce ---------------------------------------------------------------------

OPENER, CTX = chacha.hchacha(KEY, NONCE[:16]), b"envoy/1 evt\0context"
SEALED = chacha.xchacha_encrypt(KEY, NONCE, CTX, b"text")


def test_the_key_of_one_nonce_opens_what_was_sealed_under_it() -> None:
    assert aead.decrypt_once(OPENER, NONCE, CTX, SEALED) == b"text"
    empty = chacha.xchacha_encrypt(KEY, NONCE, CTX, b"")
    assert aead.decrypt_once(OPENER, NONCE, CTX, empty) == b""


@pytest.mark.parametrize(
    ("nonce", "aad", "ciphertext"),
    [
        pytest.param(NONCE[:23] + b"x", CTX, SEALED, id="another nonce"),
        pytest.param(NONCE, b"", SEALED, id="another place"),
        pytest.param(NONCE, CTX, SEALED[:-1] + bytes((SEALED[-1] ^ 1,)), id="another tag"),
        pytest.param(NONCE, CTX, SEALED[:15], id="shorter than a tag"),
        pytest.param(NONCE, CTX, b"", id="nothing"),
    ],
)
def test_the_key_of_one_nonce_opens_nothing_else(
    nonce: bytes, aad: bytes, ciphertext: bytes
) -> None:
    with pytest.raises(RemoteFault, match="cannot_open"):
        aead.decrypt_once(OPENER, nonce, aad, ciphertext)


@pytest.mark.parametrize(
    ("key", "nonce"),
    [
        pytest.param(OPENER[:31], NONCE, id="a key of 31 bytes"),
        pytest.param(OPENER, NONCE[:23], id="a nonce of 23 bytes"),
        pytest.param(OPENER, NONCE[:12], id="a nonce of 12 bytes"),
    ],
)
def test_other_lengths_are_our_own_mistake_here_too(key: bytes, nonce: bytes) -> None:
    with pytest.raises(InternalError):
        aead.decrypt_once(key, nonce, CTX, SEALED)
