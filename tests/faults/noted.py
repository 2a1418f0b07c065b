"""Noted: what came of each fault, a JSON line each, so that a run goes on where it ended.

A line names the command, the fault and the number of its call, what came of it, and the code that
was tried. Lines of another code count for nothing: what is tried is another program. Several
processes may add to one file.
"""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import envoy

NONE: Final = "none"  # it made no such call


class Case(NamedTuple):
    """A fault of one command."""

    path: str
    fault: str
    at: int

    def __str__(self) -> str:
        return f"{self.path}: {self.fault} at {self.at}"


class Outcome(NamedTuple):
    """What a fault came to, in a word; the call that failed; what is wrong with it."""

    word: str
    hit: str
    wrong: tuple[str, ...] = ()


class Notes:
    """The outcomes of one code that stand in a file; nowhere without one."""

    def __init__(self, path: Path | None, code: str) -> None:
        self._path, self._code = path, code
        self.known = dict[Case, Outcome]()
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        """Take in a line; one that was cut off is none."""
        try:
            one = json.loads(line)
        except ValueError:
            return
        if one["code"] == self._code:
            case = Case(one["command"], one["fault"], one["at"])
            self.known[case] = Outcome(one["outcome"], one["hit"], tuple(one["wrong"]))

    def add(self, case: Case, outcome: Outcome) -> None:
        """Note what came of a fault."""
        self.known[case] = outcome
        if self._path is None:
            return
        line = {"command": case.path, "fault": case.fault, "at": case.at, "outcome": outcome.word,
                "hit": outcome.hit, "wrong": outcome.wrong, "code": self._code}  # fmt: skip
        with self._path.open("a") as file:  # begins a line: the one before may be cut off
            file.write(f"\n{json.dumps(line)}\n")


def code() -> str:
    """Return what tells the code under test from any other: the hash of its sources."""
    found = blake2b(digest_size=6)
    root = Path(os.fspath(envoy.__path__[0]))
    for path in sorted(root.rglob("*.py")):
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()
