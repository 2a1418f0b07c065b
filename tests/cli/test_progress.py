"""How far a long work is stands on one line of a real terminal, and nowhere else."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from console import SCRIPT, Console
from envoy.wiring import config as configs
from envoy.wiring import progress
from terminal import Terminal

# The second that nothing is said in, and the tenth between two words, are too long for a test.
HURRIED = (
    "import sys; from envoy.wiring import progress;"
    " progress.TELL_SECONDS = progress.AGAIN_SECONDS = 0.0;"
    " from envoy.cli.main import main; sys.exit(main())"
)


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with a few hundred events, whose every word about long work is heard."""
    made = Console(tmp_path)
    made.ok("quickstart", "--human", "--space-name", "lab")
    (made.cwd / "log").write_bytes(bytes(3_000_000))
    made.ok("object", "put", "log")
    (made.bin / "envoy").write_text(SCRIPT.format(python=sys.executable, program=HURRIED))
    return made


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("diagnose", "--deep"), id="looking"),
        pytest.param(("sync", "--verify"), id="mending"),
        pytest.param(("object", "put", "log"), id="an object"),
    ],
)
def test_one_line_is_written_over_itself_and_gone_at_the_end(
    console: Console, words: tuple[str, ...]
) -> None:
    shown = Terminal(console, 60).run(*words)
    assert shown.status == 0, shown.text
    told = [one for one in shown.raw.split("\r") if ": " in one and "\n" not in one]
    assert len(told) >= 2, shown.raw
    plain = Terminal(console, 60).run(*words, "--quiet")
    assert plain.raw == ""
    left = [one for one in shown.screen(60) if one]
    assert left and not any(one.strip() in left for one in told)
    assert not any(one.startswith(told[0].split(":")[0] + ": ") for one in left)


def test_a_narrow_terminal_wraps_no_word(console: Console) -> None:
    shown = Terminal(console, 9).run("diagnose", "--deep")
    *told, _, _ = shown.raw.split("\n")[0].split("\r")  # then the answer, and its line end
    assert len(told) >= 2 and all(len(one) < 9 for one in told), told


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_nothing_is_said_in_a_pipe(console: Console, more: tuple[str, ...]) -> None:
    envoy = str(console.bin / "envoy")
    done = subprocess.run(
        [envoy, "sync", "--verify", *more],
        env=console.environment(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


def test_json_on_a_terminal_is_one_line(console: Console) -> None:
    shown = Terminal(console, 60).run("diagnose", "--deep", "--json")
    assert shown.raw.count("\n") == 1 and shown.raw.startswith("{")


@pytest.mark.parametrize("columns", [20, 0])
def test_a_word_is_cut_at_the_width_and_taken_away(
    columns: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path))
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(progress, "AGAIN_SECONDS", 3600.0)
    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    config = configs.load({}, read_toml=lambda _: {})
    with os.fdopen(slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with progress.Teller(config) as tell:
            tell("what takes long enough", 1)
            tell("not again so soon", 2)
        with progress.Teller(config._replace(quiet=True)) as tell:
            tell.of(1, 2)
    seen = ""
    with suppress(OSError):  # the end: nobody has the other side open
        while found := os.read(master, 1000):  # a terminal passes on what it has so far
            seen += found.decode()
    os.close(master)
    room = columns - 1 if columns else 1
    assert seen.split("\r") == ["", "what takes long enou"[:room], " " * room, ""]
