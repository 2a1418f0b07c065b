"""Write tests/vectors/did.json: member ids, good and bad.

The curve is computed here with plain integers, so that neither libsodium nor envoy.ids has to be
trusted for what the vectors say about them. The arithmetic is that of RFC 8032, section 5.1.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

TARGET = Path(__file__).with_name("did.json")

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# RFC 8032, section 7.1, test 1.
RFC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Return the sum of two points."""
    k = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P


def times(factor: int, point: Point) -> Point:
    """Return ``point`` added up ``factor`` times."""
    total = NEUTRAL
    for bit in bin(factor)[2:]:
        total = add(total, total)
        total = add(total, point) if bit == "1" else total
    return total


def find_point(y: int, sign: int) -> Point | None:
    """Return the point with that ``y`` and sign of x, None if there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return (P - x if x % 2 != sign else x) % P, y


def encoded(point: Point, *, beyond: int = 0) -> bytes:
    """Return the 32 bytes of ``point``; ``beyond`` is added to y without reducing it."""
    return (point[1] + beyond | (point[0] % 2) << 255).to_bytes(32, "little")


def small_order() -> list[Point]:
    """Return the eight points whose eightfold is neutral, in order of their multiples."""
    for y in count(2):
        point = find_point(y, 0)
        generator = times(L, point) if point else NEUTRAL
        if times(4, generator) != NEUTRAL:
            return [times(factor, generator) for factor in range(8)]
    raise AssertionError("the curve has a point of order 8")


def beyond_field() -> bytes:
    """Return a point whose y is written as y + p, which fits 255 bits for y below 19 alone.

    None of these lies in the main subgroup, so this one vector breaks a second rule as well.
    """
    point = find_point(3, 0)
    assert point
    return encoded(point, beyond=P)


def did(payload: bytes) -> str:
    """Return did:key of codec and key together."""
    number, symbols = int.from_bytes(payload, "big"), ""
    while number:
        number, value = divmod(number, 58)
        symbols = BASE58[value] + symbols
    return "did:key:z" + symbols


def vectors() -> list[dict[str, str]]:
    """Return all vectors: good keys first, then one broken rule each."""
    ed25519 = b"\xed\x01"
    good = did(ed25519 + RFC_KEY)
    y = int.from_bytes(RFC_KEY, "little")
    point = find_point(y & 2**255 - 1, y >> 255)
    assert point and times(L, point) == NEUTRAL
    torsion = small_order()
    bad = {
        "the codec of an X25519 key": did(b"\xec\x01" + RFC_KEY),
        "a codec written in one byte": did(b"\xed" + RFC_KEY),
        "31 bytes": did(ed25519 + RFC_KEY[:31]),
        "33 bytes": did(ed25519 + RFC_KEY + b"\x00"),
        "a symbol that base58 leaves out": good[:20] + "0" + good[21:],
        "a capital O": good[:20] + "O" + good[21:],
        "a leading zero digit": good[:9] + "1" + good[9:],
        "another base of the text": good.replace(":z", ":m"),
        "another method": good.replace("key", "web"),
        "upper case": good.upper(),
        "a fragment behind it": good + "#" + good[8:],
        "nothing behind the method": "did:key:z",
        "an empty text": "",
        **{
            f"a small-order point, {factor} times the generator of order 8": did(
                ed25519 + encoded(small)
            )
            for factor, small in enumerate(torsion)
        },
        "y not reduced modulo p": did(ed25519 + beyond_field()),
        "a key of mixed order": did(ed25519 + encoded(add(point, torsion[1]))),
        "a y that no point has": did(ed25519 + (7).to_bytes(32, "little")),
    }
    return [
        {"name": "key 1 of RFC 8032", "input": good, "expect": RFC_KEY.hex()},
        {
            "name": "the base point of the curve",
            "input": did(ed25519 + bytes.fromhex("58" + "66" * 31)),
            "expect": "58" + "66" * 31,
        },
        *({"name": name, "input": text, "code": "bad_key"} for name, text in bad.items()),
    ]


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
