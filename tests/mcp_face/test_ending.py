"""The end of a server: what only its own session could go on with is free for others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import Console
from envoy.mcp.session import Bounds, Session
from mcpplay import Player, config, parameters, team

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}


@contextmanager
def process(console: Console, session: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server whose pipes the test holds; "" names no session."""
    given = parameters(console, "a1", **({"ENVOY_SESSION": session} if session else {}))
    started = subprocess.Popen(
        [given.command, *given.args],
        env={**(given.env or {}), "PATH": os.environ["PATH"]},
        cwd=given.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate(timeout=30)


def asked(started: subprocess.Popen[bytes], number: int, method: str, **params: object) -> str:
    """Ask a server and return the line of its answer."""
    assert started.stdin is not None and started.stdout is not None
    made = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    started.stdin.write(json.dumps(made).encode() + b"\n")
    started.stdin.flush()
    return started.stdout.readline().decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status"),
    [
        pytest.param(None, 0, id="the client closes its side"),
        pytest.param(signal.SIGINT, 130, id="an interrupt, and the client is still there"),
        pytest.param(signal.SIGTERM, 143, id="it is told to end"),
    ],
)
def test_a_server_that_ends_gives_back_what_nobody_else_can_go_on_with(
    tmp_path: Path, end: signal.Signals | None, status: int
) -> None:
    console, _ = team(tmp_path, "lead", "a1")
    for name, after in (("", "open"), ("mine", "claimed")):
        task = console.ok("--profile", "lead", "task", "create", "t")["task_id"]
        with process(console, name) as started:
            assert started.stdin is not None
            assert "2025-11-25" in asked(started, 1, "initialize", **HELLO)
            started.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
            given = {"name": "task_claim", "arguments": {"task": task}}
            assert "confirmed" in asked(started, 2, "tools/call", **given)
            if end is None:
                started.stdin.close()
                started.stdin = None
            else:
                started.send_signal(end)
            assert started.wait(timeout=30) == status
        assert console.ok("--profile", "lead", "task", "show", task)["state"] == after


@pytest.mark.parametrize("origin", ["default", "env"])
def test_a_session_without_a_name_ends_with_its_server(tmp_path: Path, origin: str) -> None:
    console, _ = team(tmp_path, "lead", "a1")
    task, other = (
        console.ok("--profile", "lead", "task", "create", "t")["task_id"] for _ in range(2)
    )
    console.ok("--profile", "a1", "task", "claim", other, ENVOY_SESSION="another")
    named = config(console.home, "a1", "run-1")._replace(origins={"session": origin})
    with Session(named, Bounds(str(console.cwd))) as session:
        Player(session).call("task_claim", task=task)
    states = [console.ok("--profile", "a1", "task", "show", one)["state"] for one in (task, other)]
    assert states == ["open" if origin == "default" else "claimed", "claimed"]


def test_a_session_in_a_home_that_broke_ends_all_the_same(tmp_path: Path) -> None:
    console, _ = team(tmp_path, "lead", "a1")
    task = console.ok("--profile", "lead", "task", "create", "t")["task_id"]
    named = config(console.home, "a1")._replace(origins={"session": "default"})
    with Session(named, Bounds(str(console.cwd))) as session:
        Player(session).call("task_claim", task=task)
        (console.home / "profiles/a1/identity.json").unlink()
    assert console.call("--profile", "a1", "status").status != 0  # the control
