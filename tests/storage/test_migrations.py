"""A home of the first version: brought up step by step, wherever it is killed, and nothing of it is
lost; a newer one is left as it is."""

from __future__ import annotations

import json
import os
import tarfile
from base64 import b64decode
from pathlib import Path

import pytest

from console import Console
from envoy.core.identity import Identity, Stored, to_record
from envoy.errors import IntegrityError
from envoy.storage import home, migrations, replica_file, schema
from envoy.system import db, upgrade
from processes import python

FROZEN = Path(__file__).parent / "frozen" / "home-v1.tar.xz"
OPEN = """
import os, signal, sys
from envoy.storage import home, replica_file
from envoy.system import db, files

calls = 0

def counted(real):
    def call(*args, **named):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return call

db.Connection.run = counted(db.Connection.run)
db.Connection.find = counted(db.Connection.find)
db.Connection._begin = counted(db.Connection._begin)
db.Connection._end = counted(db.Connection._end)
db.Connection.fold = counted(db.Connection.fold)
replica_file.open_file(home.paths(sys.argv[1], "lead")).close()
print("done", calls)
"""


def unpack(root: Path) -> home.Paths:
    """Lay the home of version 1 out below ``root`` and return its profile."""
    root.mkdir(mode=0o700)
    with tarfile.open(FROZEN) as packed:
        packed.extractall(root, filter="tar")
    for name in ("lead", "a1"):
        where = home.paths(os.fspath(root), name)
        told = json.loads(Path(where.identity).read_text())
        # That version had no checksum in identity.json yet, which is no matter of the database.
        raw = told["root"].translate(str.maketrans("-_", "+/")) + "="
        stored = Stored(Identity(b64decode(raw)), told["name"], told["enc_no"])
        home.write_record(where, to_record(stored), replace=True)
    return home.paths(os.fspath(root), "lead")


def tables(connection: db.Connection) -> dict[str, set[str]]:
    """Return the columns of every table of the log, and the names of its indexes."""
    sql = "SELECT name, tbl_name FROM sqlite_schema"
    made = connection.rows(_pair, sql)
    gone = (*schema.PROJECTION_TABLES, "words_")
    kept = [name for name, table in made if not table.startswith(gone)]
    columns = "SELECT name FROM pragma_table_info(?)"
    return {name: set(connection.rows(str, columns, (name,))) for name in kept}


def _pair(first: str, second: str) -> tuple[str, str]:
    return first, second


def version(where: home.Paths) -> int:
    """Return the version of a file."""
    with db.connect(where.replica) as connection:
        return upgrade.version_of(connection)


def test_the_frozen_home_is_of_version_1(tmp_path: Path) -> None:
    assert version(unpack(tmp_path / "home")) == 1 < schema.VERSION


def test_a_migrated_file_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    old, new = unpack(tmp_path / "home"), home.paths(os.fspath(tmp_path / "new"), "lead")
    home.make(new)
    with replica_file.open_file(old) as one, replica_file.open_file(new) as other:
        assert tables(one) == tables(other) and len(tables(one)) > 20
        assert upgrade.version_of(one) == schema.VERSION == 1 + len(migrations.STEPS)


def test_a_home_of_version_1_goes_on_where_it_was(tmp_path: Path) -> None:
    console = Console(tmp_path)
    unpack(console.home)
    before = ["thanks", "one more", "root cause: off by one"]
    shown = console.ok("--profile", "lead", "history")["records"]
    assert [body for body in before if body in {one["body"] for one in shown}] == before
    assert console.ok("--profile", "a1", "inbox")["unread_count"] > 0
    console.ok("--profile", "lead", "send", "after the migration")
    console.ok("--profile", "a1", "sync")
    for name in ("lead", "a1"):
        assert console.call("--profile", name, "diagnose", "--deep").status == 0


def test_a_migration_killed_at_any_point_goes_on(tmp_path: Path) -> None:
    """Each process is killed one step later than the one before, on the same file, and on a new one
    every few steps."""
    number = 0
    where = unpack(tmp_path / "home0")
    while True:
        number += 1
        if number % 6 == 0:
            where = unpack(tmp_path / f"home{number}")
        process = python(OPEN, where.home, str(number))
        out, _ = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        assert process.returncode == -9
        assert 1 <= version(where) <= schema.VERSION
    assert number > 8 and out.startswith("done")
    for place in sorted(tmp_path.iterdir()):
        one = home.paths(os.fspath(place), "lead")
        with replica_file.open_file(one) as connection:
            assert upgrade.version_of(connection) == schema.VERSION
            assert db.full_check(connection) == []
            assert connection.find(int, "SELECT count(*) FROM event") == 13


def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    where = unpack(tmp_path / "home")
    with db.connect(where.replica) as connection:
        connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
        replica_file.put_meta(connection, "schema", schema.VERSION + 1)
    db.seal_off(where.replica)
    before = Path(where.replica).read_bytes()
    with pytest.raises(IntegrityError, match="schema_too_new"):
        replica_file.open_file(where)
    assert Path(where.replica).read_bytes() == before


def test_two_processes_migrate_one_file_once(tmp_path: Path) -> None:
    where = unpack(tmp_path / "home")
    both = [python(OPEN, where.home, "0") for _ in range(2)]
    assert [one.communicate(timeout=60)[0][:4] for one in both] == ["done", "done"]
    assert version(where) == schema.VERSION
