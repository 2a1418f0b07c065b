"""Running: a command as its user started it, shown while it runs and recorded when it has ended.

Where the child's output goes, when its task gets a sign of life, and what is put down about it: the
words of the record come from here, without the secrets that the command line or the output show.

Laws: nothing that goes wrong with showing, keeping or renewing ends the command; it is told at the
end instead. No database is written and no lock held while the command runs but for a heartbeat.

Specification: docs/spec/records.md, Runs.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from envoy import limits
from envoy.errors import EnvoyError, RelayError
from envoy.lean import NamedTuple
from envoy.replica.actions.objects import OBJECT_BYTES_MAX, Read
from envoy.storage import home
from envoy.system import children, gittree, host
from envoy.system.children import Ended
from envoy.system.gittree import Tree
from envoy.views import argv as words
from envoy.views.people import stamp
from envoy.views.records import RECORDED
from envoy.wiring.config import Config

# A lease lasts a minute at least.
BEAT_MS: Final = limits.LEASE_SECONDS_MIN * 1000 // 3
# Of the digest that tells one command line from another of the same program.
SAME_SYMBOLS: Final = 16
Value = bool | int | str | tuple[str, ...]
Fields = tuple[tuple[str, Value], ...]


class Ran(NamedTuple):
    """A command that has ended: how, since when, and where it ran."""

    ended: Ended
    begun_ms: int
    cwd: str
    tree: Tree | None


class Show:
    """Shows what a command says, as it is, until nobody takes it any more."""

    def __init__(self, config: Config) -> None:
        """With --json it is shown beside the answer, on stderr; with --quiet nowhere."""
        stream = None if config.quiet else sys.stderr if config.json else sys.stdout
        self._sink = None if stream is None else stream.buffer

    def __call__(self, piece: bytes) -> None:
        """Show the next piece."""
        if self._sink is None:
            return
        try:
            self._sink.write(piece)
            self._sink.flush()
        except (OSError, ValueError):
            self._sink = None


class Kept:
    """All that a command said, in a file without a name."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self.is_whole = True

    def __call__(self, piece: bytes) -> None:
        """Keep the next piece; what is more than an object can hold is not kept at all."""
        self._size += len(piece)
        if not self.is_whole:
            return
        try:
            if self._size > OBJECT_BYTES_MAX:
                raise OSError
            self._file.write(piece)
        except OSError:
            self.is_whole = False
            self._file.truncate(0)

    def read(self) -> Read:
        """Return what reads all of it from its beginning."""
        self._file.seek(0)
        return self._file.read


@contextmanager
def keeping(config: Config, *, wanted: bool) -> Iterator[Kept | None]:
    """Open what keeps an output, None where that is not wanted."""
    if not wanted:
        yield None
        return
    where = home.paths(config.home, config.profile).profile
    with tempfile.TemporaryFile(dir=where) as file:
        yield Kept(file)


class Heart:
    """Gives a task signs of life while a command runs; once the task is lost, no more.

    A hub that is away is asked again.
    """

    def __init__(self, beat: Callable[[], object] | None) -> None:
        self._beat = beat
        self._next = host.monotonic_ms() + BEAT_MS
        self.lost: EnvoyError | None = None

    def __call__(self) -> None:
        """Give one if it is time."""
        now = host.monotonic_ms()
        if self._beat is None or self.lost is not None or now < self._next:
            return
        self._next = now + BEAT_MS
        try:
            self._beat()
        except RelayError:
            return
        except EnvoyError as error:
            self.lost = error


def run(
    config: Config, argv: Sequence[str], *, cwd: str | None, kept: Kept | None, heart: Heart
) -> Ran:
    """Run a command to its end. Raises UsageError(invalid_argument) for what cannot be run."""
    where = os.path.abspath(cwd or os.curdir)
    takers = [one for one in (Show(config), kept) if one is not None]
    tree = gittree.look(where) if os.path.isdir(where) else None

    def take(piece: bytes) -> None:
        for one in takers:
            one(piece)

    begun_ms = host.now_ms()
    return Ran(children.run(argv, cwd=where, take=take, idle=heart), begun_ms, where, tree)


# -- what is put down ----------------------------------------------------------------------------


def fields(ran: Ran, argv: Sequence[str]) -> Fields:
    """Return the fields of the record of a run, ascending by name."""
    ended, tree, told = ran.ended, ran.tree, words.told(argv)
    tail = words.text(ended.tail.decode("utf-8", "replace"))
    found: dict[str, Value] = {
        "argv": told.words,
        "cwd": _place(ran),
        "exit": ended.status,
        "grade": RECORDED,
        "output_bytes": ended.size,
        "output_sha256": ended.sha256,
        "output_tail": tail,
        "result": "fail" if ended.status else "pass",
        "started_at": stamp(ran.begun_ms) or "",
        "took_ms": ended.took_ms,
    }
    if told.is_cut:
        found["argv_cut"] = True
    if ended.signal is not None:
        found["signal"] = ended.signal
    if tree is not None:
        found["git_head"] = tree.head
        if tree.is_dirty is not None:
            found["git_dirty"] = tree.is_dirty
    return tuple(sorted(found.items()))


def _place(ran: Ran) -> str:
    """Return where a command ran: below its repository, else below my home, else in full.

    Where a home lies says who its user is, and whoever repeats the run has another one.
    """
    home_directory = os.path.expanduser("~")
    bases = [("~", home_directory)]
    if ran.tree is not None:
        bases.insert(0, (os.curdir, os.path.realpath(ran.tree.top)))
    for name, base in bases:
        below = os.path.relpath(os.path.realpath(ran.cwd), base)
        if below != os.pardir and not below.startswith(os.pardir + os.sep):
            return _short(name if below == os.curdir else f"{name}/{below}")
    return _short(ran.cwd)


def _short(path: str) -> str:
    """Return a path as it may be told."""
    return words.cut(words.text(path), limits.TITLE_BYTES_MAX)


def subject(ran: Ran, argv: Sequence[str]) -> str:
    """Return what a run speaks of: the commit it ran at, without git the command and its output.

    Files that differ from the commit make it another subject than the commit itself.
    """
    if ran.tree is None:
        told = "\0".join(words.told(argv).words).encode()
        same = hashlib.sha256(told).hexdigest()[:SAME_SYMBOLS]  # of all that bears its name
        name = words.cut(_named(os.path.basename(argv[0])), limits.LABEL_BYTES_MAX)
        return f"run:{name}-{same}@{ran.ended.sha256}"
    dirty = "" if ran.tree.is_dirty is False else "+dirty"
    name = words.cut(_named(ran.tree.name), limits.LABEL_BYTES_MAX)
    return f"git:{name}@{ran.tree.head}{dirty}"


def _named(name: str) -> str:
    """Return a name that can stand in a subject: one line, without what parts it."""
    return " ".join(words.text(name).replace("@", " ").split())


def text(argv: Sequence[str]) -> str:
    """Return the line that says what was run."""
    return words.cut(" ".join(words.told(argv).words), limits.TITLE_BYTES_MAX)
