"""Parser: one command line, one command and its values; everything else is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from envoy import limits
from envoy.cli import parse
from envoy.cli.parse import distance, is_flag
from envoy.errors import UsageError

SPACE = "space_aaaaaa"


def read(*argv: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the path, the values and the global values of a command line."""
    found = parse.parse(argv)
    return found.command.path, dict(found.args.given), dict(found.globals.given)


def refused(*argv: str) -> UsageError:
    """Return the error for a command line that is refused."""
    with pytest.raises(UsageError) as caught:
        parse.parse(argv)
    return caught.value


@pytest.mark.parametrize(
    ("argv", "path", "values"),
    [
        pytest.param(("history", SPACE), "history", {"space": SPACE}, id="a place"),
        pytest.param(("history", "--space", SPACE), "history", {"space": SPACE}, id="its flag"),
        pytest.param(("history", f"--space={SPACE}"), "history", {"space": SPACE}, id="with ="),
        pytest.param(("--space", SPACE, "history"), "history", {"space": SPACE}, id="flag first"),
        pytest.param(
            ("history", SPACE, "--space", SPACE), "history", {"space": SPACE}, id="both, equal"
        ),
        pytest.param(
            ("inbox", "--space", SPACE, "read"), "inbox read", {"space": SPACE}, id="before a verb"
        ),
        pytest.param(
            ("inbox", "--tasks", "read"), "inbox read", {"tasks_only": True}, id="switch before"
        ),
        pytest.param(("inbox", SPACE), "inbox count", {"space": SPACE}, id="a noun means a verb"),
        pytest.param(("tasks",), "task list", {}, id="an alias means a verb"),
        pytest.param(("rooms",), "spaces", {}, id="an alias"),
        pytest.param(("room", "members", "x"), "space members", {"space": "x"}, id="alias, verb"),
        pytest.param(("space", "list"), "spaces", {}, id="another path"),
        pytest.param(
            ("task", "claim", "task_x"), "task claim", {"task_id": "task_x"}, id="needed place"
        ),
        pytest.param(
            ("task", "claim", "--space", SPACE, "--task-id", "task_x"),
            "task claim",
            {"space": SPACE, "task_id": "task_x"},
            id="all by flags",
        ),
        pytest.param(
            ("task", "set", "task_x", "blocked"),
            "task set",
            {"task_id": "task_x", "status": "blocked"},
            id="two places of three",
        ),
        pytest.param(
            ("invites", "revoke", "--space", SPACE, "inv_x"),
            "invites revoke",
            {"space": SPACE, "invite": "inv_x"},
            id="the place that is left",
        ),
        pytest.param(
            ("invites", "revoke", "inv_x"), "invites revoke", {"invite": "inv_x"}, id="the needed"
        ),
        pytest.param(
            ("send", "-- x", "--", "--space"),
            "send",
            {"body": "-- x", "space": "--space"},
            id="all after -- are places",
        ),
        pytest.param(("send", "-"), "send", {"body": "-"}, id="a dash is a value"),
        pytest.param(("send", "-a b"), "send", {"body": "-a b"}, id="a text with a dash first"),
        pytest.param(("send", "--body=--json x"), "send", {"body": "--json x"}, id="= takes all"),
        pytest.param(
            ("send", "x", "--ref", "a:1", "--ref", "b:2"),
            "send",
            {"body": "x", "ref": ("a:1", "b:2")},
            id="a repeated flag",
        ),
        pytest.param(("history", "--kinds", "a,,b"), "history", {"kinds": ("a", "b")}, id="a list"),
        pytest.param(
            ("wait", "--timeout", "5"), "wait", {"timeout": 5}, id="a flag of the command's own"
        ),
    ],
)
def test_a_line_is_read(argv: tuple[str, ...], path: str, values: dict[str, Any]) -> None:
    found, given, _ = read(*argv)
    assert (found, {**given, **values}) == (path, given), argv


@pytest.mark.parametrize(
    "argv",
    [("--json", "status"), ("status", "--json"), ("--profile", "p", "status", "--json")],
)
def test_global_flags_stand_anywhere(argv: tuple[str, ...]) -> None:
    path, _, found = read(*argv)
    assert path == "status" and found["json"] is True


def test_a_span_is_read_to_milliseconds() -> None:
    for text, value in (("90s", 90_000), ("30m", 1_800_000), ("24h", 86_400_000)):
        assert read("task", "claim", "t", "--lease", text)[1]["lease"] == value


def test_defaults_are_filled_in() -> None:
    assert read("history")[1]["limit"] == limits.HISTORY_ROWS_DEFAULT
    assert read("inbox", "read")[1]["wait_timeout"] == limits.WAIT_SECONDS_DEFAULT


@pytest.mark.parametrize(
    "argv",
    [
        *[(), ("--json",), ("help",), ("-h",), ("task", "--help"), ("task", "claim", "-h")],
        *[("--help", "nonsense"), ("task", "--nonsense", "--help")],
    ],
)
def test_help_is_given_whatever_else_is_wrong(argv: tuple[str, ...]) -> None:
    assert read(*argv)[0] == "help"


@pytest.mark.parametrize(
    ("argv", "topic"),
    [
        pytest.param(("--profile", "lead", "delegate", "--help"), ("delegate",), id="before it"),
        pytest.param(("space", "role", "--profile", "lead", "-h"), ("space", "role"), id="after"),
        pytest.param(("--profile=lead", "task", "--help"), ("task",), id="in one word"),
        pytest.param(("--json", "task", "--help"), ("task",), id="a switch takes none"),
        pytest.param(("task", "list", "--space", "s", "--help"), ("task", "list"), id="a space"),
    ],
)
def test_what_a_flag_takes_is_no_topic_of_help(
    argv: tuple[str, ...], topic: tuple[str, ...]
) -> None:
    parsed = parse.parse(argv)
    assert parsed.command.path == "help" and parsed.args.items("topic") == topic


@pytest.mark.parametrize("argv", [("--version",), ("-V",), ("version",), ("--json", "-V")])
def test_the_version_is_a_flag_and_a_command(argv: tuple[str, ...]) -> None:
    assert read(*argv)[0] == "version"


@pytest.mark.parametrize(
    ("argv", "code", "details"),
    [
        pytest.param(("histroy",), "invalid_argument", {"nearest": "history"}, id="a slip"),
        pytest.param(
            ("claim", "task_t7f2kq"),
            "invalid_argument",
            {"nearest": "task claim"},
            id="a verb without its noun",
        ),
        pytest.param(
            ("complete", "task_t7f2kq"),
            "invalid_argument",
            {"nearest": "task complete"},
            id="a verb that is also nearly a noun",
        ),
        pytest.param(
            ("heartbeet",), "invalid_argument", {"nearest": "task heartbeat"}, id="a slip in it"
        ),
        pytest.param(
            ("list",), "invalid_argument", {"nearest": "task list"}, id="a verb of many nouns"
        ),
        pytest.param(("task", "clam"), "invalid_argument", {"nearest": "claim"}, id="in a verb"),
        pytest.param(("history", "--limti", "3"), "invalid_argument", {"nearest": "--limit"},
                     id="in a flag"),
        pytest.param(("xyzzy",), "invalid_argument", {"cause": "unknown"}, id="nothing near"),
        pytest.param(("history", "--lim", "3"), "invalid_argument", {}, id="an abbreviation"),
        pytest.param(("--bogus",), "invalid_argument", {}, id="a flag alone"),
        pytest.param(("history", "--limit"), "missing_required_flag", {"argument": "--limit"},
                     id="no value"),
        pytest.param(("history", "--limit", "--json"), "missing_required_flag", {},
                     id="a flag for a value"),
        pytest.param(("history", "--limit", "0"), "invalid_argument",
                     {"least": 1, "most": limits.ROWS_MAX}, id="too small"),
        pytest.param(("history", "--limit", "501"), "invalid_argument", {}, id="too large"),
        pytest.param(("history", "--limit", "1e3"), "invalid_argument", {}, id="no number"),
        pytest.param(("search", "\udcff"), "invalid_argument",
                     {"argument": "--query", "cause": "utf8"}, id="a place that is no UTF-8"),
        pytest.param(("task", "list", "--label", "\udcff"), "invalid_argument",
                     {"argument": "--label", "cause": "utf8"}, id="a flag that is no UTF-8"),
        pytest.param(("history", "--limit", "9" * 400), "invalid_argument", {}, id="digits"),
        pytest.param(("history", "--limit", "\u0663"), "invalid_argument", {}, id="other digits"),
        pytest.param(("task", "claim", "t", "--lease", "5"), "invalid_argument", {}, id="no unit"),
        pytest.param(("task", "claim", "t", "--lease", "m"), "invalid_argument", {}, id="no span"),
        pytest.param(("task", "list", "--status", "done"), "invalid_argument", {}, id="no choice"),
        pytest.param(("status", "--json=1"), "invalid_argument", {"cause": "takes_no_value"},
                     id="a value for a switch"),
        pytest.param(("history", "a", "--space", "b"), "invalid_argument",
                     {"cause": "given_twice"}, id="both and different"),
        pytest.param(("history", "--limit", "1", "--limit", "2"), "invalid_argument", {},
                     id="twice and different"),
        pytest.param(("history", "a", "b"), "invalid_argument", {"extra": 1}, id="a word more"),
        pytest.param(("task", "claim"), "missing_required_flag", {"argument": "--task-id"},
                     id="a needed value"),
        pytest.param(("search",), "missing_required_flag", {"argument": "--query"}, id="a query"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(
    argv: tuple[str, ...], code: str, details: dict[str, Any]
) -> None:
    error = refused(*argv)
    assert error.code == code and {**error.details, **details} == error.details


@pytest.mark.parametrize(
    "argv",
    [
        *[("web",), ("git", "guard"), ("import", "beads", "f"), ("ci", "join")],
        *[("billing", "portal"), ("line",)],
        ("space", "update", "S", "--disappearing", "7d"),
        ("send", "x", "--ttl", "5m"),
    ],
)
def test_a_reserved_name_answers_that_this_version_has_it_not(argv: tuple[str, ...]) -> None:
    error = refused(*argv)
    assert (error.code, error.next_action) == ("unsupported_operation", "check_version")


def test_a_refusal_names_the_help_of_its_command() -> None:
    assert refused("history", "--limit", "0").next_command == "envoy help history"
    assert refused("task", "claim").next_command == "envoy help task claim"


@pytest.mark.parametrize(
    ("token", "expected"),
    [("--json", True), ("-v", True), ("--body=two words", True), ("-", False), ("", False),
     ("-a b", False), ("x", False), ("--\n", False), ("-\tx", False), ("--a b=c", False)],
)  # fmt: skip
def test_a_flag_has_a_dash_and_no_space_in_its_name(token: str, *, expected: bool) -> None:
    assert is_flag(token) is expected


@pytest.mark.parametrize(
    ("left", "right", "steps"),
    [("", "", 0), ("a", "", 1), ("claim", "clam", 1), ("history", "histroy", 2), ("abc", "xyz", 3)],
)
def test_a_distance_counts_steps(left: str, right: str, steps: int) -> None:
    assert distance(left, right) == distance(right, left) == steps


def test_a_long_slip_costs_no_time() -> None:
    assert distance("x" * 100_000, "history") == limits.SUGGESTION_CHARS_MAX


def test_a_slip_in_a_verb_leads_to_the_help_of_its_noun() -> None:
    for words in (["task", "lst"], ["task", "done", "x"], ["space", "bughunt"], ["message"]):
        with pytest.raises(UsageError) as raised:
            parse.parse(words)
        assert raised.value.next_command == f"envoy help {words[0]}"
