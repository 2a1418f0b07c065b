"""Calls: a fault at every system call of every mutating command.

    python -m faults.calls [--command NAME] [--sample N] [--seed S] [--seconds T]
                           [--results FILE] [--part I/N]
    python -m faults.calls --count

For each call that touches a file of the home or the working directory, or a socket: EIO; where room
is taken, ENOSPC; before each change, KILL; in the middle of each write, TORN (half of it reaches
the file and the process is gone). The call is picked by its number, from 1 until the command makes
no such call any more; ``--sample`` takes so many faults of each command by lot, else all are taken.
``--results`` notes what came of each, and what is noted is not played again; ``--part 1/2`` takes
every second command.

After each fault: a documented code or success, no traceback; what was acknowledged is there; files
of others are byte for byte what they were; nobody mends anything, and the same command, every read
and a write work; `diagnose --deep` finds nothing. Commands are played by `cli.main` in a fork of a
process that has it loaded, faults come from a library below libc (`shim.c`).

Chance, the clock and pauses are the same each time (`steady`), so what comes after a fault follows
from the files that it leaves. Files that were looked after once for a command are not looked after
again: one of KNOWN_AGAIN of them is, and has to come to the same. Of files that differ only in what
a log holds behind its last commit, which SQLite does not read, one of MEANT_AGAIN is looked after.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from envoy import ids
from envoy.cli import table
from envoy.cli.main import main as envoy
from envoy.errors import CODES
from faults import commands, forks, homes, noted, relays, report, shim
from faults.commands import BUSY, NEW, Row
from faults.homes import AGENT, LEAD, SPACE, Said, Stage
from faults.layout import Layout, Tree
from faults.noted import NONE, Case, Notes, Outcome
from faults.relays import Relay
from faults.report import Tally
from faults.shim import Shim
from faults.steady import Boxes, Steady

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
KILLED, RANG = -signal.SIGKILL, -signal.SIGALRM
KNOWN_AGAIN, MEANT_AGAIN = 64, 8
UNHEARD: Final = CODES["storage_failed"][0]  # nobody hears an answer that cannot be written


class Bench:
    """What the stages of a run share: the library, chance, boxes, a relay, and the count."""

    def __init__(self, root: Path, tally: Tally) -> None:
        self.tally, self.shim, self.relay = tally, Shim(), Relay()
        self.steady = Steady()
        self.boxes = Boxes(root / "boxes")
        self._root, self._made = root, 0

    def stage(self, kind: str) -> Stage:
        """Return a new stage, the same each time but for where it lies."""
        self._made += 1
        root = self._root / f"stage{self._made}"
        self.steady.restart(f"{self.tally.seed} {kind}")
        return homes.busy(root) if kind == BUSY else relays.MADE[kind](root, self.relay)


class Sweep:
    """A stage, what its profiles held before, and what came of which of its files."""

    def __init__(self, bench: Bench, kind: str) -> None:
        self.bench, self.shim, self.is_far = bench, bench.shim, kind != BUSY
        self.stage = bench.stage(kind)
        self._made_ns = bench.steady.now_ns()
        self.layout = Layout(self.stage.root / "stage", self.stage.root / "laid")
        self.names = [name for name in (LEAD, AGENT) if self.stage.has(name)]
        self.before = {name: self.stage.events(name) for name in self.names}
        self.layout.restore()
        self.stage.stand()
        self._failed = {one.path: one.failed for one in table.every()}
        self._chance = random.Random(bench.tally.seed)
        self._seen = dict[tuple[object, ...], list[str]]()
        gc.collect()
        gc.freeze()  # or each fork copies what its collector touches

    def load(self, paths: Iterable[str]) -> None:
        """Play commands in this process: what they need is then loaded, in each fork too."""
        for path in paths:
            row = commands.ROWS[path]
            if row.stage == BUSY:
                words = commands.words(path, self.stage.names)
                used = [said for _, said in self._use(row.profile, row.space, deep=True)]
                for said in (self.stage.say(row.profile, *words[3:]), *used):
                    assert said.status == 0 or row.later or row.profile == NEW, (path, said)
                self.layout.restore()

    def _begin(self, what: str, *, after_seconds: int) -> None:
        """Let chance and the clock begin some time after the stage was made. For a child."""
        seed = f"{self.bench.tally.seed} {what}"
        self.bench.steady.restart(seed, self._made_ns + after_seconds * 10**9)

    def count(self, path: str) -> dict[str, int]:
        """Return how many calls of each kind a command makes, which has to succeed."""
        found = dict[str, int]()
        for fault in ("EIO", *FAULTS):  # the first may leave files that are other ones
            self.layout.restore()
            with self._served():
                said = self.run(path, FAULTS[fault][0], 0, 0)
            assert said.status == 0, (path, said)
            found[fault] = self.shim.hit().seen
        return found

    def run(self, path: str, kinds: int, at: int, action: int) -> Said:
        """Run a command with a fault; a process that was killed has the status -9."""
        words = commands.words(path, self.stage.names)
        out, err = (self.stage.root / name for name in ("said.out", "said.err"))
        self.shim.clear()
        self.bench.boxes.read()

        def work() -> int:
            forks.redirect(os.devnull, os.fspath(out), os.fspath(err))
            self._begin("fault", after_seconds=60)
            below, is_alone = os.fspath(self.stage.root), not self.is_far
            self.shim.arm(below, kinds, at, action, steady=is_alone)  # a relay takes its time
            try:
                return envoy(words)
            finally:
                self.shim.disarm()

        _, status = os.waitpid(forks.spawn(work), 0)
        return Said(os.waitstatus_to_exitcode(status), out.read_text(), err.read_text())

    def play(self, case: Case) -> Outcome:
        """Play one fault; return what came of it.

        The alarm of a fork rings also if all of this was stopped for a while: then again.
        """
        for _ in range(2):
            self.layout.restore()
            with self._served():
                found = self._played(case)
            if not any("ended by the alarm" in one for one in found.wrong):
                break
        return found

    @contextmanager
    def _served(self) -> Iterator[None]:
        """Let the relay run where the stage has one."""
        if self.is_far:
            with self.bench.relay.running(relays.data_of(self.stage)):
                yield
        else:
            yield

    def _played(self, case: Case) -> Outcome:
        kinds, action = FAULTS[case.fault]
        said = self.run(case.path, kinds, case.at, action)
        hit = self.shim.hit()
        if not hit.name:
            return Outcome(NONE, "")
        row, tree = commands.ROWS[case.path], self.layout.tree()
        where = f"{hit.name} {os.path.relpath(hit.path, self.stage.root)}"
        is_heard = not hit.path.endswith("/said.out")
        found = [] if said.status == KILLED else self._answer(case.path, said, is_heard=is_heard)
        if said.status == KILLED and action > 0:
            found.append("it was killed")
        if said.status == RANG:
            found.append("ended by the alarm")
        found += [f"a file of others changed: {one}" for one in sorted(beside(row, tree))]
        found += self._looked(case.path, said, tree)
        word = "killed" if said.status == KILLED else homes.code_of(said) or f"{said.status}"
        return Outcome(word, where, tuple(f"{one} ({where}, {word})" for one in found))

    def _answer(self, path: str, said: Said, *, is_heard: bool) -> list[str]:
        """Return what is wrong with an answer; ``is_heard``: its stdout was no part of the fault.

        An answer that cannot be written is told to people, whatever was asked for.
        """
        found = homes.oddities(said, self._failed[path]) if is_heard else []
        if not is_heard and "Traceback" in said.err:
            found.append(f"a traceback: {said.err[-400:]}")
        if said.status and homes.code_of(said) is None:
            is_told = not is_heard and said.status == UNHEARD and "storage_failed" in said.err
            if not is_told and said.status not in partly(said, commands.ROWS[path].parts):
                found.append(f"status {said.status} without a code: {said.out[:200]}{said.err}")
        return found

    def _looked(self, path: str, said: Said, tree: Tree) -> list[str]:
        """Return what is wrong with the files that a fault left."""
        acknowledged = frozenset(told(said)) if said.status == 0 else frozenset()
        exact, meant = ((path, acknowledged, name) for name in (tree.exact, tree.meant))
        known, again = self._seen.get(exact), self._seen.get(meant)
        if known is not None and self._chance.randrange(KNOWN_AGAIN):
            self.bench.tally.note("known")
            return known
        if known is None and again is not None and self._chance.randrange(MEANT_AGAIN):
            self.bench.tally.note("meant")
            return again
        self.bench.tally.note("looked")
        try:
            found = forks.ask(lambda: self.after(path, said))
        except forks.Died as died:
            is_late = died.args[0] == signal.SIGALRM
            return ["ended by the alarm" if is_late else f"what came after died: {died}"]
        if self.is_far:
            return found  # what the relay holds is no file here
        for was in (known, again):
            if was is not None and was != found:
                found.append(f"the same files came to something else before: {was}")
        self._seen[exact] = self._seen[meant] = found
        return found

    def after(self, path: str, said: Said) -> list[str]:
        """Use the home as its people do after the fault; return what does not work."""
        self._begin("after", after_seconds=120)
        row, found, stage = commands.ROWS[path], list[str](), self.stage
        if said.status == 0 and not row.later:
            lost = told(said) - stage.events(row.profile)
            found += [f"acknowledged and lost: {one.hex()}" for one in lost]
        again = stage.say(row.profile, *commands.words(path, stage.names)[3:])
        found += unwell("again", again, self._failed[path])
        for name in dict.fromkeys((row.profile, *self.names)):
            mine = name == row.profile
            deep = mine or row.profile not in (LEAD, AGENT)
            later = row.later if mine else row.others
            for what, one in self._use(name, row.space if mine else SPACE, deep=deep):
                found += unwell(f"{name} {what}", one)
                code = homes.code_of(one) or f"{one.status}"
                if one.status and code not in later:
                    found.append(f"{name} {what}: {one.status} {code} {one.out[:300]}")
        for name, held in self.before.items():
            if not (row.later and name == row.profile) and held - stage.events(name):
                found.append(f"{name} lost events that it held")
        return found

    def _use(self, name: str, space: str, *, deep: bool) -> Iterator[tuple[str, Said]]:
        """Read, write, talk to the hub and look deeply as a profile."""
        for words in (
            ("status",), ("history", space, "--limit", "50"), ("sync",),
            ("send", "after", "--space", space), *[("diagnose", "--deep")] * deep,
        ):  # fmt: skip
            yield " ".join(words), self.stage.say(name, *words)


def partly(said: Said, parts: str) -> set[int]:
    """Return the statuses of what failed in part of an answer."""
    found = homes.data_of(said).get(parts) or []
    return {CODES[one["error_code"]][0] for one in found if one["error_code"]}


def beside(row: Row, tree: Tree) -> set[str]:
    """Return the files of other profiles that changed, their locks aside."""
    own = {f"home/profiles/{name}" for name in (row.profile, *row.makes)}
    return {
        path
        for path in tree.changed
        if path.startswith("home/profiles/") and not path.endswith(".lock")
        and not any(path == one or path.startswith(f"{one}/") for one in own)
    }  # fmt: skip


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


def played(
    sweep: Sweep, path: str, sample: int, notes: Notes, *, share: slice
) -> Iterator[tuple[Case, Outcome]]:
    """Play the faults of a command, all or some by lot, but for those that are noted."""
    counts = sweep.count(path)
    cases = [Case(path, fault, at) for fault in FAULTS for at in range(1, counts[fault] + 1)]
    if 0 < sample < len(cases):
        cases = sorted(random.Random(f"{sweep.bench.tally.seed} {path}").sample(cases, sample))
    for case in cases[share]:
        if case not in notes.known:
            yield case, sweep.play(case)
    for fault in FAULTS if not sample else ():  # those that it made only now
        for at in range(counts[fault] + 1, 2 * counts[fault]):
            case, outcome = Case(path, fault, at), sweep.play(Case(path, fault, at))
            if outcome.word == NONE:
                break
            yield case, outcome


def main() -> int:
    """Play the faults that the command line asks for; 1 if one was not survived."""
    parser = report.parser("calls", __doc__)
    parser.add_argument("--command", help="only commands whose name has this")
    parser.add_argument("--sample", type=int, default=0, help="so many faults of each; 0: all")
    parser.add_argument("--fault", choices=tuple(FAULTS), help="with --at: play one again")
    parser.add_argument("--at", type=int)
    parser.add_argument("--results", type=Path, help="a file that notes what came of each")
    parser.add_argument("--part", default="1/1", help="I/N: each N-th command, or fault of the one")
    parser.add_argument("--count", action="store_true", help="tell how many calls there are")
    asked = parser.parse_args()
    shim.preloaded()
    tally = Tally("calls", asked.seed, asked.seconds)
    part, _, parts = asked.part.partition("/")
    paths = [one for one in commands.ROWS if (asked.command or "") in one]
    random.Random(asked.seed).shuffle(paths)  # one that is bounded begins with others each time
    share = slice(int(part) - 1, None, int(parts))
    if len(paths) > 1:
        paths, share = paths[share], slice(None)
    notes = Notes(asked.results, noted.code())
    with tempfile.TemporaryDirectory(prefix="envoy-faults-") as root:
        bench, kinds = Bench(Path(root), tally), dict[str, Sweep]()
        kinds[BUSY] = Sweep(bench, BUSY)
        kinds[BUSY].load(paths)
        for path in paths:
            kind = commands.ROWS[path].stage
            if tally.is_over():
                break
            if kind not in kinds or kinds[kind].layout.was_moved:
                kinds[kind] = Sweep(bench, kind)
            sweep = kinds[kind]
            sweep.stage.stand()
            if asked.count:
                print(json.dumps({"command": path, **sweep.count(path)}))
                continue
            tally.note("commands")
            one = Case(path, asked.fault or "EIO", asked.at or 0)
            some = iter([(one, sweep.play(one))]) if asked.at else None
            take(some or played(sweep, path, asked.sample, notes, share=share), tally, notes)
        os.chdir("/")
    return tally.end()


def take(outcomes: Iterable[tuple[Case, Outcome]], tally: Tally, notes: Notes) -> None:
    """Take in outcomes while there is time."""
    for case, outcome in outcomes:
        tally.note(case.fault if outcome.word != NONE else NONE)
        tally.tried(str(case), list(outcome.wrong))
        notes.add(case, outcome)
        if tally.is_over():
            break


if __name__ == "__main__":
    sys.exit(main())
