"""Damaged: a small home with changed bytes, what its commands make of it, and the verdict on that.

`Bench` has the home. `Ground` is the home laid out in a child that tries many changes one after
the other: after each, every file is compared with what it was and set right.

A read is left out where it does not read the page that changed (`pages`); what it showed before
stands for it. Reads leave nothing in the home but the empty files that SQLite puts beside a
database (held by `Ground`), so those that come later cannot tell. ``whole`` leaves nothing out.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from envoy.system import files
from faults import forks, homes, pages
from faults.homes import AGENT, LEAD, SPACE, Said

READS: Final = (
    ("status",),
    ("spaces",),
    ("history", "--limit", "500"),
    ("inbox", "read"),
    ("task", "list"),
    ("space", "members"),
    ("work-record",),
)
WRITE: Final = ("send", "after")
DEEP: Final = ("diagnose", "--deep")
LEFT_OUT: Final = ("-shm", ".lock")
BESIDE: Final = ("-shm", "-wal")
HARMLESS, NOTICED, MENDED, DIED = "harmless", "noticed", "mended", "died"
# The moment at which something was asked.
STAMP: Final = re.compile(r'"(?:now|generated_at|checked_at)":"[^"]*"')
# The moment at which the hub was last asked: a read that finds a cursor altered asks it again, and
# then may say that it is behind, and that what is here waits for a hub that may have lost it.
SYNCED: Final = re.compile(
    r'(?:"pending_sync":(?:true|false),)?"synced_at":"([^"]*)"(?:,"stale":(?:true|false))?'
)


class Trial(NamedTuple):
    """Bytes of one file that change at once, and how: (offset, mask)."""

    file: str
    changes: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        (at, mask), count = self.changes[0], len(self.changes)
        more = f" and {count - 1} more at once" if count > 1 else ""
        return f"{self.file} {at} xor {mask}{more}"

    def halves(self) -> tuple[Trial, Trial]:
        """Return both halves of what changes."""
        middle = len(self.changes) // 2
        return Trial(self.file, self.changes[:middle]), Trial(self.file, self.changes[middle:])


class Seen(NamedTuple):
    """What came of a damaged home."""

    reads: list[Said]
    written: Said
    deep: Said

    def calls(self) -> list[tuple[str, Said]]:
        """Return all of it, by what was called."""
        names = [" ".join(words) for words in (*READS, WRITE, DEEP)]
        return list(zip(names, (*self.reads, self.written, self.deep), strict=True))


class Verdict(NamedTuple):
    """What came of a trial: its kind, whether other things were shown, what must not be."""

    trial: Trial
    kind: str
    shown: bool
    wrong: list[str]


class Bench:
    """A small home, kept beside the results if there is a directory for them.

    Two share its space, but only ``name`` still has files there, and looks at it: what the other
    had are rows of the same events in the same tables.
    """

    def __init__(self, root: Path, kept: Path | None = None, name: str = AGENT) -> None:
        self.name = name
        if kept is not None and kept.exists():
            self.stage = homes.Stage(root)
            self.stage.take(kept)
        else:
            self.stage = self._made(root)
            if kept is not None:
                self.stage.give(kept)
        self.files = [
            os.fspath(path.relative_to(self.stage.home))
            for path in sorted(self.stage.home.rglob("*"))
            if path.is_file() and not path.name.endswith(LEFT_OUT)
        ]
        for words in (*READS, WRITE, DEEP):  # so that everything is loaded before anything forks
            said = self.stage.play(name, *words)
            assert not said.status, (words, said)
        self.stage.restore()
        self.data = {file: (self.stage.home / file).read_bytes() for file in self.files}
        forks.ask(lambda: Ground(self).before())  # raises Died if nothing can be tried at all

    def _made(self, root: Path) -> homes.Stage:
        stage = homes.small(root)
        shutil.rmtree(stage.home / "profiles" / (LEAD if self.name == AGENT else AGENT))
        config = stage.home / "config.toml"
        config.write_text(f'space = "{SPACE}"\n')
        config.chmod(0o600)
        stage.keep()
        return stage

    def judge(self, trials: Sequence[Trial]) -> list[Verdict]:
        """Try each trial; one of several changes at once is divided until each was harmless.

        All in one child. If that dies, each in one of its own.
        """
        try:
            found = forks.ask(lambda: Ground(self).sift(trials))
        except forks.Died as died:
            return self._apart(trials, died)
        return [one for verdict in found for one in self._again(verdict)]

    def alone(self, trial: Trial) -> Verdict:
        """Try one trial in a child of its own, with nothing left out."""
        try:
            return forks.ask(lambda: Ground(self, whole=True).judge(trial))
        except forks.Died as died:
            return Verdict(trial, DIED, shown=False, wrong=[f"a command died: {died}"])

    def _apart(self, trials: Sequence[Trial], died: forks.Died) -> list[Verdict]:
        """Find out which of the trials a child died of."""
        if len(trials) == 1 and len(trials[0].changes) == 1:
            (trial,) = trials
            return [Verdict(trial, DIED, shown=False, wrong=[f"a command died: {died}"])]
        parts = trials[0].halves() if len(trials) == 1 else trials
        return [verdict for part in parts for verdict in self.judge([part])]

    def _again(self, verdict: Verdict) -> list[Verdict]:
        """Try once more, alone, what must not be; that it was so once stays wrong."""
        if not verdict.wrong:
            return [verdict]
        alone = self.alone(verdict.trial)
        if alone.wrong:
            return [alone if len(verdict.trial.changes) == 1 else alone._replace(kind=NOTICED)]
        return [verdict._replace(wrong=["alone it is well, but:", *verdict.wrong])]


class Ground:
    """The home laid out for many trials, one after the other. For a child, which it takes over."""

    def __init__(self, bench: Bench, *, whole: bool = False) -> None:
        gc.collect()
        gc.freeze()
        # What the machine says of its mounts has nothing to do with the bytes of a home.
        vars(files)["is_network"] = cache(files.is_network)
        self.stage, self.data, self._name, self._whole = bench.stage, bench.data, bench.name, whole
        self.stage.restore()
        self._images = {
            os.fspath(path): (path.read_bytes(), path.stat().st_mode)
            for path in self.stage.root.joinpath("stage").rglob("*")
            if path.is_file()
        }
        self._directories = {os.path.dirname(path) for path in self._images} | {
            os.fspath(path) for path in self.stage.root.rglob("*") if path.is_dir()
        }
        self.stage.stand()
        self._read = dict[tuple[str, ...], pages.Pages]()  # by each of READS
        self._before: Seen | None = None
        self._since = ""

    def sift(self, trials: Sequence[Trial]) -> list[Verdict]:
        """Return the verdict on each trial; one that is not harmless is divided."""
        left, found = list(reversed(trials)), list[Verdict]()
        while left:
            signal.alarm(forks.CHILD_SECONDS)
            trial = left.pop()
            if len(trial.changes) == 1:
                found.append(self.judge(trial))
                continue
            verdict = self.together(trial)
            if verdict.wrong or verdict.kind == HARMLESS:
                found.append(verdict)
            if verdict.kind != HARMLESS:
                left += reversed(trial.halves())
        return found

    def together(self, trial: Trial) -> Verdict:
        """Return whether all of a trial is harmless: everything says what it said."""
        was, now = self.before(), self.look(trial)
        same = all(
            not said.status and self._is_same(before, said)
            for said, before in zip((*now.reads, now.deep), (*was.reads, was.deep), strict=True)
        )
        kind = HARMLESS if same and not now.written.status else NOTICED
        return Verdict(trial, kind, shown=False, wrong=_oddities(now))

    def judge(self, trial: Trial) -> Verdict:
        """Return the verdict on one trial."""
        seen, before = self.look(trial), self.before()
        found, told = _oddities(seen), any(said.status for _, said in seen.calls())
        other = [
            index
            for index, (said, was) in enumerate(zip(seen.reads, before.reads, strict=True))
            if not said.status and not self._is_same(was, said)
        ]
        kind = NOTICED if told else HARMLESS
        if other and not told and self.look(trial, writes=False).deep.status:
            kind = MENDED  # noticed while it was there, and mended by the write
        elif other and not told:
            what, was, now = READS[other[0]], before.reads[other[0]], seen.reads[other[0]]
            found.append(f"{' '.join(what)} shows something else, and nobody noticed: "
                         f"{difference(was, now)}")  # fmt: skip
        return Verdict(trial, kind, shown=bool(other) and told, wrong=found)

    def look(self, trial: Trial, *, writes: bool = True) -> Seen:
        """Change what the trial says and use the home.

        What is counted anew with each write is mended by one, so ``writes`` may be left out.
        """
        before = self.before()
        self.lay()
        data = bytearray(self.data[trial.file])
        for at, mask in trial.changes:
            data[at] ^= mask
        (self.stage.home / trial.file).write_bytes(data)
        reads = [
            self._say(words) if self._whole or self.is_read(trial, words) else was
            for words, was in zip(READS, before.reads, strict=True)
        ]
        written = self._say(WRITE if writes else READS[0])
        return Seen(reads, written, self._say(DEEP))

    def is_read(self, trial: Trial, words: tuple[str, ...]) -> bool:
        """Say whether a read may read what changes."""
        found, path = self._read[words], os.fspath(self.stage.home / trial.file)
        changed = {at // pages.PAGE_BYTES for at, _ in trial.changes}
        return any(pages.is_read(found, path, page) for page in changed)

    def before(self) -> Seen:
        """Return what is seen of the whole home; note what each read reads."""
        if self._before is not None:
            return self._before
        self.lay()
        self._since, reads = moment(), list[Said]()
        for words in READS:
            with pages.noted() as found:
                reads.append(self._say(words))
            self._read[words] = found
        odd = [path for path in self._odd() if not path.endswith((*BESIDE, ".lock"))]
        assert not odd, f"reads write: {odd}"
        seen = Seen(reads, self._say(WRITE), self._say(DEEP))
        assert not any(said.status for _, said in seen.calls()), seen
        self._before = seen
        return seen

    def lay(self) -> None:
        """Set right every file that is not as it was."""
        for one in apsw.connections():
            one.close(True)
        for path in self._odd():
            if path not in self._images:
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
                continue
            data, mode = self._images[path]
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).write_bytes(data)
            os.chmod(path, mode)

    def _odd(self) -> list[str]:
        """Return what is not as it was."""
        found, missing = list[str](), set(self._images)
        for directory, below, names in os.walk(self.stage.root / "stage"):
            for name in below:
                path = os.path.join(directory, name)
                if path not in self._directories:
                    found.append(path)
            below[:] = [name for name in below if os.path.join(directory, name) not in found]
            for name in names:
                path = os.path.join(directory, name)
                missing.discard(path)
                if path not in self._images or not _is_as(path, *self._images[path]):
                    found.append(path)
        return [*found, *missing]

    def _is_same(self, was: Said, now: Said) -> bool:
        """Say whether two answers show the same, but for a hub that was just asked."""
        one, other = plain(was), plain(now)
        stamps = SYNCED.findall(other)
        if one == other or not all(self._since <= stamp <= moment() for stamp in stamps):
            return one == other
        return SYNCED.sub("", one) == SYNCED.sub("", other)

    def _say(self, words: tuple[str, ...]) -> Said:
        return self.stage.say(self._name, *words)


def moment() -> str:
    """Return the moment as answers write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _is_as(path: str, data: bytes, mode: int) -> bool:
    """Say whether a file is what it was."""
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_mode == mode and file.read() == data


def _oddities(seen: Seen) -> list[str]:
    """Return what no command may come to, whatever the bytes."""
    return [f"{words}: {one}" for words, said in seen.calls() for one in homes.oddities(said)]


def plain(said: Said) -> str:
    """Return what a command shows, without the moment it was asked."""
    return STAMP.sub("", said.out)


def difference(was: Said, now: Said) -> str:
    """Return where two answers begin to differ."""
    one, other = plain(was), plain(now)
    pairs = enumerate(zip(one, other, strict=False))
    at = next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
    return f"...{one[max(0, at - 60) : at + 60]}... was, ...{other[max(0, at - 20) : at + 60]}..."
