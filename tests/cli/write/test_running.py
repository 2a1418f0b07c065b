"""Run: what is recorded of a command, and what comes where it cannot be."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy.replica.actions import hold
from envoy.views.secrets import MARK
from envoy.wiring import running

FAILED = 125


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    found.ok("quickstart", "--space-name", "bughunt")
    return found


def fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a record."""
    return {one["name"]: one["value"] for one in data["fields"]}


def task(console: Console, *more: str) -> str:
    """Make a task, claim it and return its id."""
    made = console.ok("task", "create", "Repro", *more)
    name: str = made["task_id"]
    console.ok("task", "claim", name)
    return name


def test_a_run_is_evidence_of_what_came_of_it(console: Console) -> None:
    name = task(console)
    found = console.call(
        "--json", "run", "--task", name, "--type", "unit", "--", "sh", "-c", "echo a; echo b >&2"
    )
    assert (found.status, found.err) == (0, "a\nb\n")
    data, known = found.data, fields(found.data)
    assert (data["kind"], data["type"], data["state"]) == ("evidence", "unit", "current")
    assert (data["grade"], data["task_id"]) == ("recorded", name)
    assert json.loads(known["argv"]) == ["sh", "-c", "echo a; echo b >&2"]
    assert (known["exit"], known["result"], known["output_tail"]) == ("0", "pass", "a\nb\n")
    assert known["output_sha256"] == hashlib.sha256(b"a\nb\n").hexdigest()
    assert (known["output_bytes"], known["cwd"]) == ("4", "~/bughunt")
    assert data["subject"].startswith("run:sh-")
    assert {"started_at", "took_ms"} <= known.keys()
    assert not {"argv_cut", "signal", "git_head", "git_dirty"} & known.keys()


@pytest.mark.parametrize(
    ("script", "status", "more"),
    [
        pytest.param("exit 3", 3, {}, id="a status"),
        pytest.param("kill -TERM $$", 143, {"signal": "SIGTERM"}, id="a signal"),
    ],
)
def test_our_status_is_that_of_the_command(
    console: Console, script: str, status: int, more: dict[str, str]
) -> None:
    found = console.call("--json", "run", "--", "sh", "-c", script)
    assert found.status == status
    assert fields(found.data).items() >= {"exit": str(status), "result": "fail", **more}.items()


def test_people_see_the_output_and_then_what_was_recorded(console: Console) -> None:
    found = console.run("run", "--", "sh", "-c", "echo a")
    first, last = found.out.splitlines()
    assert first == "a"
    assert " pass, exit 0  sh -c echo a" in last
    assert console.run("run", "--quiet", "--", "sh", "-c", "echo a; exit 2") == (2, "", "")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["--", "envoy-has-no-such-program"], "invalid_argument", id="no program"),
        pytest.param(["--cwd", "gone", "--", "true"], "invalid_argument", id="no directory"),
        pytest.param([], "missing_required_flag", id="no command"),
        pytest.param(["--bogus", "--", "true"], "invalid_argument", id="no such flag"),
        pytest.param(["--task", "task_aaaaaa", "--", "true"], "task_not_found", id="no task"),
        pytest.param(["--space", "nowhere", "--", "true"], "space_not_found", id="no space"),
        pytest.param(["--timeout", "x", "--", "true"], "invalid_argument", id="a bad global flag"),
        pytest.param(["--type", "", "--", "true"], "invalid_argument", id="no type"),
    ],
)
def test_where_envoy_fails_the_status_is_its_own(
    console: Console, args: list[str], code: str
) -> None:
    found = console.call("--json", "run", *args)
    assert (found.status, found.data["error_code"]) == (FAILED, code)
    assert console.ok("record", "list")["records"] == []


def test_nothing_is_run_that_could_not_be_recorded(console: Console) -> None:
    code = console.ok("invite", "--role", "read")["invite_code"]
    console.ok("--profile", "r1", "join", code)
    found = console.call("--profile", "r1", "--json", "run", "--", "touch", "ran")
    assert (found.status, found.data["error_code"]) == (FAILED, "read_only")
    console.ok("space", "close", "bughunt", "--yes")
    found = console.call("--json", "run", "--", "touch", "ran")
    assert (found.status, found.data["error_code"]) == (FAILED, "space_closed")
    assert not (console.cwd / "ran").exists()


def test_a_key_runs_a_command_once(console: Console) -> None:
    args = ("--json", "run", "--idempotency-key", "k1", "--", "sh", "-c", "echo x >>log; exit 5")
    first, again = console.call(*args), console.call(*args)
    assert (first.status, again.status) == (5, 5)
    assert first.data["record_id"] == again.data["record_id"]
    assert [one.data["replayed"] for one in (first, again)] == [False, True]
    assert (console.cwd / "log").read_text() == "x\n"
    other = console.call("--json", "run", "--idempotency-key", "k1", "--", "true")
    assert (other.status, other.data["error_code"]) == (FAILED, "idempotency_mismatch")


def test_secrets_go_into_no_log(console: Console) -> None:
    found = console.call(
        "--json", "run", "--", "sh", "-c", "echo token=abc123", "x", "--password", "hunter2"
    )
    assert "hunter2" not in found.out
    assert "abc123" not in found.out
    known = fields(found.data)
    assert json.loads(known["argv"])[-1] == MARK
    assert known["output_tail"] == f"token={MARK}\n"
    assert known["output_sha256"] == hashlib.sha256(b"token=abc123\n").hexdigest()
    shown = console.ok("record", "show", found.data["record_id"])
    assert "hunter2" not in json.dumps(shown)


def test_all_of_the_output_can_be_kept(console: Console) -> None:
    name = task(console)
    code = "print('x' * 200000)"
    found = console.call(
        "--json", "run", "--task", name, "--keep-output", "--", "python3", "-c", code
    )
    (ref,) = found.data["refs"]
    assert ref["rel"] == "produced_by"
    console.ok("object", "get", ref["id"], "--output", "out")
    assert (console.cwd / "out").read_text() == "x" * 200_000 + "\n"
    (shared,) = console.ok("object", "list")["objects"]
    assert shared["sha256"] == fields(found.data)["output_sha256"]
    assert shared["task_id"] == name
    assert console.call("run", "--keep-output", "--", "true").status == 0


def test_more_output_than_an_object_holds_is_recorded_without_it(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "OBJECT_BYTES_MAX", 3)
    found = console.call("--json", "run", "--keep-output", "--", "echo", "abc")
    assert (found.status, found.data["refs"]) == (0, [])
    assert [one["code"] for one in found.data["warnings"]] == ["output_not_kept"]


def test_the_lease_of_the_task_is_renewed_while_a_command_runs(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, beats = task(console), list[int]()
    real = hold.heartbeat

    def heartbeat(replica: Any, one: bytes, *, lease_s: int) -> Any:
        beats.append(lease_s)
        return real(replica, one, lease_s=lease_s)

    monkeypatch.setattr(running, "BEAT_MS", 50)
    monkeypatch.setattr(hold, "heartbeat", heartbeat)
    found = console.call("--json", "run", "--task", name, "--", "sleep", "0.4")
    assert (found.status, found.data["warnings"]) == (0, [])
    assert set(beats) == {900}
    beats.clear()
    other = console.call("--json", "run", "--task", name, "--", "sleep", "0.4", ENVOY_SESSION="b")
    assert (other.status, beats) == (0, [])  # another session holds it


def test_a_task_that_is_lost_meanwhile_is_told_of(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = task(console)
    monkeypatch.setattr(running, "BEAT_MS", 50)
    code = console.ok("invite")["invite_code"]
    console.ok("--profile", "a1", "join", code)
    script = f"envoy task assign {name} @a1 >/dev/null; sleep 0.5"
    found = console.call("--json", "run", "--task", name, "--", "sh", "-c", script)
    assert found.status == 0
    assert [one["code"] for one in found.data["warnings"]] == ["lease_lost"]


def test_in_a_git_tree_the_commit_is_what_it_speaks_of(console: Console) -> None:
    name = task(console)
    named = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")

    def git(*words: str) -> str:
        done = subprocess.run(
            ("git", *named, *words), cwd=console.cwd, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def ran() -> dict[str, Any]:
        return console.ok("run", "--task", name, "--", "true")

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    head = git("rev-parse", "HEAD")
    clean = ran()
    assert clean["subject"] == f"git:bughunt@{head}"
    assert fields(clean).items() >= {"git_head": head, "git_dirty": "false", "cwd": "."}.items()
    (console.cwd / "new").write_text("x")
    dirty = ran()
    assert dirty["subject"] == f"git:bughunt@{head}+dirty"
    stale = console.ok("record", "show", clean["record_id"])
    assert (stale["state"], stale["stale"]) == ("stale", True)
    assert ran()["state"] == "current"


def test_a_gate_counts_a_run_that_passed(console: Console) -> None:
    name = task(console, "--require-evidence", "test")
    failed = console.call("--json", "run", "--task", name, "--", "false").data["record_id"]
    refused = console.call("--json", "task", "complete", name, "--evidence", failed)
    assert refused.data["error_code"] == "evidence_missing"
    passed = console.ok("run", "--task", name, "--", "true")["record_id"]
    done = console.ok("task", "complete", name, "--evidence", passed)
    assert done["lifecycle_state"] == "completed"
