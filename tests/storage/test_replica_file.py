"""Opening replica.db: made whole or not at all, refused when newer, aware of where it lies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from envoy.errors import EnvoyError
from envoy.storage import home, replica_file, schema
from envoy.system import db, host
from processes import python


@pytest.fixture
def where(tmp_path: Path) -> home.Paths:
    return made(tmp_path, "home")


def made(tmp_path: Path, name: str) -> home.Paths:
    """Return the paths of a new home."""
    found = home.paths(os.fspath(tmp_path / name), "lead")
    home.make(found)
    return found


def note(where: home.Paths, key: str) -> str | int | None:
    with replica_file.open_file(where) as connection:
        return replica_file.meta(connection, key)


def test_a_missing_file_is_made_with_its_tables(where: home.Paths) -> None:
    with replica_file.open_file(where) as connection:
        tables = connection.rows(str, "SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {*schema.SPACE_TABLES, *schema.PROJECTION_TABLES, "meta", "actor"} <= set(tables)
        assert connection.find(int, "PRAGMA user_version") == schema.VERSION
        assert not replica_file.is_outdated(connection)
    assert os.stat(where.replica).st_mode & 0o777 == 0o600


def test_an_empty_file_is_finished(where: home.Paths) -> None:
    Path(where.replica).touch(mode=0o600)
    with replica_file.open_file(where) as connection:
        assert connection.find(int, "PRAGMA user_version") == schema.VERSION


def test_a_file_of_a_newer_build_is_refused_and_left_alone(where: home.Paths) -> None:
    with replica_file.open_file(where) as connection:
        connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
        replica_file.put_meta(connection, "schema", schema.VERSION + 1)
    with pytest.raises(EnvoyError) as caught:
        replica_file.open_file(where)
    assert caught.value.code == "schema_too_new"
    with db.connect(where.replica) as connection:
        assert connection.find(int, "PRAGMA user_version") == schema.VERSION + 1


@pytest.mark.parametrize("found", [-1, 0, 1, schema.VERSION + 1, 1 << 24])
def test_a_version_that_the_notes_contradict_is_damage(where: home.Paths, found: int) -> None:
    with replica_file.open_file(where) as connection:
        connection.run(f"PRAGMA user_version={found}")
    with pytest.raises(EnvoyError) as caught:
        replica_file.open_file(where)
    assert (caught.value.code, caught.value.details["reason"]) == ("state_corrupt", "version")
    with db.connect(where.replica) as connection:
        connection.run(f"PRAGMA user_version={schema.VERSION}")
    replica_file.open_file(where).close()


@pytest.mark.parametrize("note", ["seven", b"\xff" * 9, None], ids=["text", "bytes", "nothing"])
def test_a_note_that_is_none_leaves_the_version_to_the_header(
    where: home.Paths, note: str | bytes | None
) -> None:
    with replica_file.open_file(where) as connection:
        connection.run("UPDATE meta SET v = ? WHERE k = 'schema'", (note,))
        connection.run(f"PRAGMA user_version={schema.VERSION + 1}")
    with pytest.raises(EnvoyError) as caught:
        replica_file.open_file(where)
    assert caught.value.code in ("state_corrupt", "schema_too_new")


def test_rows_of_other_rules_are_noticed(where: home.Paths) -> None:
    with replica_file.open_file(where) as connection:
        replica_file.put_meta(connection, "projection", schema.PROJECTION - 1)
        assert replica_file.is_outdated(connection)


MAKER = """
import sys
from envoy.storage import home, replica_file
where = home.paths(sys.argv[1], "lead")
sys.stdin.readline()
with replica_file.open_file(where) as connection:
    print(connection.find(int, "SELECT count(*) FROM meta"))
"""


def test_four_processes_make_one_file(where: home.Paths) -> None:
    started = [python(MAKER, where.home, talk=True) for _ in range(4)]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[0] for one in started] == ["5\n"] * 4


# -- where it lies -------------------------------------------------------------------------------


def with_chain(where: home.Paths, *, reserved: int = 0) -> None:
    """Write a space that has a chain."""
    with replica_file.open_file(where) as connection:
        connection.run(
            "INSERT INTO space VALUES(1, x'01', x'', 1, 1, x'', x'', x'', x'', 0, 'n', '',"
            " 'local_only', 0, NULL, NULL, 'owner', 'member', x'cc', x'dd', 7, NULL, 0, NULL,"
            " x'', 0, 5, ?, 0, 0, NULL, 1, 0, x'', x'', 0, 0, NULL, 0, '{}')",
            (reserved,),
        )


def chain(where: home.Paths) -> tuple[bytes | None, bytes | None, int]:
    """Return what a space remembers of its chain after the file was opened and settled."""
    with replica_file.open_file(where) as connection:
        replica_file.settle(connection, where)
        found = connection.find(_three, "SELECT chain, tip, tip_seq FROM space")
        assert found is not None
        return found


def _three(
    first: bytes | None, second: bytes | None, third: int
) -> tuple[bytes | None, bytes | None, int]:
    return first, second, third


def test_a_file_that_stays_where_it_is_keeps_its_chain(where: home.Paths) -> None:
    with_chain(where)
    assert chain(where) == chain(where) == (b"\xcc", b"\xdd", 7)


def test_a_home_that_is_renamed_keeps_its_chain(where: home.Paths, tmp_path: Path) -> None:
    with_chain(where)
    assert chain(where)[0]
    os.rename(where.home, tmp_path / "renamed")
    assert chain(home.paths(os.fspath(tmp_path / "renamed"), "lead"))[0] == b"\xcc"


def test_a_copy_of_a_file_starts_a_chain_and_the_original_does_not(
    where: home.Paths, tmp_path: Path
) -> None:
    with_chain(where)
    copy = made(tmp_path, "copy")
    with db.connect(where.replica) as connection:
        connection.fold()
    shutil.copy(where.replica, copy.replica)
    assert chain(copy) == (None, None, -1)
    assert chain(where) == (b"\xcc", b"\xdd", 7)
    assert note(copy, "origin") != note(where, "origin")


def test_a_file_on_another_machine_starts_a_chain(
    where: home.Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_chain(where)
    monkeypatch.setattr(host, "machine_id", lambda: "another machine")
    assert chain(where) == (None, None, -1)


# -- numbers -------------------------------------------------------------------------------------


def numbers(where: home.Paths) -> int | None:
    with replica_file.open_file(where) as connection:
        replica_file.settle(connection, where)
        return connection.find(int, "SELECT next_n FROM space")


def test_after_a_boot_numbers_go_on_behind_the_block_that_was_reserved(
    where: home.Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_chain(where, reserved=100)
    assert numbers(where) == 5
    monkeypatch.setattr(host, "boot_id", lambda: "the next boot")
    assert numbers(where) == numbers(where) == 101
    assert chain(where)[0] == b"\xcc"


def test_numbers_that_are_beyond_the_block_stay(
    where: home.Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_chain(where, reserved=2)
    monkeypatch.setattr(host, "boot_id", lambda: "the next boot")
    assert numbers(where) == 5
