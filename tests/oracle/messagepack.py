"""A second reader and writer of the canonical codec, slow and plain, from docs/spec/codec.md alone.

It shares nothing with msgspec and knows no types: what both read must be equal, and where this one
refuses, the real one may not accept.
"""

from __future__ import annotations

Value = None | bool | int | str | bytes | list["Value"]

DEPTH_MAX = 16  # deeper than any structure of the protocol


class Refused(Exception):
    """The bytes are not one value in its one form."""


def write(value: object) -> bytes:
    """Return the one encoding of ``value``."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _write_int(value)
    if isinstance(value, str):
        raw = value.encode()
        return _head(len(raw), (0xA0, 32), 0xD9, 0xDA, 0xDB) + raw
    if isinstance(value, bytes):
        return _head(len(value), (0, 0), 0xC4, 0xC5, 0xC6) + value
    if isinstance(value, list | tuple):
        head = _head(len(value), (0x90, 16), None, 0xDC, 0xDD)
        return head + b"".join(write(item) for item in value)
    raise Refused(f"no form for {type(value)}")


def read(data: bytes) -> Value:
    """Return the value that ``data`` is, whole."""
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise Refused("trailing bytes")
    return value


def _head(size: int, fix: tuple[int, int], one: int | None, two: int, four: int) -> bytes:
    """Return the shortest head for ``size``."""
    if size < fix[1]:
        return bytes((fix[0] + size,))
    if one is not None and size < 1 << 8:
        return bytes((one, size))
    if size < 1 << 16:
        return bytes((two,)) + size.to_bytes(2, "big")
    return bytes((four,)) + size.to_bytes(4, "big")


def _write_int(value: int) -> bytes:
    """Return the shortest form of an integer of 64 bits."""
    if not -(1 << 63) <= value < 1 << 63:
        raise Refused("integer out of bounds")
    if -32 <= value < 128:
        return value.to_bytes(1, "big", signed=True)
    for place, width in enumerate((1, 2, 4, 8)):
        if 0 <= value < 1 << 8 * width:
            return bytes((0xCC + place,)) + value.to_bytes(width, "big")
        if -(1 << 8 * width - 1) <= value < 0:
            return bytes((0xD0 + place,)) + value.to_bytes(width, "big", signed=True)
    raise AssertionError("every integer in bounds has a width")


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """Return the value that begins at ``at``, and where it ends."""
    if depth > DEPTH_MAX:
        raise Refused("too deep")
    head = _take(data, at, 1)[0]
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head], at + 1
    if head <= 0x7F or head >= 0xE0:
        return int.from_bytes(bytes((head,)), "big", signed=True), at + 1
    if 0xCC <= head <= 0xCF or 0xD0 <= head <= 0xD3:
        return _read_int(data, at, head)
    if 0xA0 <= head <= 0xBF or 0xD9 <= head <= 0xDB:
        start, size = _size(data, at, head, 0xA0, 0xD9)
        return _text(_take(data, start, size)), start + size
    if 0xC4 <= head <= 0xC6:
        start, size = _size(data, at, head, None, 0xC4)
        return _take(data, start, size), start + size
    if 0x90 <= head <= 0x9F or head in (0xDC, 0xDD):
        start, size = _size(data, at, head, 0x90, 0xDB)
        items: list[Value] = []
        for _ in range(size):
            item, start = _read(data, start, depth + 1)
            items.append(item)
        return items, start
    raise Refused(f"head {head:02x}")


def _read_int(data: bytes, at: int, head: int) -> tuple[int, int]:
    """Return the integer of one of the eight long heads, if nothing shorter says it."""
    width = 1 << (head & 3)
    raw = _take(data, at + 1, width)
    value = int.from_bytes(raw, "big", signed=head >= 0xD0)
    if _write_int(value) != bytes((head,)) + raw:
        raise Refused("long integer")
    return value, at + 1 + width


def _size(data: bytes, at: int, head: int, fix: int | None, first: int) -> tuple[int, int]:
    """Return where the content of a str, bin or array begins, and its size."""
    if fix is not None and fix <= head < fix + 32 and head < 0xC0:
        return at + 1, head - fix
    width = 1 << head - first
    size = int.from_bytes(_take(data, at + 1, width), "big")
    least = {1: 0 if fix is None else 32, 2: 16 if fix == 0x90 else 1 << 8, 4: 1 << 16}[width]
    if size < least:
        raise Refused("long head")
    return at + 1 + width, size


def _text(raw: bytes) -> str:
    """Return UTF-8 as text without U+0000."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Refused("no UTF-8") from error
    if "\0" in text:
        raise Refused("U+0000")
    return text


def _take(data: bytes, at: int, size: int) -> bytes:
    """Return ``size`` bytes from ``at``."""
    if len(data) < at + size:
        raise Refused("cut short")
    return data[at : at + size]
