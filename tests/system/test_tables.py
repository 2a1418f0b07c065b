"""A byte that changes in the text of a table is noticed wherever the text still is a statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.hub import sqlite
from envoy.storage import home, replica_file, schema, soundness
from envoy.system import db, tables

BOTH = schema.LOG + schema.PROJECTIONS
EDIT = "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, '{}', '{}')"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[db.Connection]:
    """Return a database of this version."""
    where = home.paths(str(tmp_path / "home"), "lead")
    home.make(where)
    with replica_file.open_file(where) as connection:
        yield connection


def test_what_was_just_made_is_as_it_was_made(made: db.Connection) -> None:
    assert list(tables.findings(made, BOTH)) == []
    with db.scratch() as hub:
        hub.run(sqlite.SCHEMA)
        assert list(tables.findings(hub, sqlite.SCHEMA)) == []


def test_columns_that_a_migration_added_stand_elsewhere(made: db.Connection) -> None:
    made.run("ALTER TABLE space DROP COLUMN policy")
    made.run("ALTER TABLE space ADD COLUMN policy TEXT NOT NULL DEFAULT '{}'")
    assert list(tables.findings(made, BOTH)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("title TEXT", "titlf TEXT", id="a column of another name"),
        pytest.param("name TEXT", "namf TEXT", id="one that every command reads"),
        pytest.param("creator INTEGER NOT NULL", "creator INTEGER NOT NULM", id="another word"),
        pytest.param("contentless_delete=1", "contentless_delete=0", id="an option"),
        pytest.param("content=''''", "contfnt=''''", id="no option"),
        pytest.param("fts5", "ftsx", id="no module"),
        pytest.param("kind <> ''message''", "kind <> ''messagf''", id="the part of an index"),
        pytest.param("tn(", "tn (", id="nothing"),
    ],
)
def test_text_that_changed_is_a_finding(before: str, after: str, made: db.Connection) -> None:
    made.run(EDIT.format(before, after))
    found = list(tables.findings(made, BOTH))
    assert bool(found) == (before != "tn(")
    assert all(one.endswith("is not as it was made") for one in found)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER secret AFTER INSERT ON task BEGIN SELECT 1; END",
        "CREATE VIEW secret AS SELECT 1",
        "CREATE TABLE secret(x)",
        "CREATE INDEX secret ON event(kind)",
    ],
)
def test_what_nobody_made_is_a_finding_without_its_name(sql: str, made: db.Connection) -> None:
    made.run(sql)
    (found,) = soundness.shape(made)
    assert "secret" not in found
    if "TABLE" in sql or "INDEX" in sql:
        return
    replica_file.put_meta(made, "projection", schema.PROJECTION - 1)
    assert list(soundness.shape(made)) == [found], "not among what a rebuild drops"


def test_projections_by_other_rules_may_look_otherwise(made: db.Connection) -> None:
    made.run("DROP TABLE task")
    made.run("DROP TABLE words")
    assert len(list(soundness.shape(made))) > 2
    replica_file.put_meta(made, "projection", schema.PROJECTION - 1)
    assert list(soundness.shape(made)) == []


def test_no_trigger_or_view_of_a_file_is_run(made: db.Connection) -> None:
    made.run("CREATE TRIGGER evil AFTER INSERT ON forgotten BEGIN DELETE FROM meta; END")
    made.run("INSERT INTO forgotten VALUES(x'00', 1)")
    assert made.find(int, "SELECT count(*) FROM meta")
