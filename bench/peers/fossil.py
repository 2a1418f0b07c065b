"""Fossil: tickets in two clones of a repository, brought together (the Debian package `fossil`).

What it promises beside Envoy: each ticket is in the log of its clone, and so after a sync in the
other's. It signs and encrypts nothing, and of two who change one ticket apart the later one stands
and nobody is told.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.peers import finding
from bench.rounds import Wrong
from bench.setting import Spent, environment, spend

COPIES = ("left", "right")
HUB = "origin"


def find() -> str | None:
    """Return where `fossil` is, None where it is not installed."""
    return finding.find("fossil")


class Repositories:
    """A repository and two clones of it, each with tickets that nobody else has yet."""

    def __init__(self, fossil: str, place: Path, tickets: int) -> None:
        """Write ``tickets`` into each clone; that is not what is measured."""
        self._fossil = fossil
        self._place = place
        self._tickets = tickets
        self._made = place / "fossil-made"
        self._made.mkdir()
        hub = str(self._made / HUB)
        self._run("init", hub)
        for copy in COPIES:
            own = str(self._made / copy)
            self._run("clone", hub, own)
            for number in range(tickets):
                title = f"Task {number} of {copy}"
                self._run("ticket", "add", "title", title, "status", "Open", "-R", own)

    def _run(self, *args: str) -> Spent:
        """Run a command of Fossil."""
        env = {**environment(), "FOSSIL_HOME": str(self._place), "USER": "bench"}
        spent = spend([self._fossil, *args], env, self._place)
        if spent.exit != 0:
            raise Wrong(f"fossil {args[0]}: {spent.out[-200:]}{spent.err[-200:]}")
        return spent

    def merge(self, name: str) -> float:
        """Bring new copies of the clones together; return the milliseconds of all commands."""
        fresh = self._place / name
        shutil.copytree(self._made, fresh)
        hub = str(fresh / HUB)
        took = sum(
            self._run("sync", hub, "--once", "-R", str(fresh / copy)).wall_ms
            for copy in (*COPIES, COPIES[0])
        )
        for copy in COPIES:
            sql = "SELECT count(*) FROM ticket"
            found = int(self._run("sql", "-R", str(fresh / copy), sql).out)
            if found != 2 * self._tickets:
                raise Wrong(f"{found} of {2 * self._tickets} tickets are there")
        shutil.rmtree(fresh)
        return took
