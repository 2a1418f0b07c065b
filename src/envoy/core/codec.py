"""Codec: the one way from values to bytes and back, MessagePack with one form for each value.

Ids are hashes of bytes, so two encodings of one value would be two events, and a byte that two
builds read differently would split their logs. Hence a subset (nil, bool, int64, bin, str, array)
and two walls: the typed decoder of msgspec, which refuses wrong types, missing and extra elements,
trailing bytes and false lengths without allocating; and the comparison of what it read, encoded
again, with what was received, which refuses every long form. What neither sees is checked here.

Laws: what ``decode`` returns encodes to the bytes that were decoded. Nothing is decoded without a
type, so nesting is bounded by the types and not by the stack. Received bytes are hashed and
stored as they came, never encoded again. Only foreign bytes raise RemoteFault.

Specification: docs/spec/codec.md. Test vectors: tests/vectors/codec.json.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, Final, TypeVar

import msgspec

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import InternalError, RemoteFault

INT_MIN: Final = -(2**63)
INT_MAX: Final = limits.INT_MAX  # msgspec reads up to 2**64 - 1

B16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
B24 = Annotated[bytes, msgspec.Meta(min_length=24, max_length=24)]
B32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
B64 = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
EncKey = Annotated[bytes, msgspec.Meta(min_length=1216, max_length=1216)]  # X-Wing public key
I63 = Annotated[int, msgspec.Meta(ge=0, le=INT_MAX)]  # counts, numbers, times: never negative
I64 = Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]  # the whole range of the wire

# An open-ended part (policy, gate, fields of a record): pairs ascending by key, none twice.
OpenValue = None | bool | int | str | tuple[str, ...]
Open = tuple[tuple[str, OpenValue], ...]

T = TypeVar("T")

_ENCODER: Final = msgspec.msgpack.Encoder()
Values = Callable[[object], tuple[object, ...]]
# By type, at first use: its typed decoder, whose return a dict cannot name; what a Body checks of
# itself, if anything; and what the types leave to be looked at, if anything.
_Plan = tuple[Callable[[bytes], Any], Callable[[Any], None] | None, Values | None]
_PLANS: Final[dict[object, _Plan]] = {}
_DOUBTFUL: Final[dict[type, Values | None]] = {}  # by the class of a Body, at first use
_SETTLED: Final = frozenset(("B16", "B24", "B32", "B64", "EncKey", "I63", "I64", "bytes", "None"))

# Head byte -> bytes of the length or the number that follows it.
_INT_WIDTHS: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_STR_WIDTHS: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAY_WIDTHS: Final = {0xDC: 2, 0xDD: 4}


def encode(value: object) -> bytes:
    """Return the one encoding C(value) of a Body, or of nil, bool, int, str, bytes and sequences.

    Types are not checked here: an author decodes what is about to be signed. Raises
    InternalError(internal) for what the wire cannot hold at all.
    """
    try:
        return _ENCODER.encode(value)
    except (OverflowError, TypeError, UnicodeEncodeError) as error:
        raise InternalError("internal") from error


def decode(data: bytes, kind: type[T]) -> T:
    """Return ``data`` as a ``kind``: a Body, or a tuple type of what a Body may hold.

    Raises RemoteFault: ``malformed`` for bytes that are no such value, ``non_canonical`` for a
    value in another form than its one encoding. Source: docs/spec/codec.md, Decoding.
    """
    read, check, doubtful = _PLANS.get(kind) or _plan(kind)
    try:
        value: T = read(data)
    # Invalid UTF-8 is no DecodeError to msgspec 0.22 (tests/core/test_codec would notice).
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteFault("malformed") from error
    # First: another form of what is no such value is ``malformed``.
    if check is not None:
        check(value)
    if doubtful is not None:
        _check(doubtful(value))
    if _ENCODER.encode(value) != data:
        raise RemoteFault("non_canonical")
    return value


def peek_first(data: bytes) -> int | str | None:
    """Return the first element of the array ``data`` if it is an int or a str, else None.

    For what is read before the rest: a version, suite or label. Nothing else is looked at, so an
    answer does not mean that ``data`` decodes; long forms are answered too, ``decode`` refuses.
    Source: docs/spec/codec.md, Decoding.
    """
    start = _array_start(data)
    if start is None or len(data) <= start:
        return None
    head, rest = data[start], start + 1
    if head <= 0x7F:
        return head
    if head >= 0xE0:
        return head - 0x100
    if head in _INT_WIDTHS:
        end = rest + _INT_WIDTHS[head]
        number = int.from_bytes(data[rest:end], signed=head >= 0xD0)
        return number if len(data) >= end and number <= INT_MAX else None
    return _text_at(data, head, rest)


def refuse_unless(holds: object) -> None:
    """Raise RemoteFault("malformed") where ``holds`` is false; for ``Body.check``."""
    if not holds:
        raise RemoteFault("malformed")


def bounded(text: str, most: int, *, empty: bool = True) -> None:
    """Raise RemoteFault("malformed") if ``text`` is over ``most`` bytes, or empty and may not be.

    Bytes of UTF-8 count, not characters: a bound is a promise about storage and frames.
    """
    size = len(text) if text.isascii() else len(text.encode())
    refuse_unless(size <= most and (empty or size))


def _plan(kind: type[object]) -> _Plan:
    """Return how values of ``kind`` are read, found out at its first use."""
    plan: _Plan = (msgspec.msgpack.Decoder(kind).decode, None, lambda value: (value,))
    if isinstance(kind, type) and issubclass(kind, Body):
        has_check = kind.check is not Body.check
        plan = (plan[0], kind.check if has_check else None, _doubtful(kind))
    return _PLANS.setdefault(kind, plan)


def _check(values: tuple[object, ...]) -> None:
    """Refuse what the typed decoder lets through, in ``values`` and every value below them."""
    todo = [values]
    while todo:  # a stack of ours: depth is bounded by the types, but nothing here recurses
        for value in todo.pop():
            if not value:
                continue  # nothing is wrong with None, 0 and what is empty
            if isinstance(value, str):
                refuse_unless("\0" not in value)
            elif isinstance(value, (bytes, bool)):
                continue
            elif isinstance(value, int):
                refuse_unless(value <= INT_MAX)
            elif isinstance(value, tuple):
                todo.append(value)
                _check_pairs(value)
            elif found := _check_body(value):
                todo.append(found)


def _check_body(value: object) -> tuple[object, ...]:
    """Ask a Body about itself, and return the values of its fields that have to be looked at."""
    assert isinstance(value, Body), f"{type(value)} has no form on the wire"
    kind = type(value)
    if kind not in _DOUBTFUL:
        _DOUBTFUL[kind] = _doubtful(kind)
    doubtful = _DOUBTFUL[kind]
    value.check()
    return () if doubtful is None else doubtful(value)


def _doubtful(kind: type[Body]) -> Values | None:
    """Return what reads the fields that the types of ``kind`` do not settle, by its annotations.

    Bounded bytes and numbers, alone or in a tuple, are what the typed decoder checked: most of an
    event. Whatever is written in another way is looked at.
    """
    found = list[str]()
    for name, written in kind.__annotations__.items():
        words = str(written).replace("tuple[", " ").replace("]", " ").replace(",", " ")
        if not _SETTLED.issuperset(words.replace("|", " ").replace("...", " ").split()):
            found.append(name)
    if not found:
        return None
    # A getter of one name returns it bare, one of more a tuple: the last one stands twice.
    return attrgetter(*found, *found[-1:])


def _check_pairs(values: tuple[object, ...]) -> None:
    """Refuse open-ended pairs with a bad key, out of order or repeated.

    Any array of arrays [str, value] is one, so that no structure can forget to ask. Python orders
    str by code point, which is the order of their UTF-8 bytes.
    """
    last = ""
    for pair in values:
        if type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not str:
            return
        bounded(pair[0], limits.OPEN_KEY_BYTES_MAX)
        refuse_unless(last < pair[0])  # the first one too: an empty key is not above ""
        last = pair[0]


def _array_start(data: bytes) -> int | None:
    """Return where the first element of an array begins, None if ``data`` begins none."""
    head = data[0] if data else 0
    if 0x91 <= head <= 0x9F:
        return 1
    start = 1 + _ARRAY_WIDTHS.get(head, 0)
    return start if any(data[1:start]) else None  # a long head that counts none begins none either


def _text_at(data: bytes, head: int, rest: int) -> str | None:
    """Return the str with ``head`` whose length or bytes begin at ``rest``, else None."""
    if 0xA0 <= head <= 0xBF:
        start, size = rest, head & 0x1F
    elif head in _STR_WIDTHS:
        start = rest + _STR_WIDTHS[head]
        size = int.from_bytes(data[rest:start])
    else:
        return None
    if len(data) < start + size:
        return None
    try:
        text = data[start : start + size].decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
