"""L7: a helper file that is cut, zeroed or gone gives a clear code or goes unnoticed, no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.damage import Home
from crash.test_damage import REPLICA, all_of, check

pytestmark = pytest.mark.slow
FILES = ["hub/hub.lock", "profiles/a1/replica.lock", "profiles/a1/replica.db-shm", "config.toml"]


def test_each_of_them(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make(folded=True)
    before = home.events("a1")
    for file in FILES:
        for spoil in (b"", bytes(4096), None):
            home.restore()
            path = home.place / file
            path.unlink(missing_ok=True)
            if spoil is not None:
                path.write_bytes(spoil)
                path.chmod(0o600)
            found = home.call("a1", "send", "goes on", "--space", "bughunt")
            assert "Traceback" not in found.err
            if found.status:
                assert "error[" in found.err and file == "config.toml", (file, found)
                path.unlink()
            after = home.events("a1")
            assert before <= after and len(after) == len(before) + (found.status == 0)


def test_a_replica_that_is_cut_is_told_and_comes_back(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make(folded=True)
    before = all_of(home)
    path = home.place / REPLICA
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert check(home, before, "half of a replica")
