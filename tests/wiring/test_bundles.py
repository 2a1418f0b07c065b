"""Bundles as files: new ones only, and nothing of one that is not whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console import Console
from envoy.core.codec import encode

SPACE = "bughunt"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    found.ok("quickstart", "--human", "--name", "Ada", "--space-name", SPACE)
    return found


def code(console: Console, *args: str) -> tuple[int, str, object]:
    """Return status, code and cause that a command ends with."""
    done = console.call("--json", *args)
    return done.status, done.data["error_code"], done.data.get("cause", done.data.get("reason"))


def pipe(path: Path) -> None:
    """Make a pipe."""
    os.mkfifo(path)


def later(path: Path) -> None:
    """Write a bundle of a later version."""
    header = encode((2, bytes(32), b"g"))
    path.write_bytes(b"ENVOYBDL" + len(header).to_bytes(4) + header)


@pytest.mark.parametrize(
    ("make", "expect"),
    [
        pytest.param(lambda _: None, (2, "invalid_argument", "missing"), id="no file"),
        pytest.param(Path.mkdir, (2, "invalid_argument", "not_a_file"), id="a directory"),
        pytest.param(pipe, (2, "invalid_argument", "not_a_file"), id="a pipe"),
        pytest.param(Path.touch, (8, "signature_invalid", "malformed"), id="an empty file"),
        pytest.param(later, (8, "schema_too_new", None), id="a later version"),
    ],
)
def test_what_is_no_bundle_is_told(
    console: Console, make: Callable[[Path], None], expect: tuple[int, str, object]
) -> None:
    make(console.cwd / "bundle")
    assert code(console, "sync", "--from", "bundle") == expect


def test_a_bundle_is_a_new_file_in_a_directory_that_is_there(console: Console) -> None:
    assert (
        console.ok("sync", "--to", "bundle")["bundle"]["size"]
        == os.stat(console.cwd / "bundle").st_size
    )
    before = (console.cwd / "bundle").read_bytes()
    assert code(console, "sync", "--to", "bundle")[:2] == (5, "already_exists")
    assert (console.cwd / "bundle").read_bytes() == before
    wanted = (2, "invalid_argument", "no_such_directory")
    assert code(console, "sync", "--to", "nowhere/bundle") == wanted
    assert sorted(os.listdir(console.cwd)) == ["bundle"]


def test_a_bundle_is_of_the_space_that_is_meant(console: Console) -> None:
    console.ok("space", "create", "other")
    assert code(console, "sync", "--to", "bundle")[:2] == (2, "missing_required_flag")
    console.ok("sync", SPACE, "--to", "bundle")
    assert code(console, "sync", "other", "--from", "bundle")[2] == "another space"
    assert console.ok("sync", SPACE, "--from", "bundle")["spaces"] == [
        console.ok("sync", "--from", "bundle")["bundle"]["space_id"]
    ]


def test_a_file_that_cannot_be_written_leaves_nothing(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "full")

    console.ok("sync")
    monkeypatch.setattr("envoy.wiring.bundles.os.fsync", full)
    assert console.call("sync", "--to", "bundle").status != 0
    monkeypatch.undo()
    assert os.listdir(console.cwd) == []
