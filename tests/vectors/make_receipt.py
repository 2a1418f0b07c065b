"""Write tests/vectors/receipt.json: receipts of slots and of pushes, good and bad.

Made by ``oracle``, not by envoy. A bad one breaks one rule; where that is not the signature, it is
signed again. Shapes: docs/spec/receipt.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import events, messagepack
from oracle.scene import B0, HUB, fixed, space_of

TARGET = Path(__file__).with_name("receipt.json")
Vector = dict[str, object]
Fields = dict[str, object]

HUB_SEED = fixed("hub seed")
OTHER_SEED = fixed("other hub seed")
SPACE = space_of(B0)
AT, LEASE_MS = 1_700_000_100_000, 900_000
GOOD: Fields = {
    "label": "rcpt/1",
    "space": SPACE,
    "no": 0,
    "instance": fixed("instance", 16),
    "slot": fixed("slot"),
    "fence": 1,
    "event": fixed("claim event"),
    "holder": fixed("holder hash"),
    "at": AT,
    "until": AT + LEASE_MS,
}
PUSH: Fields = {
    "instance": fixed("instance", 16),
    "space": SPACE,
    "head": 7,
    "h": fixed("hub chain"),
    "at": AT,
}
# One other value per signed field, each in its bounds.
OTHERS: Fields = {
    "no": 1,
    "instance": fixed("other instance", 16),
    "slot": fixed("other slot"),
    "fence": 2,
    "event": fixed("other event"),
    "holder": fixed("other holder hash"),
    "at": AT - 1,
    "until": AT + LEASE_MS + 1,
}


def signed(fields: Fields, seed: bytes = HUB_SEED, label: str = "receipt") -> list[object]:
    """Return the elements of the receipt with ``fields``, signature last."""
    values = list(fields.values())
    return [*values, events.sig(seed, label, messagepack.write(values))]


def reading(frame: bytes, *, space: bytes = SPACE, key: bytes = HUB) -> Vector:
    """Return the input of a vector that reads a receipt and checks its signature."""
    return {"op": "read", "space": space.hex(), "hub_key": key.hex(), "hex": frame.hex()}


def pushed(fields: Fields, sig: bytes, *, key: bytes = HUB) -> Vector:
    """Return the input of a vector that checks the signature of a push reply."""
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()}
    return {"op": "push", **shown, "sig": sig.hex(), "hub_key": key.hex()}


def good() -> list[Vector]:
    """Return receipts that are read and hold."""
    edges: Fields = {**GOOD, "no": 2**32, "fence": 2**40 + 1, "at": 0, "until": 0}
    found: list[Vector] = []
    for name, fields in (("a receipt", GOOD), ("a receipt with large and small numbers", edges)):
        frame = messagepack.write(signed(fields))
        expect = {
            "id": events.h("rcpt", frame).hex(),
            "signed_part": messagepack.write(list(fields.values())).hex(),
            **{k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()},
        }
        found.append({"name": name, "input": reading(frame), "expect": expect})
    sig = events.sig(HUB_SEED, "push-receipt", messagepack.write(list(PUSH.values())))
    found.append({"name": "a push reply", "input": pushed(PUSH, sig), "expect": True})
    return found


def misshapen() -> list[tuple[str, str, bytes]]:
    """Return frames that are no receipt of the space: name, code, bytes."""
    whole = signed(GOOD)
    frame = messagepack.write(whole)
    short = messagepack.write(signed({k: v for k, v in GOOD.items() if k != "until"}))
    long = messagepack.write(signed({**GOOD, "more": 0}))
    label = messagepack.write("rcpt/1")
    return [
        ("ten elements", "malformed", short),
        ("twelve elements", "malformed", long),
        ("another label", "malformed", messagepack.write(signed({**GOOD, "label": "rcpx/1"}))),
        ("a later label", "unsupported", messagepack.write(signed({**GOOD, "label": "rcpt/2"}))),
        ("fence 0", "malformed", messagepack.write(signed({**GOOD, "fence": 0}))),
        ("a number below 0", "malformed", messagepack.write(signed({**GOOD, "no": -1}))),
        ("a lease that ends early", "malformed",
         messagepack.write(signed({**GOOD, "until": AT - 1}))),
        ("a slot of 31 bytes", "malformed",
         messagepack.write(signed({**GOOD, "slot": fixed("slot", 31)}))),
        ("a signature of 63 bytes", "malformed",
         messagepack.write([*whole[:-1], bytes(63)])),
        ("a long head of the label", "non_canonical",
         frame[:1] + b"\xd9\x06" + label[1:] + frame[1 + len(label):]),
        ("a byte behind", "malformed", frame + b"\0"),
        ("cut short", "malformed", frame[:-1]),
        ("nothing", "malformed", b""),
        ("larger than any frame", "too_large", frame + bytes(65_536)),
        ("of another space", "wrong_space",
         messagepack.write(signed({**GOOD, "space": fixed("other space")}))),
    ]  # fmt: skip


def unsigned() -> list[Vector]:
    """Return receipts and push replies whose signature does not hold."""
    whole = signed(GOOD)
    sig = whole[-1]
    assert isinstance(sig, bytes)
    bit = sig[:10] + bytes((sig[10] ^ 1,)) + sig[11:]
    frames = {
        "one bit of the signature": [*whole[:-1], bit],
        "the signature of a hub that is not pinned": signed(GOOD, OTHER_SEED),
        "a signature under another label": signed(GOOD, HUB_SEED, "push-receipt"),
    }
    for field, value in OTHERS.items():
        frames[f"another {field} under the same signature"] = [
            *{**GOOD, field: value}.values(),
            sig,
        ]
    found: list[Vector] = [
        {"name": name, "input": reading(messagepack.write(frame)), "code": "bad_signature"}
        for name, frame in frames.items()
    ]
    good_sig = events.sig(HUB_SEED, "push-receipt", messagepack.write(list(PUSH.values())))
    other_key = events.public(OTHER_SEED)
    broken = [("another hub's key", pushed(PUSH, good_sig, key=other_key))]
    for field, value in {**OTHERS, "head": 8, "h": fixed("other chain"), "at": AT + 1}.items():
        if field in PUSH:
            broken.append((f"another {field}", pushed({**PUSH, field: value}, good_sig)))
    broken.append(("another space", pushed({**PUSH, "space": fixed("other space")}, good_sig)))
    for name, given in broken:
        found.append({"name": f"a push reply: {name}", "input": given, "code": "bad_signature"})
    return found


def vectors() -> list[Vector]:
    """Return all vectors."""
    shapes: list[Vector] = [
        {"name": name, "input": reading(frame), "code": code} for name, code, frame in misshapen()
    ]
    return good() + shapes + unsigned()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
