"""X-Wing boxes: the published key and encapsulation open, and nothing low-order does."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import pytest

from envoy.core.crypto import seal, sign
from envoy.errors import InternalError, RemoteFault
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
