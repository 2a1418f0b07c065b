"""A damaged home: every command names what is wrong, diagnose sees it, nothing stays half-made."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console import PROGRAM, Console

IDENTITY = "profiles/default/identity.json"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with one profile and one space."""
    console = Console(tmp_path)
    assert console.call("quickstart").status == 0
    return console


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9], ids="all of it gone {}".format)
def test_a_cut_identity_is_damage_and_no_bug(part: float, console: Console) -> None:
    path = console.home / IDENTITY
    os.truncate(path, int(path.stat().st_size * part))
    found = console.run("--json", "status")  # a process of its own: nobody has loaded `json` there
    assert (found.status, found.data["error_code"]) == (8, "state_corrupt")


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        pytest.param("hub", 0o755, id="the directory of the hub"),
        pytest.param("hub/hub.lock", 0o644, id="its lock"),
        pytest.param("profiles/default/replica.lock", 0o644, id="the lock of the profile"),
    ],
)
def test_diagnose_sees_what_refuses_a_write(path: str, mode: int, console: Console) -> None:
    before = stat.S_IMODE((console.home / path).stat().st_mode)
    (console.home / path).chmod(mode)
    found = console.call("--json", "diagnose")
    failed = [one for one in found.data["checks"] if one["state"] == "failed"]
    assert found.status == 8
    assert [one["next_command"] for one in failed] == [f"chmod {before:o} '{console.home / path}'"]
    (console.home / path).chmod(before)
    assert console.call("diagnose").status == 0, "control"


@pytest.mark.parametrize("size", [0, 100])
def test_a_full_disk_leaves_no_half_of_an_identity(size: int, console: Console) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = ["identity", "create", "fresh"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        # Python itself would leave halves of its own files.
        env=console.environment(PYTHONDONTWRITEBYTECODE="1"),
        cwd=console.cwd,
        capture_output=True,
        preexec_fn=full,
        check=False,
    )
    assert b"error[storage_failed]" in done.stderr
    assert not (console.home / "profiles/fresh/identity.json").exists()
    assert console.call(*command).status == 0
