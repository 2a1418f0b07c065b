"""Terminal: a real pseudo-terminal with `envoy` in it, and a terminal emulator that reads along.

What a person sees is not what a program writes: the emulator says what stands on the screen, and
the bytes themselves say whether the program or the terminal has cut a line.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from typing import NamedTuple

import pyte

from console import Console

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ROWS = 600
SECONDS_MAX = 30


class Shown(NamedTuple):
    """What one command left on the terminal."""

    status: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """Return the lines as the program wrote them, without control sequences."""
        text = CONTROL.sub("", self.raw).replace("\r\n", "\n")
        return [line.rpartition("\r")[2] for line in text.removesuffix("\n").split("\n")]

    @property
    def text(self) -> str:
        """Return all that was written, without control sequences."""
        return "\n".join(self.lines)

    def screen(self, columns: int) -> list[str]:
        """Return what an emulator shows of it, without the lines below."""
        screen = pyte.Screen(columns, ROWS)
        pyte.Stream(screen).feed(self.raw)
        return [line.rstrip() for line in screen.display[: screen.cursor.y + 1]]


class Terminal:
    """A terminal of ``columns``, in the home and the directory of ``console``."""

    def __init__(self, console: Console, columns: int, **environ: str) -> None:
        self.console = console
        self.columns = columns
        self.environ = console.environment(TERM="xterm", **environ)

    def run(self, *args: str, answers: tuple[tuple[str, str], ...] = (), stop: str = "") -> Shown:
        """Run `envoy` and type each answer once its question is there.

        ``stop`` is what the interrupt key is pressed upon.
        """
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.console.cwd)
            os.execve(self.console.bin / "envoy", ["envoy", *args], self.environ)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, self.columns, 0, 0))
        raw, waiting, end = "", list(answers), time.monotonic() + SECONDS_MAX
        try:
            while (piece := read(master, end)) is not None:
                raw += piece
                if waiting and waiting[0][0] in raw:
                    os.write(master, waiting.pop(0)[1].encode() + b"\n")
                if stop and stop in raw:
                    os.write(master, b"\x03")
                    stop = ""
        finally:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            os.close(master)
        return Shown(os.waitstatus_to_exitcode(status), raw)


def read(master: int, end: float) -> str | None:
    """Return what comes next, None at the end of it."""
    ready, _, _ = select.select([master], [], [], max(0.0, end - time.monotonic()))
    if not ready:
        return None
    try:
        return os.read(master, 65536).decode("utf-8", "replace") or None
    except OSError:  # the other side is closed
        return None
