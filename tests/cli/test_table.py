"""Table: every row is whole. What it names exists, and no two rows contradict each other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envoy.cli import main as program
from envoy.cli.args import COMMON, KEY, KINDS, Arg, Args, Command
from envoy.cli.parse import GLOBAL_FLAGS, flags_of
from envoy.cli.read.help import GROUPS
from envoy.cli.schemas import ANSWERS, json_schema, reached
from envoy.cli.shapes import SHAPES
from envoy.cli.table import ALIASES, DEFAULT_VERBS, NOUNS, RESERVED, every, family, paths
from envoy.errors import CODES

COMMANDS = every()
PATHS = {path: row for row in COMMANDS for path in (row.path, *row.also)}
EVERY = [pytest.param(row, id=row.path) for row in COMMANDS]


@pytest.mark.parametrize("row", EVERY)
def test_a_row_names_what_exists(row: Command) -> None:
    assert callable(program.entry(row, Args({})))
    assert bool(row.asks) == bool(row.apart)
    for name in row.asks:
        assert callable(program.entry(row, Args({name: "x"})))
        assert name in {arg.name for arg in row.args}
    assert row.schema in ANSWERS and set(row.errors) <= CODES.keys()
    assert not set(row.errors) & set(COMMON), "the common ones are not repeated"
    assert row.say and not row.say.endswith(".")


@pytest.mark.parametrize("row", EVERY)
def test_the_arguments_of_a_row_fit_together(row: Command) -> None:
    flags = [flag for arg in row.args for flag in arg.flags]
    assert len(flags) == len(set(flags)) and not set(flags) & set(row.later)
    for arg in row.args:
        assert arg.kind in KINDS and (arg.kind == "choice") == bool(arg.choices)
        assert arg.say and (arg.kind != "choice" or arg.default in (None, *arg.choices))
        assert not (arg.needed and arg.default is not None)
    places = [arg.kind for arg in row.args if arg.place]
    assert "rest" not in places[:-1] and "switch" not in places


def kind_of(arg: Arg) -> str:
    """Return whether a flag takes a value."""
    return "switch" if arg.kind == "switch" else "value"


def test_within_a_noun_a_flag_takes_a_value_everywhere_or_nowhere() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for path, row in PATHS.items():
        for arg in row.args:
            for flag in arg.flags:
                found.setdefault((path.split()[0], flag), set()).add(kind_of(arg))
    assert [key for key, kinds in found.items() if len(kinds) > 1] == []


def test_flags_of_a_noun_are_those_of_its_verbs() -> None:
    known: Mapping[str, Arg] = flags_of(paths("inbox").values())
    assert {"--wait", "--tasks", "--space", "--json"} <= known.keys()
    assert "--task-id" not in known and GLOBAL_FLAGS.keys() <= known.keys()


def test_paths_are_of_one_command_and_not_reserved() -> None:
    paths = [path for row in COMMANDS for path in (row.path, *row.also)]
    assert len(paths) == len(set(paths))
    assert not set(paths) & RESERVED
    assert all(ALIASES[name] in {path.split()[0] for path in paths} for name in ALIASES)
    assert all(f"{noun} {verb}" in PATHS for noun, verb in DEFAULT_VERBS.items())


def test_the_help_shows_every_command_in_one_group() -> None:
    shown = [noun for _, nouns in GROUPS for noun in nouns]
    assert sorted(shown) == sorted({row.path.split()[0] for row in COMMANDS})


# Commands that write, but take no key, and why a retry of them does no harm.
KEYLESS = {
    **dict.fromkeys(("init", "identity create", "quickstart"), "refuse what is made already"),
    **dict.fromkeys(("recover", "restore", "identity import"), "refuse it, or set it aside"),
    **dict.fromkeys(("identity lock", "identity recovery", "identity export"), "of this home"),
    **dict.fromkeys(
        ("backup", "reset", "fingerprint", "diagnose", "diagnose time"), "of this home"
    ),
    **dict.fromkeys(("space forget", "space mute", "space unmute"), "of this copy: a state"),
    **dict.fromkeys(("space pin", "space unpin"), "of this copy: a state"),
    **dict.fromkeys(("object get", "object pin", "object unpin"), "of this copy: a state"),
    **dict.fromkeys(("sync", "invites pending", "card show", "card list"), "make nothing new"),
    "handoff verify": "looks alone",
    **dict.fromkeys(("hooks list", "hooks check"), "look alone"),
    **dict.fromkeys(("hooks install", "hooks uninstall"), "of files: a state"),
    **dict.fromkeys(("space connect", "space attach"), "a state: said again it changes nothing"),
    **dict.fromkeys(("audit fingerprint", "audit report"), "make nothing"),
    **dict.fromkeys(("audit export", "audit verify"), "refuse a file that is there; make no event"),
    **dict.fromkeys(("relay init", "relay backup", "relay restore"), "refuse what is there"),
    **dict.fromkeys(("relay serve", "relay doctor"), "make nothing"),
    "relay token": "a code that nobody was shown is of no use",
    **dict.fromkeys(("billing plans", "billing status"), "look alone"),
    "billing redeem": "a code is good once for an account",
    "identity rename": "a name that stands is not written again",
    "task heartbeat": "no event; the lease runs from the last one",
}


@pytest.mark.parametrize("row", EVERY)
def test_every_command_that_writes_into_a_space_takes_a_key(row: Command) -> None:
    writes = row.run.startswith("write.") or "read_only" in row.errors
    assert (KEY in row.args) == (writes and row.path not in KEYLESS)
    assert KEY not in row.args or "idempotency_mismatch" in row.errors


def test_what_takes_no_key_exists() -> None:
    assert KEYLESS.keys() <= PATHS.keys()


def test_every_command_is_a_read_or_a_write() -> None:
    assert {row.run.partition(".")[0] for row in COMMANDS} == {"read", "write"}


def test_a_noun_names_the_families_of_its_rows_and_no_other() -> None:
    found: dict[str, set[str]] = {}
    for name in {name for names in NOUNS.values() for name in names}:
        for row in family(name):
            for path in (row.path, *row.also):
                found.setdefault(path.split()[0], set()).add(name)
    assert found == {noun: set(names) for noun, names in NOUNS.items()}
    with pytest.raises(Exception, match="internal"):
        family("os")


def test_a_module_that_no_row_names_is_not_loaded_by_name() -> None:
    with pytest.raises(Exception, match="internal"):
        program.module("os")


# -- schemas -------------------------------------------------------------------------------------


def test_every_shape_is_used_and_every_answer_is_of_a_command() -> None:
    used = {name for fields in ANSWERS.values() for name in reached(fields)}
    assert used == SHAPES.keys()
    assert {*[row.schema for row in COMMANDS], "error"} == ANSWERS.keys()


def test_a_schema_says_what_must_be_there_and_nothing_else_may() -> None:
    schema = json_schema("sync")
    assert schema["required"] == [
        "schema", "pushed", "pulled", "pending", "quarantined", "spaces", "relays",
    ]  # fmt: skip
    assert schema["additionalProperties"] is False
    assert "additionalProperties" not in json_schema("error")
