"""One door to SQLite: durable, typed, bounded, and no error of SQLite gets through."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from envoy import limits
from envoy.errors import EnvoyError, InternalError, UsageError, WaitTimeoutError
from envoy.system import db, files
from processes import python


class Row(NamedTuple):
    """A row of the table t."""

    n: int
    text: str
    raw: bytes


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "test.db")


@pytest.fixture
def lock(tmp_path: Path) -> str:
    return str(tmp_path / "test.lock")


def made(path: str, lock: str) -> db.Connection:
    connection = db.connect(path, create=True)
    with connection.write_transaction(lock, sync="full"):
        connection.run("CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT, raw BLOB) STRICT")
    connection.fold()
    return connection


def add(connection: db.Connection, lock: str, count: int = 1) -> None:
    with connection.write_transaction(lock, sync="full"):
        connection.run_many("INSERT INTO t(text, raw) VALUES(?, ?)", [("text", bytes(500))] * count)


def count(connection: db.Connection) -> int | None:
    return connection.find(int, "SELECT count(*) FROM t")


def refusal(call: Callable[[], object]) -> tuple[str, object]:
    with pytest.raises(EnvoyError) as caught:
        call()
    return caught.value.code, caught.value.details.get("reason")


def test_rows_leave_typed_and_in_order(path: str, lock: str) -> None:
    connection = made(path, lock)
    with connection.write_transaction(lock, sync="full"):
        connection.run("INSERT INTO t VALUES(2, 'b', x'02')")
        assert (connection.changes(), connection.last_row()) == (1, 2)
        connection.run("INSERT INTO t VALUES(?, ?, ?)", (1, "a", b"\x01"))
    query = "SELECT * FROM t ORDER BY n"
    wanted = [Row(1, "a", b"\x01"), Row(2, "b", b"\x02")]
    assert connection.rows(Row, query) == list(connection.each(Row, query)) == wanted
    assert connection.find(Row, query) == wanted[0]
    assert connection.find(Row, "SELECT * FROM t WHERE n = ?", (3,)) is None


def test_an_error_in_a_transaction_undoes_it_whole(path: str, lock: str) -> None:
    connection = made(path, lock)
    with pytest.raises(KeyError), connection.write_transaction(lock, sync="full"):
        connection.run("INSERT INTO t VALUES(1, 'a', x'')")
        raise KeyError
    assert count(connection) == 0
    add(connection, lock)
    assert count(connection) == 1


def test_commits_are_counted_by_their_promise(path: str, lock: str) -> None:
    connection = made(path, lock)
    for sync in ("normal", "full", "normal"):
        with connection.write_transaction(lock, sync=sync):
            connection.run("INSERT INTO t(text) VALUES('x')")
            wanted = {"normal": 1, "full": 2}[sync]
            assert connection.find(int, "PRAGMA synchronous") == wanted
    assert connection.commits == {"full": 2, "normal": 2}


def test_a_snapshot_does_not_see_what_others_commit(path: str, lock: str) -> None:
    writer = made(path, lock)
    with db.connect(path, read_only=True) as reader:
        with reader.snapshot():
            before = count(reader)
            add(writer, lock)
            assert count(reader) == before
        assert count(reader) == 1


def test_data_version_changes_with_the_commits_of_others_alone(path: str, lock: str) -> None:
    writer = made(path, lock)
    reader = db.connect(path, read_only=True)
    first, own = db.data_version(reader), db.data_version(writer)
    assert db.data_version(reader) == first
    add(writer, lock)
    assert db.data_version(reader) != first
    assert db.data_version(writer) == own


def test_a_read_only_connection_writes_nothing(path: str, lock: str) -> None:
    made(path, lock)
    reader = db.connect(path, read_only=True)
    assert refusal(lambda: reader.run("DELETE FROM t")) == ("state_access_denied", "ReadOnlyError")


def test_the_settings_are_those_of_the_design(path: str, lock: str) -> None:
    connection = made(path, lock)
    assert connection.find(str, "PRAGMA journal_mode") == "wal"
    for pragma, value in {
        "mmap_size": 0,
        "foreign_keys": 0,
        "temp_store": 2,
        "cache_size": -limits.PAGE_CACHE_KIB_MAX,
    }.items():
        assert connection.find(int, "PRAGMA " + pragma) == value


def test_a_connection_belongs_to_its_thread(path: str, lock: str) -> None:
    connection = made(path, lock)
    refused: list[str] = []

    def use() -> None:
        with pytest.raises(InternalError) as caught:
            count(connection)
        refused.append(caught.value.code)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert refused == ["internal"]
    assert count(connection) == 0


FORK = """
import os, sys
from envoy.errors import InternalError
from envoy.system import db
connection = db.connect(sys.argv[1])
if os.fork() == 0:
    try:
        connection.find(int, "SELECT 1")
    except InternalError:
        os._exit(7)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), connection.find(int, "SELECT 1"))
"""


def test_a_connection_belongs_to_its_process(path: str, lock: str) -> None:
    made(path, lock)
    assert python(FORK, path).communicate()[0] == "7 1\n"


def test_a_database_and_its_helpers_are_mine_alone(path: str, lock: str, tmp_path: Path) -> None:
    made(path, lock)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("test.db", "test.db-shm", "test.db-wal", "test.lock"), 0o600)


@pytest.mark.parametrize("beside", ["", "-wal", "-shm"])
def test_a_database_or_helper_that_is_a_link_is_refused(
    path: str, lock: str, tmp_path: Path, beside: str
) -> None:
    made(path, lock).close()
    target = tmp_path / "elsewhere"
    os.rename(path + beside, target)
    os.symlink(target, path + beside)
    assert refusal(lambda: db.connect(path)) == ("state_access_denied", "symlink")
    os.unlink(path + beside)
    os.rename(target, path + beside)
    assert count(db.connect(path)) == 0


def test_a_missing_database_is_made_only_on_request(path: str, lock: str) -> None:
    assert refusal(lambda: db.connect(path)) == ("state_access_denied", "missing")
    assert not files.exists(path)
    made(path, lock)
    db.connect(path)


def test_a_kill_between_making_the_file_and_making_it_a_database_is_mended(
    path: str, lock: str
) -> None:
    files.create(path)
    assert refusal(lambda: db.connect(path)) == ("state_corrupt", "not_wal")
    assert count(made(path, lock)) == 0


def truncate(path: str) -> None:
    os.truncate(path, 5000)


def zero(path: str) -> None:
    size = os.path.getsize(path)
    Path(path).write_bytes(bytes(size))


def scribble(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    Path(path).write_bytes(data)


@pytest.mark.parametrize("damage", [truncate, zero, scribble])
def test_damage_is_corrupt_state_and_nothing_else(
    path: str, lock: str, damage: Callable[[str], None]
) -> None:
    connection = made(path, lock)
    add(connection, lock, 100)
    backup = path + ".copy"
    db.backup(connection, backup)
    connection.close()
    os.unlink(path + "-wal")
    os.unlink(path + "-shm")
    os.replace(backup, path)
    with db.connect(path) as sound:
        assert (count(sound), db.quick_check(sound)) == (100, [])
    os.unlink(path + "-wal")
    damage(path)

    def use() -> None:
        connection = db.connect(path)
        connection.rows(Row, "SELECT * FROM t")

    assert refusal(use)[0] == "state_corrupt"


@pytest.mark.parametrize("beside", ["-wal", "-shm"])
@pytest.mark.parametrize("damage", [os.unlink, lambda path: os.truncate(path, 0), zero])
def test_a_lost_or_zeroed_helper_leaves_a_sound_database(
    path: str, lock: str, beside: str, damage: Callable[[str], None]
) -> None:
    connection = made(path, lock)
    add(connection, lock, 1500)  # more than the log may hold at a first write
    connection.close()
    with db.connect(path) as folding:
        add(folding, lock)
    damage(path + beside)
    with db.connect(path) as connection:
        assert db.quick_check(connection) == []
        # Nobody but SQLite could bring back what a lost log held; all before it is there.
        assert count(connection) == (1500 if beside == "-wal" else 1501)
        add(connection, lock)


def test_findings_of_the_quick_check_are_listed(path: str, lock: str) -> None:
    connection = made(path, lock)
    with connection.write_transaction(lock, sync="full"):
        connection.run("INSERT INTO t VALUES(1, NULL, x''); PRAGMA writable_schema=ON")
        sql = "CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT NOT NULL, raw BLOB) STRICT"
        connection.run("UPDATE sqlite_schema SET sql = ?", (sql,))
    with db.connect(path) as other:
        assert db.quick_check(other) == ["NULL value in t.text"]


def test_a_backup_is_whole_new_and_mine(path: str, lock: str, tmp_path: Path) -> None:
    connection = made(path, lock)
    add(connection, lock, 10)
    target = str(tmp_path / "copy.db")
    db.backup(connection, target)
    files.check_file(target)
    with db.connect(target) as copy:
        assert count(copy) == 10
    assert refusal(lambda: db.backup(connection, target)) == ("state_access_denied", "exists")


def test_a_full_database_refuses_unharmed_and_works_again_with_room(path: str, lock: str) -> None:
    made(path, lock).close()
    with db.connect(path, pages_max=20) as full:
        add(full, lock, 50)
        assert refusal(lambda: add(full, lock, 500)) == ("storage_failed", "FullError")
        assert count(full) == 50
        assert refusal(lambda: add(full, lock, 500)) == ("storage_failed", "FullError")
    with db.connect(path) as roomy:
        add(roomy, lock, 500)
        assert count(roomy) == 550
        assert db.quick_check(roomy) == []


def test_a_file_size_limit_refuses_unharmed_and_works_again_without(path: str, lock: str) -> None:
    connection = made(path, lock)
    add(connection, lock, 50)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        refused = refusal(lambda: add(connection, lock, 2000))
        counted = count(connection)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused[0] == "storage_failed"
    assert counted == 50
    add(connection, lock, 2000)
    assert count(connection) == 2050
    assert db.quick_check(connection) == []


def test_a_writer_that_never_ends_makes_others_time_out(path: str, lock: str) -> None:
    holder, other = made(path, lock), db.connect(path)
    with (
        holder.write_transaction(lock, sync="full"),
        pytest.raises(WaitTimeoutError) as caught,
        other.write_transaction(lock, sync="full", timeout_s=0.05),
    ):
        raise AssertionError
    assert caught.value.code == "timeout"
    # Somebody who does not know the lock file: the database keeps them apart all the same.
    with holder.write_transaction(lock, sync="full"), pytest.raises(WaitTimeoutError):
        other.write_transaction(lock + "2", sync="full", timeout_s=0.05).__enter__()
    add(other, lock)
    assert count(holder) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (apsw.FullError, "storage_failed"),
        (apsw.IOError, "storage_failed"),
        (apsw.CorruptError, "state_corrupt"),
        (apsw.NotADBError, "state_corrupt"),
        (apsw.BusyError, "timeout"),
        (apsw.ProtocolError, "timeout"),
        (apsw.ReadOnlyError, "state_access_denied"),
        (apsw.CantOpenError, "state_access_denied"),
        (apsw.ConstraintError, "state_corrupt"),
        (apsw.SQLError, "internal"),
    ],
)
def test_each_error_of_sqlite_has_its_code(kind: type[apsw.Error], code: str) -> None:
    fault = db.fault(kind("text with a secret"), "/a/test.db")
    assert (fault.code, fault.details["path"]) == (code, "/a/test.db")
    assert "secret" not in str(fault.details)


def test_bad_sql_is_a_bug_of_ours_in_every_way_to_ask(path: str, lock: str) -> None:
    connection = made(path, lock)
    bad = "SELEKT * FROM sqlite_schema"
    for call in (
        lambda: connection.run(bad),
        lambda: connection.run_many(bad, [()]),
        lambda: connection.rows(Row, bad),
        lambda: connection.find(Row, bad),
        lambda: list(connection.each(Row, bad)),
    ):
        assert refusal(call) == ("internal", "SQLError")


def test_a_table_that_is_gone_is_damage(path: str, lock: str) -> None:
    connection = made(path, lock)
    assert refusal(lambda: connection.run("SELECT * FROM nowhere")) == ("state_corrupt", "tables")


def test_a_text_that_is_none_is_damage(path: str, lock: str) -> None:
    connection = made(path, lock)
    sql = "SELECT CAST(x'ff' AS TEXT)"
    assert refusal(lambda: connection.find(str, sql)) == ("state_corrupt", "UnicodeDecodeError")


def test_a_connection_whose_file_was_replaced_writes_nothing(path: str, lock: str) -> None:
    connection = made(path, lock)
    os.rename(path, path + ".old")
    assert connection.is_replaced()
    for _ in range(2):
        with pytest.raises(WaitTimeoutError) as caught:
            connection.write_transaction(lock, sync="full").__enter__()
        assert caught.value.details["reason"] == "replaced"
    os.rename(path + ".old", path)
    with connection.write_transaction(lock, sync="full"):
        connection.run("CREATE TABLE control(a)")


def test_sealing_off_loses_nothing_and_leaves_one_file(path: str, lock: str) -> None:
    with made(path, lock) as connection, connection.write_transaction(lock, sync="normal"):
        connection.run("CREATE TABLE kept(a); INSERT INTO kept VALUES(7)")
    db.seal_off(path)
    assert not os.path.exists(path + "-wal") and not os.path.exists(path + "-shm")
    with db.connect(path) as again:
        assert again.find(int, "SELECT a FROM kept") == 7


def test_a_log_that_somebody_reads_is_not_taken_away(
    path: str, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOCK_SECONDS_MAX", 1)
    with made(path, lock) as connection:
        connection.run("CREATE TABLE kept(a)")
        with connection.snapshot():
            connection.run("SELECT * FROM kept")
            with connection_of(path) as other, other.write_transaction(lock, sync="normal"):
                other.run("INSERT INTO kept VALUES(7)")
            with pytest.raises(EnvoyError):
                db.seal_off(path)
        assert connection.find(int, "SELECT a FROM kept") == 7


def connection_of(path: str) -> db.Connection:
    """Return another connection to a database."""
    return db.connect(path)


def test_an_sqlite_that_loses_commits_is_refused() -> None:
    db.require_version("3.51.3")
    db.require_version("3.100.0")
    with pytest.raises(UsageError):
        db.require_version("3.51.2")


def test_the_log_stays_short_under_one_long_writer_and_under_many_short_ones(
    path: str, lock: str
) -> None:
    made(path, lock).close()
    for _ in range(80):
        with db.connect(path) as short:
            add(short, lock, 20)
    page = 4096 + 24
    assert os.path.getsize(path + "-wal") < 2 * limits.LOG_PAGES_FIRST_MAX * page
    with db.connect(path) as long:
        for _ in range(400):
            add(long, lock, 20)
        assert os.path.getsize(path + "-wal") < 2 * limits.LOG_PAGES_MAX * page
    assert os.path.getsize(path + "-wal") < 3 * limits.LOG_PAGES_FIRST_MAX * page


def test_a_reader_in_the_way_keeps_nobody_from_closing(path: str, lock: str) -> None:
    writer, reader = made(path, lock), db.connect(path, read_only=True)
    with reader.snapshot():
        assert count(reader) == 0
        add(writer, lock, 3000)
        writer.close()
        writer.close()
        assert count(reader) == 0
    assert count(reader) == 3000


WRITER = """
import sys
from envoy.system import db
connection = db.connect(sys.argv[1], create=True)
lock = sys.argv[2]
with connection.write_transaction(lock, sync="full"):
    connection.run("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, text TEXT, raw BLOB)")
for n in range(int(sys.argv[3])):
    with connection.write_transaction(lock, sync="full"):
        connection.run("INSERT INTO t(text, raw) VALUES('text', x'')")
        done = connection.last_row()
    print(done, flush=True)
"""


def test_eight_processes_that_begin_at_once_all_write_all_they_have(path: str, lock: str) -> None:
    writers = [python(WRITER, path, lock, "20") for _ in range(8)]
    numbers = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    assert sorted(numbers) == list(range(1, 161))
    assert [writer.returncode for writer in writers] == [0] * 8


def test_a_killed_writer_loses_nothing_it_acknowledged_and_blocks_nobody(
    path: str, lock: str
) -> None:
    made(path, lock).close()
    acknowledged: set[int] = set()
    for delay_ms in (5, 20, 40, 80):
        writer = python(WRITER, path, lock, "1000000")
        assert writer.stdout is not None
        acknowledged.add(int(writer.stdout.readline()))
        time.sleep(delay_ms / 1000)
        writer.send_signal(signal.SIGKILL)
        acknowledged |= {int(line) for line in writer.communicate()[0].splitlines(True)[:-1]}
    with db.connect(path) as connection:
        assert acknowledged <= set(connection.rows(int, "SELECT n FROM t"))
        assert db.quick_check(connection) == []
        add(connection, lock)
