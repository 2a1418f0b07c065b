"""Taskwarrior: tasks in files of one person (the Debian package `taskwarrior`).

What it promises beside Envoy: a new or changed task is in `pending.data` and that file is synced
(fdatasync) before the command ends; what it appends to `undo.data` and `backlog.data` after that is
not. Nothing is signed, encrypted or sent to anybody. It is a compiled program: its start costs a
few milliseconds where a Python costs tens.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

from bench.peers import finding
from bench.peers.finding import Program
from bench.rounds import Wrong
from bench.setting import Spent, environment, spend

PROMISE = "pending.data is synced before it ends, undo and backlog are not; no signature, one user"
_MADE = re.compile(r"Created task ([0-9a-f-]{36})")
_ENTRY = "20260101T000000Z"


def find() -> Program | None:
    """Return `task`, None where it is not installed."""
    return finding.program("task", "--version")


class Tasks:
    """A directory of tasks; ``count`` are there and open before anything is measured."""

    def __init__(self, task: Program, place: Path, count: int) -> None:
        self._task = task
        self._place = place
        self._data = place / "data"
        self._data.mkdir(parents=True)
        self._left = [str(uuid.UUID(int=number + 1)) for number in range(count)]
        rows = [
            {"uuid": one, "description": f"Task {number}", "status": "pending", "entry": _ENTRY}
            for number, one in enumerate(self._left)
        ]
        given = place / "tasks.json"
        given.write_text(json.dumps(rows), "utf-8")
        self._run("import", str(given))
        self.open = count

    def _run(self, *args: str) -> Spent:
        """Run a command of Taskwarrior, without the settings and the hooks of who measures."""
        settings = (
            *("rc:/dev/null", f"rc.data.location={self._data}", "rc.hooks=off", "rc.color=off"),
            *("rc.confirmation=no", "rc.verbose=new-uuid", "rc.news.version=2.6.0"),
        )
        env = {**environment(), "HOME": str(self._place)}
        spent = spend([self._task.path, *settings, *args], env, self._place)
        if spent.exit != 0:
            raise Wrong(f"task {args[0]}: {spent.out[-200:]}{spent.err[-200:]}")
        return spent

    def add(self, title: str, text: str) -> Spent:
        """Add a task."""
        spent = self._run("add", "priority:M", f"{title}: {text}")
        if _MADE.search(spent.out) is None:
            raise Wrong(f"task add: {spent.out[-200:]}")
        self.open += 1
        return spent

    def page(self, rows: int) -> Spent:
        """Show the first open tasks."""
        spent = self._run(f"limit:{rows}", "rc.defaultwidth=1000", "list")
        shown = sum("Task " in line for line in spent.out.splitlines())
        if shown != rows:
            raise Wrong(f"task list: {shown} of {rows} rows")
        return spent

    def done(self) -> Spent:
        """Say that a task is done."""
        spent = self._run(self._left.pop(), "done")
        self.open -= 1
        return spent

    def problems(self) -> list[str]:
        """Return whether tasks are missing."""
        found = int(self._run("status:pending", "count").out)
        return [] if found == self.open else [f"taskwarrior: {found} of {self.open} open tasks"]
