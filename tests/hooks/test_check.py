"""Check: a hook and a server that are there, that are gone, that say something else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from console import Console
from envoy import limits
from envoy.runtimes import handshake

SERVER = """
import json, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({answer}), flush=True)
sys.stdin.read()
"""
GOOD = '{"jsonrpc": "2.0", "id": asked["id"], "result": {"serverInfo": {"name": "x"}}}'


def server(answer: str) -> list[str]:
    """Return the command of a server that gives one answer."""
    return [sys.executable, "-c", SERVER.replace("{answer}", answer)]


def test_a_server_that_answers_is_good() -> None:
    talk = handshake.greet(server(GOOD), os.environ)
    assert (talk.is_good, talk.detail) == (True, "x answers")


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["/no/such/program"], id="a program that is gone"),
        pytest.param(["/bin/false"], id="one that ends at once"),
        pytest.param(["/bin/echo", "no JSON"], id="one that says no JSON"),
        pytest.param(server('{"id": 2, "result": {}}'), id="an answer to something else"),
        pytest.param(server('{"id": 1, "error": {}}'), id="an error"),
        pytest.param(server('{"id": 1, "result": {"serverInfo": 7}}'), id="no name"),
        pytest.param(server(GOOD.replace('"x"', '"\\x1b[2J"')), id="a name for a terminal"),
    ],
)
def test_a_server_that_does_not_is_not(argv: list[str]) -> None:
    talk = handshake.greet(argv, os.environ)
    assert not talk.is_good and talk.detail.isprintable()


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOOK_SERVER_SECONDS_MAX", 0.2)
    assert not handshake.greet(["/bin/cat", "/dev/stdin", "/dev/stdin"], os.environ).is_good
    silent = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    assert not handshake.greet(silent, os.environ).is_good


def test_a_server_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "ENDING_SECONDS", 0.2)
    stays = SERVER.replace("{answer}", GOOD) + "import time; time.sleep(60)"
    talk = handshake.greet([sys.executable, "-c", stays], os.environ)
    assert talk.is_good and talk.took_ms < 30_000


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        pytest.param("true", "runs and has nothing to say", id="silence is good"),
        pytest.param("echo '{}'", "tells where the session stands", id="an object is good"),
    ],
)
def test_a_hook_that_runs_is_good(line: str, detail: str) -> None:
    talk = handshake.call(line, os.environ)
    assert (talk.is_good, talk.detail) == (True, detail)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("exit 2", id="one that fails"),
        pytest.param("echo words", id="one that says no JSON"),
        pytest.param("echo '[]'", id="one that says a list"),
        pytest.param("/no/such/program", id="one that is gone"),
    ],
)
def test_a_hook_that_does_not_is_not(line: str) -> None:
    assert not handshake.call(line, os.environ).is_good


def test_a_hook_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOOK_SERVER_SECONDS_MAX", 0.2)
    assert handshake.call("sleep 30", os.environ).detail == "cannot be run"


def test_the_check_names_what_is_wrong(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("hooks", "install", "cursor")
    (console.bin / "envoy-mcp").write_text("#!/bin/sh\nexit 1\n")
    found = console.call("--json", "hooks", "check", "cursor")
    states = {one["name"]: one["state"] for one in found.data["checks"]}
    assert found.status == 8 and not found.data["sound"]
    assert states == {
        "mcp": "ok",
        "hooks": "ok",
        "hook session-start": "ok",  # it fails open
        "server": "failed",
        "profile": "failed",
    }
    assert all(one["next_command"] for one in found.data["checks"] if one["state"] == "failed")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    console = Console(tmp_path)
    nowhere = {"PATH": str(tmp_path)}
    found = console.call("--json", "hooks", "install", "cursor", **nowhere)
    if found.status:  # beside this Python there may be one
        assert found.data["error_code"] == "unsupported_operation"
        assert not (console.cwd.parent / ".cursor").exists()
