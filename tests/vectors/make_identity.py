"""Write tests/vectors/identity.json: keys of a root, recovery words, statements, identity.json.

Keys come from hmac and hashlib, signatures from make_sign, X-Wing keys from make_seal. The words
under "published" are test vectors of BIP39; the list itself is data, whose digest a test pins.
``op`` is the function; ``details`` beside a code is what else the error says.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from envoy.core.words import english
from oracle import chacha, messagepack
from vectors import make_did, make_seal, make_sign

TARGET = Path(__file__).with_name("identity.json")

ROOT = bytes(range(32))
LOCK_FIELDS = ("mode", "t", "m", "p", "salt")
LOCK_SALT = b"\x33" * 16
SECRET = {"passphrase": "gr\u00fcn".encode(), "keyring": b"\x44" * 32}
SPACE, SALT = b"\x11" * 32, b"\x22" * 32
TS = 1_700_000_000_000
Row = tuple[str, dict[str, object], object]

PUBLISHED = {
    "00": "abandon " * 23 + "art",
    "7f": "legal winner thank year wave sausage worth useful " * 2
    + "legal winner thank year wave sausage worth title",
    "80": "letter advice cage absurd amount doctor acoustic avoid " * 2
    + "letter advice cage absurd amount doctor acoustic bless",
    "ff": "zoo " * 23 + "vote",
}


def derived(label: str, *ctx: bytes, length: int = 32) -> bytes:
    """Return KDF(root, label, ctx)."""
    return make_sign.expanded(ROOT, make_sign.prefixed(label, list(ctx)), length)


SIGNING = derived("id-sign")
DID = make_sign.public(SIGNING)


def spelt(root: bytes, *, wrong: int = 0) -> str:
    """Return the words of ``root``; ``wrong`` is xored into the checksum."""
    bits = int.from_bytes(root, "big") << 8 | hashlib.sha256(root).digest()[0] ^ wrong
    return " ".join(english()[bits >> 11 * place & 2047] for place in range(23, -1, -1))


# -- keys -------------------------------------------------------------------------------------


def keys() -> list[Row]:
    """Return every key that follows from the root."""
    enc = derived("id-enc", SPACE, bytes(4))
    rows: list[tuple[str, dict[str, object], bytes]] = [
        ("signing seed", {"key": "signing_seed"}, SIGNING),
        ("did", {"key": "did"}, DID),
        ("access seed of a space", {"key": "access_seed", "of": SPACE.hex()}, access(SPACE)),
        (
            "seed of a space's root key",
            {"key": "space_root_seed", "of": SALT.hex()},
            derived("space-root", SALT),
        ),
        ("encryption seed 0 of a space", {"key": "enc_seed", "no": 0, "of": SPACE.hex()}, enc),
        (
            "encryption seed 4294967295 of a space",
            {"key": "enc_seed", "no": 2**32 - 1, "of": SPACE.hex()},
            derived("id-enc", SPACE, b"\xff" * 4),
        ),
        (
            "encryption seed 1 of the card key",
            {"key": "enc_seed", "no": 1, "of": None},
            derived("id-enc", bytes(32), b"\0\0\0\1"),
        ),
        (
            "encryption key 0 of a space",
            {"key": "enc_key", "no": 0, "of": SPACE.hex()},
            make_seal.public(enc),
        ),
        ("backup key", {"key": "backup_key"}, derived("id-backup")),
        ("check", {"key": "check"}, derived("id-check", length=8)),
    ]
    return [
        (name, {"op": "derive", "root": ROOT.hex(), **given}, out.hex())
        for name, given, out in rows
    ]


def access(space: bytes) -> bytes:
    """Return the access seed of ``space``."""
    return derived("access", space)


# -- words ------------------------------------------------------------------------------------


def good_words() -> list[Row]:
    """Return roots, their words, and texts that mean the same."""
    rows: list[Row] = []
    for byte, text in PUBLISHED.items():
        rows.append(
            (f"published words of 32 times {byte}", {"op": "words", "root": byte * 32}, text)
        )
    text = spelt(ROOT)
    rows.append(("words of a root", {"op": "words", "root": ROOT.hex()}, text))
    for name, other in {
        "words back to the root": text,
        "upper case": text.upper(),
        "a word a line, and blank lines around": "\n\n" + text.replace(" ", "\n") + "\n\n",
        "numbers of blanks and tabs": text.replace(" ", " \t  "),
    }.items():
        rows.append((name, {"op": "root", "text": other}, ROOT.hex()))
    return rows


def bad_words() -> list[tuple[str, dict[str, object], str, dict[str, object]]]:
    """Return texts that are no recovery words, and why."""
    words = spelt(ROOT).split()
    swapped = [words[1], words[0], *words[2:]]
    texts: dict[str, tuple[list[str], dict[str, object]]] = {
        "no words": ([], {"cause": "word_count", "found": 0}),
        "23 words": (words[:-1], {"cause": "word_count", "found": 23}),
        "25 words": ([*words, words[0]], {"cause": "word_count", "found": 25}),
        "a word that is not in the list": (
            [*words[:6], "envoy", *words[7:]],
            {"cause": "unknown_word", "places": [7]},
        ),
        "a blank in place of a word": (["", *words[1:]], {"cause": "word_count", "found": 23}),
        "first and last word not in the list": (
            ["abandonn", *words[1:23], "zo"],
            {"cause": "unknown_word", "places": [1, 24]},
        ),
        "four letters of a word": (
            [word[:4] if place == 0 else word for place, word in enumerate(words)],
            {"cause": "unknown_word", "places": [1]},
        ),
        "two words swapped": (swapped, {"cause": "checksum"}),
        "another checksum": (spelt(ROOT, wrong=1).split(), {"cause": "checksum"}),
    }
    return [
        (name, {"op": "root", "text": " ".join(listed)}, "invalid_argument", details)
        for name, (listed, details) in texts.items()
    ]


# -- statements -------------------------------------------------------------------------------


def stated(**changed: object) -> bytes:
    """Return C(Q), with fields changed."""
    fields: dict[str, object] = {
        "v": 1,
        "did": DID,
        "space": SPACE,
        "no": 0,
        "enc": make_seal.public(derived("id-enc", SPACE, bytes(4))),
        "ts": TS,
    }
    return messagepack.write(list((fields | changed).values()))


def asked(statement: bytes, **changed: object) -> dict[str, object]:
    """Return an input of ``check_statement``, signed by the root unless ``sig`` is given."""
    sig = make_sign.signed(SIGNING, make_sign.prefixed("keys", [statement]))
    given: dict[str, object] = {
        "op": "statement",
        "statement": statement.hex(),
        "sig": sig.hex(),
        "did": DID.hex(),
        "space": SPACE.hex(),
    }
    return given | changed


def good_statements() -> list[Row]:
    """Return statements that count, with what ``make_statement`` takes to make them."""
    card = make_seal.public(derived("id-enc", bytes(32), b"\0\0\0\2"))
    made = asked(stated()) | {"root": ROOT.hex()}
    return [
        ("statement for a space", made, {"no": 0, "ts": TS}),
        (
            "statement of a card key",
            asked(stated(space=None, no=2, enc=card), space=None, root=ROOT.hex()),
            {"no": 2, "ts": TS},
        ),
        ("number 4294967295", asked(stated(no=2**32 - 1)), {"no": 2**32 - 1, "ts": TS}),
        (
            "an encryption key that is not usable",
            asked(stated(enc=bytes(1216))),
            {"no": 0, "ts": TS},
        ),
    ]


def bad_statements() -> list[tuple[str, dict[str, object], str]]:
    """Return statements that break one rule each."""
    good = stated()
    sig = bytearray.fromhex(str(asked(good)["sig"]))
    sig[0] ^= 1
    other = make_sign.public(bytes(32))
    point = make_did.find_point(int.from_bytes(DID, "little") & 2**255 - 1, DID[31] >> 7)
    assert point and make_did.encoded(point) == DID
    mixed = make_did.encoded(make_did.add(point, make_did.small_order()[1]))
    card = stated(space=None)
    long_no = good[: 1 + 1 + 34 + 34] + b"\xcc" + good[1 + 1 + 34 + 34 :]
    unlabelled = make_sign.signed(SIGNING, good)
    return [
        ("bit of the signature", asked(good, sig=sig.hex()), "bad_signature"),
        ("signed without label", asked(good, sig=unlabelled.hex()), "bad_signature"),
        (
            "signed before another time",
            asked(stated(ts=1), sig=asked(good)["sig"]),
            "bad_signature",
        ),
        ("for another space", asked(good, space=SALT.hex()), "wrong_space"),
        ("card key in a space", asked(card), "wrong_space"),
        ("key of a space as card key", asked(good, space=None), "wrong_space"),
        ("by another did", asked(good, did=other.hex()), "bad_key"),
        ("did of mixed order", asked(stated(did=mixed), did=mixed.hex()), "bad_key"),
        ("version 2", asked(stated(v=2)), "unsupported"),
        ("version 2 of any form", asked(messagepack.write([2, "new"])), "unsupported"),
        ("version 0", asked(stated(v=0)), "malformed"),
        ("number -1", asked(stated(no=-1)), "malformed"),
        ("number 2**32", asked(stated(no=2**32)), "malformed"),
        ("enc of 1,215 bytes", asked(stated(enc=bytes(1215))), "malformed"),
        ("enc of 1,217 bytes", asked(stated(enc=bytes(1217))), "malformed"),
        ("did of 31 bytes", asked(stated(did=DID[:31])), "malformed"),
        ("time below zero", asked(stated(ts=-1)), "malformed"),
        ("an element more", asked(b"\x97" + good[1:] + b"\xc0"), "malformed"),
        ("number in a long form", asked(long_no), "non_canonical"),
    ]


# -- identity.json ----------------------------------------------------------------------------


def url(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def recorded(**changed: object) -> dict[str, object]:
    """Return an input of ``from_record`` with fields changed."""
    record: dict[str, object] = {
        "v": 1,
        "name": "lead",
        "did": make_did.did(b"\xed\x01" + DID),
        "enc_no": 3,
        "lock": {"mode": "none", "t": 0, "m": 0, "p": 0, "salt": ""},
        "root": url(ROOT),
        "check": url(derived("id-check", length=8)),
    }
    return {"op": "record", "record": summed(record | changed) | kept(changed)}


def kept(changed: dict[str, object]) -> dict[str, object]:
    """Return a checksum that was given."""
    return {"sum": changed["sum"]} if "sum" in changed else {}


def summed(record: dict[str, object]) -> dict[str, object]:
    """Return ``record`` with its checksum made right, as far as its fields allow one."""
    lock = record["lock"]
    inner = [lock.get(key) for key in LOCK_FIELDS] if isinstance(lock, dict) else lock
    fields = [record[key] for key in ("v", "name", "did", "enc_no")]
    packed = messagepack.write([*fields, inner, record["root"], record["check"]])
    digest = hashlib.sha256(make_sign.prefixed("id-sum", [packed])).digest()
    return record | {"sum": url(digest[:8])}


def locked(mode: str, **changed: object) -> dict[str, object]:
    """Return an input of ``from_record`` for a root that ``SECRET`` locks in ``mode``."""
    t, m, p = (1, 1024, 2) if mode == "passphrase" else (0, 0, 0)
    lock = {"mode": mode, "t": t, "m": m, "p": p, "salt": url(LOCK_SALT)} | changed
    salt = base64.urlsafe_b64decode(str(lock["salt"]) + "==")
    wrap = wrapping(mode, salt, (t, m, p))  # what is refused by its costs is never derived
    packed = messagepack.write([lock[key] for key in LOCK_FIELDS[:4]] + [salt])
    aad = make_sign.prefixed("lock", [DID, packed])
    sealed = chacha.xchacha_encrypt(wrap, bytes(24), aad, ROOT)
    return recorded(lock=lock, root=url(sealed)) | {"secret": SECRET[mode].hex()}


def wrapping(mode: str, salt: bytes, costs: tuple[int, int, int]) -> bytes:
    """Return w by the formulas of the spec."""
    if mode == "keyring":
        return make_sign.expanded(SECRET[mode], make_sign.prefixed("lock", [salt]), 32)
    t, m, p = costs
    derive = Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive
    return derive(SECRET[mode])


def without(field: str) -> dict[str, object]:
    """Return an input of ``from_record`` that lacks ``field``."""
    record = recorded()["record"]
    assert isinstance(record, dict)
    return {"op": "record", "record": {key: record[key] for key in record if key != field}}


def silent(mode: str) -> dict[str, object]:
    """Return an input for a locked root, without what unlocks it."""
    given = locked(mode)
    return {key: given[key] for key in ("op", "record")}


def bad_records() -> list[tuple[str, dict[str, object], str]]:
    """Return records that break one rule each."""
    lock = {"mode": "none", "t": 0, "m": 0, "p": 0, "salt": ""}
    corrupt = {
        "name no text": recorded(name=5),
        "enc_no a bool": recorded(enc_no=True),
        "enc_no a text": recorded(enc_no="3"),
        "enc_no -1": recorded(enc_no=-1),
        "enc_no 2**32": recorded(enc_no=2**32),
        "a name of 129 bytes": recorded(name="n" * 129),
        "a name with U+0000": recorded(name="a\0b"),
        "did of another root": recorded(did=make_did.did(b"\xed\x01" + make_sign.public(SALT))),
        "check of another root": recorded(check=url(bytes(8))),
        "another root": recorded(root=url(SALT)),
        "root of 31 bytes": recorded(root=url(ROOT[:31])),
        "root with padding": recorded(root=url(ROOT) + "="),
        "root with spare bits set": recorded(root=url(ROOT)[:-1] + "9"),
        "root with a blank": recorded(root=" " + url(ROOT)),
        "root of one symbol": recorded(root="A"),
        "root beyond ASCII": recorded(root="\u00e9" + url(ROOT)),
        "root no text": recorded(root=5),
        "a field more": recorded(more=1),
        "lock no object": recorded(lock="none"),
        "lock of an unknown mode": recorded(lock=lock | {"mode": "plain"}),
        "lock of mode none with a salt": recorded(lock=lock | {"salt": url(bytes(16))}),
        "lock with a field less": recorded(lock={"mode": "none"}),
        "a record of version 0": recorded(v=0),
        "version as text": recorded(v="1"),
        **{f"{field} missing": without(field) for field in ("v", "name", "did", "enc_no")},
        **{f"{field} missing": without(field) for field in ("lock", "root", "check", "sum")},
        "sum of another record": recorded(sum=url(bytes(8))),
        "lock of no pass": locked("passphrase", t=0),
        "lock of 11 passes": locked("passphrase", t=11),
        "lock of more than a gibibyte": locked("passphrase", m=2**20 + 1),
        "lock of less memory than its lanes take": locked("passphrase", m=15),
        "lock of no lane": locked("passphrase", p=0),
        "lock of 17 lanes": locked("passphrase", p=17),
        "keyring lock with a cost": locked("keyring", t=1),
        "lock with a salt of 15 bytes": locked("keyring", salt=url(LOCK_SALT[:15])),
    }
    rows = [(name, given, "state_corrupt") for name, given in corrupt.items()]
    return [
        *rows,
        ("a record of version 2", recorded(v=2), "schema_too_new"),
        ("locked by a passphrase that is not given", silent("passphrase"), "profile_locked"),
        ("locked by a key that is not given", silent("keyring"), "profile_locked"),
        ("another passphrase", locked("passphrase") | {"secret": "00"}, "profile_locked"),
        ("another key", locked("keyring") | {"secret": "55" * 32}, "profile_locked"),
    ]


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    out = {"root": ROOT.hex(), "name": "lead", "enc_no": 3}
    passing: list[Row] = [*keys(), *good_words(), *good_statements()]
    passing.append(("a record of identity.json", recorded(), out))
    passing.append(("locked by a passphrase", locked("passphrase"), out))
    passing.append(("locked by a key of the system", locked("keyring"), out))
    found: list[dict[str, object]] = [
        {"name": name, "input": given, "expect": expect} for name, given, expect in passing
    ]
    for name, given, code, details in bad_words():
        found.append({"name": name, "input": given, "code": code, "details": details})
    for name, given, code in [*bad_statements(), *bad_records()]:
        found.append({"name": name, "input": given, "code": code})
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
