"""Ledger: which files of runtimes Envoy changed, and what they were before.

The record lies in the home of Envoy, the copy of a file beside it, as NAME.envoy.bak: so a file can
be given back byte for byte, and whoever finds the copy knows what it is. A file is replaced whole
and keeps its mode; what somebody changed while Envoy thought about it is never overwritten.

Laws: in a project nothing is written outside of it, whatever a cloned repository links to. A file
that belongs to somebody else is not touched. A copy is written before the file that it is of.

Specification: docs/spec/hooks.md, Files.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence

from envoy import limits
from envoy.errors import ConflictError, IntegrityError, UsageError
from envoy.ids import sha256
from envoy.jsontext import JsonError, dumps, loads
from envoy.lean import NamedTuple
from envoy.system import files

BACKUP = ".envoy.bak"
DRAFT = ".envoy-"  # how the name of a file that is being written goes on
RECORD = "hooks.json"
LOCK = "hooks.lock"
VERSION = 1
# A new file of the user is the user's alone; one of a project is as the umask says.
PRIVATE_MODE, SHARED_MODE = 0o600, 0o666


class Entry(NamedTuple):
    """What is known of one file."""

    runtimes: tuple[str, ...]  # that have it installed
    before: str | None  # SHA-256 of what it was; None: there was none
    after: str  # SHA-256 of what was written
    made: tuple[str, ...]  # directories that were made for it, the outermost first
    was: str | None = None  # SHA-256 of what was written the time before, while it is written anew


def digest(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return str(sha256(data).hexdigest())


def load(home: str) -> dict[str, Entry]:
    """Return the entries by path. Raises IntegrityError(state_corrupt) for a bad record."""
    path = os.path.join(home, RECORD)
    if not files.exists(path):
        return {}
    try:
        found = loads(files.read(path, bytes_max=limits.JSON_BYTES_MAX))
        assert isinstance(found, dict) and isinstance(found["files"], dict)
        return {str(name): _entry(one) for name, one in found["files"].items()}
    except (JsonError, AssertionError, KeyError, TypeError) as error:
        raise IntegrityError("state_corrupt", path=path, reason="malformed") from error


def _entry(found: Mapping[str, object]) -> Entry:
    """Return an entry of the record."""
    runtimes, made, before = found["runtimes"], found["made"], found["before"]
    was = found.get("was")
    assert isinstance(runtimes, list) and isinstance(made, list)
    return Entry(
        tuple(str(one) for one in runtimes),
        None if before is None else str(before),
        str(found["after"]),
        tuple(str(one) for one in made),
        None if was is None else str(was),
    )


def save(home: str, entries: Mapping[str, Entry]) -> None:
    """Write the entries."""
    kept = {
        path: {
            "runtimes": list(one.runtimes),
            "before": one.before,
            "after": one.after,
            "made": list(one.made),
            **({} if one.was is None else {"was": one.was}),
        }
        for path, one in sorted(entries.items())
    }
    text = dumps({"version": VERSION, "files": kept})
    files.replace(os.path.join(home, RECORD), text.encode())


def lock(home: str, *, timeout_s: float) -> files.Lock:
    """Return the lock of the record; the home is made if it is missing."""
    if not files.exists(home):
        files.ensure_directory(home)
    return files.lock(os.path.join(home, LOCK), timeout_s=timeout_s)


# -- files of others ----------------------------------------------------------------------------


def target(path: str, within: str | None) -> str:
    """Return the file that ``path`` leads to.

    ``within``: a directory that it must not lead out of. Raises
    IntegrityError(state_access_denied, reason symlink).
    """
    found = os.path.realpath(path)
    root = None if within is None else os.path.realpath(within)
    if root is not None and os.path.commonpath((root, found)) != root:
        raise files.denied(path, "symlink")
    return found


def read(path: str) -> bytes | None:
    """Return the bytes of a file of mine, None where there is none.

    Raises IntegrityError(state_access_denied), UsageError(invalid_argument, cause too_long).
    """
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(path, flags), "rb", closefd=True) as file:
            _judge(path, os.fstat(file.fileno()))
            data = file.read(limits.HOOK_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise files.fault(error, path) from error
    if len(data) > limits.HOOK_FILE_BYTES_MAX:
        raise UsageError("invalid_argument", argument="file", path=path, cause="too_long")
    return data


def _judge(path: str, status: os.stat_result) -> None:
    """Refuse what is no file of mine."""
    if not stat.S_ISREG(status.st_mode):
        raise files.denied(path, "not_a_file")
    if status.st_uid != os.geteuid():
        raise files.denied(path, "foreign_owner")


def write(path: str, data: bytes, *, known: bytes | None, private: bool) -> None:
    """Replace the file ``path`` whole, if it still holds ``known``; it keeps its mode.

    Raises ConflictError(version_conflict) if somebody has written it in between.
    """
    mode = PRIVATE_MODE if private else SHARED_MODE
    directory = os.path.dirname(path)
    draft = f"{path}{DRAFT}{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, mode), "wb") as file:
            if known is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(os.stat(path).st_mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if read(path) != known:
            raise ConflictError("version_conflict", path=path)
        os.rename(draft, path)
    except OSError as error:
        raise files.fault(error, path) from error
    finally:
        files.remove(draft)
    files.sync_directory(directory)


def remove_drafts(path: str) -> None:
    """Delete what killed writers of ``path`` and its copy left.

    The caller has the lock of the record.
    """
    directory, name = os.path.split(path)
    if files.exists(directory):
        for one in (name, name + BACKUP):
            files.sweep(directory, one + DRAFT, seconds=0)


def remove(path: str, *, known: bytes | None) -> None:
    """Delete the file ``path``, if it still holds ``known``.

    Raises ConflictError(version_conflict) if somebody has written it in between.
    """
    if read(path) != known:
        raise ConflictError("version_conflict", path=path)
    files.remove(path)


def missing_directories(path: str) -> tuple[str, ...]:
    """Return the directories above ``path`` that are missing, the outermost first."""
    missing = list[str]()
    above = os.path.dirname(path)
    while not files.exists(above):
        missing.insert(0, above)
        above = os.path.dirname(above)
    return tuple(missing)


def make_directories(path: str) -> None:
    """Make the directories above ``path`` that are missing."""
    for one in missing_directories(path):
        try:
            os.mkdir(one)
        except OSError as error:
            raise files.fault(error, one) from error


def remove_directories(made: Sequence[str]) -> None:
    """Remove those of ``made`` that are empty; the innermost come first."""
    for one in made:
        try:
            os.rmdir(one)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                raise files.fault(error, one) from error
