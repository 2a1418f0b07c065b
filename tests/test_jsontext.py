"""JSON at the edges: one form going out; what comes in is tried in tests/abuse/test_n1.py."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy import jsontext

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_written_is_ascii_and_reads_back_the_same(value: object) -> None:
    text = jsontext.dumps(value)
    assert text.isascii() and text.isprintable()
    assert json.loads(text) == big_as_text(value)


@given(st.lists(st.fixed_dictionaries({"b": PLAIN, "a": PLAIN}), min_size=2, max_size=5))
def test_records_are_written_as_if_each_stood_alone(records: list[dict[str, object]]) -> None:
    alone = [jsontext.dumps(record) for record in records]
    assert jsontext.dumps(records) == f"[{','.join(alone)}]"


def big_as_text(value: object) -> object:
    """Return ``value`` with integers that a double cannot hold as strings."""
    match value:
        case int() if abs(value) >= 2**53:
            return str(value)
        case list():
            return [big_as_text(item) for item in value]
        case dict():
            return {key: big_as_text(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": 2}, '{"b":1,"a":2}', id="keys in the order given, no blanks"),
        pytest.param("\x1b[31m\x9b\u202e", r'"\u001b[31m\u009b\u202e"', id="controls escaped"),
        pytest.param(2**53 - 1, "9007199254740991", id="the last plain integer"),
        pytest.param(2**53, '"9007199254740992"', id="a large integer as a string"),
        pytest.param(-(2**53), '"-9007199254740992"', id="the same below zero"),
        pytest.param(True, "true", id="true is no 1"),
        pytest.param((1, [None]), "[1,[null]]", id="a tuple as an array"),
        pytest.param(
            [{"a": 1, "b": 2}, {"b": 3, "a": 4}],
            '[{"a":1,"b":2},{"b":3,"a":4}]',
            id="each record in its own order",
        ),
        pytest.param(
            [{"%s": "%d"}, {"%s": 2**53}],
            '[{"%s":"%d"},{"%s":"9007199254740992"}]',
            id="records with signs of formats",
        ),
        pytest.param([{}, {}], "[{},{}]", id="records of nothing"),
        pytest.param("a\udcffb", r'"a\ufffdb"', id="a byte of argv that was no UTF-8"),
        pytest.param({"\ud800": "\U0001f600"}, r'{"\ufffd":"\ud83d\ude00"}', id="half in a key"),
    ],
)
def test_the_writer_has_one_form(value: object, text: str) -> None:
    assert jsontext.dumps(value) == text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1.0, id="a float"),
        pytest.param(b"x", id="bytes"),
        pytest.param({1: 2}, id="a key that is no text"),
        pytest.param([{1: 2}, {1: 3}], id="such a key in every record"),
        pytest.param([{"a": 1}, {"a": 1.0}], id="a float in the last record"),
        pytest.param([{"a": 1.0}, {"a": 1.0}], id="a float in every record"),
        pytest.param({"a"}, id="a set"),
        pytest.param(tracemalloc.Filter(True, "x"), id="an object"),
    ],
)
def test_what_has_no_form_is_a_mistake_of_ours(value: object) -> None:
    with pytest.raises(TypeError):
        jsontext.dumps(value)


def test_a_row_does_not_lose_its_names_without_a_word() -> None:
    from typing import NamedTuple

    class Row(NamedTuple):
        title: str

    assert jsontext.dumps(Row("x")._asdict()) == '{"title":"x"}'
    with pytest.raises(TypeError, match="Row"):
        jsontext.dumps(Row("x"))


def test_reading_and_writing_load_nothing_slow() -> None:
    script = (
        "import sys; old = set(sys.modules); from envoy import jsontext, ids, untrusted;"
        "jsontext.loads('[1]'); jsontext.dumps([1]); print(*sorted(set(sys.modules) - old))"
    )
    source = str(Path(jsontext.__file__).parents[1])
    run = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {source!r}); {script}"]
    loaded = set(subprocess.run(run, capture_output=True, check=True, text=True).stdout.split())
    assert not loaded & {"base64", "enum", "hashlib", "json", "re", "typing"}
    assert "_json" in loaded
