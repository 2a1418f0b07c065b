"""A profile whose database was lost finds its spaces at the hub, now or the next time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy.hub import sqlite
from envoy.system import db


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with a person in two spaces, whose database is gone."""
    made = Console(tmp_path)
    for name in ("one", "two"):
        made.ok("quickstart", "--human", "--name", "Ada", "--space-name", name)
        made.ok("send", f"in {name}", "--space", name)
    for path in (made.home / "profiles/default").glob("replica.db*"):
        path.unlink()
    return made


def hub(console: Console) -> sqlite.LogStore:
    """Open the hub of the home."""
    return sqlite.open_store(os.fspath(console.home / "hub"))


def said(console: Console, space: str) -> list[str]:
    """Return the messages that the profile shows of a space."""
    records: list[dict[str, Any]] = console.ok("history", "--space", space)["records"]
    return [one["body"] for one in records if one["kind"] == "message"]


def test_all_its_spaces_are_back_with_the_next_command_that_writes(console: Console) -> None:
    console.ok("sync")
    assert said(console, "one") == ["in one"] and said(console, "two") == ["in two"]
    (me,) = console.ok("roster", "--space", "one")["members"]
    assert (me["display_name"], me["kind"]) == ("Ada", "human")


def test_a_database_that_is_older_than_a_space_finds_it_too(tmp_path: Path) -> None:
    made = Console(tmp_path)
    made.ok("quickstart", "--human", "--name", "Ada", "--space-name", "one")
    path = made.home / "profiles/default/replica.db"
    db.seal_off(os.fspath(path))
    older = path.read_bytes()
    made.ok("space", "create", "two")
    made.ok("send", "in two", "--space", "two")
    db.seal_off(os.fspath(path))
    path.write_bytes(older)
    assert [one["space_name"] for one in made.ok("status")["spaces"]] == ["one"]
    made.ok("sync")
    assert {one["space_name"] for one in made.ok("status")["spaces"]} == {"one", "two"}
    assert said(made, "two") == ["in two"]


def test_a_space_that_cannot_be_read_now_is_looked_for_again(console: Console) -> None:
    store = hub(console)
    lost = store.spaces()[0]
    kept = store.connection.rows(bytes, "SELECT h FROM space WHERE space = ?", (lost,))
    store.connection.run("UPDATE space SET h = zeroblob(32) WHERE space = ?", (lost,))
    console.call("sync")
    assert len(console.ok("status")["spaces"]) < 2
    store.connection.run("UPDATE space SET h = ? WHERE space = ?", (kept[0], lost))
    store.close()
    console.ok("sync")
    assert {one["space_name"] for one in console.ok("status")["spaces"]} == {"one", "two"}
    assert said(console, "one") == ["in one"] and said(console, "two") == ["in two"]
