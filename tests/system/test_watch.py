"""Waiting for a file to change: by the kernel's word, or by looking again."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from envoy.system import db, watch


@pytest.fixture(params=["told by the kernel", "by looking again"])
def polling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "by looking again":
        monkeypatch.setattr(sys, "platform", "other")
        return True
    return False


def later(act: threading.Thread) -> threading.Thread:
    act.start()
    return act


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def remake(path: Path) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(b"other")
    os.replace(fresh, path)


@pytest.mark.parametrize("change", [append, remake, Path.unlink])
def test_a_change_ends_the_wait(tmp_path: Path, polling: bool, change: object) -> None:
    path = tmp_path / "hub.db-wal"
    path.write_bytes(b"")
    assert callable(change)
    with watch.Watcher([str(path)]) as watcher:
        timer = later(threading.Timer(0.05, change, (path,)))
        assert watcher.wait(10)
        timer.join()


def test_a_file_that_is_not_there_yet_can_be_watched(tmp_path: Path, polling: bool) -> None:
    path = tmp_path / "hub.db-wal"
    with watch.Watcher([str(path)]) as watcher:
        assert not watcher.wait(0)
        path.write_bytes(b"")
        assert watcher.wait(10)


def test_a_change_between_making_the_watcher_and_waiting_is_not_missed(
    tmp_path: Path, polling: bool
) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(b"")
    with watch.Watcher(str(path) for path in paths) as watcher:
        append(paths[1])
        assert watcher.wait(0)
        assert not watcher.wait(0)


def test_other_files_of_the_directory_do_not_end_the_wait(tmp_path: Path, polling: bool) -> None:
    with watch.Watcher([str(tmp_path / "hub.db-wal")]) as watcher:
        append(tmp_path / "other")
        start = time.monotonic()
        assert not watcher.wait(0.05)
        assert time.monotonic() - start >= 0.05


def test_a_directory_that_is_missing_is_looked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "hub" / "hub.db-wal"
    with watch.Watcher([str(path)]) as watcher:
        path.parent.mkdir()
        path.write_bytes(b"")
        assert watcher.wait(10)


def test_a_watcher_may_be_closed_twice(tmp_path: Path) -> None:
    watcher = watch.Watcher([str(tmp_path / "file")])
    watcher.close()
    watcher.close()


def test_a_commit_of_another_connection_is_seen_at_once(tmp_path: Path) -> None:
    path, lock = str(tmp_path / "hub.db"), str(tmp_path / "hub.lock")
    connection = db.connect(path, create=True)
    with watch.Watcher([path + "-wal"]) as watcher:
        with connection.write_transaction(lock, sync="full"):
            connection.run("CREATE TABLE t(n)")
        assert watcher.wait(0)
