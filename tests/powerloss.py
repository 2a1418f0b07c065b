"""Powerloss: what a disk may hold when the power goes, and a store that has to live with it.

A `Recorder` is a file system for SQLite that writes down, in their order, every write, cut, sync
and deletion of the files below a directory, and what was acknowledged meanwhile. `states` plays
that back up to some moment and then lets the power go: what was synced is there; of what was not,
any part may be lacking, also parts of one write, by sectors of 512 bytes, and a later write may
have reached the disk where an earlier one did not. A kill tells nothing about this: what a killed
process wrote is in the memory of the system, and stays.

A file that was never synced may be missing. The memory that connections share (``-shm``) and lock
files are gone. What lay below the directory when the recording began is on the disk; files that
are written meanwhile by others than SQLite are not in it: they are not what is tested. A deletion
is taken for durable.

Use: `with recording(directory) as made:` work, `made.acknowledge(x)`; then for each of
`states(made, ...)`: `state.restore(elsewhere)`, open the store there as it is opened after a
start, and compare it with `state.acknowledged`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import apsw

SECTOR: Final = 512
NAME: Final = "powerloss"
# Memory that processes share, and locks: nothing that a disk keeps.
VOLATILE: Final = ("-shm", ".lock")


class Write(NamedTuple):
    """Bytes that were written to a file, not yet to the disk."""

    file: str
    at: int
    data: bytes


class Cut(NamedTuple):
    """A file that was cut, or made longer, to ``size`` bytes."""

    file: str
    size: int


class Sync(NamedTuple):
    """All of a file is on the disk."""

    file: str


class Gone(NamedTuple):
    """A file that was deleted."""

    file: str


class Said(NamedTuple):
    """What somebody was told is saved."""

    what: str


Step = Write | Cut | Sync | Gone | Said
Name = apsw.URIFilename | str | None


class State(NamedTuple):
    """A disk after the power went ``at`` some step: its files, and what had been acknowledged."""

    at: int
    how: str
    files: dict[str, bytes]
    acknowledged: frozenset[str]

    def restore(self, directory: Path) -> None:
        """Make ``directory`` what the disk holds."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in self.files.items():
            path = directory
            for part in Path(name).parts[:-1]:
                path /= part
                path.mkdir(mode=0o700, exist_ok=True)
            path = directory / name
            path.write_bytes(data)
            path.chmod(0o600)


class Recorder:
    """What happened to the files below one directory, and those that lay there ``before``."""

    def __init__(self, directory: Path) -> None:
        self.directory = os.path.realpath(directory)
        self.log = list[Step]()
        self.before = {
            name: path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file() and (name := self.name_of(os.fspath(path))) is not None
        }
        self.base = apsw.vfs_names()[0]  # what SQLite has now: after this it has ours

    def acknowledge(self, what: str) -> None:
        """Note that from here on ``what`` has to be there whatever happens."""
        self.log.append(Said(what))

    def name_of(self, path: str) -> str | None:
        """Return how a file is called in the log; None if it is none that a disk keeps."""
        name = os.path.relpath(os.path.realpath(path), self.directory)
        is_kept = not name.startswith("..") and not name.endswith(VOLATILE)
        return name if is_kept else None


class _File(apsw.VFSFile):
    """A file of SQLite that tells the recorder."""

    def __init__(self, made: Recorder, name: str, path: Name, flags: list[int]) -> None:
        super().__init__(made.base, path, flags)
        self._made = made
        self._name = name

    # SQLite's names.
    def xWrite(self, data: object, offset: int) -> None:
        """Write and note it."""
        assert isinstance(data, (bytes, memoryview))
        self._made.log.append(Write(self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        """Cut and note it."""
        self._made.log.append(Cut(self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        """Note what is on the disk from now on; the file system of the test need not wait."""
        self._made.log.append(Sync(self._name))


class _System(apsw.VFS):
    """The file system that SQLite is given."""

    def __init__(self, made: Recorder) -> None:
        super().__init__(NAME, made.base, makedefault=True)
        self._made = made

    def xOpen(self, name: Name, flags: list[int]) -> apsw.VFSFile:
        """Open a file; those that the recorder knows tell it."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = None if path is None else self._made.name_of(path)
        if known is None:
            return apsw.VFSFile(self._made.base, name, flags)
        return _File(self._made, known, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Delete a file and note it."""
        known = self._made.name_of(filename)
        if known is not None:
            self._made.log.append(Gone(known))
        super().xDelete(filename, syncdir)


@contextmanager
def recording(directory: Path) -> Iterator[Recorder]:
    """Write down what happens to the files below ``directory`` while the context lives.

    Every connection that is opened meanwhile has to be closed in it.
    """
    made = Recorder(directory)
    system = _System(made)
    try:
        yield made
    finally:
        system.unregister()


# -- what the disk may hold ------------------------------------------------------------------


class _Disk:
    """One file: what is surely on the disk, and what may be."""

    def __init__(self, sure: bytes | None = None) -> None:
        self.sure = sure  # None: nobody says that there is such a file
        self.open = list[Write | Cut]()

    def sync(self) -> None:
        """Take all that is open to the disk."""
        self.sure, self.open = self.after(self.open), []

    def after(self, steps: Sequence[Write | Cut]) -> bytes:
        """Return the file with these steps done."""
        found = bytearray(self.sure or b"")
        for step in steps:
            match step:
                case Write(_, at, data):
                    found.extend(bytes(max(0, at - len(found))))
                    found[at : at + len(data)] = data
                case Cut(_, size):
                    del found[size:]
                    found.extend(bytes(size - len(found)))
        return bytes(found)


def _none(_step: Write | Cut, _chance: random.Random) -> list[Write | Cut]:
    return []


def _all(step: Write | Cut, _chance: random.Random) -> list[Write | Cut]:
    return [step]


def _some(step: Write | Cut, chance: random.Random) -> list[Write | Cut]:
    return [step] if chance.random() < 0.5 else []


def _torn(step: Write | Cut, chance: random.Random) -> list[Write | Cut]:
    """Return the sectors of a write that reached the disk."""
    if isinstance(step, Cut) or chance.random() < 0.5:
        return _some(step, chance)
    found, at, end = list[Write | Cut](), step.at, step.at + len(step.data)
    while at < end:
        to = min(end, (at // SECTOR + 1) * SECTOR)
        if chance.random() < 0.5:
            found.append(Write(step.file, at, step.data[at - step.at : to - step.at]))
        at = to
    return found


HOW: Final = {"nothing more": _none, "all of it": _all, "any part": _some, "torn": _torn}


def states(made: Recorder, count: int, *, seed: int) -> Iterator[State]:
    """Yield ``count`` disks after the power went at some moment of a recording, in its order."""
    chance, log = random.Random(seed), made.log
    ends = sorted(chance.randrange(len(log) + 1) for _ in range(count))
    disks = {name: _Disk(data) for name, data in made.before.items()}
    said, done = set[str](), 0
    for number, end in enumerate(ends):
        for step in log[done:end]:
            _follow(disks, said, step)
        done = end
        how = list(HOW)[number % len(HOW)]
        files = {name: found for name, disk in disks.items()
                 if (found := _left(disk, how, chance)) is not None}  # fmt: skip
        yield State(end, how, files, frozenset(said))


def _follow(disks: dict[str, _Disk], said: set[str], step: Step) -> None:
    """Note one step."""
    match step:
        case Said(what):
            said.add(what)
        case Sync(file):
            disks.setdefault(file, _Disk()).sync()
        case Gone(file):
            disks.pop(file, None)
        case Write() | Cut():
            disks.setdefault(step.file, _Disk()).open.append(step)


def _left(disk: _Disk, how: str, chance: random.Random) -> bytes | None:
    """Return what is left of a file; None if it is not there."""
    kept = [one for step in disk.open for one in HOW[how](step, chance)]
    return None if disk.sure is None and not kept else disk.after(kept)


def acknowledged(made: Recorder) -> int:
    """Return how often something was acknowledged: a recording without any shows nothing."""
    return sum(isinstance(step, Said) for step in made.log)
