"""Chunk files: ciphertexts on the disk, each under the hash of its bytes.

A directory of a replica or of the hub, ``ab/<sha256>`` below it. What is written once never changes
and says by its name what it holds, so two names of one file do no harm here: the replicas and the
hub of one machine share a chunk by a hard link instead of copying it.

Laws: a file appears under its name only whole and durable: draft, fsync, rename; ``settle`` makes
the names durable. No link is followed. Nothing here believes a name: who reads a chunk hashes it.

Specification: docs/spec/object.md, Files.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Final

from envoy import limits
from envoy.system import files

_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW
_DIGITS: Final = frozenset("0123456789abcdef")
_NAME_CHARS: Final = 64


class ChunkFiles:
    """The chunks below the directory ``root``, which need not exist yet."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._made = set[str]()
        self._changed = set[str]()

    def path(self, ident: bytes) -> str:
        """Return where the chunk with that hash lies, or would."""
        name = ident.hex()
        return os.path.join(self.root, name[:2], name)

    def has(self, ident: bytes) -> bool:
        """Say whether there is a file for that chunk, whatever it holds."""
        try:
            found = os.lstat(self.path(ident))
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode)

    def read(self, ident: bytes) -> bytes | None:
        """Return what the file of a chunk holds, None if there is none that a chunk could be."""
        path = self.path(ident)
        try:
            # A FIFO would block an open without O_NONBLOCK until somebody writes to it.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _FLAGS)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise files.fault(error, path) from error
        try:
            with os.fdopen(handle, "rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_size > limits.CHUNK_BYTES_MAX:
                    return None
                return file.read(limits.CHUNK_BYTES_MAX)
        except OSError as error:
            raise files.fault(error, path) from error

    def save(self, ident: bytes, chunk: bytes) -> None:
        """Write a chunk in the place of whatever has its name. May be called by several threads.

        Raises InternalError(storage_failed).
        """
        path = self._place(ident)
        draft = f"{path}.{os.urandom(8).hex()}.tmp"
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, files.FILE_MODE)
            try:
                os.fchmod(handle, files.FILE_MODE)  # an odd umask may have taken my own bits
                _write(handle, chunk)
                os.fsync(handle)
            finally:
                os.close(handle)
            os.rename(draft, path)
        except OSError as error:
            _forget(draft)
            raise files.fault(error, path) from error

    def share(self, other: ChunkFiles, ident: bytes) -> bool:
        """Give a chunk of ``other`` a name here as well; False where that cannot be done."""
        try:
            os.link(other.path(ident), self._place(ident), follow_symlinks=False)
        except FileExistsError:
            return True
        except OSError:  # another file system, no hard links, too many, none there
            return False
        return True

    def drop(self, ident: bytes) -> None:
        """Delete the file of a chunk, if there is one."""
        files.remove(self.path(ident))

    def every(self) -> Iterator[bytes]:
        """Yield the hash of every chunk that there is a file for."""
        for _, name in self._every():
            if _is_chunk(name):
                yield bytes.fromhex(name)

    def settle(self) -> None:
        """Make the names that were given here survive a loss of power."""
        changed, self._changed = self._changed, set()
        for directory in sorted(changed):
            files.sync_directory(directory)

    def sweep(self, is_named: Callable[[bytes], bool]) -> int:
        """Delete old files that are no chunk, or one that nothing names; return how many."""
        count, now = 0, time.time()
        for path, name in self._every():
            whole = _is_chunk(name)
            age = limits.ORPHAN_SECONDS_MAX if whole else limits.DRAFT_SECONDS_MAX
            try:
                is_old = os.lstat(path).st_mtime < now - age
            except OSError:
                continue
            if is_old and not (whole and is_named(bytes.fromhex(name))):
                _forget(path)
                count += 1
        return count

    def _every(self) -> Iterator[tuple[str, str]]:
        """Yield path and name of every file below the directory."""
        for sub in _names(self.root):
            directory = os.path.join(self.root, sub)
            for name in _names(directory):
                yield os.path.join(directory, name), name

    def _place(self, ident: bytes) -> str:
        """Return where a chunk goes, its directory made."""
        path = self.path(ident)
        directory = os.path.dirname(path)
        if directory not in self._made:
            self._make(directory)
            self._made.add(directory)
        self._changed.add(directory)
        return path

    def _make(self, directory: str) -> None:
        """Make a directory for chunks; its name is made durable with those in it."""
        if not self._made:
            files.ensure_directory(self.root)
        try:
            os.mkdir(directory, files.DIRECTORY_MODE)
            os.chmod(directory, files.DIRECTORY_MODE)  # an odd umask may have taken my own bits
            self._changed.add(self.root)
        except FileExistsError:
            files.check_directory(directory)
        except OSError as error:
            raise files.fault(error, directory) from error


def _is_chunk(name: str) -> bool:
    """Say whether a file of that name is a whole chunk."""
    return len(name) == _NAME_CHARS and _DIGITS.issuperset(name)


def _names(directory: str) -> list[str]:
    """Return what lies in a directory, nothing where it is none."""
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _write(handle: int, chunk: bytes) -> None:
    """Write all of ``chunk``."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _forget(path: str) -> None:
    """Delete ``path`` if it is there; what cannot be deleted is left to the next sweep."""
    try:
        os.unlink(path)
    except OSError:
        return
