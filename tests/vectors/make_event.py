"""Write tests/vectors/event.json: events that are accepted, wait or are refused, and why.

Every envelope is made by ``oracle.events``, not by envoy. A refused one breaks one rule: what
stands around the break (salt, signature, id) is made right again, with plain curve arithmetic
where a key or a signature itself is the break. Shapes: docs/spec/event.md, section Vectors.
"""

from __future__ import annotations

import hashlib
import json
from itertools import count
from pathlib import Path

from oracle import events, messagepack
from oracle.events import Fields, Place
from oracle.scene import (
    B0,
    ENTROPY,
    FIRST_EPOCH,
    FOUNDER,
    FOUNDER_CHAIN,
    FOUNDER_SEED,
    GENESIS,
    MESSAGE,
    OTHER,
    OTHER_SEED,
    PLACE,
    SPACE,
    WRITER,
    WRITER_SEED,
    fixed,
    genesis_fields,
    shown,
    space_of,
)
from vectors import make_did as curve

TARGET = Path(__file__).with_name("event.json")
BASE = curve.find_point(4 * pow(5, -1, curve.P) % curve.P, 0) or curve.NEUTRAL  # RFC 8032, 5.1
Vector = dict[str, object]
# [id, author, chain, seq, lam, ts] of the events that the sample names.
Parent = tuple[bytes, bytes, bytes, int, int, int]

CHAIN = fixed("writer chain", 16)
TS = 1_700_000_100_000
PREV: Parent = (fixed("prev"), WRITER, CHAIN, 2, 6, TS - 3000)
NEWER: Parent = (fixed("newer dep"), FOUNDER, FOUNDER_CHAIN, 8, 9, TS - 1000)
OLDER: Parent = (fixed("older dep"), OTHER, fixed("other chain", 16), 0, 4, TS - 2000)
DEPS = sorted((NEWER[0], OLDER[0]))
MANY = [fixed(f"dep {number}") for number in range(17)]
DEEP: Parent = (fixed("dep at 8"), OTHER, fixed("other chain", 16), 1, 8, TS - 2000)
PARENTS = [PREV, NEWER, OLDER]
CROWD: list[Parent] = [
    (one, OTHER, fixed(f"chain {at}", 16), 0, 1, TS - 4000) for at, one in enumerate(MANY)
]
SAMPLE: Fields = {
    "v": 1,
    "space": SPACE,
    "epoch": PLACE.epoch,
    "salt": b"",
    "author": WRITER,
    "chain": CHAIN,
    "seq": 3,
    "prev": PREV[0],
    "deps": DEPS,
    "lam": 10,
    "auth": fixed("grant"),
    "ts": TS,
    "kind": "message",
    "basis": [OLDER[0]],
    "body": MESSAGE,
}
SALTED = SAMPLE | {"salt": ENTROPY[:24]}  # any salt will do: nobody but its author can check it
WRONG_TYPE: Fields = {
    **dict.fromkeys(("v", "seq", "lam", "ts"), "1"),
    **dict.fromkeys(("space", "epoch", "author", "auth"), bytes(31)),
    **dict.fromkeys(("deps", "basis"), None),
    "salt": bytes(23),
    "chain": bytes(17),
    "prev": bytes(33),
    "kind": b"message",
    "body": "text",
}


def sealed(fields: Fields, *, seed: bytes = WRITER_SEED, place: Place = PLACE) -> bytes:
    """Return the envelope of ``fields``, its salt as an author derives it."""
    return events.author(place, seed, fields, ENTROPY)


def packed(raw: bytes, signature: bytes) -> bytes:
    """Return the envelope of an inner part and a signature that are what they are."""
    return events.seal(PLACE, ENTROPY[:24], events.pack(signature, raw))


def given(envelope: bytes, *, place: Place = PLACE, parents: list[Parent] = PARENTS) -> Vector:
    """Return the input of a vector that opens ``envelope``."""
    return {
        "op": "open",
        "space": place.space.hex(),
        "event_key": place.key.hex(),
        "envelope": envelope.hex(),
        "parents": shown(parents),
    }


def accepted(
    name: str, fields: Fields, *, reads: bool | None = True, place: Place = PLACE, seed: bytes
) -> Vector:
    """Return a vector that must be accepted; ``reads`` says of the body, nil of an unknown kind."""
    envelope = sealed(fields, seed=seed, place=place)
    salt = envelope[1 + 1 + 34 + 2 :][:24]
    expect = {**fields, "salt": salt, "id": events.h("env", envelope)}
    del expect["v"]
    return {
        "name": name,
        "input": given(envelope, place=place),
        "expect": {**{key: shown(value) for key, value in expect.items()}, "body_reads": reads},
    }


def refused(name: str, code: str, fields: Fields, *, parents: list[Parent] = PARENTS) -> Vector:
    """Return a vector that must be refused with ``code``."""
    return {"name": name, "input": given(sealed(fields), parents=parents), "code": code}


def golden() -> Vector:
    """Return one event with every intermediate value."""
    blank = events.inner(SAMPLE | {"salt": bytes(24)})
    salt = events.kdf(ENTROPY, "salt", blank, length=24)
    raw = events.inner(SAMPLE | {"salt": salt})
    signature = events.sig(WRITER_SEED, "event", raw)
    plaintext = events.pack(signature, raw)
    place = b"\x01" + PLACE.space + PLACE.epoch + salt
    envelope = events.seal(PLACE, salt, plaintext)
    fields = {key: value for key, value in SAMPLE.items() if key not in ("v", "salt")}
    return {
        "name": "every step of the sample",
        "input": shown(
            {
                "op": "author",
                **fields,
                "seed": WRITER_SEED,
                "event_key": PLACE.key,
                "entropy": ENTROPY,
            }
        ),
        "expect": shown(
            {
                "inner_without_salt": blank,
                "salt": salt,
                "inner": raw,
                "signature": signature,
                "plaintext": plaintext,
                "aad": events.prefix("evt") + place,
                "ct": events.aead(PLACE.key, salt, "evt", place, plaintext),
                "envelope": envelope,
                "id": events.h("env", envelope),
            }
        ),
    }


def good() -> list[Vector]:
    """Return what must be accepted, or wait."""
    nested = b"\x91" * 5000 + b"\x01"
    bare = SAMPLE | {"seq": 0, "prev": None}
    rows: list[tuple[str, Fields, bool | None]] = [
        ("the sample", SAMPLE, True),
        ("the first of a chain", bare, True),
        ("without deps", SAMPLE | {"deps": [], "lam": 7}, True),
        ("without basis", SAMPLE | {"basis": []}, True),
        ("ts equal to that of its newest parent", SAMPLE | {"ts": NEWER[5]}, True),
        ("basis just below its own lam", SAMPLE | {"basis": [NEWER[0]]}, True),
        ("an unknown kind", SAMPLE | {"kind": "vote.cast_2"}, None),
        ("a kind of one letter", SAMPLE | {"kind": "x"}, None),
        ("a kind of 32 letters", SAMPLE | {"kind": "x" * 32}, None),
        ("a body that is not of its Struct", SAMPLE | {"body": b"\x91\x01"}, False),
        ("a body that is no value at all", SAMPLE | {"body": b"\xc1"}, False),
        ("an empty body", SAMPLE | {"body": b""}, False),
        ("a body with a long head", SAMPLE | {"body": b"\xdc\x00\x06" + MESSAGE[1:]}, False),
        ("a body nested 5,000 deep", SAMPLE | {"body": nested}, False),
    ]
    vectors = [
        accepted(name, fields, reads=reads, seed=WRITER_SEED) for name, fields, reads in rows
    ]
    vectors.append(accepted("the genesis", GENESIS, seed=FOUNDER_SEED))
    other = events.epoch(SPACE, FOUNDER, fixed("genesis nonce", 16), fixed("another secret"), [])
    place = Place(SPACE, other.id, other.event_key)
    twin = GENESIS | {"epoch": other.id}
    vectors.append(accepted("its twin in another epoch", twin, place=place, seed=FOUNDER_SEED))
    for name, lacking in (("prev", PREV), ("a dep", NEWER), ("a basis", OLDER)):
        fields = SAMPLE | {"deps": [NEWER[0]]} if name == "a basis" else SAMPLE
        known = [row for row in (PREV, NEWER, OLDER) if row is not lacking]
        vectors.append(
            {
                "name": f"{name} that is unknown",
                "input": given(sealed(fields), parents=known),
                "expect": {"waits_for": [lacking[0].hex()]},
            }
        )
    return vectors


def malformed() -> list[Vector]:
    """Return inner parts that are none."""
    rows: dict[str, Fields] = {
        f"{name} missing": {key: SALTED[key] for key in SALTED if key != name} for name in SALTED
    }
    rows |= {f"{name} of another type": SALTED | {name: WRONG_TYPE[name]} for name in SALTED}
    rows |= {
        "a field too many": SALTED | {"more": None},
        "deps out of order": SALTED | {"deps": DEPS[::-1]},
        "a dep twice": SALTED | {"deps": [DEPS[0], DEPS[0]]},
        "prev among the deps": SALTED | {"deps": sorted((PREV[0], NEWER[0]))},
        "17 deps": SALTED | {"deps": sorted(MANY), "lam": 7},
        "an empty kind": SALTED | {"kind": ""},
        "a kind of 33 letters": SALTED | {"kind": "x" * 33},
        **{
            f"the kind {kind!r}": SALTED | {"kind": kind}
            for kind in ("Message", "2x", "_x", ".x", "task claim", "task-claim", "tâsk", "x\0")
        },
    }
    return [
        {"name": name, "input": given(signed(events.inner(fields))), "code": "malformed"}
        for name, fields in rows.items()
    ]


def signed(raw: bytes) -> bytes:
    """Return the envelope of any ``raw``, whose salt, if it has one, is that of SALTED."""
    return packed(raw, events.sig(WRITER_SEED, "event", raw))


def odd_inner() -> list[Vector]:
    """Return inner parts with a length, a form or a version of their own."""
    plain = events.inner(SALTED)
    rows = {
        "a trailing byte": (plain + b"\xc0", "malformed"),
        "cut short": (plain[:-1], "malformed"),
        "no bytes": (b"", "malformed"),
        "v as a str": (b"\x9f\xa11" + plain[2:], "malformed"),
        "v missing": (b"\x9e" + plain[2:], "malformed"),
        "a long head": (b"\xdc\x00\x0f" + plain[1:], "non_canonical"),
        "a long int": (plain[:1] + b"\xcc\x01" + plain[2:], "non_canonical"),
        "version 2": (events.inner(SALTED | {"v": 2}), "unsupported"),
        "version 2 with fields of its own": (messagepack.write([2, "else"]), "unsupported"),
        "version 0": (b"\x9f\x00" + plain[2:], "unsupported"),
    }
    vectors: list[Vector] = []
    for name, (raw, code) in rows.items():
        vectors.append({"name": f"inner: {name}", "input": given(signed(raw)), "code": code})
    return vectors


def bad_links() -> list[Vector]:
    """Return events that contradict what they name."""
    rows: dict[str, Fields] = {
        "lam too high by 1": SAMPLE | {"lam": 11},
        "lam too low by 1": SAMPLE | {"lam": 9, "basis": []},
        "lam that forgets a dep": SAMPLE | {"lam": 7},
        "seq 0 with prev": SAMPLE | {"seq": 0},
        "seq 3 without prev": SAMPLE | {"prev": None},
        "seq too high by 1": SAMPLE | {"seq": 4},
        "seq of its prev": SAMPLE | {"seq": 2},
        "ts below that of a dep": SAMPLE | {"ts": NEWER[5] - 1},
        "ts below that of prev": SAMPLE | {"ts": PREV[5] - 1, "deps": [], "lam": 7},
        "a basis ahead of it": SAMPLE | {"deps": [], "lam": 7, "basis": [NEWER[0]]},
        "a basis of its own lam": SAMPLE | {"deps": [DEEP[0]], "lam": 9, "basis": [NEWER[0]]},
        "basis out of order": SAMPLE | {"basis": DEPS[::-1]},
        "a basis twice": SAMPLE | {"basis": [DEPS[0], DEPS[0]]},
        "no parents": SAMPLE | {"seq": 0, "prev": None, "deps": [], "lam": 0, "basis": []},
        "prev of another author": SAMPLE | {"prev": OLDER[0], "deps": [NEWER[0]], "seq": 1},
    }
    vectors = [
        refused(name, "bad_link", fields, parents=[*PARENTS, DEEP]) for name, fields in rows.items()
    ]
    crowd = SAMPLE | {"basis": sorted(MANY)}
    vectors.append(refused("17 in basis", "bad_link", crowd, parents=PARENTS + CROWD))
    foreign: Parent = (PREV[0], WRITER, fixed("second chain", 16), *PREV[3:])
    anothers: Parent = (PREV[0], OTHER, *PREV[2:])
    for name, prev in (
        ("prev of another chain", foreign),
        ("prev of another author on a chain of that name", anothers),
    ):
        vectors.append(refused(name, "bad_link", SAMPLE, parents=[prev, NEWER, OLDER]))
    return vectors


def bad_places() -> list[Vector]:
    """Return inner parts that were made for another place than the envelope shows."""
    rows = {
        "space unlike that of the envelope": ("space", fixed("another space")),
        "epoch unlike that of the envelope": ("epoch", fixed("another epoch")),
        "salt unlike that of the envelope": ("salt", bytes(24)),
    }
    vectors: list[Vector] = []
    for name, (field, value) in rows.items():
        raw = events.inner(SALTED | {field: value})
        vectors.append({"name": name, "input": given(signed(raw)), "code": "wrong_space"})
    return vectors


def hashed(*parts: bytes) -> int:
    """Return SHA-512 of ``parts`` as RFC 8032 reads it."""
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def scalar(seed: bytes) -> int:
    """Return the secret scalar of ``seed``."""
    raw = hashlib.sha512(seed).digest()[:32]
    return int.from_bytes(raw, "little") & ((1 << 254) - 8) | 1 << 254


def mixed_key(seed: bytes) -> bytes:
    """Return the key of ``seed`` with torsion: a point of mixed order."""
    key = curve.times(scalar(seed), BASE)
    return curve.encoded(curve.add(key, curve.small_order()[1]))


def careless(key: bytes, secret: int, message: bytes) -> bytes:
    """Return a signature under a ``key`` with torsion that every verifier accepts.

    The nonce is counted up until the torsion drops out: then s B = R + k A holds as it stands.
    """
    for nonce in count(1):
        point = curve.encoded(curve.times(nonce, BASE))
        k = hashed(point, key, message) % curve.L
        if k % 8 == 0:
            return point + ((nonce + k * secret) % curve.L).to_bytes(32, "little")
    raise AssertionError("one nonce in eight will do")


def bad_keys() -> list[Vector]:
    """Return events of keys that are none, with signatures that a careless verifier accepts."""
    vectors: list[Vector] = []
    for name, key, secret in (
        ("the neutral point as author", curve.encoded(curve.NEUTRAL), 0),
        ("an author's key of mixed order", mixed_key(WRITER_SEED), scalar(WRITER_SEED)),
    ):
        raw = events.inner(SALTED | {"author": key})
        envelope = packed(raw, careless(key, secret, events.prefix("event") + raw))
        vectors.append({"name": name, "input": given(envelope), "code": "bad_key"})
    return vectors


def bad_signatures() -> list[Vector]:
    """Return events with a signature that only a careless verifier accepts, or none does."""
    raw = events.inner(SALTED)
    message = events.prefix("event") + raw
    right = events.sig(WRITER_SEED, "event", raw)
    secret, torsion = scalar(WRITER_SEED), curve.small_order()[1]
    neutral = curve.encoded(curve.NEUTRAL)
    moved = curve.encoded(curve.add(curve.times(5, BASE), torsion))
    signatures = {
        "a bit of R": bytes((right[0] ^ 1,)) + right[1:],
        "a bit of s": right[:32] + bytes((right[32] ^ 1,)) + right[33:],
        "s + L": right[:32]
        + (int.from_bytes(right[32:], "little") + curve.L).to_bytes(32, "little"),
        "R of small order": neutral
        + (hashed(neutral, WRITER, message) * secret % curve.L).to_bytes(32, "little"),
        "R with torsion, right for a verifier that multiplies by 8": moved
        + ((5 + hashed(moved, WRITER, message) * secret) % curve.L).to_bytes(32, "little"),
        "another label": events.sig(WRITER_SEED, "join", raw),
        "another member's": events.sig(OTHER_SEED, "event", raw),
        "64 zero bytes": bytes(64),
    }
    return [
        {
            "name": f"signature: {name}",
            "input": given(packed(raw, signature)),
            "code": "bad_signature",
        }
        for name, signature in signatures.items()
    ]


def bad_genesis() -> list[Vector]:
    """Return first events that found no space, each sealed under the space that it claims."""
    body = GENESIS["body"]
    assert isinstance(body, bytes)
    rows: list[tuple[str, str, Fields, Fields]] = [
        ("a body of another space", "wrong_space", B0, {"body": c({**B0, "name": "Haven"})}),
        ("a founder who is not its author", "bad_key", {**B0, "founder": OTHER}, {}),
        ("suite 0", "unknown_suite", {**B0, "suite": 0}, {}),
        ("suite 2", "unknown_suite", {**B0, "suite": 2}, {}),
        ("newer rules", "unsupported", {**B0, "rules": 2}, {}),
        ("rules 0", "malformed", {**B0, "rules": 0}, {}),
        ("an empty name", "malformed", {**B0, "name": ""}, {}),
        ("a body cut short", "malformed", B0, {"body": body[:-1]}),
        ("a body with a long head", "non_canonical", B0, {"body": b"\xdc\x00\x0a" + body[1:]}),
        ("lam 1", "bad_link", B0, {"lam": 1}),
        ("a dep", "bad_link", B0, {"deps": [OLDER[0]], "lam": 5, "ts": TS}),
        ("seq 3 behind a prev", "bad_link", B0, {"seq": 3, "prev": PREV[0], "lam": 7, "ts": TS}),
        ("a basis", "bad_link", B0, {"basis": [OLDER[0]]}),
    ]
    vectors: list[Vector] = []
    for name, code, b0, changes in rows:
        space = space_of(b0)
        place = Place(space, PLACE.epoch, PLACE.key)
        fields = genesis_fields(space, FIRST_EPOCH.id, b0) | changes
        envelope = sealed(fields, seed=FOUNDER_SEED, place=place)
        vectors.append(
            {"name": f"genesis: {name}", "input": given(envelope, place=place), "code": code}
        )
    return vectors


def c(b0: Fields) -> bytes:
    """Return C(B0)."""
    return messagepack.write(list(b0.values()))


def vectors() -> list[Vector]:
    """Return all vectors."""
    inner = [*malformed(), *odd_inner(), *bad_links(), *bad_places()]
    return [golden(), *good(), *inner, *bad_keys(), *bad_signatures(), *bad_genesis()]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
