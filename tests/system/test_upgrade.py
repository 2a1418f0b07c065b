"""A database is brought up step by step, each step once, whoever else brings it up meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.errors import IntegrityError
from envoy.system import db, upgrade
from envoy.system.db import Connection


class Store:
    """A database of version 1 with a table, its note and steps up to version 3."""

    def __init__(self, root: Path) -> None:
        self.path, self.lock = os.fspath(root / "a.db"), os.fspath(root / "a.lock")
        self.taken: list[int] = []
        self.connection = db.connect(self.path, create=True)
        self.connection.run("CREATE TABLE meta(k TEXT PRIMARY KEY, v)")
        self.connection.run("PRAGMA user_version=1")

    def step(self, number: int) -> upgrade.Step:
        """Return the step ``number``, which leaves a row."""

        def take(connection: Connection) -> None:
            self.taken.append(number)
            connection.run("INSERT INTO meta VALUES(?, NULL)", (f"step {number}",))

        return take

    @property
    def steps(self) -> list[upgrade.Step]:
        """Return all steps."""
        return [self.step(1), self.step(2)]

    def bring_up(self) -> int:
        """Bring the tables to version 3."""
        return upgrade.bring_up(self.connection, self.lock, self.steps, note)


def note(connection: Connection, version: int) -> None:
    """Write the version as a note."""
    connection.run("INSERT OR REPLACE INTO meta VALUES('schema', ?)", (version,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    tmp_path.chmod(0o700)
    made = Store(tmp_path)
    yield made
    made.connection.close()


def test_each_step_is_taken_once_and_in_order(store: Store) -> None:
    assert store.bring_up() == 2 and store.taken == [1, 2]
    assert upgrade.checked_version(store.connection, 3) == 3
    assert store.bring_up() == 0 and store.taken == [1, 2]


def test_a_step_that_another_process_took_meanwhile_is_not_taken_again(store: Store) -> None:
    other = db.connect(store.path)
    try:
        assert upgrade.bring_up(other, store.lock, store.steps, note) == 2
    finally:
        other.close()
    # What this one saw before it had the lock is not what there is now.
    assert upgrade._step(store.connection, store.lock, store.steps, note) == 0
    assert store.taken == [1, 2] and upgrade.version_of(store.connection) == 3


def test_a_step_that_fails_leaves_the_version_before_it(store: Store) -> None:
    def fail(connection: Connection) -> None:
        connection.run("INSERT INTO meta VALUES('half', NULL)")
        raise ValueError

    with pytest.raises(ValueError):
        upgrade.bring_up(store.connection, store.lock, [store.step(1), fail], note)
    assert upgrade.version_of(store.connection) == 2
    keys = store.connection.rows(str, "SELECT k FROM meta ORDER BY k")
    assert keys == ["schema", "step 1"]
    assert store.bring_up() == 1


@pytest.mark.parametrize(
    ("header", "noted", "code"),
    [
        pytest.param(4, 4, "schema_too_new", id="newer, and says so twice"),
        pytest.param(4, None, "state_corrupt", id="a newer header alone"),
        pytest.param(2, 3, "state_corrupt", id="a newer note alone"),
        pytest.param(0, 1, "state_corrupt", id="a header without a version"),
    ],
)
def test_header_and_note_that_contradict_each_other_are_damage_and_no_step_is_taken(
    store: Store, header: int, noted: int | None, code: str
) -> None:
    store.connection.run(f"PRAGMA user_version={header}")
    if noted is not None:
        note(store.connection, noted)
    with pytest.raises(IntegrityError, match=code):
        store.bring_up()
    assert store.taken == [] and upgrade.version_of(store.connection) == header
