"""Write tests/vectors/recon.json: answers to messages of reconciliation, and what is none.

Made from docs/spec/recon.md with ``oracle.messagepack``; nothing of envoy is used.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from oracle import events, messagepack
from oracle.scene import fixed

TARGET = Path(__file__).with_name("recon.json")
Vector = dict[str, object]
MANY = sorted(fixed(f"frame {number}") for number in range(100))
FEW = MANY[:5]


def fingerprint(ids: list[bytes]) -> bytes:
    """Return the fingerprint of a set of ids."""
    total = sum(int.from_bytes(one, "little") for one in ids) % 2**256
    return events.h("rbsr", total.to_bytes(32, "little"), len(ids).to_bytes(8, "big"))[:16]


def bound(low: bytes, high: bytes) -> bytes:
    """Return the shortest prefix of ``high`` above ``low``."""
    return next(high[:size] for size in range(1, 33) if high[:size] > low)


def split(ids: list[bytes], hi: bytes | None) -> list[object]:
    """Return 16 fingerprints of ``ids``."""
    cuts = [len(ids) * part // 16 for part in range(17)]
    bounds = [bound(ids[cut - 1], ids[cut]) for cut in cuts[1:-1]]
    parts = [ids[low:high] for low, high in pairwise(cuts)]
    his: list[bytes | None] = [*bounds, hi]
    return [[one, 1, fingerprint(part)] for one, part in zip(his, parts, strict=True)]


def asked(ids: list[bytes], ranges: object) -> Vector:
    """Return the input of a vector: who has ``ids`` is asked ``ranges``."""
    raw = ranges if isinstance(ranges, bytes) else messagepack.write(ranges)
    return {"op": "answer", "ids": [one.hex() for one in ids], "hex": raw.hex()}


def good() -> list[Vector]:
    """Return messages with their answers."""
    edge = bound(MANY[49], MANY[50])
    cases: list[tuple[str, list[bytes], list[object], list[object]]] = [
        ("equal", MANY, [[None, 1, fingerprint(MANY)]], [[None, 0, b""]]),
        ("nothing against nothing", [], [[None, 1, fingerprint([])]], [[None, 0, b""]]),
        ("a short unequal range is listed", FEW, [[None, 1, bytes(16)]],
         [[None, 2, b"".join(FEW)]]),
        ("a long unequal range is split", MANY, [[None, 1, bytes(16)]], split(MANY, None)),
        ("an empty list against much", MANY, [[None, 2, b""]], split(MANY, None)),
        ("an equal list", FEW, [[None, 2, b"".join(FEW)]], [[None, 0, b""]]),
        ("a list with one missing", FEW, [[None, 2, b"".join(FEW[1:])]],
         [[None, 2, b"".join(FEW)]]),
        ("half equal, half not", MANY,
         [[edge, 1, fingerprint(MANY[:50])], [None, 1, fingerprint(MANY[51:])]],
         [[edge, 0, b""], *split(MANY[50:], None)]),
        ("neighbours that are equal are one", MANY,
         [[edge, 1, fingerprint(MANY[:50])], [None, 1, fingerprint(MANY[50:])]],
         [[None, 0, b""]]),
        ("nothing to say stays nothing", MANY, [[edge, 0, b""], [None, 0, b""]],
         [[None, 0, b""]]),
    ]  # fmt: skip
    found: list[Vector] = [
        {"name": name, "input": asked(ids, ranges), "expect": messagepack.write(reply).hex()}
        for name, ids, ranges, reply in cases
    ]
    for name, ids in (("of nothing", []), ("of five", FEW), ("of a hundred", MANY)):
        given: Vector = {"op": "fingerprint", "ids": [one.hex() for one in ids]}
        expect = fingerprint(ids).hex()
        found.append({"name": f"the fingerprint {name}", "input": given, "expect": expect})
    return found


def bad() -> list[Vector]:
    """Return messages that break one rule."""
    low, high = MANY[10], MANY[20]
    whole = messagepack.write([[None, 0, b""]])
    cases: list[tuple[str, str, object]] = [
        ("no range", "malformed", []),
        ("the end is missing", "malformed", [[high, 0, b""]]),
        ("an end before the end", "malformed", [[None, 0, b""], [None, 0, b""]]),
        ("bounds out of order", "malformed", [[high, 0, b""], [low, 0, b""], [None, 0, b""]]),
        ("a bound twice", "malformed", [[low, 0, b""], [low, 0, b""], [None, 0, b""]]),
        ("an empty bound", "malformed", [[b"", 0, b""], [None, 0, b""]]),
        ("a bound of 33 bytes", "malformed", [[b"\1" * 33, 0, b""], [None, 0, b""]]),
        ("a bound with a zero behind", "malformed", [[low[:1] + b"\0", 0, b""], [None, 0, b""]]),
        ("a bound of nothing but zeros", "malformed", [[bytes(32), 0, b""], [None, 0, b""]]),
        ("mode 3", "malformed", [[None, 3, b""]]),
        ("nothing to say, said at length", "malformed", [[None, 0, b"x"]]),
        ("a fingerprint of 15 bytes", "malformed", [[None, 1, bytes(15)]]),
        ("a list of 33", "malformed", [[None, 2, b"".join(MANY[:33])]]),
        ("half an id", "malformed", [[None, 2, MANY[0][:16]]]),
        ("a list out of order", "malformed", [[None, 2, MANY[1] + MANY[0]]]),
        ("an id twice", "malformed", [[None, 2, MANY[0] + MANY[0]]]),
        ("an id above its range", "malformed", [[low, 2, high], [None, 0, b""]]),
        ("an id below its range", "malformed", [[high, 0, b""], [None, 2, low]]),
        ("two elements", "malformed", [[None, 0]]),
        ("a byte behind", "malformed", whole + b"\0"),
        ("a long head", "non_canonical", b"\xdc\x00\x01" + whole[1:]),
        ("over 256 KiB", "malformed", whole + bytes(256 * 1024)),
    ]
    return [{"name": name, "input": asked(FEW, given), "code": code} for name, code, given in cases]


def vectors() -> list[Vector]:
    """Return all vectors."""
    return good() + bad()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
