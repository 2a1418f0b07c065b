"""An install that is killed at any step: the next one, or an uninstall, gives every byte back.

A process dies before its n-th change of the file system, for every n that there is. Nothing of it
runs on, and nothing is flushed, as with kill -9.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import Console

DYING = """
import os, sys
left = int(sys.argv.pop(1))
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
def count(event, args):
    global left
    writes = event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT
    if event in CHANGES or writes:
        left -= 1
        if left < 0:
            os._exit(99)
sys.addaudithook(count)
from envoy.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
DIED = 99
STEPS_MAX = 60
# What a scanner alone could not give back: blanks in empty brackets, no line end, marks of windows.
FILES = {
    ".claude.json": b'{"mcpServers": { }}',
    ".claude/settings.json": b'\xef\xbb\xbf{\r\n\t"hooks": {\r\n\t}, // mine\r\n}',
}
INSTALL, OTHER, GONE = (
    ("hooks", "install", "claude-code"),
    ("--profile", "a2", "hooks", "install", "claude-code", "--prompts"),
    ("hooks", "uninstall", "claude-code"),
)


def everything(console: Console) -> dict[Path, bytes]:
    """Return every file and directory of the user but those of Envoy and the programs."""
    own = (console.home, console.bin)
    return {
        path: path.read_bytes() if path.is_file() else b"/"
        for path in sorted(console.cwd.parent.rglob("*"))
        if not any(path.is_relative_to(one) for one in own)
    }


def dies(console: Console, step: int, words: tuple[str, ...]) -> bool:
    """Run a command that dies before its change number ``step``; False: it came to its end."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(step), *words],
        env=console.environment(),
        cwd=console.cwd,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, DIED), done.stderr
    return done.returncode == DIED


def stages(root: Path, *first: tuple[str, ...]) -> Iterator[tuple[int, Console, dict[Path, bytes]]]:
    """Yield a user with files for each step, after the commands ``first``."""
    for step in range(STEPS_MAX):
        console = Console(root / str(step))
        for name, data in FILES.items():
            path = console.cwd.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        before = everything(console)
        for words in first:
            console.ok(*words)
        yield step, console, before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "killed", "then"),
    [
        pytest.param((), INSTALL, (GONE,), id="an install, then an uninstall"),
        pytest.param((), INSTALL, (INSTALL, GONE), id="an install, then another, and an uninstall"),
        pytest.param((INSTALL,), OTHER, (GONE,), id="an install over another, then an uninstall"),
        pytest.param((INSTALL,), GONE, (GONE,), id="an uninstall, then another"),
        pytest.param((INSTALL,), GONE, (INSTALL, GONE), id="an uninstall, then all from the start"),
    ],
)
def test_whoever_is_killed_leaves_what_the_next_gives_back(
    tmp_path: Path,
    first: tuple[tuple[str, ...], ...],
    killed: tuple[str, ...],
    then: tuple[tuple[str, ...], ...],
) -> None:
    for step, console, before in stages(tmp_path, *first):
        died = dies(console, step, killed)
        for words in then:
            console.ok(*words)
        assert everything(console) == before, step
        if not died:
            assert step > 5
            return
    raise AssertionError("more steps than there are")
