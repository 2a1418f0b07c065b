"""Help: the tables in words, for a person and for a program."""

from __future__ import annotations

import shlex

import pytest

from console import Console
from envoy import __version__
from envoy.cli.args import Command
from envoy.cli.examples import EXAMPLES
from envoy.cli.parse import parse
from envoy.cli.table import every
from schemas import problems

EXAMPLE_COLUMNS = 80


@pytest.fixture
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    return Console(tmp_path_factory.mktemp("help"))


def test_help_shows_where_to_begin(console: Console) -> None:
    shown = console.call("help").out
    assert shown == console.call().out == console.call("--help").out
    assert "begin with: envoy quickstart" in shown
    assert all(f"\n  {row.path} " in shown for row in every())


@pytest.mark.parametrize("row", every(), ids=lambda row: row.path)
def test_help_of_a_command_shows_all_that_it_takes(row: Command, console: Console) -> None:
    shown = console.call("help", *row.path.split()).out
    assert shown == console.call(*row.path.split(), "--help").out
    assert shown.startswith(f"envoy {row.path}") and row.say in shown
    assert all(flag in shown for arg in row.args for flag in arg.flags)
    assert all(code in shown for code in row.errors)


@pytest.mark.parametrize("row", every(), ids=lambda row: row.path)
def test_a_command_has_examples_that_parse_as_itself(row: Command, console: Console) -> None:
    lines = EXAMPLES[row.path]
    assert 1 <= len(lines) <= 3 and len(set(lines)) == len(lines)
    shown = console.call("help", *row.path.split()).out
    for one in lines:
        assert f"\n  {one}\n" in shown and one.isascii() and len(one) <= EXAMPLE_COLUMNS
        name, *words = shlex.split(one)
        assert name == "envoy" and parse(words).command == row


def test_examples_are_of_commands_that_exist() -> None:
    assert EXAMPLES.keys() == {row.path for row in every()}


def test_help_of_a_noun_shows_its_commands(console: Console) -> None:
    shown = console.call("help", "inbox").out
    assert "inbox count" in shown and "inbox ack" in shown and "task list" not in shown


def test_a_default_is_shown_as_it_would_be_typed(console: Console) -> None:
    assert "(15m)" in console.call("help", "task", "claim").out
    assert "(200)" in console.call("help", "history").out


def test_a_program_learns_the_schema_of_an_answer(console: Console) -> None:
    one = console.ok("help", "task", "claim")
    assert problems(one, "help") == [] and one["next_commands"] == []
    assert one["answer_schema"]["title"] == "envoy.transition/1"
    overview = console.ok("help")
    assert overview["answer_schema"] is None and len(overview["commands"]) == len(every())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("tsak",), "invalid_argument"),
        (("billing", "portal"), "unsupported_operation"),
        (("relay", "migrate"), "unsupported_operation"),
        (("reserve",), "unsupported_operation"),
    ],
)
def test_help_for_what_is_not_there(words: tuple[str, ...], code: str, console: Console) -> None:
    found = console.call("--json", "help", *words)
    assert (found.status, found.data["error_code"]) == (2, code)


def test_the_version_is_told(console: Console) -> None:
    assert console.call("--version").out.startswith(f"envoy {__version__} (Python 3.")
    found = console.ok("version")
    assert problems(found, "version") == [] and found["version"] == __version__
