"""The codec: one form for every value, and nothing that any two readers could read differently."""

from __future__ import annotations

import struct
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecbodies import (
    AnyInt,
    Count,
    Ints,
    Nested,
    Nothing,
    OneBin,
    OneBool,
    OneInt,
    OneKey,
    OneStr,
    Pairs,
    Sample,
    Sized,
    Strs,
)
from envoy.core import codec
from envoy.core.structs import Body
from envoy.errors import InternalError, RemoteFault
from oracle import messagepack
from vectorfile import bad, good, load
from vectors import make_codec

KINDS: dict[str, type[Body]] = {
    "sample": Sample,
    "int": OneInt,
    "any int": AnyInt,
    "count": Count,
    "str": OneStr,
    "bin": OneBin,
    "b32": OneKey,
    "ints": Ints,
    "strs": Strs,
    "open": Pairs,
}
KEY = bytes(range(32))
SAMPLE = Sample(1, True, KEY, "lead", None, (0, -1), b"\xc1")


def given_bytes(case: dict[str, Any]) -> bytes:
    """Return the bytes of a vector's input."""
    repeat = case.get("repeat", {"hex": "", "times": 0})
    return bytes.fromhex(case["hex"]) + bytes.fromhex(repeat["hex"]) * int(repeat["times"])


def plain(value: object) -> object:
    """Return ``value`` with Bodies and tuples as lists, which is how the oracle reads."""
    if isinstance(value, Body):
        return plain(msgspec.structs.astuple(value))
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def code_of(data: bytes, kind: type[Body]) -> str | None:
    """Return the code that ``data`` is refused with, None if it is read."""
    try:
        codec.decode(data, kind)
    except RemoteFault as fault:
        return fault.code
    return None


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("codec") == make_codec.vectors()


@pytest.mark.parametrize(("case", "expect"), good("codec"))
def test_a_value_in_its_one_form_is_read_and_written_back(
    case: dict[str, Any], expect: list[Any]
) -> None:
    data = given_bytes(case)
    found = codec.decode(data, KINDS[case["type"]])
    fields = plain(found)
    assert isinstance(fields, list)
    if isinstance(expect[0], dict) and "size" in expect[0]:
        assert [len(fields[0])] == [expect[0]["size"]]
    else:
        assert make_codec.shown(fields) == expect
    assert codec.encode(found) == data == messagepack.write(fields)


@pytest.mark.parametrize(("case", "code"), bad("codec"))
def test_anything_else_is_refused(case: dict[str, Any], code: str) -> None:
    assert code_of(given_bytes(case), KINDS[case["type"]]) == code


@pytest.mark.parametrize(("field", "size"), [("b16", 16), ("b24", 24), ("b64", 64), ("enc", 1216)])
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_bin_of_fixed_size_has_that_size(field: str, size: int, wrong: int) -> None:
    sizes = {"b16": 16, "b24": 24, "b64": 64, "enc": 1216}
    control = messagepack.write([bytes(sizes[name]) for name in sizes])
    assert code_of(control, Sized) is None
    sizes[field] = size + wrong
    assert code_of(messagepack.write([bytes(sizes[name]) for name in sizes]), Sized) == "malformed"


# -- every head byte in every type of field ---------------------------------------------------

HEADS: dict[type[Body], set[int]] = {
    OneInt: {*range(0x80), *range(0xCC, 0xD4), *range(0xE0, 0x100)},
    OneStr: {*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB},
    OneBin: {0xC4, 0xC5, 0xC6},
    OneBool: {0xC2, 0xC3},
    Nothing: {0xC0},
    Ints: {*range(0x90, 0xA0), 0xDC, 0xDD},
}
# After the head: numbers and sizes that make each long form the shortest for its value.
TAILS = [
    b"",
    *(b"a" * size for size in range(1, 32)),
    *(b"\x07" * size for size in range(1, 16)),
    b"\xff",
    b"\xff\xff",
    b"\x80\x00",
    b"\xff" * 4,
    b"\x80" + bytes(3),
    b"\x7f" + b"\xff" * 7,
    b"\x80" + bytes(7),
    b"\x80",
    b" " + b"a" * 32,
    b"\x01\x00" + b"a" * 256,
    b"\x00\x01\x00\x00" + b"a" * 65536,
    b"\x00\x10" + b"\x07" * 16,
    b"\x00\x01\x00\x00" + b"\x07" * 65536,
    b"\x01\x00" + bytes(256),
    b"\x00",
    b"\x01\x00",
]


@pytest.mark.parametrize("kind", HEADS, ids=lambda kind: kind.__name__)
def test_only_the_heads_of_its_type_are_read_in_a_field(kind: type[Body]) -> None:
    accepted = {
        head
        for head in range(256)
        if any(code_of(b"\x91" + bytes((head,)) + tail, kind) is None for tail in TAILS)
    }
    assert accepted == HEADS[kind]


# -- differential -----------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)
BINS = st.binary(min_size=32, max_size=32)
SAMPLES = st.builds(
    Sample,
    st.integers(0, 2**63 - 1),
    st.booleans(),
    BINS,
    TEXTS,
    st.none() | BINS,
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20).map(tuple),
    st.binary(max_size=300),
)


@given(SAMPLES)
def test_what_is_written_is_read_back_and_the_oracle_agrees(sample: Sample) -> None:
    data = codec.encode(sample)
    assert codec.decode(data, Sample) == sample
    assert messagepack.read(data) == plain(sample)
    assert messagepack.write(plain(sample)) == data


@given(SAMPLES, st.data())
@settings(max_examples=100)
def test_mutated_bytes_are_refused_or_mean_the_same_to_every_reader(
    sample: Sample, data: st.DataObject
) -> None:
    raw = bytearray(codec.encode(sample))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "add"]))
        if change == "flip":
            raw[at] ^= data.draw(st.integers(1, 255))
        elif change == "cut" and len(raw) > 1:
            del raw[at]
        else:
            raw.insert(at, data.draw(st.integers(0, 255)))
    mutated = bytes(raw)
    if code_of(mutated, Sample) is None:
        found = codec.decode(mutated, Sample)
        assert codec.encode(found) == mutated
        assert messagepack.read(mutated) == plain(found)


@given(st.binary(max_size=80))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    for kind in (Sample, Pairs, Nested, OneStr):
        if code_of(data, kind) is None:
            assert messagepack.read(data) == plain(codec.decode(data, kind))
    codec.peek_first(data)


@given(st.lists(st.tuples(TEXTS, st.integers(0, 9)), max_size=6))
def test_open_ended_pairs_are_read_only_ascending_and_unique(pairs: list[tuple[str, int]]) -> None:
    keys = [key.encode() for key, _ in pairs]
    fits = keys == sorted(set(keys)) and all(1 <= len(key) <= 64 for key in keys)
    data = messagepack.write([[list(pair) for pair in pairs]])
    assert (code_of(data, Pairs) is None) == fits


# -- rules of bodies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param([[2], [[4], [6]], [8]], None, id="every rule kept"),
        pytest.param([[2], [], None], None, id="nothing nested to ask"),
        pytest.param([[1], [[4], [6]], [8]], "malformed", id="broken in a field"),
        pytest.param([[2], [[4], [5]], [8]], "malformed", id="broken within an array"),
        pytest.param([[2], [[4], [6]], [7]], "malformed", id="broken in an optional field"),
    ],
)
def test_the_rules_of_nested_bodies_are_asked(value: list[Any], code: str | None) -> None:
    assert code_of(messagepack.write(value), Nested) == code


@pytest.mark.parametrize(
    ("text", "most", "empty", "fits"),
    [
        pytest.param("abc", 3, True, True, id="at the bound"),
        pytest.param("abcd", 3, True, False, id="above the bound"),
        pytest.param("\u00e9a", 3, True, True, id="two characters of three bytes"),
        pytest.param("\u00e9\u00e9", 3, True, False, id="two characters of four bytes"),
        pytest.param("", 3, True, True, id="empty where that is allowed"),
        pytest.param("", 3, False, False, id="empty where it is not"),
        pytest.param("a", 3, False, True, id="not empty"),
    ],
)
def test_bounds_count_bytes(text: str, most: int, empty: bool, fits: bool) -> None:
    if fits:
        codec.bounded(text, most, empty=empty)
    else:
        with pytest.raises(RemoteFault, match="malformed"):
            codec.bounded(text, most, empty=empty)


def test_a_tuple_type_decodes_like_a_structure() -> None:
    data = messagepack.write([1, "a"])
    assert codec.decode(data, tuple[int, str]) == (1, "a")
    with pytest.raises(RemoteFault, match="malformed"):
        codec.decode(messagepack.write([1, "\0"]), tuple[int, str])


def test_only_arrays_of_a_text_and_a_value_are_open_ended_pairs() -> None:
    numbers = messagepack.write([[2, 1], [1, 1]])
    assert codec.decode(numbers, tuple[tuple[int, int], ...]) == ((2, 1), (1, 1))
    pairs, triples = messagepack.write([["b", 1], ["a", 1]]), messagepack.write([["b", 1, 1]] * 2)
    assert codec.decode(triples, tuple[tuple[str, int, int], ...]) == (("b", 1, 1),) * 2
    with pytest.raises(RemoteFault, match="malformed"):
        codec.decode(pairs, tuple[tuple[str, int], ...])


def test_a_type_that_the_wire_does_not_have_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no form on the wire"):
        codec.decode(b"\x91" + b"\xcb" + struct.pack(">d", 1.5), tuple[float])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**64, id="an int beyond 64 bits"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param(object(), id="an object"),
    ],
)
def test_what_no_bytes_can_say_is_not_written(value: object) -> None:
    with pytest.raises(InternalError):
        codec.encode(value)


# -- the first element ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *(0, 1, 127, 128, 255, 256, 65536, 2**32, 2**63 - 1),
        *(-1, -32, -33, -129, -32769, -(2**63)),
        *("", "rcpt/1", "a" * 31, "a" * 32, "a" * 256, "a" * 65536, "\u00e9"),
    ],
    ids=lambda value: str(value)[:12] or "empty",
)
@pytest.mark.parametrize("others", [0, 14, 15, 65535])
def test_the_first_element_is_seen_without_the_rest(value: int | str, others: int) -> None:
    data = messagepack.write([value, *[None] * others])
    assert codec.peek_first(data) == value
    head = data[: len(data) - others]
    assert codec.peek_first(head + b"\xc1") == value  # whatever follows


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("", id="no bytes"),
        pytest.param("05", id="no array"),
        pytest.param("a005", id="an empty text"),
        pytest.param("8005", id="an empty map"),
        pytest.param("90", id="an empty array"),
        pytest.param("9005", id="an empty array with a byte behind it"),
        pytest.param("91", id="an array cut short"),
        pytest.param("dc", id="a head of an array cut short"),
        pytest.param("91c0", id="nil first"),
        pytest.param("91c3", id="a bool first"),
        pytest.param("91c40100", id="a bin first"),
        pytest.param("919105", id="an array first"),
        pytest.param("91c1", id="the byte c1"),
        pytest.param("91ca3f800000", id="a float"),
        pytest.param("91df00000000", id="a map"),
        pytest.param("91cd01", id="an int cut short"),
        pytest.param("91cf8000000000000000", id="an int that is too great"),
        pytest.param("91a261", id="a str cut short"),
        pytest.param("91d9", id="a head of a str cut short"),
        pytest.param("91dbffffffff61", id="a str said to be 2**32 - 1 long"),
        pytest.param("91a1ff", id="bytes that are no UTF-8"),
    ],
)
def test_no_first_element_is_none(data: str) -> None:
    assert codec.peek_first(bytes.fromhex(data)) is None


def test_a_long_form_is_seen_and_then_refused() -> None:
    data = bytes.fromhex("91cc01")
    assert codec.peek_first(data) == 1
    assert code_of(data, OneInt) == "non_canonical"


# -- cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head", ["91db", "91c6", "91dd", "dd"], ids=["str", "bin", "array", "structure"]
)
def test_a_false_length_allocates_nothing(head: str) -> None:
    data = bytes.fromhex(head) + b"\xff" * 4 + b"a" * 8
    kinds = (OneStr, OneBin, Ints)
    tracemalloc.start()
    try:
        found = [code_of(data, kind) for kind in kinds]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ["malformed"] * 3
    assert peak < 100_000


def test_deep_nesting_is_refused_at_once() -> None:
    data = b"\x91" * 1_000_000
    before = time.process_time()
    found = [code_of(data, kind) for kind in KINDS.values()]
    assert found == ["malformed"] * len(KINDS)
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("before", ["", "a"], ids=["an empty one", "another"])
def test_a_text_is_looked_at_whatever_stands_before_it(before: str) -> None:
    for count in (1, 2):
        data = messagepack.write([*[before] * count, "\0"])
        with pytest.raises(RemoteFault):
            codec.decode(data, tuple[str, ...])
    sound = messagepack.write([before, "b"])
    assert codec.decode(sound, tuple[str, ...]) == (before, "b")


WORDS, BYTES = tuple[int | bool | str | None, ...], tuple[int | bytes, ...]


@pytest.mark.parametrize(
    ("kind", "before"),
    [*((WORDS, one) for one in (0, 7, False, True, None, "", "a")), (BYTES, b""), (BYTES, b"a")],
)
def test_a_number_is_looked_at_whatever_stands_before_it(kind: Any, before: object) -> None:
    data = b"\x92" + messagepack.write(before) + bytes.fromhex("cf8000000000000000")
    with pytest.raises(RemoteFault, match="malformed"):
        codec.decode(data, kind)
    assert codec.decode(messagepack.write([before, 1]), kind) == (before, 1)


def test_a_structure_in_an_array_is_looked_at_as_one_by_itself() -> None:
    kind = tuple[OneStr, ...]
    assert codec.decode(messagepack.write([["a"], ["b"]]), kind) == (OneStr("a"), OneStr("b"))
    with pytest.raises(RemoteFault, match="malformed"):
        codec.decode(messagepack.write([["a"], ["\0"]]), kind)


def test_an_array_may_count_by_any_byte_of_its_head() -> None:
    for head in ("dc0100", "dc0001", "dd01000000", "dd00010000", "dd00000100", "dd00000001"):
        assert codec.peek_first(bytes.fromhex(head) + b"\5") == 5
    for head in ("dc0000", "dd00000000"):
        assert codec.peek_first(bytes.fromhex(head) + b"\5") is None
