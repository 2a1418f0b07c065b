"""The stage: runs real `envoy` commands in a temporary home, shows them, and holds every claim."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

COMMAND_SECONDS_MAX = 30
COLUMNS = 98
BEATS = 2
CLOCK = Path(__file__).with_name("clock")


class DemoError(Exception):
    """What the demo promises did not happen; its text says what, and what was seen instead."""


class Json(dict[str, Any]):
    """A JSON object of an answer, in which every documented field has to be."""

    def __missing__(self, name: str) -> Any:
        raise DemoError(f"an answer lacks {name!r}: {dict(self)}")


Shows = Callable[[Json], str]


class Process(NamedTuple):
    """A command that runs, and how it is shown."""

    popen: subprocess.Popen[str]
    shown: str


class Ended(NamedTuple):
    """A command that ended."""

    exit: int
    answer: Json
    shown: str


class Stage:
    """One home, one program, and a screen. ``secrets`` never reach the screen in full."""

    def __init__(self, home: Path, program: str) -> None:
        self.home = home
        self.program = program
        self.secrets: list[str] = []
        self.commands = 0
        self.claims = 0
        self._scenes = 0
        self._began = time.monotonic()
        self._seconds_ahead = 0
        wants = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        forced = bool(os.environ.get("FORCE_COLOR"))
        self._is_colored = (wants or forced) and not os.environ.get("NO_COLOR")

    @property
    def seconds(self) -> float:
        """Return how long the demo has run."""
        return time.monotonic() - self._began

    # -- what is done -------------------------------------------------------------------------

    def envoy(self, who: str, *words: str, text: str | None = None, shows: Shows) -> Json:
        """Run a command that has to succeed, show it with ``shows`` of its answer; return that."""
        ended = self._finish(self._start(who, words), text)
        if ended.exit != 0:
            raise DemoError(f"exit status {ended.exit}: {ended.shown}\n{ended.answer}")
        self._show(ended)
        self._print("", shows(ended.answer))
        return ended.answer

    def refused(self, who: str, *words: str, exit_status: int, code: str) -> Json:
        """Run a command that has to be refused with ``code``; return its answer."""
        ended = self._finish(self._start(who, words), None)
        self._show(ended)
        self.show_refusal(ended)
        self.claim(
            f"refused with {code}, exit status {exit_status}, and told what to do next",
            ended.exit == exit_status
            and ended.answer.get("error_code") == code
            and bool(ended.answer.get("next_action")),
            seen=ended,
        )
        return ended.answer

    def race(self, calls: Sequence[tuple[str, Sequence[str]]]) -> list[Ended]:
        """Start all of ``calls``, (who, words), at once; return how each ended."""
        running = [self._start(who, words) for who, words in calls]
        ended = [self._finish(one, None) for one in running]
        for one in ended:
            self._show(one)
        return ended

    def alive(self, who: str, *words: str) -> int:
        """Run a command again and again in a process of its own, kill that with -9 in the middle.

        Return how often the command succeeded before.
        """
        argv = [self.program, "--json", *words]
        loop = f"while {shlex.join(argv)} > /dev/null; do echo; done"
        with subprocess.Popen(
            ["/bin/sh", "-c", loop],
            env=self._environment(who),
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None, "it was asked for"
            beats = sum(1 for _ in range(BEATS) if process.stdout.readline())
            os.killpg(process.pid, signal.SIGKILL)
        self._print("", f"{who} lived for {beats} heartbeats, then: kill -9")
        return beats

    def pass_time(self, seconds: int) -> None:
        """Let time pass for all commands that follow: their clock runs ahead."""
        self._seconds_ahead += seconds
        self._print("", f"{seconds} seconds pass")

    def _start(self, who: str, words: Sequence[str]) -> Process:
        argv = [self.program, "--json", *words]
        shown = " ".join(["envoy", *map(self._quoted, argv[1:])])
        popen = subprocess.Popen(
            argv,
            env=self._environment(who),
            cwd=self.home.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.commands += 1
        return Process(popen, f"{who:<4} $ {shown}")

    def _finish(self, process: Process, text: str | None) -> Ended:
        """Wait for the end of ``process``, which has to answer with one JSON object."""
        try:
            out, err = process.popen.communicate(text or "", timeout=COMMAND_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.popen.kill()
            process.popen.communicate()
            raise DemoError(f"no end after {COMMAND_SECONDS_MAX} s: {process.shown}") from None
        try:
            answer = json.loads(out, object_hook=Json)
        except ValueError:
            raise DemoError(f"no JSON object from {process.shown}\n{out}{err}") from None
        status = process.popen.returncode
        if not isinstance(answer, Json) or "Traceback" in err:
            raise DemoError(f"exit status {status}: {process.shown}\n{out}{err}")
        return Ended(status, answer, process.shown)

    def _environment(self, who: str) -> Mapping[str, str]:
        """Return the environment of ``who``: none of the caller's settings of Envoy reach it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENVOY_")}
        if self._seconds_ahead:
            path = [str(CLOCK), *filter(None, [kept.get("PYTHONPATH")])]
            kept["PYTHONPATH"] = os.pathsep.join(path)
            kept["DEMO_SECONDS_AHEAD"] = str(self._seconds_ahead)
        return {**kept, "ENVOY_HOME": str(self.home), "ENVOY_PROFILE": who}

    # -- what is shown ------------------------------------------------------------------------

    def scene(self, title: str) -> None:
        """Show the heading of the next scene."""
        self._scenes += 1
        line = f"{self._scenes}  {title} "
        print()
        print(self._colored("1", f"== {line}".ljust(COLUMNS - 8, "=")), f"{self.seconds:5.1f} s")

    def claim(self, sentence: str, holds: bool, *, seen: object = None) -> None:
        """Show ``sentence`` as true, or end the demo."""
        if not holds:
            raise DemoError(f"not so: {sentence}\nseen: {seen}")
        self.claims += 1
        self._print(self._colored("32", "ok"), sentence)

    def show(self, text: str) -> None:
        """Show a line of the story."""
        self._print("", text)

    def quote(self, text: str, *, lines_max: int = 8) -> None:
        """Show the end of a text that a program or a member wrote, so that it poses as nothing."""
        lines = [line for line in safe(text).splitlines() if line.strip()]
        for line in lines[-lines_max:]:
            print(self._colored("2", f"       | {line}"[:COLUMNS]))

    def show_refusal(self, ended: Ended) -> None:
        """Show code and advice of a command that was refused."""
        answer = ended.answer
        code = self._colored("31", f"error[{answer.get('error_code')}]")
        self._print("", f"{code} {answer.get('error')} -> {answer.get('next_action')}")

    def _show(self, ended: Ended) -> None:
        lines = textwrap.wrap(
            ended.shown,
            COLUMNS - 2,
            subsequent_indent=" " * 11,
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(self._colored("36", " \\\n".join(lines)))

    def _print(self, mark: str, text: str) -> None:
        print(f"  {mark or '  '}   {text}")

    def _quoted(self, word: str) -> str:
        for secret in self.secrets:
            word = word.replace(secret, secret[:4] + "-xxxx")
        return shlex.quote(word)

    def _colored(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_colored else text


def safe(text: str) -> str:
    """Return ``text`` with everything that could steer a terminal replaced."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def find_program() -> str:
    """Return the `envoy` of this interpreter's environment, else the one on the path."""
    beside = Path(sys.executable).with_name("envoy")
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if found is None:
        raise DemoError("there is no command `envoy` here: run `make demo`, which installs it")
    return found
