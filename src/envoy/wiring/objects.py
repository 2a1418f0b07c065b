"""Objects: where the bytes of an object come from and go to: files, streams, threads, progress.

Laws: what comes out stands under the name that was asked for only when it is whole: it is written
to a new file beside it, mode 0600, made durable, renamed. Nothing is overwritten unless that was
asked for, and no link is followed: one that is there is replaced, or refused, itself. The name of
an object takes no part in any of it.

Specification: docs/spec/object.md, Reading.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO, FileIO
from typing import BinaryIO, Final

from envoy import limits
from envoy.core.crypto.sign import use_hasher
from envoy.errors import ConflictError, UsageError
from envoy.replica.actions.objects import OBJECT_BYTES_MAX, Read, Tools, Write
from envoy.storage import home
from envoy.system import files, host
from envoy.system.workers import Workers
from envoy.wiring.config import Config
from envoy.wiring.progress import Teller

STREAM: Final = "-"
THREADS: Final = limits.WORKER_THREADS_MAX  # they wait for the disk as much as they work
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def tools(config: Config, what: str) -> Iterator[Tools]:
    """Open the threads for one object, and tell how far ``what`` is where somebody reads along."""
    use_hasher(hashlib.sha256)  # lets threads hash at the same time, and faster
    with Teller(config) as teller, Workers(THREADS, share_min=1) as workers:
        yield Tools(workers, lambda done: teller(f"{what}, MiB", done // limits.MIB))


@contextmanager
def source(path: str) -> Iterator[Read]:
    """Open what an object is made of: the file ``path``, or stdin for ``-``.

    Raises UsageError (invalid_argument, object_too_large).
    """
    if path == STREAM:
        if sys.stdin is None:
            raise UsageError("invalid_argument", argument="path", cause="closed")
        yield _reading(sys.stdin.buffer.read, "stdin")
        return
    with _opened(path) as file:
        yield _reading(file.read, path)


@contextmanager
def source_below(root: str, path: str, *, never: str) -> Iterator[Read]:
    """Open the regular file ``path`` below the directory ``root``, on a way without a link.

    ``never`` is a directory that nothing is read from, wherever it lies. Raises UsageError
    (invalid_argument with `cause` outside_root, link or a reason of the system, object_too_large).
    """
    steps = _steps_below(root, path)
    if os.path.commonpath([os.path.realpath(root), os.path.realpath(never)]) == os.path.realpath(
        never
    ):
        raise UsageError("invalid_argument", path=path, cause="envoy_home")
    here = _step(root, os.O_DIRECTORY, None, path)
    try:
        for name in steps[:-1]:
            _refuse(here, never, path)
            here, above = _step(name, os.O_DIRECTORY | os.O_NOFOLLOW, here, path), here
            os.close(above)
        _refuse(here, never, path)
        handle = _step(steps[-1], os.O_NOFOLLOW | os.O_NONBLOCK, here, path)
    finally:
        os.close(here)
    try:
        _check_file(handle, path)
    except UsageError:
        os.close(handle)
        raise
    with FileIO(handle, "rb") as file:
        yield _reading(file.read, path)


def source_of(text: str) -> Read:
    """Return what gives the bytes of a text."""
    return BytesIO(text.encode()).read


@contextmanager
def target(config: Config, path: str, *, force: bool) -> Iterator[Write]:
    """Take bytes for the file ``path``, or stdout for ``-``; they come when the context ends well.

    What goes to stdout waits in the home of the profile, without a name.

    Raises ConflictError(already_exists), UsageError(invalid_argument), InternalError
    (storage_failed).
    """
    if path == STREAM:
        with _draft(home.paths(config.home, config.profile).profile) as (file, draft):
            files.remove(draft)
            yield _writing(file, draft)
            _pour(file)
        return
    _check_target(path, force=force)
    with _draft(os.path.dirname(os.path.abspath(path))) as (file, draft):
        yield _writing(file, path)
        _place(file, draft, path, force=force)


# -- reading -----------------------------------------------------------------------------------


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open the regular file ``path``, wherever its name leads: who asks may read it."""
    try:
        # A FIFO would block an open without O_NONBLOCK until somebody writes to it.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise _bad_path(error, path) from error
    with file:
        _check_file(file.fileno(), path)
        yield file


def _check_file(handle: int, path: str) -> None:
    """Refuse what is no regular file, or larger than any object."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise UsageError("invalid_argument", path=path, cause="not_a_file")
    if found.st_size > OBJECT_BYTES_MAX:
        raise UsageError("object_too_large", bytes=found.st_size, bytes_max=OBJECT_BYTES_MAX)


def _steps_below(root: str, path: str) -> list[str]:
    """Return the names on the way from ``root`` to ``path``, which may not lead out of it."""
    if "\0" in path:
        raise UsageError("invalid_argument", argument="path", cause="nul")
    inside = os.path.relpath(path, root) if os.path.isabs(path) else path
    steps = [name for name in inside.split(os.sep) if name not in ("", os.curdir)]
    if os.pardir in steps or not steps:
        raise UsageError("invalid_argument", path=path, cause="outside_root")
    return steps


def _step(name: str, flags: int, below: int | None, path: str) -> int:
    """Open one name on the way to ``path``; the caller closes what is returned."""
    try:
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=below)
    except OSError as error:
        is_link = error.errno in (errno.ELOOP, errno.ENOTDIR) and below is not None
        if is_link and stat.S_ISLNK(os.stat(name, dir_fd=below, follow_symlinks=False).st_mode):
            raise UsageError("invalid_argument", path=path, cause="link") from error
        raise _bad_path(error, path) from error


def _refuse(here: int, never: str, path: str) -> None:
    """Refuse to go on where ``here`` is the directory that nothing is read from."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(here), os.stat(never)):
            raise UsageError("invalid_argument", path=path, cause="envoy_home")


def _reading(read: Callable[[int], bytes], path: str) -> Read:
    """Return ``read`` with its errors as ours."""

    def more(count: int) -> bytes:
        try:
            return read(count)
        except OSError as error:
            raise _bad_path(error, path) from error

    return more


def _bad_path(error: OSError | ValueError, path: str) -> UsageError:
    """Return the error for a file that cannot be read."""
    if not isinstance(error, OSError):
        return UsageError("invalid_argument", argument="path", cause="nul")
    cause = str(files.fault(error, path).details.get("reason"))
    return UsageError("invalid_argument", path=path, cause=cause)


# -- writing -----------------------------------------------------------------------------------


def _check_target(path: str, *, force: bool) -> None:
    """Refuse a place that is taken, before any work; a directory is never a file's place."""
    if "\0" in path or not os.path.basename(path):
        raise UsageError("invalid_argument", argument="--output", cause="path")
    if os.path.isdir(path) and not os.path.islink(path):
        raise UsageError("invalid_argument", argument="--output", cause="is_a_directory")
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise UsageError("invalid_argument", cause="no_such_directory", path=path)
    if files.exists(path) and not force:
        raise ConflictError("already_exists", path=path)


@contextmanager
def _draft(directory: str) -> Iterator[tuple[FileIO, str]]:
    """Open a new file in ``directory``, which is gone afterwards unless it was renamed."""
    draft = os.path.join(directory, f".envoy-{host.entropy(8).hex()}.tmp")
    try:
        handle = os.open(draft, _NEW, files.FILE_MODE)
    except OSError as error:
        raise files.fault(error, directory) from error
    try:
        with FileIO(handle, "r+") as file:
            yield file, draft
    finally:
        with suppress(OSError):
            os.unlink(draft)


def _writing(file: FileIO, path: str) -> Write:
    """Return what appends to ``file``."""

    def write(piece: bytes) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            raise files.fault(error, path) from error

    return write


def _place(file: FileIO, draft: str, path: str, *, force: bool) -> None:
    """Give what was written its name, durably; another that came meanwhile stays."""
    try:
        os.fchmod(file.fileno(), files.FILE_MODE)  # an odd umask may have taken my own bits
        os.fsync(file.fileno())
        if force:
            os.rename(draft, path)
        else:
            _name_new(draft, path)
    except FileExistsError as error:
        raise ConflictError("already_exists", path=path) from error
    except OSError as error:
        raise files.fault(error, path) from error
    files.sync_directory(os.path.dirname(os.path.abspath(path)))


def _name_new(draft: str, path: str) -> None:
    """Give ``draft`` the name ``path``, which nothing may have."""
    try:
        os.link(draft, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken first
        os.close(os.open(path, _NEW, files.FILE_MODE))
        os.rename(draft, path)


def _pour(file: FileIO) -> None:
    """Copy what was proved whole to stdout."""
    file.seek(0)
    while piece := file.read(limits.MIB):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
