"""W2: another user of the machine gets nothing from the operator's port, nor from its files."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from relay import process
from relay.process import Served
from relay.test_process import UnixConnection, get

NOBODY = 65534
TRY = """
import os, socket, sys
uid, path = int(sys.argv[1]), sys.argv[2]
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
try:
    if sys.argv[3] == "read":
        open(path, "rb").read()
    else:
        line = socket.socket(socket.AF_UNIX)
        line.connect(path)
except PermissionError:
    sys.exit(13)
"""
# Only root can be somebody else: without it what is left to look at is the mode bits.
OTHERS = [NOBODY] if os.geteuid() == 0 else []


def tried(uid: int, path: Path, how: str) -> int:
    """Return 0 if a process of ``uid`` got at ``path``, 13 if it was denied."""
    command = [sys.executable, "-c", TRY, str(uid), os.fspath(path), how]
    return subprocess.run(command, check=False, timeout=30).returncode


def open_way(path: Path) -> None:
    """Let everybody pass through the directories of the test, so that only the last door holds."""
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)


def secrets(served: Served) -> list[Path]:
    """Return the files that nobody else may read."""
    kept = [one for one in served.directory.rglob("*") if one.is_file()]
    assert {one.name for one in kept} >= {"relay.key", "hub.db", "admin.token"}
    return kept


def test_the_socket_of_the_operator_is_the_operators(tmp_path: Path) -> None:
    place = tmp_path / "admin.sock"
    with process.serving(tmp_path / "relay", admin=f"unix:{place}"):
        open_way(place)
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert get(UnixConnection(place), "/healthz")[0] == 200  # the control
        assert tried(os.geteuid(), place, "connect") == 0
        assert [tried(uid, place, "connect") for uid in OTHERS] == [13] * len(OTHERS)


def test_the_port_on_loopback_asks_for_what_lies_in_a_private_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with process.serving(tmp_path / "relay", admin=f"127.0.0.1:{port}") as served:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        token = (served.directory / "admin.token").read_text()
        wrong = (token[:-1], token + "0", "0" * len(token))
        for path in ("/metrics", "/healthz", "/readyz"):
            assert get(line, path)[0] == 403
            for shown in ("", "Bearer", f"Basic {token}", *map("Bearer {}".format, wrong)):
                assert get(line, path, Authorization=shown)[0] == 403
            assert get(line, path + f"?token={token}")[0] == 403
            assert get(line, path, Authorization=f"Bearer {token}")[0] == 200
        line.close()
        open_way(served.directory / "x")
        for kept in secrets(served):
            assert stat.S_IMODE(kept.stat().st_mode) & 0o077 == 0, kept
            assert tried(os.geteuid(), kept, "read") == 0
            assert [tried(uid, kept, "read") for uid in OTHERS] == [13] * len(OTHERS), kept


@pytest.mark.parametrize("place", ["0.0.0.0:9", "192.0.2.1:9", "[::]:9"])
def test_the_operators_port_is_nowhere_else(tmp_path: Path, place: str) -> None:
    from_outside = {"admin": place}
    with pytest.raises(AssertionError, match="exit"):
        process.start(tmp_path / "relay", **from_outside)
