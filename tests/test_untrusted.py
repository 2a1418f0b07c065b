"""Escaping: what a member wrote is on the screen as text, and does nothing else there.

What a terminal does with the result is asked of one in tests/abuse/test_t1.py.
"""

from __future__ import annotations

import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy import untrusted
from envoy.limits import COMBINING_MARKS_MAX
from hostile import CONTROLS, HOSTILE

COLUMNS = 400
ASCII = st.text("abc XYZ{}[];0123", max_size=4)
WRITTEN = st.lists(st.sampled_from(HOSTILE + CONTROLS) | ASCII, max_size=6)
SYLLABLE = "\u1100\u1161\u11a8"  # three code points, one syllable, two cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain ASCII ~", "plain ASCII ~", id="plain text stays"),
        pytest.param("Grüße, 日本, Привет", "Grüße, 日本, Привет", id="every script stays"),
        pytest.param("a\u00a0b\u3000c", "a\u00a0b\u3000c", id="wide and fixed spaces stay"),
        pytest.param("\x1b[31m", "^[[31m", id="an escape sequence is spelt out"),
        pytest.param("\x00\x07\r\x1f", "^@^G^M^_", id="C0 in caret form"),
        pytest.param("\x7f", "^?", id="DEL in caret form"),
        pytest.param("\x9b31m", "<U+009B>31m", id="C1 by number: a caret form would name two"),
        pytest.param("a\tb", "a    b", id="a tab as spaces"),
        pytest.param("a\nb", "a^Jb", id="a line feed where one line is shown"),
        pytest.param("\u202enext_token\x1b[31m", "<U+202E>next_token^[[31m", id="a turned line"),
        pytest.param("a\u200bb\u00adc", "a<U+200B>b<U+00AD>c", id="characters without width"),
        pytest.param("\U000e0041", "<U+E0041>", id="tag characters"),
        pytest.param("\u2028", "<U+2028>", id="a line separator"),
        pytest.param("\ue000\U0010ffff", "<U+E000><U+10FFFF>", id="private and no characters"),
        pytest.param("\u0378", "<U+0378>", id="a code point without meaning yet"),
        pytest.param("\udcff", "<U+DCFF>", id="a byte that was no UTF-8"),
        pytest.param("\u3164\u2800", "<U+3164><U+2800>", id="letters that look like nothing"),
        pytest.param("e" + "\u0301" * 4, "e" + "\u0301" * 4, id="four marks stay"),
        pytest.param(
            "e" + "\u0301" * 5, "e" + "\u0301" * 4 + "<+1 marks>", id="a fifth is counted"
        ),
        pytest.param(
            "e" + "\u0301" * 9 + "f\u0301",
            "e" + "\u0301" * 4 + "<+5 marks>f\u0301",
            id="the next letter has its own four",
        ),
        pytest.param(SYLLABLE, SYLLABLE, id="a syllable in its parts"),
        pytest.param(SYLLABLE + "\u11a8" * 4, SYLLABLE + "\u11a8" * 2 + "<+2 marks>", id="or not"),
        pytest.param("\u0301x", "<+1 marks>x", id="a mark without a base"),
        pytest.param("\u202e\u0301", "<U+202E><+1 marks>", id="a mark on what was escaped"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert untrusted.escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\nb\r\n", "a\nb^M\n", id="a line feed stays, a carriage return does not"),
        pytest.param("a\n\u0301b", "a\n<+1 marks>b", id="no mark climbs onto the prefix of a line"),
        pytest.param("a\x0b\x0c\x85b", "a^K^L<U+0085>b", id="other line ends are no line ends"),
    ],
)
def test_escape_of_a_body(text: str, shown: str) -> None:
    assert untrusted.escape(text, multiline=True) == shown


@pytest.mark.parametrize("written", [*HOSTILE, SYLLABLE])
def test_the_width_is_what_the_terminal_uses(written: str) -> None:
    shown = untrusted.escape(written)
    screen = pyte.Screen(COLUMNS, 2)
    pyte.Stream(screen).feed(shown)
    assert screen.cursor.x == untrusted.width(shown)


@given(st.text() | WRITTEN.map("".join))
def test_nothing_that_a_terminal_obeys_or_hides_gets_through(text: str) -> None:
    shown = untrusted.escape(text)
    marks = 0
    for char in shown:
        category = unicodedata.category(char)
        assert category[0] != "C" and category not in ("Zl", "Zp"), hex(ord(char))
        marks = marks + 1 if category[0] == "M" else 0
        assert marks <= COMBINING_MARKS_MAX
    shown.encode("utf-8")
    assert untrusted.escape(shown) == shown


@given(st.text(max_size=12) | WRITTEN.map("".join), st.integers(1, 20))
def test_a_cut_fits_and_says_that_it_is_one(text: str, cells: int) -> None:
    shown = untrusted.escape(text)
    kept = untrusted.cut(shown, cells)
    assert untrusted.width(kept) <= cells
    assert kept == shown or (kept.endswith("…") and shown.startswith(kept[:-1]))


@pytest.mark.parametrize(
    ("text", "cells", "kept"),
    [
        pytest.param("bughunt", 7, "bughunt", id="what fits stays"),
        pytest.param("bughunt", 6, "bughu…", id="the last cell says that more follows"),
        pytest.param("日本語", 5, "日本…", id="a wide character is never halved"),
        pytest.param("日本語", 4, "日…", id="nor does it stick out"),
        pytest.param("e\u0301e\u0301e\u0301", 2, "e\u0301…", id="a mark stays with its base"),
    ],
)
def test_cut(text: str, cells: int, kept: str) -> None:
    assert untrusted.cut(text, cells) == kept
