"""Write tests/vectors/people.json: what people compare to know each other and a space.

Everything comes from hmac, hashlib and tests/oracle/messagepack.py; ``op`` is what is compared.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from envoy.core.words import english
from oracle import messagepack
from vectors import make_identity, make_seal, make_sign

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


# -- card strings -----------------------------------------------------------------------------

LABELS: list[object] = ["lead", "agent", "2.1", None, ["inbox", "task"]]
CARD_KEY = make_seal.public(make_identity.derived("id-enc", bytes(32), bytes(4)))
STATED = make_identity.stated(space=None, enc=CARD_KEY)
TS = make_identity.TS


def signed(label: str, body: bytes, seed: bytes = make_identity.SIGNING) -> bytes:
    """Return SIG(seed, label, body)."""
    return make_sign.signed(seed, make_sign.prefixed(label, [body]))


def lettered(raw: bytes) -> str:
    """Return bytes as the text of a card string."""
    return "envoy-card:" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def card(*, statement: bytes = STATED, **changed: object) -> str:
    """Return the card string of the root of identity.json, with fields changed."""
    labels = messagepack.write(changed.pop("labels", LABELS))
    fields: dict[str, object] = {
        "v": 1,
        "did": make_identity.DID,
        "card": labels,
        "sig": signed("card", labels),
        "keys": [statement, signed("keys", statement)],
    }
    return lettered(messagepack.write(list((fields | changed).values())))


def refused_cards() -> list[tuple[str, str, str]]:
    """Return card strings that break one rule each, with the code."""
    seed = bytes(32)
    other, body = make_sign.public(seed), messagepack.write(LABELS)
    theirs = make_identity.stated(space=None, did=other)
    good, later = card(), messagepack.write([2, "new"])
    spare = good[:-1] + ("B" if good[-1] == "A" else chr(ord(good[-1]) + 1))
    padded = good.partition(":")[2] + "=" * (-len(good.partition(":")[2]) % 4)
    long_form = b"\xdc\0\x05" + base64.urlsafe_b64decode(padded)[1:]
    renamed = messagepack.write(["boss", *LABELS[1:]])
    return [
        ("another field than was signed", card(card=renamed), "bad_signature"),
        ("signed by another key", card(sig=signed("card", body, seed)), "bad_signature"),
        ("signed under another label", card(sig=signed("event", body)), "bad_signature"),
        (
            "statement of another did",
            card(keys=[theirs, signed("keys", theirs, seed)]),
            "bad_key",
        ),
        ("did of another", card(did=other, sig=signed("card", body, seed)), "bad_key"),
        (
            "statement that another signed",
            card(keys=[STATED, signed("keys", STATED, seed)]),
            "bad_signature",
        ),
        ("statement for a space", card(statement=make_identity.stated()), "wrong_space"),
        ("version 2 of any form", lettered(later), "unsupported"),
        ("version 0", card(v=0), "malformed"),
        ("a kind of member that there is not", card(labels=["a", "robot", "1", None, []]),
         "malformed"),
        ("an array in a long form", lettered(long_form), "non_canonical"),
        ("no prefix", good.partition(":")[2], "malformed"),
        ("padded", f"envoy-card:{padded}", "malformed"),
        ("a spare bit that is set", spare, "malformed"),
        ("cut off", good[:-4], "malformed"),
        ("a letter that is none", good[:40] + "!" + good[41:], "malformed"),
        ("longer than any", good + "A" * 10_240, "too_large"),
    ]  # fmt: skip


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
    told = {"did": make_identity.DID.hex(), "labels": LABELS, "enc": CARD_KEY.hex()}
    made: dict[str, object] = {"op": "card", "text": card()}
    rows.append(("card string", made | {"root": make_identity.ROOT.hex(), "ts": TS}, told))
    passing = [{"name": name, "input": case, "expect": expect} for name, case, expect in rows]
    return passing + [
        {"name": f"card string, {name}", "input": {"op": "card", "text": text}, "code": code}
        for name, text, code in refused_cards()
    ]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
