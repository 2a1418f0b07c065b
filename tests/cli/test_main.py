"""Main: whatever happens, one answer, one exit status, and never a traceback."""

from __future__ import annotations

import gc
import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from console import Console, Result
from envoy.cli import main as program
from envoy.cli import start
from envoy.cli.args import Answer, Call
from envoy.cli.read import help as help_module
from envoy.cli.render import Screen, line, screen_of
from envoy.errors import CLASSES, CODES, error
from rowhome import RowHome
from schemas import problems

START = "from envoy.cli.start import main; main()"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


@pytest.fixture
def version_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Call], object]], None]:
    """Let the command `version` do something else."""
    return lambda does: monkeypatch.setattr(help_module, "version", does)


def test_a_failure_is_one_object_on_stdout(console: Console) -> None:
    found = console.call("--json", "status")
    assert (found.status, found.err) == (3, "")
    assert found.data["schema"] == "envoy.error/1" and problems(found.data, "error") == []
    assert list(found.data)[:5] == ["schema", "error", "error_code", "next_action", "next_command"]


def test_a_failure_is_words_on_stderr_for_people(console: Console) -> None:
    found = console.call("status")
    assert (found.status, found.out) == (3, "")
    assert found.err.startswith("error[profile_not_found]: ")
    assert "hint: envoy quickstart" in found.err


def test_quiet_is_the_exit_status_alone(console: Console) -> None:
    assert console.call("--quiet", "status") == Result(3, "", "")
    assert console.call("--quiet", "--json", "status") == Result(3, "", "")
    assert console.call("version", "--quiet") == Result(0, "", "")


def test_json_may_be_asked_for_by_the_environment(console: Console) -> None:
    assert console.call("version", ENVOY_FORMAT="json").data["schema"] == "envoy.version/1"
    assert console.call("nonsense", ENVOY_FORMAT="json").data["error_code"] == "invalid_argument"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_its_exit_status(
    code: str, console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def fail(_: Call) -> Answer:
        raise error(code, task_id="task_x")

    version_does(fail)
    found = console.call("--json", "version")
    assert (found.status, found.data["error_code"]) == (CODES[code][0], code)
    assert found.data["task_id"] == "task_x" and found.status in CLASSES
    assert console.call("version").err.startswith(f"error[{code}]: ")


SECRET = "member text \x1b[31m"


@pytest.mark.parametrize(
    "fault",
    [
        ValueError(SECRET),
        AssertionError(SECRET),
        RecursionError(SECRET),
        MemoryError(),
        KeyError(1),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_bug_becomes_internal_without_its_text(
    fault: Exception, console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def fail(_: Call) -> Answer:
        raise fault

    version_does(fail)
    for args in (("version",), ("--json", "version"), ("-v", "version")):
        found = console.call(*args)
        shown = found.out + found.err
        assert found.status == 1 and "internal" in shown and "stop" in shown
        assert "member text" not in shown and "Traceback" not in shown


def test_what_looks_like_a_bug_is_damage_where_the_home_is_damaged(console: Console) -> None:
    console.ok("quickstart", "--human", "--space-name", "bughunt")
    assert console.call("--json", "send", "control").status == 0
    (path,) = console.home.glob("profiles/*/replica.db")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE head SET id = zeroblob(32)")
    found = console.call("--json", "send", "after")
    assert found.status == CODES["state_corrupt"][0], found
    assert (found.data["error_code"], found.data["reason"]) == ("state_corrupt", "log")
    assert found.data["next_command"] == "envoy diagnose"


def test_a_bug_in_a_text_is_caught_too(
    console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def fail(_: Call) -> Answer:
        return Answer({}, lambda: [line(str(1 // 0))])

    version_does(fail)
    assert console.call("version").status == 1


def test_an_interrupt_ends_with_130(
    console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def interrupted(_: Call) -> Answer:
        raise KeyboardInterrupt

    version_does(interrupted)
    assert console.call("version") == Result(130, "", "")


def test_a_stream_writes_each_answer_and_ends_with_the_last_status(
    console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def stream(_: Call) -> Iterator[Answer]:
        yield Answer({"n": 1}, lambda: [line("one")])
        yield Answer({"n": 2}, lambda: [line("two")], exit=6)

    version_does(stream)
    assert console.call("version") == Result(6, "one\ntwo\n", "")
    lines = console.call("--json", "version").out.splitlines()
    assert lines == [f'{{"schema":"envoy.version/1","n":{n}}}' for n in (1, 2)]


def test_a_warning_goes_to_stderr_for_people_and_into_the_object_for_programs(
    console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    warning = {"code": "stale", "message": "look again"}

    def warned(_: Call) -> Answer:
        return Answer({"warnings": [warning]}, lambda: [line("done")])

    version_does(warned)
    assert console.call("version") == Result(0, "done\n", "warning[stale]: look again\n")
    found = console.call("--json", "version")
    assert found.data["warnings"] == [warning] and found.err == ""


# -- the process ---------------------------------------------------------------------------------


def run(console: Console, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command line; `$E` is the real start of the program."""
    environment = console.environment(E=f'{sys.executable} -c "{START}"', **more)
    return subprocess.run(
        ["sh", "-c", command.replace("$E", f"{sys.executable} -c '{START}'")],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("$E help | head -n 1", 0, id="a pipe that closes early"),
        pytest.param("($E help; echo $? >&2) | true", 0, id="a pipe that nobody reads"),
        pytest.param("$E --json help >/dev/full", 1, id="a full disk behind stdout"),
        pytest.param("$E status 2>/dev/full", 3, id="a full disk behind stderr"),
        pytest.param("$E version >&-", 0, id="stdout closed before"),
        pytest.param("$E status 2>&-", 3, id="stderr closed before"),
        pytest.param("$E version <&-", 0, id="stdin closed before"),
    ],
)
def test_a_stream_that_fails_shows_no_traceback(
    command: str, status: int, console: Console
) -> None:
    done = run(console, command)
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_file_that_fails_is_no_failure_of_stdout(
    console: Console, version_does: Callable[[Callable[[Call], object]], None]
) -> None:
    def fails(_: Call) -> object:
        raise OSError(5, "closing it failed")

    version_does(fails)
    found = console.call("--json", "version")
    assert (found.status, found.err) == (1, "")
    assert (found.data["error_code"], found.data["reason"]) == ("storage_failed", "eio")


def test_a_closed_pipe_ends_with_141(console: Console) -> None:
    program = [sys.executable, "-c", START, "--json", "help"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        program,
        env=console.environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_while_it_waits_is_quiet(tmp_path: Path) -> None:
    home = RowHome(tmp_path)
    home.item(home.space(), home.member(home.space("x"), "a1"), "hello")
    home.connection.close()
    console = Console(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--json", "listen", "bughunt"],
        env=console.environment(ENVOY_PROFILE="lead"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and b"hello" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


class Left(Exception):
    """The process would have ended here."""


@pytest.mark.parametrize("broken", [False, True])
def test_the_start_ends_the_process_with_the_status(
    console: Console, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    def leave(status: int) -> None:
        raise Left(status)

    def full() -> None:
        raise OSError

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["envoy", "--quiet", "version"])
    if broken:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
        monkeypatch.setattr(sys.stdout, "flush", full)
    with pytest.raises(Left) as caught:
        start.main()
    assert caught.value.args == (int(broken),)


def test_an_interrupt_while_modules_load_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    def leave(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(program, "main", interrupted)
    monkeypatch.setattr(start, "leave", leave)
    with pytest.raises(Left) as caught:
        start.main()
    assert caught.value.args == (130,)


# -- the screen ----------------------------------------------------------------------------------


class Terminal(io.TextIOWrapper):
    """A stream that says of itself what a test wants it to say."""

    def __init__(self, *, is_tty: bool, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_tty = is_tty

    def isatty(self) -> bool:
        """Return whether a person is there."""
        return self._is_tty


@pytest.mark.parametrize(
    ("stream", "environ", "screen"),
    [
        pytest.param((False, "utf-8"), {}, Screen(None, utf8=True), id="a pipe"),
        pytest.param((False, "utf-8"), {"COLUMNS": "40"}, Screen(None, utf8=True), id="has no end"),
        pytest.param((True, "utf-8"), {"COLUMNS": "40"}, Screen(40, utf8=True), id="a terminal"),
        pytest.param((True, "utf-8"), {"COLUMNS": "x"}, Screen(None, utf8=True), id="no number"),
        pytest.param((True, "utf-8"), {}, Screen(None, utf8=True), id="of unknown width"),
        pytest.param((False, "ascii"), {}, Screen(None, utf8=False), id="ASCII"),
        pytest.param((False, "utf-8"), {"LC_ALL": "C"}, Screen(None, utf8=False), id="locale C"),
        pytest.param(
            (False, "UTF-8"), {"LANG": "de_DE.UTF-8"}, Screen(None, utf8=True), id="UTF-8"
        ),
        pytest.param((False, "latin-1"), {}, Screen(None, utf8=False), id="another encoding"),
    ],
)
def test_a_screen_is_known_by_its_stream_and_environment(
    stream: tuple[bool, str], environ: dict[str, str], screen: Screen
) -> None:
    terminal = Terminal(is_tty=stream[0], encoding=stream[1])
    assert screen_of(terminal, environ) == screen


@pytest.mark.parametrize(
    ("columns", "color", "environ", "expected"),
    [
        pytest.param(80, "auto", {"TERM": "xterm"}, True, id="a terminal"),
        pytest.param(80, "auto", {"TERM": "dumb"}, False, id="a teletype"),
        pytest.param(80, "auto", {}, False, id="a terminal nobody knows"),
        pytest.param(None, "auto", {"TERM": "xterm"}, False, id="a pipe"),
        pytest.param(None, "always", {}, True, id="told to"),
        pytest.param(80, "never", {"TERM": "xterm"}, False, id="told not to"),
    ],
)
def test_colour_is_for_terminals_unless_told(
    columns: int | None, color: str, environ: dict[str, str], *, expected: bool
) -> None:
    assert program.wants_color(Screen(columns, utf8=True), color, environ) is expected


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["status"], {}, "auto"),
        (["--color", "never", "status"], {"FORCE_COLOR": "1"}, "never"),
        (["status", "--color=always"], {"NO_COLOR": "1"}, "always"),
        (["status"], {"NO_COLOR": "1"}, "never"),
        (["status"], {"FORCE_COLOR": "1"}, "always"),
        (["status", "--", "--color", "never"], {}, "auto"),
        (["status", "--color"], {}, ""),
    ],
)
def test_colour_is_chosen_by_flag_before_environment(
    argv: list[str], environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert program.face_of(argv).color == expected


def test_colour_is_written_where_it_is_wanted(console: Console) -> None:
    assert "\x1b[" in console.call("--color", "always", "help").out
    assert "\x1b[" in console.call("--color", "always", "status").err
    assert "\x1b" not in console.call("help").out
    assert "\x1b" not in console.call("--json", "--color", "always", "help").out


def test_verbose_says_which_home_and_profile_on_stderr(console: Console) -> None:
    found = console.call("-v", "version", ENVOY_PROFILE="lead")
    assert found.out.startswith("envoy ")
    assert found.err == f"profile lead (environment), home {console.home}\n"
    assert console.call("-v", "--json", "version").err == ""
