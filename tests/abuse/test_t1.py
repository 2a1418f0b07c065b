"""T1: control sequences in text of members reach no terminal; a terminal emulator is the oracle."""

from __future__ import annotations

import json
import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy import jsontext, untrusted
from hostile import CONTROLS, HOSTILE

COLUMNS = 400
ASCII = st.text("abc XYZ{}[];0123", max_size=4)
WRITTEN = st.lists(st.sampled_from(HOSTILE + CONTROLS) | ASCII, max_size=6)


@given(WRITTEN)
def test_the_screen_shows_the_escaped_text_and_nothing_happens(parts: list[str]) -> None:
    shown = untrusted.escape("".join(parts))
    screen = pyte.Screen(COLUMNS, 8)
    quiet = (screen.title, screen.icon_name, set(screen.mode), screen.cursor.attrs)
    pyte.Stream(screen).feed(shown)
    assert (screen.title, screen.icon_name, screen.mode, screen.cursor.attrs) == quiet
    text = "".join(line.rstrip() if line.strip() else "" for line in screen.display)
    assert text.strip() == unicodedata.normalize("NFC", shown).strip()


def test_the_emulator_would_notice_what_is_not_escaped() -> None:
    screen = pyte.Screen(COLUMNS, 2)
    pyte.Stream(screen).feed("\x1b]0;owned\x07\x1b[31mred")
    assert screen.title == "owned" and screen.cursor.attrs.fg == "red"


@pytest.mark.parametrize("written", HOSTILE + CONTROLS)
def test_json_holds_it_in_plain_ascii(written: str) -> None:
    text = jsontext.dumps({"body": written})
    assert text.isascii() and text.isprintable()
    assert json.loads(text) == {"body": written}
