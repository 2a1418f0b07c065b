"""Files: the door to the file system for what must not tear, leak or belong to somebody else.

Keys and databases lie in directories of mode 0700, in files of mode 0600, and nobody can make
Envoy follow a link out of them: what is opened has been judged by its owner, its kind, its mode
and the number of its names (THREATS L1, L2). A file is replaced whole: temporary file, fsync,
rename, fsync of the directory; a kill at any moment leaves the old one or the new one.

Laws: every OSError leaves here as an EnvoyError that names the path. A read has a bound. Waiting
for a lock has a bound too, and goes through the queue of the kernel, which is fair; a loop that
asks again makes the slowest of eight writers wait fifteen times as long.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

import _thread  # `threading` costs a hot read more than the database it opens
import errno
import fcntl
import os
import stat
import time

from envoy import limits
from envoy.errors import EnvoyError, IntegrityError, InternalError, WaitTimeoutError

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_REASONS = {
    errno.ENOENT: "missing",
    errno.ELOOP: "symlink",
    errno.ENXIO: "not_a_file",  # a socket, or a FIFO opened for writing
    errno.EISDIR: "not_a_file",
    errno.ENOTDIR: "not_a_directory",
    errno.EROFS: "read_only",
}
# File systems whose locks or shared memory do not reach every process that sees the file.
_NETWORK = {
    "9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs",
    "nfs", "nfs4", "smb3", "smbfs",
}  # fmt: skip
_MOUNTS = "/proc/self/mountinfo"


def fault(error: OSError, path: str) -> EnvoyError:
    """Return the error of the tree that ``error``, met at ``path``, becomes."""
    name = errno.errorcode.get(error.errno or 0, "unknown").lower()
    if error.errno in _FULL:
        return InternalError("storage_failed", path=path, reason=name)
    if error.errno in _SCARCE:
        return InternalError("internal", path=path, reason=name)
    return denied(path, _REASONS.get(error.errno or 0, name))


def denied(path: str, reason: str, *, next_command: str | None = None) -> IntegrityError:
    """Return state_access_denied for ``path``, with the reason and where possible the remedy."""
    return IntegrityError(
        "state_access_denied", next_command=next_command, path=path, reason=reason
    )


def exists(path: str) -> bool:
    """Say whether ``path`` names anything, be it a link that leads nowhere."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise fault(error, path) from error
    return True


def identity(path: str) -> tuple[int, int]:
    """Return what tells the file under the name ``path`` from others; zeros if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def stamp(path: str) -> tuple[int, int, int, int]:
    """Return what changes with the file under the name ``path``; zeros if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0, 0
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def check_file(path: str, *, names: int = 1) -> None:
    """Refuse ``path`` unless it is a regular file of mine that nobody else can reach.

    ``names`` is how many it may have. Raises IntegrityError(state_access_denied) with ``reason``:
    missing, symlink, not_a_file, hardlink, foreign_owner or mode.
    """
    _judge(_status(path), path, FILE_MODE, names=names)


def check_database(path: str) -> None:
    """Refuse a database whose files are not mine alone, or that lies across a network."""
    check_file(path)
    for beside in (path + "-wal", path + "-shm"):
        if exists(beside):
            check_file(beside)
    if is_network(path):
        raise denied(path, "network_file_system")


def check_directory(path: str) -> None:
    """Refuse ``path`` unless it is a directory of mine that nobody else can enter.

    Raises IntegrityError(state_access_denied) with ``reason``, as ``check_file`` does.
    """
    _judge(_status(path), path, DIRECTORY_MODE)


def ensure_directory(path: str) -> None:
    """Make the directory ``path``, and those above it that are missing; refuse a bad one."""
    parent = os.path.dirname(os.path.abspath(path))
    try:
        if not os.path.isdir(parent):
            ensure_directory(parent)
        os.mkdir(path, DIRECTORY_MODE)
        os.chmod(path, DIRECTORY_MODE)  # an odd umask may have taken my own bits
        sync_directory(parent)
    except FileExistsError:
        check_directory(path)
    except OSError as error:
        raise fault(error, path) from error


def sync_directory(path: str) -> None:
    """Make the names in the directory ``path`` survive a loss of power."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise fault(error, path) from error


def sync_file(path: str) -> None:
    """Make the bytes of the file ``path`` survive a loss of power."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise fault(error, path) from error


def read(path: str, *, bytes_max: int) -> bytes:
    """Return the bytes of the file ``path``, which ``check_file`` would accept.

    Raises IntegrityError: state_access_denied as ``check_file`` does, state_corrupt for a file of
    more than ``bytes_max`` bytes.
    """
    try:
        # A FIFO would block an open without O_NONBLOCK until somebody writes to it.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            _judge(os.fstat(file.fileno()), path, FILE_MODE)
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise fault(error, path) from error
    if len(data) > bytes_max:
        raise IntegrityError("state_corrupt", path=path, reason="too_large")
    return data


def glance(path: str, count: int) -> bytes:
    """Return the first ``count`` bytes of a file, fewer where it has no more or cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, count)
    except OSError:
        return b""
    finally:
        os.close(handle)


def rename(path: str, to: str) -> None:
    """Give the file or directory ``path`` the name ``to``, durably, in the place of a file there.

    Both lie on one file system.
    """
    try:
        os.rename(path, to)
    except OSError as error:
        raise fault(error, path) from error
    for directory in {os.path.dirname(os.path.abspath(one)) for one in (path, to)}:
        sync_directory(directory)


def remove(path: str) -> None:
    """Delete the file ``path``, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise fault(error, path) from error


def create(path: str, data: bytes = b"") -> bool:
    """Write the new file ``path`` durably and whole, mode 0600. False if it exists: it stays.

    One with ``data`` takes its name with all of it, under the lock of the directory.
    """
    directory = os.path.dirname(os.path.abspath(path))
    if data:
        with lock(directory, timeout_s=limits.LOCK_SECONDS_MAX):
            is_new = not exists(path)
            if is_new:
                replace(path, data)
        return is_new
    try:
        _write_new(path, data)
    except FileExistsError:
        return False
    except OSError as error:
        raise fault(error, path) from error
    sync_directory(directory)
    return True


def replace(path: str, data: bytes) -> None:
    """Write the file ``path`` durably and whole: whoever reads it sees the old or the new bytes.

    An existing file has to pass ``check_file``. Two writers at once: the later rename stays.
    """
    if exists(path):
        check_file(path)
    directory, name = os.path.split(os.path.abspath(path))
    prefix = f".{name}."
    sweep(directory, prefix)
    draft = os.path.join(directory, f"{prefix}{os.urandom(8).hex()}.tmp")
    try:
        _write_new(draft, data)
        os.rename(draft, path)
    except OSError as error:
        _forget(draft)
        raise fault(error, path) from error
    sync_directory(directory)


class Lock:
    """An advisory lock on a file or directory, held until ``release`` or the end of the process.

    It is the file's, not the name's: who deletes a lock file takes away the order of its waiters,
    never the safety of a database, which has locks of its own.
    """

    __slots__ = ("_before", "_handle", "_pid")

    def __init__(self, handle: int) -> None:
        self._before: bytes | None = None
        self._handle = handle
        self._pid = os.getpid()

    def note(self, data: bytes) -> None:
        """Write ``data`` over what the locked file holds; it need not survive a loss of power."""
        try:
            if self._before is None:
                self._before = os.pread(self._handle, len(data), 0)
            os.pwrite(self._handle, data, 0)
        except OSError:
            return  # a witness that is missing tells less, and nothing wrong

    def take_back(self) -> None:
        """Write what the file held before the first note: what was noted did not come to pass."""
        if self._before is not None:
            try:
                os.ftruncate(self._handle, os.pwrite(self._handle, self._before, 0))
            except OSError:
                return  # it tells of what never was: no harm, and some work for nothing

    def release(self) -> None:
        """Let the next one in. May be called twice.

        A process forked in between has the lock as well: closing alone would keep it for as long
        as that one lives, and that one must not let anybody in while this one still works.
        """
        if self._handle >= 0:
            try:
                if self._pid == os.getpid():
                    fcntl.flock(self._handle, fcntl.LOCK_UN)
            except OSError:
                pass  # closing it does the same, where there was no fork
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock(path: str, *, timeout_s: float) -> Lock:
    """Return the lock of ``path``, a directory, or a file that is made if it is missing.

    Raises WaitTimeoutError(timeout) if somebody else holds it for ``timeout_s`` seconds.
    """
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            handle = os.open(path, flags | os.O_RDONLY | os.O_DIRECTORY)
        else:
            handle = os.open(path, flags | os.O_RDWR | os.O_CREAT, FILE_MODE)
            _judge(os.fstat(handle), path, FILE_MODE, handle=handle)
    except OSError as error:
        raise fault(error, path) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _Waiter(handle).wait(timeout_s):
            waited_ms = int(timeout_s * 1000)
            raise WaitTimeoutError("timeout", path=path, waited_ms=waited_ms) from None
    except OSError as error:
        os.close(handle)
        raise fault(error, path) from error
    return Lock(handle)


def is_network(path: str) -> bool:
    """Say whether ``path`` lies on a network file system, as far as the kernel tells."""
    try:
        device = os.stat(path).st_dev
        if os.major(device) != 0:  # a disk; network file systems have no device
            return False
        with open(_MOUNTS, "rb") as file:
            return _mounted_as(device, file.read()) in _NETWORK
    except OSError:  # no /proc: not Linux, nothing is known
        return False


def _mounted_as(device: int, mounts: bytes) -> str | None:
    """Return the kind of the file system ``device`` in the text of /proc/self/mountinfo."""
    wanted = f"{os.major(device)}:{os.minor(device)}".encode()
    for line in mounts.splitlines():
        fields, _, rest = line.partition(b" - ")
        if fields.split()[2:3] == [wanted]:
            return rest.split(b" ", 1)[0].decode("ascii", "replace")
    return None


def _status(path: str) -> os.stat_result:
    """Return what ``path`` itself is, not what it leads to."""
    try:
        return os.lstat(path)
    except OSError as error:
        raise fault(error, path) from error


def _judge(
    status: os.stat_result, path: str, mode: int, *, handle: int | None = None, names: int = 1
) -> None:
    """Refuse what is not mine, of the right kind and of ``mode`` or less; close ``handle`` then."""
    reason = _complaint(status, mode, names)
    if reason is None:
        return
    if handle is not None:
        os.close(handle)
    remedy = f"chmod {mode:o} {_quoted(path)}" if reason == "mode" else None
    raise denied(path, reason, next_command=remedy)


def _complaint(status: os.stat_result, mode: int, names: int) -> str | None:
    """Return what is wrong with ``status``, or None."""
    if stat.S_ISLNK(status.st_mode):
        return "symlink"
    if mode == DIRECTORY_MODE and not stat.S_ISDIR(status.st_mode):
        return "not_a_directory"
    if mode == FILE_MODE and not stat.S_ISREG(status.st_mode):
        return "not_a_file"
    # Two names: the other one may lie where others reach it. None: just replaced, still readable.
    if mode == FILE_MODE and status.st_nlink > names:
        return "hardlink"
    if status.st_uid != os.geteuid():
        return "foreign_owner"
    return "mode" if stat.S_IMODE(status.st_mode) & ~mode else None


def _quoted(path: str) -> str:
    """Return ``path`` as one word of a shell."""
    return "'" + path.replace("'", "'\\''") + "'"


def _write_new(path: str, data: bytes) -> None:
    """Write ``data`` into the new file ``path`` and to the disk, or leave no such file."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, FILE_MODE), "wb") as file:
        try:
            os.fchmod(file.fileno(), FILE_MODE)  # an odd umask may have taken my own bits
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            _forget(path)
            raise


def sweep(directory: str, prefix: str, *, seconds: int = limits.DRAFT_SECONDS_MAX) -> None:
    """Delete drafts of ``seconds`` and more, which killed writers left.

    A draft holds the same secrets as the file it was for.
    """
    oldest = time.time() - seconds
    try:
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            draft = name.startswith(prefix) and name.endswith(".tmp")
            if draft and os.lstat(path).st_mtime <= oldest:
                _forget(path)
    except FileNotFoundError:  # another writer's draft has just become the file
        return
    except OSError as error:
        raise fault(error, directory) from error


def _forget(path: str) -> None:
    """Delete ``path`` if it is there; what cannot be deleted is left to the next sweep."""
    try:
        os.unlink(path)
    except OSError:
        return


class _Waiter:
    """One who waits in the kernel's queue for the lock of ``handle``, and may be left behind.

    flock takes no time-out, and a signal would need the main thread; so a thread of its own waits.
    Left behind, it closes the handle as soon as the lock comes, and thereby passes it on.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._guard = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._held = self._left = False

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` seconds; say whether the lock is held now."""
        self._done.acquire()
        _thread.start_new_thread(self._run, ())
        kept = False
        try:
            self._done.acquire(timeout=max(timeout_s, 0))
            kept = self._held
        finally:  # KeyboardInterrupt passes here too
            if not kept:
                self._leave()
        return kept

    def _run(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            came = True
        except OSError:  # the kernel has no room for another lock: as if it never came
            came = False
        with self._guard:
            self._held = came and not self._left
            if not self._held:
                os.close(self._handle)
            self._left = True  # the handle has an owner now, or is closed
        self._done.release()

    def _leave(self) -> None:
        with self._guard:
            if self._held:  # it came between the end of the wait and now
                os.close(self._handle)
            self._held, self._left = False, True
