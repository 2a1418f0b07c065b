"""Console: the command line as a user has it, and transcripts of it that are also documentation.

A `Console` is a temporary home with `envoy` on the path of a real shell. What needs no process of
its own runs in this one, ten times as fast: `call` and `ok`. A transcript is text:

    $ envoy task claim task_t7f2kq
    task_t7f2kq  claimed, confirmed #1  "a1" (3f9a c21e)  lease to 14:18  Repro crash
    $ envoy task claim task_t7f2kq
    error[task_already_claimed]: Somebody else holds the task.
    ...
    [exit 5]

What a line shows of stdout and stderr is what has to come, with these freedoms. Ids, fingerprints
and codes are examples: the first time one stands for whatever came, from then on for just that, in
output and in later commands alike. Times are examples and nothing more. A line `...` stands for any
lines, `[exit N]` for a status other than 0, lines with `# ` before a command for the reader.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from envoy.cli.main import main
from envoy.ids import PREFIXES

PROGRAM = "import sys; from envoy.cli.main import main; sys.exit(main())"
SERVER = "import sys; from envoy.mcp.main import main; sys.exit(main())"
SCRIPT = '#!/bin/sh\nexec "{python}" -c "{program}" "$@"\n'
SECONDS_MAX = 60

SYMBOLS = "a-z2-7"
EXAMPLES = {
    "id": rf"\b(?:{'|'.join(PREFIXES)})_(?:[{SYMBOLS}]{{52}}|[{SYMBOLS}]{{6}})\b",
    "did": r"\bdid:key:z6Mk[1-9A-Za-z]{44}\b",
    "fingerprint": r"\b[0-9a-f]{4} [0-9a-f]{4}\b",
    "code": r"\b(?:[2-9A-HJ-NP-Z]{4}-){5}[2-9A-HJ-NP-Z]{4}\b",
    "stamp": r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    # With its day, where that is another one than today.
    "time": r"\b(?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)?\b",
    "left": r"\b\d+[smhd] left\b",
}
SHELL = re.compile(r"[|<>;&$`]")  # what only a shell understands
DAY = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b")
GAP = re.compile(" {2,}")
PASSING = {"stamp", "time", "left"}  # may be another one each time
EXAMPLE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in EXAMPLES.items()))


class Result(NamedTuple):
    """What one command left."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Return the one JSON object of stdout."""
        found: dict[str, Any] = json.loads(self.out)
        assert self.out.endswith("\n") and self.out.count("\n") == 1 and self.out.isascii()
        return found


class Console:
    """A temporary home below ``root``, and a directory to stand in."""

    def __init__(self, root: Path, *, name: str = "bughunt") -> None:
        self.home = root / "home"
        self.cwd = root / name
        self.bin = root / "bin"
        for directory in (self.cwd, self.bin):
            directory.mkdir(parents=True)
        for name, program in (("envoy", PROGRAM), ("envoy-mcp", SERVER)):
            script = self.bin / name
            script.write_text(SCRIPT.format(python=sys.executable, program=program))
            script.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command: nothing of the user's own."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ENVOY_HOME": str(self.home),
            "HOME": str(self.cwd.parent),
            "LOGNAME": "ada",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **more,
        }

    def run(self, *args: str, stdin: str | bytes = b"", **more: str) -> Result:
        """Run `envoy` with ``args``; ``more`` are variables of its environment."""
        return self._result(["envoy", *args], stdin, more)

    def sh(self, command: str, **more: str) -> Result:
        """Run ``command`` as a shell does."""
        return self._result(["sh", "-c", command], b"", more)

    def call(self, *args: str, stdin: str | bytes = b"", **more: str) -> Result:
        """Run `envoy` with ``args`` in this process; ``more`` are variables of its environment."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        streams = [TextIOWrapper(BytesIO(held), encoding="utf-8") for held in (data, b"", b"")]
        names = ("stdin", "stdout", "stderr")
        before, here = [getattr(sys, name) for name in names], os.getcwd()
        environ, own = dict(os.environ), self.environment(**more)
        try:
            os.chdir(self.cwd)
            os.environ.clear()
            os.environ.update(own)
            for name, stream in zip(names, streams, strict=True):
                setattr(sys, name, stream)
            status = main(args)
        finally:
            for name, stream in zip(names, before, strict=True):
                setattr(sys, name, stream)
            os.environ.clear()
            os.environ.update(environ)
            os.chdir(here)
        out, err = (text_of(stream) for stream in streams[1:])
        return Result(status, out, err)

    def ok(self, *args: str, stdin: str | bytes = b"", **more: str) -> dict[str, Any]:
        """Call `envoy` with ``args`` and --json, which has to succeed; return its answer."""
        found = self.call("--json", *args, stdin=stdin, **more)
        assert found.status == 0, found
        return found.data

    def _result(self, argv: Sequence[str], stdin: str | bytes, more: dict[str, str]) -> Result:
        environment = self.environment(**more)
        done = subprocess.run(
            argv,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=environment,
            cwd=self.cwd,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def text_of(stream: TextIOWrapper) -> str:
    """Return what was written to ``stream``."""
    stream.flush()
    written = stream.buffer
    assert isinstance(written, BytesIO)
    return written.getvalue().decode()


# -- transcripts ---------------------------------------------------------------------------------


class Step(NamedTuple):
    """A command of a transcript and what it has to show."""

    command: str
    lines: list[str]


def steps(transcript: str) -> Iterator[Step]:
    """Yield the steps of a transcript; a command goes on after a backslash at the end of a line."""
    found: Step | None = None
    is_open = False
    for text in transcript.splitlines():
        if is_open and found is not None:
            found = Step(f"{found.command}\n{text}", [])
        elif text.startswith("$ "):
            if found is not None:
                yield found
            found = Step(text[2:], [])
        elif found is not None and not text.startswith("# "):
            found.lines.append(text)
        is_open = found is not None and not found.lines and text.endswith("\\")
    if found is not None:
        yield found


def play(transcript: str, console: Console, *, inside: bool = False) -> int:
    """Run the commands of ``transcript`` in ``console``, compare, return how many there were.

    ``inside``: a plain call of `envoy` runs in this process.
    """
    names: dict[str, str] = {}
    count = 0
    for step in steps(transcript):
        count += 1
        command = EXAMPLE.sub(lambda found: names.get(found[0], found[0]), step.command)
        if inside and command.startswith("envoy ") and not SHELL.search(command):
            result = console.call(*shlex.split(command)[1:])
        else:
            result = console.sh(f"{command} 2>&1")
        shown = (result.out + result.err).splitlines() + (
            [f"[exit {result.status}]"] if result.status else []
        )
        wanted = trimmed(step.lines)
        if DAY.search(result.out):  # near midnight a column is wider than on the page
            wanted, shown = [[GAP.sub("  ", one) for one in some] for some in (wanted, shown)]
        complaint = compare(wanted, shown, names)
        assert complaint is None, (
            f"$ {step.command}\n{complaint}\nall of it:\n{result.out}{result.err}"
        )
    return count


def trimmed(lines: list[str]) -> list[str]:
    """Return ``lines`` without the empty ones at the end, which part one step from the next."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def compare(wanted: Sequence[str], shown: Sequence[str], names: dict[str, str]) -> str | None:
    """Return how what was ``shown`` differs from what was ``wanted``; None if it does not."""
    if not wanted:
        return None if not shown else f"nothing expected, but came: {shown[0]}"
    if wanted[0] == "...":
        tries = [compare(wanted[1:], shown[cut:], dict(names)) for cut in range(len(shown) + 1)]
        if None not in tries:
            return tries[-1] if len(wanted) == 1 else f"nothing came like: {wanted[1]}"
        return compare(wanted[1:], shown[tries.index(None) :], names)
    if not shown:
        return f"nothing came, expected: {wanted[0]}"
    if not matches(wanted[0], shown[0], names):
        return f"expected: {wanted[0]}\ncame:     {shown[0]}"
    return compare(wanted[1:], shown[1:], names)


def matches(wanted: str, shown: str, names: dict[str, str]) -> bool:
    """Return whether one line is as ``wanted``, taking its examples for what came instead."""
    if EXAMPLE.sub(form, wanted) != EXAMPLE.sub(form, shown):
        return False
    pairs = zip(EXAMPLE.finditer(wanted), EXAMPLE.finditer(shown), strict=True)
    for example, real in pairs:
        if example.lastgroup in PASSING:
            continue
        if names.setdefault(example[0], real[0]) != real[0]:
            return False
    return True


def form(found: re.Match[str]) -> str:
    """Return what an example and what came for it have in common."""
    prefix, length = found[0].partition("_")[0], len(found[0])
    return f"<{prefix} {length}>" if found.lastgroup == "id" else f"<{found.lastgroup}>"
