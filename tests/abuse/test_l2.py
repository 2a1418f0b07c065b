"""L2: a link, a second name or a pipe in the place of a file of the home is followed by nobody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console import Console

FILES = ["profiles/lead/identity.json", "profiles/lead/replica.db", "hub/hub.db"]


def symlink(path: Path) -> None:
    """Put the file elsewhere and a link in its place."""
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def hardlink(path: Path) -> None:
    """Give the file a second name."""
    os.link(path, path.with_name("second"))


def fifo(path: Path) -> None:
    """Put a pipe in its place."""
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("trick", [symlink, hardlink, fifo])
@pytest.mark.parametrize("file", FILES)
def test_it_is_refused(file: str, trick: Callable[[Path], None], tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")
    trick(console.home / file)
    found = console.call("--profile", "lead", "send", "hello")
    assert found.status != 0 and "Traceback" not in found.err
    assert "state_access_denied" in found.err


def test_a_home_that_is_a_link_is_refused(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")
    console.home.rename(tmp_path / "moved")
    console.home.symlink_to(tmp_path / "moved")
    found = console.call("--profile", "lead", "send", "hello")
    assert "state_access_denied" in found.err and found.status != 0
