"""Bundles: the log of a space into a file, and out of one, for whoever no network reaches.

A file is written beside its name and then gets it, so no half bundle bears a name. It is read
twice, once to see that it is whole and once to take it in, so nothing of a damaged one is.

Specification: docs/spec/bundle.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import BinaryIO, TypeVar

from envoy.errors import ConflictError, IntegrityError, NotFoundError, RemoteFault, UsageError
from envoy.hub import bundling, sqlite
from envoy.hub.bundling import Counts
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.replica import Profile
from envoy.storage import home
from envoy.system import files, host
from envoy.wiring.config import Config

T = TypeVar("T")


class Packed(NamedTuple):
    """A bundle: where it lies, of which space, what it holds and its length."""

    path: str
    space: bytes
    counts: Counts
    size: int


def pack(config: Config, space: bytes, path: str) -> Packed:
    """Write what the hub of this machine has of ``space`` into the new file ``path``, mode 0600.

    Raises ConflictError(already_exists), UsageError(invalid_argument) for a directory that is not
    there, NotFoundError(space_not_found), InternalError(storage_failed).
    """
    path = os.path.abspath(path)
    directory, name = os.path.split(path)
    if not os.path.isdir(directory):
        raise UsageError("invalid_argument", cause="no_such_directory", path=path)
    if not files.create(path):
        raise ConflictError("already_exists", path=path)
    draft = os.path.join(directory, f".{name}.{host.entropy(8).hex()}.tmp")
    with ExitStack() as undo:
        undo.callback(_forget, path)
        undo.callback(_forget, draft)
        counts, size = _write(config, space, draft)
        files.rename(draft, path)
        files.sync_directory(directory)
        undo.pop_all()
    return Packed(path, space, counts, size)


def _write(config: Config, space: bytes, draft: str) -> tuple[Counts, int]:
    """Write a bundle into the new file ``draft``; return what it holds and its length."""
    told = list[Counts]()
    directory = home.hub_directory(home.paths(config.home, config.profile))
    with closing(sqlite.open_store(directory)) as store:
        size = _pour(draft, bundling.pieces(store, space, told.append))
    return told[0], size


def _pour(draft: str, pieces: Iterator[bytes]) -> int:
    """Write ``pieces`` durably into the new file ``draft``; return its length."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, files.FILE_MODE), "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise files.fault(error, draft) from error


def _forget(path: str) -> None:
    """Remove a file that is not to be there."""
    if files.exists(path):
        files.remove(path)


def unpack(profile: Profile, path: str) -> Packed:
    """Take the bundle ``path`` into the hub of this machine; what is in it is pulled from there.

    Raises IntegrityError (signature_invalid for a file that is no whole bundle, schema_too_new,
    state_access_denied), UsageError(invalid_argument) for what is no file, NotFoundError
    (space_not_found) for a space that this profile is not in.
    """
    with _opened(path) as file:
        space = _read(path, lambda: bundling.check(file.read))
        if profile.rows.find_space(space) is None:
            raise NotFoundError("space_not_found", space_id=to_text("space", space))
        size = file.tell()
        file.seek(0)
        counts = _read(path, lambda: bundling.load(profile.hub.handle, file.read))
    return Packed(os.path.abspath(path), space, counts, size)


def space_of(path: str) -> bytes:
    """Return the space that the whole bundle ``path`` is of. Raises as ``unpack`` does."""
    with _opened(path) as file:
        return _read(path, lambda: bundling.check(file.read))


def _read(path: str, work: Callable[[], T]) -> T:
    """Return what ``work`` makes of the bundle ``path``, whose faults are told as of that file."""
    try:
        return work()
    except RemoteFault as fault:
        if fault.code == "unsupported":
            raise IntegrityError("schema_too_new", path=path) from fault
        raise IntegrityError("signature_invalid", path=path, reason=fault.code) from fault
    except OSError as error:
        raise files.fault(error, path) from error


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open the file ``path``, be it a link: it is the user's own, and judged by what is in it."""
    try:
        # A pipe, which cannot be read twice, would block an open without O_NONBLOCK.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        cause = "missing" if isinstance(error, FileNotFoundError) else "denied"
        raise UsageError("invalid_argument", path=path, cause=cause) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError("invalid_argument", path=path, cause="not_a_file")
    with os.fdopen(handle, "rb") as file:
        yield file
