"""Transcripts: what tests/transcripts shows is what comes, by the real program in a real shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console, compare, play, steps

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "transcripts").glob("*.txt"))


@pytest.mark.prove
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_shows_what_comes(path: Path, tmp_path: Path) -> None:
    assert play(path.read_text("utf-8"), Console(tmp_path)) > 5


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_shows_what_comes_inside_one_process(path: Path, tmp_path: Path) -> None:
    assert play(path.read_text("utf-8"), Console(tmp_path), inside=True) > 5


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        pytest.param(["done"], ["done"], id="the same line"),
        pytest.param(["task_t7f2kq of 3f9a c21e"], ["task_aaaaaa of 0000 ffff"], id="examples"),
        pytest.param(["task_t7f2kq", "task_t7f2kq"], ["task_aaaaaa"] * 2, id="the same example"),
        pytest.param(["until 14:18:01"] * 2, ["until 14:18:01", "until 14:18:02"], id="times"),
        pytest.param(["a", "...", "d"], ["a", "b", "c", "d"], id="lines left out"),
        pytest.param(["a", "..."], ["a"], id="no line left out"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_lines_match(wanted: list[str], shown: list[str]) -> None:
    assert compare(wanted, shown, {}) is None


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        pytest.param(["done"], ["done "], id="a space more"),
        pytest.param(["done"], [], id="a line less"),
        pytest.param(["done"], ["done", "more"], id="a line more"),
        pytest.param([], ["more"], id="a line for nothing"),
        pytest.param(["task_t7f2kq"] * 2, ["task_aaaaaa", "task_bbbbbb"], id="another id"),
        pytest.param(["task_t7f2kq"], ["evt_t7f2kq"], id="an id of another kind"),
        pytest.param(["a", "...", "d"], ["a", "b", "c"], id="an end that never comes"),
        pytest.param(["until 14:18:01"], ["until then"], id="no time"),
    ],
)
def test_lines_differ(wanted: list[str], shown: list[str]) -> None:
    assert compare(wanted, shown, {}) is not None


def test_a_transcript_is_read_step_by_step() -> None:
    text = "# why\n$ one \\\n  two\nout\n\n# and\n$ three\n"
    assert [(step.command, step.lines) for step in steps(text)] == [
        ("one \\\n  two", ["out", ""]),
        ("three", []),
    ]


@pytest.mark.slow
def test_a_transcript_that_shows_something_else_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="expected: envoy 0"):
        play("$ envoy --version\nenvoy 0.0.0\n", Console(tmp_path))


ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if "```console\n" in page.read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_console_blocks_of_a_page_show_what_comes(page: Path, tmp_path: Path) -> None:
    blocks = page.read_text("utf-8").split("```console\n")[1:]
    shown = "\n".join(block.partition("```")[0] for block in blocks)
    assert play(shown, Console(tmp_path)) > 3
