"""Layout: a stage is laid out again by writing only what changed, and known again by its files.

A home is used thousands of times, and a fault changes a few files of it. So files stay the same
ones (their numbers are part of what a replica knows of itself) and get back their bytes, times and
modes; a file whose size, time and mode are as they were was not written to.

What comes of commands follows from the files that they find (`steady` sees to clock and chance), so
a tree that was looked after once need not be looked after again. It is known by two names: of its
bytes, and of what SQLite takes of them, where the end of a log that nobody committed is none. Left
out is what is made anew by whoever opens a database first: `-shm`.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

SHARED: Final = "-shm"
LOG: Final = "-wal"
OLD_NS: Final = 3_600 * 10**9  # so long ago was written what nobody wrote to since
HEAD_BYTES, FRAME_BYTES = 32, 24


class File(NamedTuple):
    """What tells that a file was written to."""

    number: int
    size: int
    time_ns: int
    mode: int


class Tree(NamedTuple):
    """What a stage differs in from what was kept: the paths, and its two names."""

    changed: frozenset[str]
    exact: bytes
    meant: bytes


class Layout:
    """A directory, and a copy of it as it has to be."""

    def __init__(self, here: Path, kept: Path) -> None:
        self._here, self._kept = os.fspath(here), os.fspath(kept)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(here, kept, symlinks=True)
        self.directories = dict[str, int]()
        self.files = dict[str, File]()
        self._same = dict[str, str]()  # the first name of a file, by its other ones
        self.was_moved = False  # a file is another one than it was
        first = dict[int, str]()
        for path, found in _walk(self._here):
            if stat.S_ISDIR(found.st_mode):
                self.directories[path] = stat.S_IMODE(found.st_mode)
                continue
            if first.setdefault(found.st_ino, path) != path:
                self._same[path] = first[found.st_ino]
                continue
            full = os.path.join(self._here, path)
            os.utime(full, ns=(found.st_atime_ns, found.st_mtime_ns - OLD_NS))
            self.files[path] = _file(os.lstat(full))
        for path, one in self._same.items():
            self.files[path] = self.files[one]

    def restore(self) -> None:
        """Let the directory hold what it held, and nothing else."""
        found = dict(_walk(self._here))
        for path in sorted(found.keys() - self.files.keys() - self.directories.keys())[::-1]:
            full = os.path.join(self._here, path)
            (os.rmdir if stat.S_ISDIR(found[path].st_mode) else os.unlink)(full)
        for path, mode in self.directories.items():
            full = os.path.join(self._here, path)
            if path not in found:
                os.mkdir(full)
            if path not in found or stat.S_IMODE(found[path].st_mode) != mode:
                os.chmod(full, mode)
        for path, was in self.files.items():
            now = _file(found[path]) if path in found else None
            if path in self._same:
                self._name(path, now)
            elif now != was:
                self._write(path, was, now)

    def _name(self, path: str, now: File | None) -> None:
        """Let a file that is laid out have its other name."""
        first, full = self._same[path], os.path.join(self._here, path)
        self.files[path] = self.files[first]
        if now is not None and now.number != self.files[first].number:
            os.unlink(full)
        if now is None or now.number != self.files[first].number:
            os.link(os.path.join(self._here, first), full)

    def _write(self, path: str, was: File, now: File | None) -> None:
        full = os.path.join(self._here, path)
        with open(os.path.join(self._kept, path), "rb") as file:
            data = file.read()
        if now is not None and now.number != was.number:
            os.unlink(full)
        handle = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, data)
            os.fchmod(handle, stat.S_IMODE(was.mode))
            os.utime(handle, ns=(was.time_ns, was.time_ns))
            made = _file(os.fstat(handle))
        finally:
            os.close(handle)
        self.was_moved |= made.number != was.number
        self.files[path] = made

    def tree(self) -> Tree:
        """Return what the directory is now."""
        found = {path: one for path, one in _walk(self._here) if not path.endswith(SHARED)}
        changed = set[str]()
        exact, meant = blake2b(digest_size=16), blake2b(digest_size=16)
        for path in sorted(found.keys() | self.files.keys() | self.directories.keys()):
            one = found.get(path)
            if one is not None and self._is_as_it_was(path, one):
                continue
            changed.add(path)
            head = f"\0{path}\0{one and one.st_mode}\0".encode()
            is_file = one is not None and stat.S_ISREG(one.st_mode)
            data = self._bytes(path) if is_file else b""
            exact.update(head + b"%d\0" % len(data) + data)
            meant.update(head + meaning(path, data))
        return Tree(frozenset(changed), exact.digest(), meant.digest())

    def _is_as_it_was(self, path: str, found: os.stat_result) -> bool:
        """Say whether nobody changed what is at a path."""
        if stat.S_ISDIR(found.st_mode):
            return self.directories.get(path) == stat.S_IMODE(found.st_mode)
        return self.files.get(path) == _file(found)

    def _bytes(self, path: str) -> bytes:
        with open(os.path.join(self._here, path), "rb") as file:
            return file.read()


def meaning(path: str, data: bytes) -> bytes:
    """Return what SQLite takes of a log: nothing behind its last commit. Other files as they are.

    The sums of frames are not looked at: one that is broken leaves more than SQLite takes.
    """
    if not path.endswith(LOG) or len(data) < HEAD_BYTES:
        return b"" if path.endswith(LOG) else data
    page, salt, end = *struct.unpack_from(">I", data, 8), data[16:24], 0
    step = FRAME_BYTES + page
    for at in range(HEAD_BYTES, len(data) - step + 1, step):
        if data[at + 4 : at + 8] != bytes(4) and data[at + 8 : at + 16] == salt:
            end = at + step
    return data[:end]


def _file(found: os.stat_result) -> File:
    return File(found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode)


def _walk(root: str, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield what is below a directory, itself aside, with paths from there."""
    with os.scandir(os.path.join(root, below)) as entries:
        for entry in entries:
            path = os.path.join(below, entry.name)
            found = entry.stat(follow_symlinks=False)
            yield path, found
            if stat.S_ISDIR(found.st_mode):
                yield from _walk(root, path)
