"""Calls: a fault at every system call of every mutating command.

    python -m faults.calls [--command NAME] [--sample N] [--seed S] [--seconds T]

For each call that touches a file of the home or the working directory, or a socket: EIO; where room
is taken, ENOSPC; before each change, KILL; in the middle of each write, TORN (half of it reaches
the file and the process is gone). The call is picked by its number, from 1 to as many as the
command makes; ``--sample`` takes so many faults of each command by lot, else all are taken.

After each fault: a documented code or success, no traceback; what was acknowledged is there; files
of others are byte for byte what they were; nobody mends anything, and the same command, every read
and a write work; `diagnose --deep` finds nothing. Commands are played by `cli.main` in a fork of a
process that has it loaded, faults come from a library below libc (`shim.c`).
"""

from __future__ import annotations

import errno
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from envoy import ids
from envoy.cli import table
from envoy.cli.main import main as envoy
from faults import commands, forks, homes, report, shim
from faults.homes import AGENT, LEAD, SPACE, Said
from faults.report import Tally
from faults.shim import Shim

ALL: Final = shim.LOOKS | shim.CHANGES
# How it is called -> which calls it is put to, and what they do then.
FAULTS: Final = {
    "EIO": (ALL, errno.EIO),
    "ENOSPC": (shim.GROWS, errno.ENOSPC),
    "KILL": (shim.CHANGES, shim.KILL),
    "TORN": (shim.WRITES, shim.TORN),
}
# What no command may answer once the fault is over.
BROKEN: Final = {"internal", "storage_failed", "state_corrupt", "state_access_denied", "timeout"}
EVENTS: Final = ("event_id", "message_id", "record_id")
KILLED: Final = -9
OLD_SECONDS: Final = 600  # leases are for fifteen minutes


class Case(NamedTuple):
    """A fault of one command."""

    path: str
    fault: str
    at: int

    def __str__(self) -> str:
        return f"{self.path}: {self.fault} at {self.at}"


class Sweep:
    """The stage, the library, and what every profile of the stage held before."""

    def __init__(self, root: Path) -> None:
        self.shim = Shim()
        self.stage = homes.busy(root)
        self.before = {name: self.stage.events(name) for name in (LEAD, AGENT)}
        self.stage.restore()
        self.prints = {name: self.stage.prints(name) for name in (LEAD, AGENT)}
        self._made = time.monotonic()
        self._failed = {one.path: one.failed for one in table.every()}

    def is_old(self) -> bool:
        """Say whether invites, requests and leases of the stage may soon be over."""
        return time.monotonic() - self._made > OLD_SECONDS

    def cases(self, path: str) -> Iterator[Case]:
        """Yield every fault of a command."""
        for fault, (kinds, _) in FAULTS.items():
            for at in range(1, self.count(path, kinds) + 1):
                yield Case(path, fault, at)

    def count(self, path: str, kinds: int) -> int:
        """Return how many calls of some kinds a command makes, which has to succeed."""
        self.stage.restore()
        said = self.run(path, kinds, 0, 0)
        assert said.status == 0, (path, said)
        return self.shim.hit().seen

    def run(self, path: str, kinds: int, at: int, action: int) -> Said:
        """Run a command with a fault; a process that was killed has the status -9."""
        console, words = self.stage.console, commands.words(path, self.stage.names)
        out, err = (self.stage.root / "stage" / name for name in ("said.out", "said.err"))
        environ = console.environment()
        self.shim.clear()

        def work() -> int:
            os.chdir(console.cwd)
            os.environ.clear()
            os.environ.update(environ)
            forks.redirect(os.devnull, os.fspath(out), os.fspath(err))
            self.shim.arm(os.fspath(self.stage.root), kinds, at, action)
            try:
                return envoy(words)
            finally:
                self.shim.disarm()

        _, status = os.waitpid(forks.spawn(work), 0)
        return Said(os.waitstatus_to_exitcode(status), out.read_text(), err.read_text())

    def wrong(self, case: Case) -> list[str]:
        """Play one fault; return what is wrong with what came of it."""
        kinds, action = FAULTS[case.fault]
        self.stage.restore()
        said = self.run(case.path, kinds, case.at, action)
        hit = self.shim.hit()
        if not hit.name:
            return []  # it made fewer calls this time
        found = [] if said.status == KILLED else homes.oddities(said, self._failed[case.path])
        if said.status == KILLED and action > 0:
            found.append("it was killed")
        row = commands.ROWS[case.path]
        beside = LEAD if row.profile == AGENT else AGENT
        if self.stage.prints(beside) != self.prints[beside]:
            found.append(f"files of {beside} changed")
        try:
            found += forks.ask(lambda: self.after(case.path, said))
        except forks.Died as died:
            found.append(f"what came after died: {died}")
        where = f"{hit.name} {os.path.relpath(hit.path, self.stage.root)}, status {said.status}"
        return [f"{one} ({where})" for one in found]

    def after(self, path: str, said: Said) -> list[str]:
        """Use the home as its people do after the fault; return what does not work."""
        row, found = commands.ROWS[path], list[str]()
        stage = self.stage
        if said.status == 0 and not row.ends:
            lost = told(said) - stage.events(row.profile)
            found += [f"acknowledged and lost: {one.hex()}" for one in lost]
        again = stage.console.call(*commands.words(path, stage.names))
        found += unwell("again", Said(*again), self._failed[path])
        names = dict.fromkeys((row.profile, LEAD, AGENT))
        for name in names:
            mine = name == row.profile
            found += self._use(name, ends=row.ends and mine, deep=mine or len(names) > 2)
        for name, held in self.before.items():
            if not (row.ends and name == row.profile) and held - stage.events(name):
                found.append(f"{name} lost events that it held")
        return found

    def _use(self, name: str, *, ends: bool, deep: bool) -> list[str]:
        """Read, write, talk to the hub and look deeply as a profile."""
        found = list[str]()
        for words in (
            ("status",), ("history", SPACE, "--limit", "50"), ("sync",),
            ("send", "after", "--space", SPACE), *[("diagnose", "--deep")] * deep,
        ):  # fmt: skip
            said = self.stage.play(name, *words)
            what = f"{name} {' '.join(words)}"
            found += unwell(what, said)
            works = ends or name not in (LEAD, AGENT) or said.status == 0
            works = works or homes.code_of(said) == "space_closed"  # as it was asked for
            if not works:
                found.append(f"{what}: {said.status} {homes.code_of(said)} {said.out[:300]}")
        return found


def told(said: Said) -> set[bytes]:
    """Return the ids of events that a command acknowledged."""
    data = homes.data_of(said)
    texts = [data[one] for one in EVENTS if isinstance(data.get(one), str)]
    return {ids.from_text(text, *ids.PREFIXES) for text in texts}


def unwell(what: str, said: Said, own: int = 0) -> list[str]:
    """Return what is wrong with a command that no fault was put to."""
    found = [f"{what}: {one}" for one in homes.oddities(said, own)]
    code = homes.code_of(said)
    if code in BROKEN:
        found.append(f"{what}: {said.out[:400]}")
    return found


def chosen(sweep: Sweep, path: str, sample: int, chance: random.Random) -> list[Case]:
    """Return the faults of a command that are played, some of each kind where only some are."""
    found = list(sweep.cases(path))
    return sorted(chance.sample(found, sample)) if 0 < sample < len(found) else found


def main() -> int:
    """Play the faults that the command line asks for; 1 if one was not survived."""
    parser = report.parser("calls", __doc__)
    parser.add_argument("--command", help="only commands whose name has this")
    parser.add_argument("--sample", type=int, default=0, help="so many faults of each; 0: all")
    parser.add_argument("--fault", choices=tuple(FAULTS), help="with --at: play one again")
    parser.add_argument("--at", type=int)
    asked = parser.parse_args()
    shim.preloaded()
    paths = [one for one in commands.ROWS if (asked.command or "") in one]
    tally, chance = Tally("calls", asked.seed, asked.seconds), random.Random(asked.seed)
    chance.shuffle(paths)  # a run that is bounded by time does not begin with the same each time
    with tempfile.TemporaryDirectory(prefix="envoy-faults-") as root:
        sweep = Sweep(Path(root) / "first")
        for number, path in enumerate(paths):
            if tally.is_over():
                break
            if sweep.is_old():
                sweep = Sweep(Path(root) / f"{number}")
            tally.note("commands")
            one = [Case(path, asked.fault or "EIO", asked.at)] if asked.at else None
            play(sweep, tally, one or chosen(sweep, path, asked.sample, chance))
    return tally.end()


def play(sweep: Sweep, tally: Tally, cases: Sequence[Case]) -> None:
    """Play faults while there is time."""
    for case in cases:
        if tally.is_over():
            break
        tally.note(case.fault)
        tally.tried(str(case), sweep.wrong(case))


if __name__ == "__main__":
    sys.exit(main())
