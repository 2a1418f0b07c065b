"""Terminal: a person at 60 columns does the bug hunt by hand, in a real terminal.

The emulator shows what stands on the screen. What the program wrote must fit without it: no line is
wider than the window, no id, code or fingerprint is cut, and what is to be typed stays whole.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from console import Console
from envoy.untrusted import width
from terminal import Shown, Terminal

CODE = re.compile(r"\b(?:[2-9A-HJ-NP-Z]{4}-){5}[2-9A-HJ-NP-Z]{4}\b")
# An id or a fingerprint that goes on behind a cut.
CUT = re.compile(r"\b(?:space|task|msg|evt|inv|grant)_[a-z2-7]*…|\([0-9a-f ]*…")
TITLE = "Repro the crash in the parser of the configuration file"
TEXT = "It crashes on an empty line, which takes more than sixty columns to explain to anybody."


class Hand:
    """A person who types one line after the other, and looks at what comes."""

    def __init__(self, console: Console, columns: int, **environ: str) -> None:
        self.terminal = Terminal(console, columns, **environ)
        self.names: dict[str, str] = {}

    def type(self, line: str, *, exit: int = 0, answers: tuple[tuple[str, str], ...] = ()) -> Shown:
        """Type a command with its names put in; what is shown has to fit and to be whole."""
        words = [self.names.get(word, word) for word in shlex.split(line)]
        shown = self.terminal.run(*words, answers=answers)
        assert shown.status == exit, shown.text
        columns = self.terminal.columns
        assert [one for one in shown.lines if width(one) > columns] == [], line
        seen = [one.rstrip() for one in shown.screen(columns)]
        assert seen == [one.rstrip() for one in shown.lines] + [""], "the terminal wrapped a line"
        assert CUT.findall(shown.text) == [], line
        return shown

    def keep(self, name: str, shown: Shown, pattern: str | re.Pattern[str]) -> None:
        """Remember what a person would copy from the screen."""
        found = re.search(pattern, shown.text)
        assert found, shown.text
        self.names[name] = found[0]


def hunt(hand: Hand) -> None:
    """Do the bug hunt of the README."""
    words = hand.type("--profile lead init --human --name Lead")
    assert len(re.findall(r"\b\d+ [a-z]{3,}", words.text)) == 24
    hand.type("--profile lead quickstart --space-name bughunt")
    made = hand.type("--profile lead invite bughunt --max-uses 3 --ttl 30m")
    hand.keep("CODE", made, CODE)
    made = hand.type(f"--profile lead task create '{TITLE}'")
    hand.keep("TASK", made, r"task_[a-z2-7]{6}")
    hand.type("--profile a1 init --name a1 --agent --recovery-output file:a1.words")
    hand.type("--profile a1 join CODE")
    hand.type("--profile a1 task claim TASK --require confirmed")
    hand.type("--profile lead task claim TASK", exit=5)
    said = hand.type(f"--profile a1 send '{TEXT}' --task-id TASK --task-status in_progress")
    hand.keep("MSG", said, r"msg_[a-z2-7]{6}")
    for line in ("status", "task list", "task list --board", "inbox read", "roster", "history"):
        hand.type(f"--profile lead {line}")
    hand.type("--profile a1 task complete TASK --note 'off by one' --evidence MSG")
    for line in ("task show TASK", "work-record", "permissions", "invites list", "why MSG"):
        hand.type(f"--profile lead {line}")
    for line in ("diagnose", "config show", "card list", "identity list", "fingerprint", "help"):
        hand.type(f"--profile lead {line}")
    hand.type("--profile lead inbox ack")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, pytest.param(40, marks=pytest.mark.prove)])
def test_a_person_does_the_bug_hunt_by_hand(tmp_path: Path, columns: int) -> None:
    hand = Hand(Console(tmp_path), columns)
    hunt(hand)
    listed = hand.type("--profile lead task list --status all")
    assert ("title: " in listed.text) == (columns < 60 or "state: " in listed.text)
    gone = hand.type(
        "--profile lead space remove bughunt @a1 --reason done", answers=(("[y/N]", "y"),)
    )
    assert "this would:" in gone.text and "removed" in gone.text
    hand.type("--profile lead space close bughunt", exit=9, answers=(("[y/N]", "n"),))
    assert "closed" not in hand.type("--profile lead spaces").text
    hand.type("--profile lead space close bughunt", answers=(("[y/N]", "yes"),))
    assert "closed" in hand.type("--profile lead spaces").text


def test_what_is_to_be_typed_stays_in_one_piece(tmp_path: Path) -> None:
    hand = Hand(Console(tmp_path), 60)
    shown = hand.type("quickstart --human --space-name bughunt --recovery-output skip")
    code = CODE.search(shown.text)
    assert code and f"envoy join {code[0]}" in [one.strip() for one in shown.lines]
    hand.names["CODE"] = code[0]
    hand.type("--profile a1 join CODE")
    read = hand.type("inbox read")
    hint = next(one for one in read.lines if "envoy inbox ack" in one)
    command = hint[hint.index("envoy ") :]
    assert "acknowledged" in hand.type(command.removeprefix("envoy ")).text


def test_in_forty_columns_a_table_is_a_list_of_pairs(tmp_path: Path) -> None:
    hand = Hand(Console(tmp_path), 40)
    hand.type("quickstart --human --name Ada --space-name bughunt --recovery-output skip")
    assert 'member: "Ada"' in hand.type("roster").text
    hand.terminal.columns = 80
    assert "MEMBER" in hand.type("roster").text


# -- what a terminal can do ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    found = Console(tmp_path_factory.mktemp("home"))
    found.ok("quickstart", "--human", "--name", "J\u00f6rg", "--space-name", "bughunt")
    found.ok("task", "create", "caf\u00e9 " + "long " * 30)
    return found


@pytest.mark.parametrize(
    ("flags", "environ", "has_color"),
    [
        pytest.param((), {}, True, id="a terminal"),
        pytest.param((), {"NO_COLOR": "1"}, False, id="no colour is wanted"),
        pytest.param((), {"TERM": "dumb"}, False, id="a teletype"),
        pytest.param((), {"TERM": "dumb", "FORCE_COLOR": "1"}, True, id="colour is forced"),
        pytest.param((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, id="no beats force"),
        pytest.param(("--color", "never"), {"FORCE_COLOR": "1"}, False, id="the flag beats force"),
        pytest.param(("--color", "always"), {"NO_COLOR": "1"}, True, id="the flag beats no"),
        pytest.param(("--json",), {"FORCE_COLOR": "1"}, False, id="a program reads"),
    ],
)
def test_colour_is_shown_where_it_is_wanted(
    console: Console, flags: tuple[str, ...], environ: dict[str, str], has_color: bool
) -> None:
    shown = Terminal(console, 80).console  # the terminal itself says what TERM is
    terminal = Terminal(shown, 80)
    terminal.environ.update(environ)
    assert ("\x1b" in terminal.run(*flags, "task", "list").raw) == has_color


@pytest.mark.parametrize("lang", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_without_utf8_a_terminal_gets_ascii(console: Console, lang: str) -> None:
    terminal = Terminal(console, 80)
    terminal.environ |= {"LANG": lang, "LC_ALL": lang}
    shown = terminal.run("task", "list")
    assert shown.text.isascii() and "<U+00E9>" in shown.text
    assert "caf\u00e9" in Terminal(console, 80).run("task", "list").text


def piped(console: Console, *args: str, **environ: str) -> subprocess.Popen[bytes]:
    """Start `envoy` with its output in a pipe."""
    return subprocess.Popen(
        [console.bin / "envoy", *args],
        cwd=console.cwd,
        env=console.environment(TERM="xterm", **environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_pipe_gets_no_control_byte_and_every_word(console: Console) -> None:
    with piped(console, "task", "list") as process:
        out, err = process.communicate()
    assert b"\x1b" not in out + err and b"\r" not in out
    assert ("long " * 30).strip().encode() in out


def test_a_closed_pipe_is_141_and_an_interrupt_130(console: Console) -> None:
    with piped(console, "listen", "bughunt") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        console.ok("send", "somebody?", "--space", "bughunt")
        assert process.wait(timeout=20) == 128 + signal.SIGPIPE
    shown = Terminal(console, 80).run("listen", "bughunt", stop="made the space")
    assert shown.status == 128 + signal.SIGINT and "Traceback" not in shown.text


def test_a_question_without_a_terminal_is_not_asked(console: Console) -> None:
    with piped(console, "reset") as process:
        _, err = process.communicate()
    assert process.returncode == 9 and b"[y/N]" not in err
    assert os.path.exists(console.home)


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_a_guide_is_broken_where_the_terminal_ends(tmp_path: Path, columns: int) -> None:
    hand = Hand(Console(tmp_path), columns)
    for words in ("onboarding", "onboarding --agent"):
        shown = hand.type(words)
        text = hand.terminal.console.call(*words.split()).out
        assert " ".join(shown.text.split()) == " ".join(text.split()), "no word more or less"
        lines = shown.text.split("\n")
        prose = [one for one in lines if one and one[0].isalpha() and not one.startswith("envoy")]
        assert len(prose[0]) > columns * 0.7, "a paragraph fills its lines"


def test_what_is_for_programs_stays_one_line(tmp_path: Path) -> None:
    terminal = Terminal(Console(tmp_path), 60)
    shown = terminal.run("schema", "task")
    assert json.loads(shown.text)["title"] == "envoy.task/1"
    script = terminal.run("completion", "bash").text + "\n"
    assert script == terminal.console.call("completion", "bash").out
