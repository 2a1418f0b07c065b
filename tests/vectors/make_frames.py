"""Write tests/vectors/frames.json: ids, hub chain and sum, and every call and reply in its bytes.

Made by ``oracle``, not by envoy. A bad call breaks one rule of its table in docs/spec/frames.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle import events, messagepack
from oracle.scene import B0, WRITER, commitment, fixed, space_of

TARGET = Path(__file__).with_name("frames.json")
Vector = dict[str, object]

SPACE = space_of(B0)
INSTANCE = fixed("instance", 16)
ENVELOPE = messagepack.write([1, fixed("epoch"), fixed("salt", 24), bytes(240)])
RECEIPT = messagepack.write(["rcpt/1", SPACE, 0])
H, SIG = fixed("hub chain"), bytes(64)
HEAD = [INSTANCE, 7, H, fixed("sum"), 7, 0, 1_700_000_000_000]
PUSHED = [INSTANCE, [6, 7], 7, H, 1_700_000_000_000, SIG]
BOX = bytes(1168)
CLAIM = ["claim", SPACE, 0, fixed("slot"), 0, fixed("holder", 16), 900, ENVELOPE]
INVITE = [fixed("lookup", 16), fixed("f"), fixed("r"), bytes(4096), 1_700_000_300_000, 1]
STATEMENT = messagepack.write([1, WRITER, None, 0, bytes(1216), 0])
LOOKUP, TAG = fixed("lookup", 16), fixed("tag", 16)

# Name -> a good call and a good reply, as the values of their fields.
CALLS: dict[str, tuple[list[object], list[object]]] = {
    "create": ([SPACE, commitment(B0), None], HEAD),
    "head": ([SPACE], HEAD),
    "push": ([SPACE, [ENVELOPE, RECEIPT]], PUSHED),
    "pull": ([[[SPACE, INSTANCE, 5], [H, None, 0]], 1000, 0],
             [[[[ENVELOPE, RECEIPT], 7, HEAD], [[], 0, None]]]),
    "by_id": ([SPACE, [fixed("id")]], [[ENVELOPE]]),
    "slot": (CLAIM, [*PUSHED, 1_700_000_900_000, RECEIPT]),
    "epoch_put": ([SPACE, fixed("epoch"), bytes(100)], []),
    "box_put": ([SPACE, fixed("epoch"), [[TAG, BOX]]], []),
    "epoch_get": ([SPACE, fixed("epoch"), [TAG]],
                  [bytes(100), fixed("poster"), [[[fixed("poster"), BOX]]]]),
    "invite_put": (INVITE, []),
    "invite_fetch": ([LOOKUP, fixed("fetch"), TAG], [bytes(4096)]),
    "invite_request": ([LOOKUP, fixed("fetch"), TAG, bytes(4096)], [None]),
    "invite_reply": ([LOOKUP, fixed("revoke"), TAG, bytes(4096)],
                     [[[TAG, bytes(4096), False]]]),
    "invite_delete": ([LOOKUP, fixed("revoke")], []),
    "keys_put": ([STATEMENT, SIG], []),
    "keys_get": ([[WRITER]], [[[STATEMENT, SIG], None]]),
}  # fmt: skip


def changed(name: str, field: int, value: object) -> list[object]:
    """Return the good call ``name`` with another value in one field."""
    values = list(CALLS[name][0])
    values[field] = value
    return values


BAD: list[tuple[str, str, list[object], str]] = [
    ("a chain of five links", "create", changed("create", 2, [b"1"] * 5), "malformed"),
    ("a G of 257 bytes", "create", changed("create", 1, bytes(257)), "too_large"),
    ("no frame", "push", changed("push", 1, []), "malformed"),
    ("257 frames", "push", changed("push", 1, [b"\x91\x01"] * 257), "malformed"),
    ("no space", "pull", changed("pull", 0, []), "malformed"),
    ("257 spaces", "pull", changed("pull", 0, [[SPACE, None, 0]] * 257), "malformed"),
    ("a limit of 0", "pull", changed("pull", 1, 0), "malformed"),
    ("a limit of 1,001", "pull", changed("pull", 1, 1001), "malformed"),
    ("a wait over 30 s", "pull", changed("pull", 2, 30_001), "malformed"),
    ("a cursor below 0", "pull", changed("pull", 0, [[SPACE, None, -1]]), "malformed"),
    ("an instance of 15 bytes", "pull", changed("pull", 0, [[SPACE, bytes(15), 0]]), "malformed"),
    ("no id", "by_id", changed("by_id", 1, []), "malformed"),
    ("257 ids", "by_id", changed("by_id", 1, [SPACE] * 257), "malformed"),
    ("another op", "slot", changed("slot", 0, "take"), "malformed"),
    ("a claim without its event", "slot", changed("slot", 7, None), "malformed"),
    ("a receipt in place of the event", "slot", changed("slot", 7, RECEIPT), "malformed"),
    ("a lease of 59 s", "slot", changed("slot", 6, 59), "malformed"),
    ("a lease of 86,401 s", "slot", changed("slot", 6, 86_401), "malformed"),
    ("a release with a lease", "slot", changed("slot", 0, "release"), "malformed"),
    ("a holder of 15 bytes", "slot", changed("slot", 5, bytes(15)), "malformed"),
    ("a head over 12 KiB", "epoch_put", changed("epoch_put", 2, bytes(12_289)), "too_large"),
    ("no box", "box_put", changed("box_put", 2, []), "malformed"),
    ("a box of 1,167 bytes", "box_put", changed("box_put", 2, [[TAG, BOX[1:]]]), "malformed"),
    ("nine tags", "epoch_get", changed("epoch_get", 2, [TAG] * 9), "malformed"),
    ("a blob of 4,095 bytes", "invite_put", changed("invite_put", 3, bytes(4095)), "malformed"),
    ("no use", "invite_put", changed("invite_put", 5, 0), "malformed"),
    ("101 uses", "invite_put", changed("invite_put", 5, 101), "malformed"),
    (
        "a request of 4,095 bytes",
        "invite_request",
        changed("invite_request", 3, bytes(4095)),
        "malformed",
    ),
    (
        "an answer of 4,097 bytes",
        "invite_reply",
        changed("invite_reply", 3, bytes(4097)),
        "malformed",
    ),
    ("an empty request", "invite_request", changed("invite_request", 3, b""), "malformed"),
    ("an empty answer", "invite_reply", changed("invite_reply", 3, b""), "malformed"),
    ("an answer to nobody", "invite_reply", changed("invite_reply", 2, None), "malformed"),
    ("no answer to somebody", "invite_reply", changed("invite_reply", 3, None), "malformed"),
    ("a statement over 2 KiB", "keys_put", changed("keys_put", 0, bytes(2049)), "too_large"),
    ("no did", "keys_get", changed("keys_get", 0, []), "malformed"),
    ("257 dids", "keys_get", changed("keys_get", 0, [WRITER] * 257), "malformed"),
]


def call(name: str, values: list[object], *, reply: bool = False) -> Vector:
    """Return the input of a vector about the bytes of a call or reply."""
    return {
        "op": "reply" if reply else "call",
        "name": name,
        "hex": messagepack.write(values).hex(),
    }


def ids() -> list[Vector]:
    """Return vectors of what is computed from frames."""
    idents = [events.h("env", ENVELOPE), events.h("rcpt", RECEIPT)]
    start = events.h("hub-chain", INSTANCE, SPACE)
    first = events.h("hub-chain", start, idents[0])
    total = b"\xff" * 32
    summed = int.from_bytes(total, "little") + sum(int.from_bytes(i, "little") for i in idents)
    given = [ident.hex() for ident in idents]
    found: list[Vector] = [
        {"name": "the id of an envelope", "input": {"op": "id", "hex": ENVELOPE.hex()},
         "expect": given[0]},
        {"name": "the id of a receipt", "input": {"op": "id", "hex": RECEIPT.hex()},
         "expect": given[1]},
        {"name": "the hub chain of two frames",
         "input": {"op": "chain", "instance": INSTANCE.hex(), "space": SPACE.hex(), "ids": given},
         "expect": [start.hex(), first.hex(), events.h("hub-chain", first, idents[1]).hex()]},
        {"name": "a sum that runs over", "input": {"op": "sum", "sum": total.hex(), "ids": given},
         "expect": (summed % 2**256).to_bytes(32, "little").hex()},
    ]  # fmt: skip
    for name, frame in (
        ("nothing", b""),
        ("an empty array", b"\x90"),
        ("no array", b"\x01"),
        ("an empty array in a long form", b"\xdc\x00\x00\x01"),
        ("a suite over 2^63-1", b"\x91\xcf" + b"\x80".ljust(8, b"\x00")),
        ("a label that is no text", b"\x91\xa7rcpt/1\x00"),
        ("a first element that is no id label", messagepack.write([None])),
        ("a label of something else", messagepack.write(["card/1"])),
    ):
        given_frame = {"op": "id", "hex": frame.hex()}
        found.append({"name": f"the id of: {name}", "input": given_frame, "code": "malformed"})
    return found


def vectors() -> list[Vector]:
    """Return all vectors."""
    found = ids()
    for name, (values, reply) in CALLS.items():
        found.append({"name": f"{name}: a call", "input": call(name, values), "expect": True})
        given = call(name, reply, reply=True)
        found.append({"name": f"{name}: a reply", "input": given, "expect": True})
        for wrong, bad in (("too few", values[:-1]), ("too many", [*values, None])):
            found.append(
                {"name": f"{name}: {wrong} fields", "input": call(name, bad), "code": "malformed"}
            )
    for rule, name, values, code in BAD:
        found.append({"name": f"{name}: {rule}", "input": call(name, values), "code": code})
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
