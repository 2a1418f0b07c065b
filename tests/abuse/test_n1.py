"""N1: a JSON document that two readers could read differently is not read at all."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from envoy import jsontext, limits
from envoy.jsontext import JsonError

DEEP = limits.JSON_DEPTH_MAX


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param("1.5", "number", id="a float"),
        pytest.param("1e400", "number", id="a number that overflows to infinity"),
        pytest.param("1E2", "number", id="an exponent"),
        pytest.param("NaN", "number", id="NaN"),
        pytest.param("-Infinity", "number", id="an infinity"),
        pytest.param(str(2**53), "number", id="the first integer a double may round"),
        pytest.param(str(-(2**53)), "number", id="the same below zero"),
        pytest.param("1" * 5000, "number", id="5,000 digits"),
        pytest.param('{"a":1,"a":2}', "duplicate_key", id="a key twice"),
        pytest.param('[{"x":{"a":1,"a":1}}]', "duplicate_key", id="a key twice, deep inside"),
        pytest.param('"\\ud800"', "malformed", id="half a surrogate pair"),
        pytest.param('{"\\udc00":1}', "malformed", id="half a surrogate pair in a key"),
        pytest.param('["\\ude00\\ud83d"]', "malformed", id="the halves in the wrong order"),
        pytest.param('"\ud800"', "malformed", id="half a surrogate pair, unescaped"),
        pytest.param(b'"\xed\xa0\x80"', "malformed", id="half a surrogate pair in UTF-8"),
        pytest.param(b'"\xff"', "malformed", id="bytes that are no UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", "malformed", id="a byte order mark"),
        pytest.param("", "malformed", id="nothing"),
        pytest.param("{} {}", "malformed", id="two documents"),
        pytest.param("[1,]", "malformed", id="a trailing comma"),
        pytest.param("{'a':1}", "malformed", id="single quotes"),
        pytest.param('"a\nb"', "malformed", id="a raw line feed in a string"),
        pytest.param("01", "malformed", id="a leading zero"),
        pytest.param("[" * (DEEP + 1) + "]" * (DEEP + 1), "too_deep", id="one level too deep"),
        pytest.param('{"a":' * 200_000, "too_deep", id="200,000 levels"),
        pytest.param('"' + "x" * limits.JSON_BYTES_MAX + '"', "too_large", id="over 1 MiB"),
        pytest.param('"' + "é" * (limits.JSON_BYTES_MAX // 2) + '"', "too_large", id="in bytes"),
    ],
)
def test_a_document_that_is_not_strict_is_refused(document: str | bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=f"^{reason}$"):
        jsontext.loads(document)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        pytest.param(str(2**53 - 1), 2**53 - 1, id="the last integer every double holds"),
        pytest.param(str(1 - 2**53), 1 - 2**53, id="the same below zero"),
        pytest.param('"\\ud83d\\ude00"', "\U0001f600", id="a whole surrogate pair"),
        pytest.param('{"a":1,"A":2}', {"a": 1, "A": 2}, id="keys that differ in case"),
        pytest.param('"\\\\ud800"', "\\ud800", id="an escaped backslash before u"),
        pytest.param(b' {"a" : [ true , null ] } ', {"a": [True, None]}, id="blanks between"),
        pytest.param('"' + "[" * 100 + '\\""', "[" * 100 + '"', id="brackets inside a string"),
        pytest.param('["\\\\",' + "[]," * 40 + "1]", ["\\", *[[]] * 40, 1], id="wide, not deep"),
        pytest.param("[" * DEEP + "]" * DEEP, None, id="as deep as allowed"),
        pytest.param('"' + "x" * (limits.JSON_BYTES_MAX - 2) + '"', None, id="1 MiB"),
    ],
)
def test_a_strict_document_is_read(document: str | bytes, value: object) -> None:
    found = jsontext.loads(document)
    assert found == (json.loads(document) if value is None else value)


def test_a_hostile_depth_costs_neither_stack_nor_memory() -> None:
    document = "[" * 1_000_000
    tracemalloc.start()
    with pytest.raises(JsonError):
        jsontext.loads(document)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(document)
