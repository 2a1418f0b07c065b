"""Write tests/vectors/people.json: what people compare to know each other and a space.

Everything comes from hmac, hashlib and tests/oracle/messagepack.py; ``op`` is what is compared.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from envoy.core.words import english
from oracle import messagepack
from vectors import make_sign

TARGET = Path(__file__).with_name("people.json")

ONE, OTHER = (make_sign.public(bytes((number,)) * 32) for number in (1, 2))
SPACE = b"\x11" * 32
HEADS = [hashlib.sha256(bytes((number,))).digest() for number in range(3)]


def tagged(label: str, *parts: bytes) -> bytes:
    """Return H(label, parts)."""
    return hashlib.sha256(make_sign.prefixed(label, list(parts))).digest()


def fingerprint(key: bytes) -> dict[str, str]:
    """Return the three forms of a fingerprint."""
    digest = tagged("fp", key)
    bits = f"{int.from_bytes(digest, 'big'):0256b}"[:66]
    return {
        "short": f"{digest.hex()[:4]} {digest.hex()[4:8]}",
        "words": " ".join(english()[int(bits[at : at + 11], 2)] for at in range(0, 66, 11)),
        "full": " ".join(digest.hex()[at : at + 4] for at in range(0, 64, 4)),
    }


def safety_number(one: bytes, other: bytes) -> str:
    """Return twelve groups of five digits."""
    pair = tagged("sn", min(one, other), max(one, other))
    stream = make_sign.expanded(pair, make_sign.prefixed("sn-digits", []), 60)
    groups = [int.from_bytes(stream[at : at + 5], "big") % 10**5 for at in range(0, 60, 5)]
    return " ".join(str(group).zfill(5) for group in groups)


def space_fingerprint(heads: list[bytes]) -> str:
    """Return the fingerprint of SPACE with ``heads``."""
    return tagged("space-fp", SPACE, messagepack.write(sorted(heads))).hex()


def vectors() -> list[dict[str, object]]:
    """Return all vectors."""
    rows: list[tuple[str, dict[str, object], object]] = [
        ("fingerprint of a key", {"op": "fingerprint", "key": ONE.hex()}, fingerprint(ONE)),
        ("fingerprint of another", {"op": "fingerprint", "key": OTHER.hex()}, fingerprint(OTHER)),
    ]
    number = safety_number(ONE, OTHER)
    for name, keys in {"one key first": [ONE, OTHER], "the other key first": [OTHER, ONE]}.items():
        given: dict[str, object] = {"op": "safety", "keys": [key.hex() for key in keys]}
        rows.append((f"safety number, {name}", given, number))
    own: dict[str, object] = {"op": "safety", "keys": [ONE.hex(), ONE.hex()]}
    rows.append(("safety number with oneself", own, safety_number(ONE, ONE)))
    for name, heads in {
        "heads in order": sorted(HEADS),
        "heads in another order": sorted(HEADS, reverse=True),
        "a head named twice": [*HEADS, HEADS[0]],
        "one head less": sorted(HEADS)[:-1],
        "no heads": [],
    }.items():
        asked: dict[str, object] = {"op": "space", "space": SPACE.hex()}
        asked["heads"] = [head.hex() for head in heads]
        rows.append((f"space fingerprint, {name}", asked, space_fingerprint(list(set(heads)))))
    return [{"name": name, "input": case, "expect": expect} for name, case, expect in rows]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
