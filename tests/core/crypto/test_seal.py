"""X-Wing boxes: the published key and encapsulation open, and nothing low-order does."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.crypto import seal, sign
from envoy.errors import InternalError, RemoteFault
from oracle import chacha
from vectorfile import bad, good, load
from vectors import make_seal

SEED = bytes(range(32))


def answer(case: dict[str, Any]) -> object:
    """Return what the function of a vector answers."""
    raw = {name: bytes.fromhex(value) for name, value in case.items() if name != "op"}
    if case["op"] == "public":
        return hashlib.sha3_256(seal.public_key(raw["seed"])).hexdigest()
    if case["op"] == "usable":
        return seal.is_usable(raw["key"])
    return seal.open_box(raw["seed"], raw["info"], raw["box"]).hex()


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("seal") == make_seal.vectors()


@pytest.mark.parametrize(("case", "expect"), good("seal"))
def test_the_answer_is_the_one_of_the_papers(case: dict[str, Any], expect: object) -> None:
    assert answer(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("seal"))
def test_a_box_at_fault_does_not_open(case: dict[str, Any], code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        answer(case)
    assert caught.value.code == code


def test_a_box_opens_for_its_key_and_info_and_is_new_each_time() -> None:
    key = seal.public_key(SEED)
    one, other = (seal.seal(key, b"info", b"k" * 32) for _ in range(2))
    assert one != other
    assert len(key) == seal.PUBLIC_BYTES and len(one) == seal.BOX_BYTES
    assert seal.open_box(SEED, b"info", one) == seal.open_box(SEED, b"info", other) == b"k" * 32


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(bytes(1216), id="all zero"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff" * 1216, id="coefficients out of range"),
    ],
)
def test_nothing_is_sealed_to_a_key_that_is_none(key: bytes) -> None:
    with pytest.raises(RemoteFault) as caught:
        seal.seal(key, b"info", b"k" * 32)
    assert caught.value.code == "bad_key"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_of_another_length_is_our_own_mistake(size: int) -> None:
    with pytest.raises(InternalError):
        seal.public_key(bytes(size))
    with pytest.raises(InternalError):
        seal.open_box(bytes(size), b"", bytes(seal.BOX_BYTES))


def test_a_kid_is_half_a_hash_of_the_key() -> None:
    assert seal.kid(b"key") == sign.tagged("kid", b"key")[:16]


def test_the_library_is_loaded_by_the_first_box_and_not_before() -> None:
    code = (
        "import sys; from envoy.core import identity; from envoy.core.crypto import seal;"
        "slow = {'cryptography', 'hashlib', 'hmac'};"
        "assert not slow & set(sys.modules), slow & set(sys.modules);"
        "seal.public_key(bytes(32)); assert 'cryptography' in sys.modules"
    )
    paths = [path for path in sys.path if path.endswith("src")]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"]
    subprocess.run(command, check=True, timeout=30)


# -- the key of one nonce, chunks, passphrases ------------------------------------------------


def test_the_key_of_one_nonce_is_that_of_the_draft() -> None:
    """Source: draft-irtf-cfrg-xchacha, section 2.2.1."""
    nonce = bytes.fromhex("000000090000004a0000000031415927") + b"any tail"
    expect = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert seal.once_key(SEED, nonce).hex() == expect
    assert seal.once_key(SEED, nonce[:16] + bytes(8)).hex() == expect


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24))
@settings(max_examples=20)
def test_it_is_what_the_oracle_makes_of_any_key_and_nonce(key: bytes, nonce: bytes) -> None:
    assert seal.once_key(key, nonce) == chacha.hchacha(key, nonce[:16])


@pytest.mark.parametrize(
    ("key", "nonce"),
    [
        pytest.param(31, 24, id="a short key"),
        pytest.param(16, 24, id="a key of another cipher"),
        pytest.param(32, 23, id="a short nonce"),
        pytest.param(32, 16, id="a nonce without its tail"),
    ],
)
def test_the_key_of_one_nonce_is_made_of_whole_ones(key: int, nonce: int) -> None:
    with pytest.raises(InternalError):
        seal.once_key(bytes(key), bytes(nonce))


def test_a_chunk_is_aes_gcm_as_others_write_it() -> None:
    """Source: the test cases of the GCM specification, case 14; the bound data by OpenSSL."""
    zero = seal.encrypt_chunk(bytes(32), bytes(12), b"", bytes(16))
    assert zero.hex() == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    sealed = seal.encrypt_chunk(SEED, b"n" * 12, b"place", b"text")
    assert sealed == AESGCM(SEED).encrypt(b"n" * 12, b"text", b"place")
    assert seal.decrypt_chunk(SEED, b"n" * 12, b"place", sealed) == b"text"


@pytest.mark.parametrize(
    ("nonce", "aad", "cut"),
    [
        pytest.param(b"m" * 12, b"place", 20, id="another nonce"),
        pytest.param(b"n" * 12, b"other", 20, id="another place"),
        pytest.param(b"n" * 12, b"place", 19, id="cut short"),
        pytest.param(b"n" * 12, b"place", 3, id="shorter than a tag"),
    ],
)
def test_a_chunk_opens_where_it_belongs(nonce: bytes, aad: bytes, cut: int) -> None:
    sealed = seal.encrypt_chunk(SEED, b"n" * 12, b"place", b"text")
    with pytest.raises(RemoteFault, match="cannot_open"):
        seal.decrypt_chunk(SEED, nonce, aad, sealed[:cut])


@pytest.mark.parametrize(("key", "nonce"), [(16, 12), (24, 12), (32, 11), (32, 13), (32, 16)])
def test_a_chunk_has_a_key_of_32_and_a_nonce_of_12(key: int, nonce: int) -> None:
    with pytest.raises(InternalError):
        seal.encrypt_chunk(bytes(key), bytes(nonce), b"", b"")
    with pytest.raises(InternalError):
        seal.decrypt_chunk(bytes(key), bytes(nonce), b"", bytes(16))


def test_a_passphrase_is_stretched_as_it_is_asked() -> None:
    found = seal.argon2id(b"words", b"salt" * 4, passes=2, kib=64, lanes=1)
    by_library = Argon2id(salt=b"salt" * 4, length=32, iterations=2, lanes=1, memory_cost=64)
    assert found == by_library.derive(b"words")
    for other in ({"passes": 3}, {"kib": 72}, {"lanes": 2}):
        asked = {"passes": 2, "kib": 64, "lanes": 1, **other}
        assert seal.argon2id(b"words", b"salt" * 4, **asked) != found


class Forgetful:
    """An argon2id on a machine without memory."""

    def __init__(self, **_asked: object) -> None:
        """Take what is asked."""

    def derive(self, _secret: bytes) -> bytes:
        """Find no room."""
        raise MemoryError


def test_a_machine_without_the_memory_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptography.hazmat.primitives.kdf.argon2.Argon2id", Forgetful)
    with pytest.raises(InternalError) as caught:
        seal.argon2id(b"words", b"salt" * 4, passes=1, kib=8, lanes=1)
    assert caught.value.details == {"reason": "memory"}
