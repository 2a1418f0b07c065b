"""Pages: a cursor continues its own list and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.errors import UsageError
from envoy.limits import CURSOR_CHARS_MAX
from envoy.views.pages import Key, cursor_of, page, page_json, scope_of

SHAPE = (int, int, bytes)
KEYS = st.tuples(
    st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1), st.binary(min_size=0, max_size=32)
)
SCOPE = scope_of(b"did", "tasks", "open")


@given(KEYS)
def test_a_cursor_leads_back_to_its_key(key: Key) -> None:
    text = cursor_of(SCOPE, key)
    assert len(text) <= CURSOR_CHARS_MAX and text.isascii()
    assert page(SCOPE, 5, text, shape=SHAPE).after == key


def test_no_cursor_begins_at_the_start() -> None:
    assert page(SCOPE, 5, None, shape=SHAPE) == (SCOPE, 5, None)
    assert page_json(SCOPE, None) == {"next_cursor": None, "has_more": False}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"did", "tasks"), (b"did", "history")),
        ((b"did", "tasks"), (b"another", "tasks")),
        ((b"did", "a", "b"), (b"did", "ab")),
        ((b"did", "a", ""), (b"did", "a")),
        ((b"did", "\ud800"), (b"did", "?")),
    ],
)
def test_another_list_has_another_scope(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert scope_of(*one) != scope_of(*other) and scope_of(*one) == scope_of(*one)


GOOD = cursor_of(SCOPE, (1, 2, b"\x03"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(SCOPE, id="no key"),
        pytest.param(GOOD[:-3], id="a part less"),
        pytest.param(GOOD + ".4", id="a part more"),
        pytest.param(GOOD.replace("x", ""), id="a number for bytes"),
        pytest.param(GOOD.replace(".1.", ".x01."), id="bytes for a number"),
        pytest.param(GOOD.replace("x03", "x3"), id="half a byte"),
        pytest.param(GOOD.replace("x03", "xzz"), id="no hex"),
        pytest.param("00000000" + GOOD[8:], id="another list"),
        pytest.param(GOOD.replace(".1.", ".1e3."), id="no integer"),
        pytest.param(GOOD + "." + "9" * 10_000, id="very long"),
    ],
)
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    assert page(SCOPE, 5, GOOD, shape=SHAPE).after == (1, 2, b"\x03")
    with pytest.raises(UsageError) as caught:
        page(SCOPE, 5, text, shape=SHAPE)
    assert caught.value.details["argument"] == "--cursor"
