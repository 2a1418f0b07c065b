"""Databases: the one door to SQLite, with the promises that the rest of Envoy rests on.

A write takes a file lock first, which queues fairly where SQLite's busy handler lets writers
starve, then BEGIN IMMEDIATE, and is durable when it returns: ``sync="full"`` for what is about to
be told to others, ``"normal"`` for what can be fetched again. A read is one short snapshot. The
log is folded back by a writer before it writes, every few hundred kilobytes, not by the last one to
close: a command that lives for 50 ms would otherwise pay two fsyncs and a recovery each time.

Laws: a connection belongs to the thread and process that opened it. No error of SQLite gets
through: a full or failing disk is storage_failed, damage is state_corrupt, a wait that lasted too
long is timeout, a file that may not be opened is state_access_denied. Nothing is mapped into
memory and the page cache is bounded. SQL takes bound parameters only.

Rows leave through a ``make`` function, so that they are typed: a NamedTuple, or ``int`` for a
count. Every command loads this module; it imports SQLite and next to nothing else.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import apsw

from envoy import limits
from envoy.errors import EnvoyError, IntegrityError, InternalError, UsageError, WaitTimeoutError
from envoy.lean import Final, TypeVar
from envoy.system import files

Value = int | str | bytes | None
T = TypeVar("T")

# Older ones can lose a committed transaction when the log is reset beside a checkpoint.
SQLITE_MIN: Final = (3, 51, 3)

_LOST: Final = (
    *("no such", "malformed", "unknown database", "duplicate column", "table "),
    *("unrecognized option", "invalid fts5", "vtable constructor", "parse error", "unsupported"),
)
_SETTINGS: Final = (
    f"PRAGMA cache_size=-{limits.PAGE_CACHE_KIB_MAX}; PRAGMA mmap_size=0; PRAGMA foreign_keys=OFF;"
    # Sorting would otherwise leave plain text in a file outside the home.
    " PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0"
)
_MAGIC: Final = b"SQLite format 3\0"
# SQLite3 Multiple Ciphers, with a raw key: no derivation, which is done once for the root instead.
CIPHER: Final = "PRAGMA cipher='chacha20'"
_SYNCHRONOUS: Final = {"full": "PRAGMA synchronous=FULL", "normal": "PRAGMA synchronous=NORMAL"}
# What SQLite raises, and Python for a text in a damaged file that is no UTF-8.
FOREIGN: Final = (apsw.Error, UnicodeDecodeError)
_INHERITED: Final = list[apsw.Connection]()  # of this process, if it is a fork
os.register_at_fork(after_in_child=lambda: _INHERITED.extend(apsw.connections()))
_FAULTS: Final[tuple[tuple[type[Exception], type[EnvoyError], str], ...]] = (
    (UnicodeDecodeError, IntegrityError, "state_corrupt"),
    (apsw.FullError, InternalError, "storage_failed"),
    (apsw.IOError, InternalError, "storage_failed"),
    (apsw.CorruptError, IntegrityError, "state_corrupt"),
    (apsw.NotADBError, IntegrityError, "state_corrupt"),
    (apsw.ConstraintError, IntegrityError, "state_corrupt"),
    (apsw.BusyError, WaitTimeoutError, "timeout"),
    (apsw.LockedError, WaitTimeoutError, "timeout"),
    (apsw.ProtocolError, WaitTimeoutError, "timeout"),
    (apsw.ReadOnlyError, IntegrityError, "state_access_denied"),
    (apsw.CantOpenError, IntegrityError, "state_access_denied"),
    (apsw.PermissionsError, IntegrityError, "state_access_denied"),
)


class Connection:
    """One connection to one database file, for the thread and the process that opened it."""

    __slots__ = ("_inode", "_lock", "_pid", "_raw", "_synchronous", "_thread", "commits", "path")

    def __init__(self, raw: apsw.Connection, path: str) -> None:
        self.path = path
        self._inode = files.identity(path)
        self._lock: files.Lock | None = None
        # Commits by kind, for the tests and measurements that hold their number.
        self.commits = {"full": 0, "normal": 0}
        self._raw = raw
        self._pid = os.getpid()
        self._thread = _thread.get_ident()
        self._synchronous = ""

    def run(self, sql: str, params: Sequence[Value] = ()) -> None:
        """Execute ``sql``, one or several statements, and drop what they answer."""
        self._check_owner()
        try:
            for _ in self._raw.execute(sql, params):
                pass
        except FOREIGN as error:
            raise fault(error, self.path) from error

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute ``sql`` once per row of parameters."""
        self._check_owner()
        try:
            for _ in self._raw.executemany(sql, rows):
                pass
        except FOREIGN as error:
            raise fault(error, self.path) from error

    def rows(self, make: Callable[..., T], sql: str, params: Sequence[Value] = ()) -> list[T]:
        """Return all rows of the query, each passed to ``make`` column by column."""
        self._check_owner()
        try:
            return [make(*row) for row in self._raw.execute(sql, params)]
        except FOREIGN as error:
            raise fault(error, self.path) from error

    def find(self, make: Callable[..., T], sql: str, params: Sequence[Value] = ()) -> T | None:
        """Return the first row of the query, passed to ``make``, or None if it has none."""
        return next(self.each(make, sql, params), None)

    def each(self, make: Callable[..., T], sql: str, params: Sequence[Value] = ()) -> Iterator[T]:
        """Yield the rows of the query one by one, for results that need not fit into memory."""
        self._check_owner()
        try:
            for row in self._raw.execute(sql, params):
                yield make(*row)
        except FOREIGN as error:
            raise fault(error, self.path) from error

    def changes(self) -> int:
        """Return how many rows the last statement inserted, changed or deleted."""
        self._check_owner()
        return self._raw.changes()

    def last_row(self) -> int:
        """Return the rowid of the last row inserted."""
        self._check_owner()
        return self._raw.last_insert_rowid()

    def snapshot(self) -> Snapshot:
        """Return a context manager: all reads in it see one state. Keep it under a second."""
        return Snapshot(self)

    def write_transaction(
        self, lock_path: str, *, sync: str, timeout_s: float = limits.LOCK_SECONDS_MAX
    ) -> WriteTransaction:
        """Return a context manager: the lock, then BEGIN IMMEDIATE; COMMIT, or ROLLBACK on error.

        ``sync`` is "full" or "normal"; after a full one what was written survives a loss of power.
        Raises WaitTimeoutError(timeout) if others hold lock or database ``timeout_s`` seconds long.
        """
        return WriteTransaction(self, lock_path, sync=sync, timeout_s=timeout_s)

    def is_replaced(self) -> bool:
        """Say whether another file has taken the place of the one that this connection has."""
        return files.identity(self.path) != self._inode

    def witness(self, note: bytes) -> None:
        """Leave ``note`` in the lock file of the write that runs, where a lost log does not reach.

        It is written before the commit: one that names what the database does not know tells that
        the database was set back. A write that is given up takes its note back.
        """
        assert self._lock is not None, "inside a write"
        self._lock.note(note)

    def fold(self) -> None:
        """Move the log into the database file now.

        For after a schema was made or changed: what a lost ``-wal`` file then takes along is rows,
        never tables. Outside of transactions only.
        """
        self._check_owner()
        try:
            self._fold()
        except apsw.Error as error:
            raise fault(error, self.path) from error

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._check_owner()
        if sum(self.commits.values()):
            self._empty_if_very_long()
        self._raw.close()

    def adopt(self) -> None:
        """Serve the calling thread from here on: the one before is done."""
        self._thread = _thread.get_ident()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_owner(self) -> None:
        """Refuse a caller from another thread, or from a process that was forked since."""
        if self._thread != _thread.get_ident() or self._pid != os.getpid():
            raise InternalError("internal", path=self.path, reason="connection_of_another")

    def _begin(self, sync: str, timeout_s: float) -> None:
        """Begin a write, after folding back a log that has grown long."""
        self._check_owner()
        try:
            self._raw.set_busy_timeout(int(timeout_s * 1000))
            if self._synchronous != sync:  # SQLite refuses to change it inside a transaction
                self._raw.execute(_SYNCHRONOUS[sync])
                self._synchronous = sync
            self._fold_if_long()
            self._raw.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            raise fault(error, self.path) from error

    def _fold_if_long(self) -> None:
        """Move a long log into the database, so that this very write starts it anew.

        Only a connection that goes on writing can start the log anew: a checkpoint after the one
        commit of a short command would be lost with the process, and repeated by the next.
        """
        most = limits.LOG_PAGES_MAX if sum(self.commits.values()) else limits.LOG_PAGES_FIRST_MAX
        pages, _ = self._raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        if pages > most:
            self._fold()

    def _fold(self) -> None:
        try:
            self._raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # somebody else is folding
            return

    def _empty_if_very_long(self) -> None:
        """Empty a log that bulk writing left, which every reader after me would read through."""
        try:
            self._raw.set_busy_timeout(0)
            pages, _ = self._raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            if pages > 2 * limits.LOG_PAGES_FIRST_MAX:
                self._raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error:
            return  # all is committed, only not tidy: readers in the way, or a disk that is full

    def _end(self, sync: str) -> None:
        """Commit; the transaction is gone whether or not that worked."""
        self._check_owner()
        try:
            self._raw.execute("COMMIT")
        except apsw.Error as error:
            self._undo()
            raise fault(error, self.path) from error
        self.commits[sync] += 1

    def _undo(self) -> None:
        """Roll back, unless SQLite has done so itself, as it does when the disk is full."""
        self._check_owner()
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        except apsw.Error as error:
            raise fault(error, self.path) from error


class Snapshot:
    """One state of the database for several reads. Made by ``Connection.snapshot``."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.run("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._connection._undo()


class WriteTransaction:
    """Lock, BEGIN IMMEDIATE, COMMIT or ROLLBACK. Made by ``Connection.write_transaction``."""

    __slots__ = ("_connection", "_lock", "_lock_path", "_sync", "_timeout_s")

    def __init__(
        self, connection: Connection, lock_path: str, *, sync: str, timeout_s: float
    ) -> None:
        self._connection = connection
        self._lock_path = lock_path
        self._sync = sync
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        self._lock = files.lock(self._lock_path, timeout_s=self._timeout_s)
        begun = False
        try:
            if self._connection.is_replaced():
                # What is written into a file without a name is lost: the caller opens it anew.
                path = self._connection.path
                raise WaitTimeoutError("timeout", path=path, reason="replaced")
            self._connection._begin(self._sync, self._timeout_s)
            self._connection._lock = self._lock
            begun = True
        finally:
            if not begun:
                self._lock.release()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection._end(self._sync)
            else:
                self._connection._undo()
                self._lock.take_back()
        finally:
            self._connection._lock = None
            self._lock.release()


def connect(
    path: str,
    *,
    create: bool = False,
    read_only: bool = False,
    damaged: bool = False,
    pages_max: int | None = None,
    key: bytes | None = None,
) -> Connection:
    """Return a connection to the database file ``path``.

    With ``create`` a missing or empty file becomes an empty database, mode 0600. ``damaged`` takes
    one that is none in WAL mode, for whoever reads what is left of it. ``pages_max`` bounds the
    file, for tests of a full disk. ``key``, 32 bytes, is that of an encrypted one. Raises
    IntegrityError(state_access_denied) for a file that is missing or not mine alone,
    (state_corrupt) for one that is no database in WAL mode under this key,
    UsageError(unsupported_operation) for an SQLite that is too old.
    """
    require_version(apsw.sqlite_lib_version())
    if create:
        _create(path, key)
    files.check_database(path)
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    raw = _open(path, flags, key)
    connection = Connection(raw, path)
    connection.run(_SETTINGS)
    if pages_max is not None:
        connection.run("PRAGMA max_page_count=" + str(pages_max))
    if not damaged and connection.find(str, "PRAGMA journal_mode") != "wal":
        connection.close()
        raise IntegrityError("state_corrupt", path=path, reason="not_wal")
    return connection


def scratch() -> Connection:
    """Return a new database in memory."""
    return Connection(apsw.Connection(":memory:"), ":memory:")


def data_version(connection: Connection) -> int:
    """Return a number that changes when another connection has committed."""
    version = connection.find(int, "PRAGMA data_version")
    assert version is not None
    return version


def quick_check(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong with the file, at most ten findings; empty if it is sound."""
    found = connection.rows(str, "PRAGMA quick_check(10)")
    return [] if found == ["ok"] else found


def full_check(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong with file and indexes, at most ten findings.

    Ask a connection that was just opened: what FTS5 remembers of its index in one that was idle
    makes the check see damage that is none (SQLite 3.54).
    """
    found = connection.rows(str, "PRAGMA integrity_check(10)")
    return [] if found == ["ok"] else found


def backup(connection: Connection, path: str, *, key: bytes | None = None) -> None:
    """Copy the database, as it is now, into the new file ``path``, mode 0600.

    ``key`` is that of an encrypted one: its copy is encrypted under the same.

    Raises IntegrityError(state_access_denied) with reason ``exists`` if there is such a file.
    """
    if not files.create(path):
        raise files.denied(path, "exists")
    target = _open(path, apsw.SQLITE_OPEN_READWRITE, key)
    try:
        with target.backup("main", connection._raw, "main") as copy:
            copy.step()
    except apsw.Error as error:
        raise fault(error, path) from error
    finally:
        target.close()


def seal_off(path: str, key: bytes | None = None) -> None:
    """Make the closed database ``path`` whole by itself: its log folded in and removed, on disk.

    Raises WaitTimeoutError(timeout) if somebody has it open.
    """
    raw = _open(path, apsw.SQLITE_OPEN_READWRITE, key)
    try:
        # A connection that has not read yet knows of no log, and would fold none.
        raw.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error as error:
        raise fault(error, path) from error
    finally:
        raw.close()
    if files.exists(path + "-wal") and os.lstat(path + "-wal").st_size > 0:
        raise WaitTimeoutError("timeout", path=path, reason="log_in_use")
    files.sync_file(path)
    for beside in (path + "-wal", path + "-shm"):
        files.remove(beside)


def require_version(version: str) -> None:
    """Raise UsageError(unsupported_operation) if SQLite ``version`` is older than Envoy needs."""
    if tuple(int(part) for part in version.split(".")) < SQLITE_MIN:
        raise UsageError("unsupported_operation", reason="sqlite_version", version=version)


def fault(error: apsw.Error | UnicodeDecodeError, path: str) -> EnvoyError:
    """Return the error of the tree that ``error``, met with the database ``path``, becomes."""
    for kind, envoy_error, code in _FAULTS:
        if isinstance(error, kind):
            return envoy_error(code, path=path, reason=type(error).__name__)
    # The statements are constant and so are the tables: one that is missing was lost.
    if isinstance(error, apsw.SQLError) and str(error).startswith(_LOST):
        return IntegrityError("state_corrupt", path=path, reason="tables")
    return InternalError("internal", path=path, reason=type(error).__name__)


def is_plain(path: str) -> bool:
    """Say whether ``path`` is a database that is not encrypted, or none yet.

    An encrypted one begins with a random salt; so does, for all one can see, a damaged one.
    """
    return files.glance(path, len(_MAGIC)) in (b"", _MAGIC)


def key_pragma(what: str, key: bytes | None) -> str:
    """Return the statement that sets ``key`` or gives a new one: ``what`` is key or rekey."""
    return f"PRAGMA {what}='{'' if key is None else 'raw:' + key.hex()}'"


def _leave_to_parent(path: str) -> None:
    """Close what a fork copied of the parent's connections. The parent's own work on.

    SQLite counts its locks in memory, and a copy holds none: beside one a new connection takes none
    either, and loses the log under itself. Where one is in use, the process is refused.
    """
    while _INHERITED:
        if _INHERITED[-1].in_transaction:
            raise InternalError("internal", path=path, reason="connection_of_another")
        _INHERITED[-1].close()
        _INHERITED.pop()


def _open(path: str, flags: int, key: bytes | None) -> apsw.Connection:
    """Return the bare connection; the last one to close it leaves the log where it is."""
    try:
        _leave_to_parent(path)
        raw = apsw.Connection(path, flags=flags)
        if key is not None:
            raw.execute(CIPHER)
            raw.execute(key_pragma("key", key))
        raw.set_busy_timeout(limits.LOCK_SECONDS_MAX * 1000)
        raw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        # Else what is bound may change a plan, so a statement is compiled again for new values.
        raw.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        # No file of ours has any; one in a file from elsewhere would do what nobody wrote here.
        raw.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        raw.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
        raw.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    except apsw.Error as error:
        raise fault(error, path) from error
    return raw


def _create(path: str, key: bytes | None) -> None:
    """Make ``path`` a database in WAL mode if it is missing or empty.

    Under the lock of the directory: two processes that turn one file to WAL would get in each
    other's way, and a kill in between leaves an empty file that the next one finishes.
    """
    directory = os.path.dirname(os.path.abspath(path))
    # A journal beside it was left in the middle of the first write, by a kill or a loss of power:
    # whoever opens the file takes that write back, to an empty file.
    is_whole = not files.exists(path + "-journal")
    if is_whole and files.exists(path) and os.lstat(path).st_size > 0:
        return
    with files.lock(directory, timeout_s=limits.LOCK_SECONDS_MAX):
        files.create(path)
        files.check_database(path)
        raw = _open(path, apsw.SQLITE_OPEN_READWRITE, key)
        try:
            raw.execute("PRAGMA journal_mode=WAL").fetchall()
        except apsw.Error as error:
            raise fault(error, path) from error
        finally:
            raw.close()
