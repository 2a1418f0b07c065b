"""L1: what Envoy makes is its user's alone under any umask; what others can open is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console import Console

WIDER = {
    "identity.json": (0o640, 0o604, 0o660, 0o666),
    "replica.db": (0o640, 0o604, 0o666),
    "": (0o750, 0o701, 0o777),
}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_every_file_and_directory(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        console = Console(tmp_path)
        console.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")
        console.ok("--profile", "lead", "send", "hello")
    finally:
        os.umask(before)
    found = [console.home, *console.home.rglob("*")]
    assert len(found) > 5
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, path
        assert path.is_dir() or not path.stat().st_mode & 0o111


def test_wider_modes_are_refused_and_narrow_ones_open(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")
    profile = console.home / "profiles/lead"
    for name, modes in WIDER.items():
        path = profile / name
        right = path.stat().st_mode & 0o777
        for mode in modes:
            path.chmod(mode)
            found = console.call("--profile", "lead", "send", "hello")
            assert "state_access_denied" in found.err and found.status != 0, (name, oct(mode))
        path.chmod(right)
    assert console.call("--profile", "lead", "send", "hello").status == 0
