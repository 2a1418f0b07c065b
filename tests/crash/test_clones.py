"""Copies of a home that both go on: each stays right, both end alike, and where nobody could have
known that there are two, the fork is shown and stops nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy.system import db
from processes import python

WRITER = """
import os, sys
from envoy.replica.actions import work
from envoy.wiring import config, writes

os.environ["ENVOY_HOME"], name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings = config.load({"profile": name}, read_toml=lambda path: {})
with writes.open_profile(settings) as profile:
    copy = writes.open_space(profile, None)
    for number in range(count):
        print(work.send(copy, f"{name} {number}").event.hex(), flush=True)
"""
COUNT = 12


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with two members in one space."""
    made = Console(tmp_path)
    first = made.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    made.ok("--profile", "a1", "join", first["invite_code"])
    made.ok("--profile", "a1", "send", "before")
    made.ok("--profile", "lead", "sync")
    return made


def texts(console: Console, name: str) -> list[str]:
    """Return the messages that a profile shows, in the order of the space."""
    records: list[dict[str, Any]] = console.ok("--profile", name, "history", "--limit", "500")[
        "records"
    ]
    return [one["body"] for one in records if one["kind"] == "message"]


def forked(console: Console, name: str) -> set[str]:
    """Return the members of whom a profile has proof that they wrote one place twice."""
    found = console.ok("--profile", name, "space", "members")["members"]
    return {one["display_name"] for one in found if one["forked"]}


def write_beside(console: Console, *names: str) -> None:
    """Let a process per profile write, at the same time."""
    home = os.fspath(console.home)
    writers = [python(WRITER, home, name, str(COUNT)) for name in names]
    for one in writers:
        out, _ = one.communicate(timeout=60)
        assert one.returncode == 0 and len(out.splitlines()) == COUNT


def settle(console: Console, *names: str) -> None:
    """Let everybody read what the others wrote."""
    for name in names * 2:
        console.ok("--profile", name, "sync")


def test_two_clones_of_a_profile_both_write_and_both_stay_right(console: Console) -> None:
    profiles = console.home / "profiles"
    shutil.copytree(profiles / "a1", profiles / "a2")
    write_beside(console, "a1", "a2", "lead")
    settle(console, "a1", "a2", "lead")
    found = texts(console, "lead")
    assert len(found) == 1 + 3 * COUNT
    assert texts(console, "a1") == texts(console, "a2") == found
    for name in ("lead", "a1", "a2"):
        assert forked(console, name) == set()
        assert console.call("--profile", name, "diagnose", "--deep").status == 0


def test_a_clone_of_a_whole_home_goes_its_own_way(console: Console, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Console(tmp_path / "other")
    shutil.copytree(console.home, other.home)
    write_beside(console, "a1", "lead")
    write_beside(other, "a1", "lead")
    for one in (console, other):
        settle(one, "a1", "lead")
        assert texts(one, "a1") == texts(one, "lead") and len(texts(one, "a1")) == 1 + 2 * COUNT
        assert forked(one, "lead") == set()


def set_back(console: Console, kept: Path) -> None:
    """Set a profile back, file by file and in place, as a snapshot of a machine does."""
    for path in sorted((console.home / "profiles/a1").iterdir()):
        older = kept / path.name
        path.write_bytes(older.read_bytes() if older.exists() else b"")


def keep(console: Console, place: Path) -> Path:
    """Keep the files of a profile as they are now."""
    db.seal_off(os.fspath(console.home / "profiles/a1/replica.db"))
    shutil.copytree(console.home / "profiles/a1", place)
    return place


def test_a_machine_that_was_set_back_takes_its_own_later_events_in(
    console: Console, tmp_path: Path
) -> None:
    kept = keep(console, tmp_path / "kept")
    for number in range(3):
        console.ok("--profile", "a1", "send", f"later {number}")
    set_back(console, kept)
    console.ok("--profile", "a1", "send", "after")
    settle(console, "a1", "lead")
    assert texts(console, "a1") == texts(console, "lead")
    assert texts(console, "a1")[-4:] == ["later 0", "later 1", "later 2", "after"]
    assert forked(console, "lead") == set()


def test_a_machine_that_was_set_back_and_could_not_know_shows_a_fork_and_goes_on(
    console: Console, tmp_path: Path
) -> None:
    kept = keep(console, tmp_path / "kept")
    console.ok("--profile", "a1", "send", "later")
    hub = console.home / "hub"
    hub.rename(tmp_path / "away")  # the hub cannot be asked while the old copy writes
    set_back(console, kept)
    console.ok("--profile", "a1", "send", "again")
    shutil.rmtree(hub)
    (tmp_path / "away").rename(hub)
    settle(console, "a1", "lead")
    settle(console, "a1", "lead")
    assert sorted(texts(console, "a1")) == sorted(texts(console, "lead"))
    assert {"later", "again"} <= set(texts(console, "lead"))
    assert forked(console, "lead") == forked(console, "a1") == {"a1"}
    console.ok("--profile", "a1", "send", "on and on")
    settle(console, "a1", "lead")
    assert "on and on" in texts(console, "lead")
    for name in ("lead", "a1"):
        assert console.call("--profile", name, "diagnose", "--deep").status == 0


def test_an_older_file_put_in_place_starts_a_chain_before_it_meets_anybody(
    console: Console, tmp_path: Path
) -> None:
    """Only the database is older: the lock file beside it knows of an event that it does not."""
    kept = keep(console, tmp_path / "kept")
    console.ok("--profile", "a1", "send", "later")
    hub = console.home / "hub"
    hub.rename(tmp_path / "away")
    replica = console.home / "profiles/a1/replica.db"
    replica.write_bytes((kept / "replica.db").read_bytes())
    for end in ("-wal", "-shm"):
        Path(f"{replica}{end}").unlink()
    console.ok("--profile", "a1", "send", "again")
    shutil.rmtree(hub)
    (tmp_path / "away").rename(hub)
    settle(console, "a1", "lead")
    settle(console, "a1", "lead")
    assert {"later", "again"} <= set(texts(console, "lead"))
    assert forked(console, "lead") == set()


def test_a_restored_backup_and_the_original_both_go_on(console: Console, tmp_path: Path) -> None:
    archive = os.fspath(tmp_path / "a1.envoy")
    console.ok("--profile", "a1", "backup", "--out", archive)
    console.ok("--profile", "a1", "send", "later")
    refused = console.call("--profile", "a1", "--json", "restore", archive)
    assert (refused.status, refused.data["error_code"]) == (5, "already_exists")
    console.ok("--profile", "a1", "restore", archive, "--replace")
    console.ok("--profile", "a1", "send", "from the backup")
    (set_aside,) = (console.home / "aside").iterdir()
    set_aside.rename(console.home / "profiles/a2")
    console.ok("--profile", "a2", "send", "from the original")
    settle(console, "a1", "a2", "lead")
    found = texts(console, "lead")
    assert {"later", "from the backup", "from the original"} <= set(found)
    assert texts(console, "a1") == texts(console, "a2") == found
    assert forked(console, "lead") == set()
