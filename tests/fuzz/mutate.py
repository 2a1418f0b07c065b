"""Mutate: from sound bytes and values to ones that are nearly sound, drawn by chance.

Two ways. ``near`` changes bytes without a look at them: flips, cuts, splices, copies, numbers at
their bounds, heads of MessagePack. ``Tree`` knows the structure: it puts a value of another type,
length or depth in one place and leaves the rest sound, so that what is behind it is reached.

Everything comes from the dice it is given: the same seed gives the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

import msgspec

from hostile import HOSTILE

ENCODE: Final = msgspec.msgpack.Encoder().encode
BYTE: Final = [bytes((one,)) for one in range(256)]
EDGES: Final = sorted(
    {
        edge + step
        for bits in (0, 5, 7, 8, 15, 16, 31, 32, 40, 53, 62, 63)
        for edge in (1 << bits, -(1 << bits))
        for step in (-1, 0, 1)
        if -(1 << 63) <= edge + step < 1 << 64
    }
)
# Every head byte that means something, and lengths that are false after it.
HEADS: Final = (
    *(0x80, 0x8F, 0x90, 0x91, 0x9F, 0xA0, 0xA1, 0xBF, *range(0xC0, 0xE0), 0xE0, 0xFF, 0x00, 0x7F),
)
LENGTHS: Final = (0, 1, 2, 15, 16, 17, 23, 24, 31, 32, 33, 63, 64, 65, 255, 256, 1168, 1216, 65536)
TEXTS: Final = (
    *HOSTILE,
    *("", "a", "\0", "a\0b", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 513, "é" * 300),
    *("a.b", "zz", "\U0010ffff", "' OR 1=1 --", '"', "*", "NEAR(a b)", "--json", "-", "../x", "%s"),
)
# What no value of the wire is, or no value in its one form.
ODD: Final = tuple(
    msgspec.Raw(raw)
    for raw in (
        *(b"\xcc\x01", b"\xcd\x00\x01", b"\xce\x00\x00\x00\x01", b"\xcf" + bytes(7) + b"\x01"),
        *(b"\xd0\x01", b"\xd0\xff", b"\xd1\xff\xff", b"\xd3" + b"\xff" * 8, b"\xcf" + b"\xff" * 8),
        *(b"\xd9\x01a", b"\xda\x00\x01a", b"\xdb\x00\x00\x00\x01a", b"\xd9\xff", b"\xdb\xff\xff"),
        *(b"\xa1\xff", b"\xa2\xc3\x28", b"\xa3\xed\xa0\x80", b"\xa1\x00", b"\xa2\xc0\x80"),
        *(b"\xc5\x00\x00", b"\xc6\x00\x00\x00\x00", b"\xc6\xff\xff\xff\xff", b"\xc4\xff"),
        *(b"\xdc\x00\x00", b"\xdd\x00\x00\x00\x00", b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff"),
        *(b"\x80", b"\x81\xa1a\x01", b"\xdf\xff\xff\xff\xff", b"\xde\x00\x00", b"\xc1", b""),
        *(b"\xca\x7f\xc0\x00\x00", b"\xcb" + bytes(8), b"\xcb\x80" + bytes(7), b"\xca"),
        *(b"\xd4\x00\x00", b"\xd6\xff\x00\x00\x00\x00", b"\xc7\x00\x01", b"\xc9\xff\xff\xff\xff"),
        *(b"\x91" * 40 + b"\xc0", b"\x91" * 700 + b"\xc0", b"\x91" * 5000, b"\xdc\x00\x01" * 900),
        *(b"\x92\x01" * 300 + b"\xc0", b"\x81\x01" * 900 + b"\xc0"),
    )
)


def near(data: bytes, dice: Random, count: int, others: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield ``count`` inputs that are near ``data``; some have a part of one of ``others``."""
    bits, size = dice.getrandbits, max(len(data), 1)
    for _ in range(count):
        drawn = bits(56)
        at, rest = (drawn >> 24) % size, drawn >> 8 & 0xFFFF
        match drawn & 15:
            case 0 | 1 | 2 | 3 | 4:
                old = data[at] if data else 0
                yield data[:at] + BYTE[old ^ 1 << (rest & 7)] + data[at + 1 :]
            case 5 | 6:
                yield data[:at] + BYTE[rest & 255] + data[at + 1 :]
            case 7:
                yield data[:at] + BYTE[HEADS[rest % len(HEADS)]] + data[at + 1 :]
            case 8:
                yield data[:at]
            case 9:
                yield data[:at] + data[at + 1 + (rest & 15) :]
            case 10:
                yield data[:at] + data[at : at + 1 + (rest & 31)] * 2 + data[at + 1 :]
            case 11:
                yield data[:at] + BYTE[rest & 255] + data[at:]
            case 12:
                yield near_number(data, at, rest)
            case 13:
                yield (
                    data[:at]
                    + bits(8 * (1 + (rest & 7))).to_bytes(8)[: 1 + (rest & 7)]
                    + data[at + 1 + (rest & 7) :]
                )
            case 14:
                other = others[rest % len(others)] if others else data
                yield data[:at] + other[rest % (len(other) + 1) :]
            case _:
                yield data + BYTE[rest & 255]


def near_number(data: bytes, at: int, drawn: int) -> bytes:
    """Return ``data`` with a number at a bound in the place of some bytes."""
    width = 1 << (drawn & 3)
    number = EDGES[(drawn >> 2) % len(EDGES)] % (1 << 8 * width)
    return data[:at] + number.to_bytes(width) + data[at + width :]


def is_tree(data: bytes) -> bool:
    """Say whether ``data`` is an array as far as MessagePack goes."""
    try:
        return isinstance(msgspec.msgpack.decode(data), list)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class Tree:
    """A sound value of the wire, of which one place at a time is another one."""

    def __init__(self, data: bytes) -> None:
        """``data``: the encoding of a value that is an array."""
        self.root = [msgspec.msgpack.decode(data)]
        self.places = list[tuple[list[Any], int]]()
        todo = [self.root]
        while todo:
            one = todo.pop()
            for at, value in enumerate(one):
                self.places.append((one, at))
                if isinstance(value, list):
                    todo.append(value)

    def near(self, dice: Random, count: int) -> Iterator[bytes]:
        """Yield ``count`` encodings of values that differ from the sound one in a place or two."""
        places, root = self.places, self.root
        for _ in range(count):
            drawn = dice.getrandbits(48)
            inside, at = places[(drawn >> 8) % len(places)]
            if drawn & 7 == 0 and inside is not root:
                kept = inside[:]
                reshape(inside, at, drawn >> 24)
                yield ENCODE(root[0])
                inside[:] = kept
                continue
            old = inside[at]
            inside[at] = other(old, dice, drawn >> 24)
            if drawn & 0xF0 == 0:
                yield from self.near(dice, 1)
            else:
                yield ENCODE(root[0])
            inside[at] = old


def reshape(inside: list[Any], at: int, drawn: int) -> None:
    """Drop, double, swap, turn or multiply elements of an array."""
    match drawn & 7:
        case 0 | 1:
            del inside[at]
        case 2:
            inside.insert(at, inside[at])
        case 3:
            inside.insert(at, None)
        case 4:
            inside[at], inside[0] = inside[0], inside[at]
        case 5:
            inside.reverse()
        case 6:
            inside[at:at] = inside[at : at + 1] * times(inside[at], drawn >> 3)
        case _:
            inside.clear()


def times(value: object, drawn: int) -> int:
    """Return how often to repeat an element: what is long already, seldom."""
    is_short = not isinstance(value, list | str | bytes) or len(value) <= 40
    return 1 << drawn % (11 if is_short and not isinstance(value, list) else 4)


def other(value: object, dice: Random, drawn: int) -> Any:
    """Return a value to stand in the place of ``value``: mostly of its own type."""
    pick = drawn >> 4
    match drawn & 15:
        case 0:
            return ODD[pick % len(ODD)]
        case 1:
            return None
        case 2:
            return bool(pick & 1)
        case 3:
            return TEXTS[pick % len(TEXTS)]
        case 4:
            return dice.randbytes(LENGTHS[pick % len(LENGTHS)])
        case 5:
            return EDGES[pick % len(EDGES)]
        case 6:
            return [value] * (pick & 3)
        case 7:
            return [["a", 1], ["b", None]][: pick & 3]
    match value:
        case bool():
            return not value
        case int():
            return EDGES[pick % len(EDGES)] if pick & 1 else min(value + 1, 2**63)
        case str():
            return near_text(value, pick)
        case bytes():
            return next(near(value, dice, 1))
        case list():
            return value[: pick % (len(value) + 1)]
    return dice.randbytes(LENGTHS[pick % len(LENGTHS)])


def near_text(text: str, drawn: int) -> str:
    """Return a text that is near ``text``."""
    at = (drawn >> 4) % (len(text) + 1)
    odd = TEXTS[(drawn >> 12) % len(TEXTS)]
    match drawn & 7:
        case 0:
            return text[:at]
        case 1:
            return text[:at] + odd + text[at:]
        case 2:
            return text.upper()
        case 3:
            return text[:at] + text[at + 1 :]
        case 4:
            return text + text
        case 5:
            return odd
        case 6:
            return text[:at] + chr(drawn >> 12 & 0x7F) + text[at + 1 :]
    return text[::-1]
