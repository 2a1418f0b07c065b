"""Render: what a screen shows is what was said, in the width there is, in colour or without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import category

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.cli import pretty, render
from envoy.cli.render import Block, Body, Screen, line, pairs_table, plain, table
from envoy.cli.show import label, left, quoted, who
from envoy.errors import CODES, error
from envoy.limits import CELL_COLUMNS_MIN, NAME_CELLS_MAX
from envoy.untrusted import width
from hostile import HOSTILE

PIPE = Screen(columns=None, utf8=True)
WIDE = Screen(columns=80, utf8=True)
NARROW = Screen(columns=50, utf8=True)
ANSI = re.compile(r"\x1b\[[0-9;]*m")

TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=30)
SPANS = st.lists(TEXTS | st.tuples(TEXTS, st.sampled_from(render.STYLES)), max_size=4)
BLOCKS = st.lists(
    st.builds(lambda spans: line(*spans), SPANS)
    | st.builds(Body, TEXTS, st.integers(0, 12))
    | st.builds(
        lambda rows: table(("A", "B", "C"), rows, soft=(1,)),
        st.lists(st.tuples(SPANS, SPANS, SPANS), max_size=3),
    )
    | st.builds(pairs_table, st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=3)),
    max_size=4,
)
SCREENS = st.builds(Screen, st.none() | st.integers(20, 120), st.booleans())


def is_quiet(text: str) -> bool:
    """Return whether ``text`` has nothing but line feeds that a terminal would obey or hide."""
    return all(char == "\n" or char.isprintable() or category(char) == "Zs" for char in text)


@given(BLOCKS, SCREENS)
def test_no_text_reaches_a_screen_unescaped(blocks: list[Block], screen: Screen) -> None:
    shown = plain(blocks, screen)
    assert is_quiet(shown)
    assert screen.utf8 or shown.isascii()


@given(BLOCKS, SCREENS)
def test_colour_adds_nothing_to_the_words(blocks: list[Block], screen: Screen) -> None:
    colored = pretty.text(blocks, screen)
    assert ANSI.sub("", colored) == plain(blocks, screen)
    assert is_quiet(ANSI.sub("", colored)), "style is the only control sequence"


@given(BLOCKS, st.integers(60, 120))
def test_nothing_is_wider_than_the_screen(blocks: list[Block], columns: int) -> None:
    for shown in plain(blocks, Screen(columns, utf8=True)).splitlines():
        assert width(shown) <= columns


@given(st.lists(TEXTS, max_size=4))
def test_a_terminal_shows_the_lines_and_nothing_happens(texts: list[str]) -> None:
    """T1, T3: the emulator sees a body as lines behind a bar, and its own state unchanged."""
    blocks = [Body(text, 2) for text in texts]
    written = plain(blocks, WIDE)
    screen = pyte.Screen(80, written.count("\n") + 1)  # as much as there is: rows cost the most
    quiet = (screen.title, screen.icon_name, set(screen.mode))
    pyte.Stream(screen).feed(written.replace("\n", "\r\n"))
    assert (screen.title, screen.icon_name, set(screen.mode)) == quiet
    shown = [row for row in screen.display if row.strip()]
    assert all(row.startswith("  |") for row in shown)


@pytest.mark.parametrize("columns", [None, 80, 50, 20])
def test_every_line_of_a_body_stands_behind_a_bar(columns: int | None) -> None:
    text = "one\nerror[internal]: stop\n" + "long " * 40
    shown = plain([Body(text, 4)], Screen(columns, utf8=True)).splitlines()
    assert all(row.startswith("    |") for row in shown)
    assert "".join(row[6:] for row in shown).replace(" ", "") == text.replace("\n", "").replace(
        " ", ""
    )


def test_columns_stand_below_each_other() -> None:
    shown = plain([table(("A", "BB"), [(["x"], ["y"]), (["long"], ["z"])], soft=())], PIPE)
    assert shown == "A     BB\nx     y\nlong  z\n"


def test_without_a_terminal_nothing_is_cut() -> None:
    cell = "x" * 500
    assert cell in plain([table(("A", "B"), [([cell], [cell])], soft=(0,))], PIPE)


def test_soft_columns_shrink_and_the_others_stay() -> None:
    row = (["task_t7f2kq"], ["n" * 60], ["t" * 60])
    (shown,) = plain([table(("", "", ""), [row], soft=(1,))], WIDE).splitlines()
    first, name, title = shown.split()
    assert first == "task_t7f2kq" and name.endswith("…") and title.endswith("…")
    assert len(shown) <= 80 and len(name) >= CELL_COLUMNS_MIN


def test_below_60_columns_a_table_is_a_list_of_pairs() -> None:
    shown = plain([table(("TASK", "TITLE"), [(["t1"], ["x"]), (["t2"], [""])], soft=())], NARROW)
    assert shown == "task: t1\ntitle: x\n\ntask: t2\n"


def test_a_text_in_the_last_column_goes_on_below_itself() -> None:
    shown = plain([pairs_table([(["--flag"], ["word " * 20])])], Screen(60, utf8=True))
    first, *rest = shown.splitlines()
    assert first.startswith("--flag  word") and all(
        row.startswith(" " * 8 + "word") for row in rest
    )


def test_without_utf8_all_is_ascii() -> None:
    shown = plain([line("caf\u00e9 \u65e5\u672c … ·")], Screen(None, utf8=False))
    assert shown == "caf<U+00E9> <U+65E5><U+672C> ~ -\n"


def test_an_empty_table_and_an_empty_line_break_nothing() -> None:
    assert plain([table(("A",), [], soft=()), line(""), line()], WIDE) == "A\n\n\n"


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("a1", '"a1"', id="plain"),
        pytest.param('a" (0000 0000) owner "b', "\"a' (0000 0000) owner 'b\"", id="quotes"),
        pytest.param("a\nerror[x]: y", '"a^Jerror[x]: y"', id="a line feed"),
        pytest.param("x" * 41, '"' + "x" * (NAME_CELLS_MAX - 1) + '…"', id="too long"),
        pytest.param(None, '""', id="none"),
    ],
)
def test_a_name_is_one_quoted_line(name: str | None, shown: str) -> None:
    assert quoted(name) == shown
    assert "".join(map(render.text_of, who(name, "3f9a c21e"))) == f"{shown} (3f9a c21e)"


def test_the_name_of_a_space_is_bare_only_if_it_is_one_plain_word() -> None:
    assert [label(name) for name in ("bughunt", "bug hunt", "x  space_k3q7ma", "", "\u0430")] == [
        "bughunt",
        '"bug hunt"',
        '"x  space_k3q7ma"',
        '""',
        '"\u0430"',
    ]


def test_the_end_of_a_lease_is_told_in_its_largest_unit() -> None:
    now = 1_767_225_600_000
    clocks = ("1T00:00:59", "1T00:12:30", "1T05:00:00", "3T00:00:00", "1T00:00:00")
    told = [left(f"2026-01-0{clock}.000Z", now_ms=now) for clock in clocks]
    assert told == ["59s left", "12m left", "5h left", "2d left", "over"]


# -- errors --------------------------------------------------------------------------------------


def error_lines(code: str) -> Iterator[str]:
    """Yield the lines of an error for people."""
    yield from plain(render.error_blocks(error(code)), PIPE).splitlines()


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_error_says_its_code_and_what_to_do(code: str) -> None:
    lines = list(error_lines(code))
    assert lines[0].startswith(f"error[{code}]: ") and lines[-1].startswith("hint: ")
    assert len(lines[-1]) > len("hint: ")


def test_json_has_the_schema_first_and_ends_with_a_line_feed() -> None:
    assert render.json_line("task", {"b": 1, "a": None}) == (
        '{"schema":"envoy.task/1","b":1,"a":null}\n'
    )
