"""Hashes, derivation and signatures: published answers, and no signature with two readers."""

from __future__ import annotations

import ast
import hashlib
import hmac
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl._sodium import lib

from envoy import ids
from envoy.core.crypto import sign
from envoy.errors import InternalError, UsageError
from vectorfile import bad, good, load
from vectors import make_sign

SRC = Path(sign.__file__).parents[2]
SEED = bytes(range(32))
KEY = sign.public_key(SEED)


def parts(case: dict[str, Any]) -> list[bytes]:
    """Return the parts of a vector's input."""
    return [bytes.fromhex(part) for part in case["parts"]]


def answer(case: dict[str, Any]) -> str:
    """Return what the function of a vector answers."""
    raw = {name: bytes.fromhex(case[name]) for name in case.keys() & RAW}
    match case["op"]:
        case "extract":
            return sign.extract(raw["salt"], raw["ikm"]).hex()
        case "hkdf":
            return sign.hkdf_expand(raw["key"], raw["info"], case["length"]).hex()
        case "public":
            return sign.public_key(raw["seed"]).hex()
        case "ed25519":
            sig = sign.sign_raw(raw["seed"], raw["message"])
            assert sign.verify_raw(sign.public_key(raw["seed"]), sig, raw["message"])
            return sig.hex()
        case "tagged":
            return sign.tagged(case["label"], *parts(case)).hex()
        case "expand":
            length = case["length"]
            return sign.expand(raw["key"], case["label"], *parts(case), length=length).hex()
        case "sign":
            return sign.sign(raw["seed"], case["label"], *parts(case)).hex()
        case "verify":
            valid = sign.verify(raw["key"], case["label"], raw["sig"], *parts(case))
            return "valid" if valid else "bad_signature"
    raise AssertionError(f"unknown op {case['op']}")


RAW = {"salt", "ikm", "key", "info", "seed", "message", "sig"}


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("sign") == make_sign.vectors()


@pytest.mark.parametrize(("case", "expect"), good("sign"))
def test_the_answer_is_the_published_one(case: dict[str, Any], expect: str) -> None:
    assert answer(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("sign"))
def test_a_signature_at_fault_is_refused(case: dict[str, Any], code: str) -> None:
    assert answer(case) == code


# -- labels -----------------------------------------------------------------------------------


def test_no_label_and_no_purpose_stands_twice() -> None:
    tree = ast.parse(Path(sign.__file__).read_text("utf-8"))
    tables = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "LABELS"
    ]
    assert isinstance(tables[0], ast.Dict)
    written = [ast.literal_eval(key) for key in tables[0].keys if key]
    assert Counter(written) == Counter(dict.fromkeys(sign.LABELS, 1))
    assert max(Counter(sign.LABELS.values()).values()) == 1
    assert all(sign.LABELS.values()), "each says what it is for"


def test_the_specification_lists_the_same_labels() -> None:
    page = (SRC.parents[1] / "docs" / "spec" / "codec.md").read_text("utf-8")
    section = page.partition("## Labels")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:3] == "| `"]
    assert [(label.strip("`"), purpose) for label, purpose in rows] == [*sign.LABELS.items()]


def test_no_label_can_run_into_what_follows_it() -> None:
    for label in sign.LABELS:
        assert label.isascii() and label.isprintable() and " " not in label


# Where the label stands among the arguments of each function that takes one.
PLACES = {"tagged": 0, "prefixed": 0, "expand": 1, "sign": 1, "verify": 1, "encrypt": 2}
PLACES["decrypt"] = 2


def labels_in(tree: ast.AST) -> set[str]:
    """Return every label that is written out as an argument."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        named = node.func.attr if isinstance(node.func, ast.Attribute) else None
        named = node.func.id if isinstance(node.func, ast.Name) else named
        place = PLACES.get(named or "", len(node.args))
        if place < len(node.args):
            argument = node.args[place]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
    return found


def test_every_label_in_use_stands_in_the_table() -> None:
    core = [*(SRC / "core").rglob("*.py"), *(SRC / "hub").rglob("*.py")]
    core += [*(SRC / "replica").rglob("*.py"), *(SRC / "sync").rglob("*.py")]
    found = {path.name: labels_in(ast.parse(path.read_text("utf-8"))) for path in core}
    assert {"id-sign", "keys", "fp"} <= found["identity.py"]  # the search does find some
    for name, labels in found.items():
        assert labels <= sign.LABELS.keys(), name


def test_a_label_outside_the_table_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        sign.tagged("free", b"")


def test_another_sha_256_is_used_from_when_it_is_asked_for() -> None:
    hashed = list[bytes]()

    def counting(data: bytes) -> sign.Digest:
        hashed.append(data)
        return hashlib.sha256(data)

    expect = sign.sha256(b"a", b"b")
    sign.use_hasher(counting)
    try:
        assert sign.sha256(b"a", b"b") == expect == hashlib.sha256(b"ab").digest()
    finally:
        sign.use_hasher(ids.sha256)
    assert hashed == [b"ab"] and sign.sha256(b"c") and hashed == [b"ab"]


def test_the_fingerprint_beside_a_name_is_made_with_its_label() -> None:
    assert ids.fingerprint(KEY).replace(" ", "") == sign.tagged("fp", KEY).hex()[:8]


# -- hashes and derivation --------------------------------------------------------------------


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_lean_hmac_is_the_standard_one(key: bytes, message: bytes) -> None:
    assert sign.extract(key, message) == hmac.digest(key, message, "sha256")
    assert sign.sha256(key, message) == hashlib.sha256(key + message).digest()


@pytest.mark.parametrize("size", [0, 32, 63, 64, 65, 128])
def test_keys_around_the_block_size_are_no_exception(size: int) -> None:
    assert sign.extract(b"k" * size, b"m") == hmac.digest(b"k" * size, b"m", "sha256")


@pytest.mark.parametrize("size", [31, 33, 0])
def test_a_key_of_another_length_derives_nothing(size: int) -> None:
    assert len(sign.expand(bytes(32), "evt")) == 32
    with pytest.raises(InternalError):
        sign.expand(bytes(size), "evt")


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_a_length_that_hkdf_does_not_have_is_our_own_mistake(length: int) -> None:
    assert len(sign.expand(bytes(32), "evt", length=255 * 32)) == 255 * 32
    with pytest.raises(AssertionError):
        sign.expand(bytes(32), "evt", length=length)


# -- signatures -------------------------------------------------------------------------------


def test_every_bit_of_a_signature_counts() -> None:
    sig = sign.sign(SEED, "event", b"inner")
    assert sign.verify(KEY, "event", sig, b"inner")
    for bit in range(512):
        raw = bytearray(sig)
        raw[bit // 8] ^= 1 << bit % 8
        assert not sign.verify(KEY, "event", bytes(raw), b"inner")


@pytest.mark.parametrize("size", [0, 63, 65, 69])
def test_the_border_between_signature_and_message_cannot_move(size: int) -> None:
    both = sign.sign_raw(SEED, b"inner") + b"inner"
    assert sign.verify_raw(KEY, both[:64], both[64:])
    assert not sign.verify_raw(KEY, both[:size], both[size:])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=2000))
@settings(max_examples=40)
def test_openssl_makes_and_accepts_the_same_signatures(seed: bytes, message: bytes) -> None:
    other = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    raw = sign.prefixed("event", message)
    sig = sign.sign(seed, "event", message)
    assert sig == other.sign(raw)
    assert sign.public_key(seed) == other.public_key().public_bytes_raw()
    assert sign.verify(sign.public_key(seed), "event", sig, message)
    with pytest.raises(InvalidSignature):
        other.public_key().verify(sig, raw + b"x")
    assert not sign.verify(sign.public_key(seed), "event", sig, message + b"x")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_or_key_of_another_length_never_reaches_c_code(size: int) -> None:
    sig = sign.sign(SEED, "event", b"")
    with pytest.raises(InternalError):
        sign.sign(bytes(size), "event", b"")
    with pytest.raises(InternalError):
        sign.public_key(bytes(size))
    with pytest.raises(InternalError):
        sign.verify(bytes(size), "event", sig, b"")
    assert not sign.is_valid_key(bytes(size))
    assert not sign.is_valid_key(KEY + b"x")


def did_keys() -> list[Any]:
    """Return the keys of did.json that have the length of one, and whether they are any good."""
    found = []
    for vector in load("did"):
        try:
            key = ids.did_key(vector["input"])
        except UsageError:
            continue
        found.append(pytest.param(key, "expect" in vector, id=vector["name"]))
    return found


@pytest.mark.parametrize(("key", "valid"), did_keys())
def test_only_a_canonical_point_of_the_main_subgroup_is_a_key(key: bytes, valid: bool) -> None:
    assert sign.is_valid_key(key) == valid


def test_the_keys_above_include_the_traps() -> None:
    values = [parameter.values[1] for parameter in did_keys()]
    assert values.count(False) >= 10 and True in values


# -- the library ------------------------------------------------------------------------------


def test_the_private_name_still_holds_the_functions_that_are_used() -> None:
    """PyNaCl is pinned; when this fails, read its changes before pinning a newer one."""
    used = set()
    for name in ("sign", "aead"):
        tree = ast.parse((SRC / "core" / "crypto" / f"{name}.py").read_text("utf-8"))
        used |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "lib"
        }
    assert used == {
        "crypto_aead_chacha20poly1305_ietf_decrypt",
        "crypto_aead_xchacha20poly1305_ietf_decrypt",
        "crypto_aead_xchacha20poly1305_ietf_encrypt",
        "crypto_core_ed25519_is_valid_point",
        "crypto_sign",
        "crypto_sign_open",
        "crypto_sign_seed_keypair",
        "sodium_init",
    }
    assert all(callable(getattr(lib, name)) for name in used)
    assert sign.SODIUM_READY in (0, 1)


def verify_beside() -> list[str]:
    """Return who came first: a thread that verifies 40 MB, or one that only waits for the GIL."""
    message = bytes(40_000_000)
    sig = sign.sign_raw(SEED, message)
    order: list[str] = []
    ready = threading.Event()

    def verify() -> None:
        ready.set()
        sign.verify_raw(KEY, sig, message)
        order.append("verified")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is made to give the GIL away
    try:
        thread = threading.Thread(target=verify)
        thread.start()
        ready.wait()
        order.append("meanwhile")
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    return order


def test_other_threads_run_while_a_signature_is_verified() -> None:
    found = (verify_beside() for _ in range(5))  # a busy machine may be late once
    assert ["meanwhile", "verified"] in found


@pytest.mark.parametrize("cut", [0, 1, 63], ids=["whole", "a byte less", "a byte alone"])
def test_what_is_longer_or_shorter_than_a_signature_is_none(cut: int) -> None:
    """A text could begin with what it was not said to: the rest of a signature that is too long."""
    label = sorted(sign._PREFIXES)[0]
    extra = sign.prefixed(label, b"of another")
    sig = sign.sign_raw(SEED, extra + sign.prefixed(label, b"text"))
    assert not sign.verify(KEY, label, sig + extra, b"text")
    assert not sign.verify(KEY, label, sig[: 64 - cut], b"text")
    assert sign.verify(KEY, label, sign.sign(SEED, label, b"text"), b"text")  # the control
