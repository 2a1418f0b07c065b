"""The MCP Inspector, a client that others wrote, in both eras; and the bug hunt with it.

Each of its runs starts a server, asks one thing and ends: a runtime that forgets all in between.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import anyio
import pytest
from mcp import Client

import nodetools
from console import Console
from envoy.mcp import table
from mcpplay import Json, bare, parameters, team

pytestmark = pytest.mark.slow

INSPECTOR = nodetools.command(nodetools.INSPECTOR)
ERAS = ("legacy", "modern")
REFUSED = 5  # its exit status for a result with isError


class Inspector:
    """The Inspector at the command line, for the server of a profile."""

    def __init__(self, console: Console, profile: str, era: str, *flags: str) -> None:
        self._console = console
        # Each call is a server of its own: by its name the next one goes on with what it holds.
        environment = console.environment(ENVOY_SESSION=f"{profile}-run")
        names = ("ENVOY_HOME", "ENVOY_SESSION", "PYTHONPATH", "LANG")
        given = [f"{name}={environment[name]}" for name in names]
        self._server = ["envoy-mcp", "--profile", profile, *flags]
        self._given = [word for one in given for word in ("-e", one)]
        self._era = era

    def run(self, method: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it for one request."""
        asked = ["--protocol-era", self._era, "--method", method, "--format", "json", *words]
        return subprocess.run(
            [*INSPECTOR, "--cli", *self._server, *self._given, *asked],
            env=self._console.environment(),
            cwd=self._console.cwd,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ask(self, method: str, *words: str) -> Json:
        """Return the result of a request."""
        done = self.run(method, *words)
        assert done.returncode == 0, done
        found: Json = json.loads(done.stdout)["result"]
        return found

    def call(self, tool: str, /, **given: object) -> Json:
        """Return what a tool answers, its texts bare."""
        words = ("--tool-name", tool, "--tool-args-json", json.dumps(given))
        found: Json = bare(self.ask("tools/call", *words)["structuredContent"])
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Console, str]:
    return team(tmp_path_factory.mktemp("inspected"), "lead")


@pytest.mark.parametrize("era", ERAS)
def test_it_lists_all_there_is_and_finds_no_fault(home: tuple[Console, str], era: str) -> None:
    console, space = home
    inspector = Inspector(console, "lead", era)
    listed = inspector.run("tools/list", "--strict")  # 6: a schema that some client refuses
    assert listed.returncode == 0, listed
    tools = json.loads(listed.stdout)["result"]["tools"]
    fields = ("name", "description", "inputSchema", "annotations")
    assert [{name: one[name] for name in fields} for one in tools] == table.listed(read_only=False)
    uris = {one["uri"] for one in inspector.ask("resources/list")["resources"]}
    assert uris == {f"envoy://space/{space}/{sort}" for sort in ("work-record", "brief")}
    (page,) = inspector.ask("resources/read", "--uri", f"envoy://space/{space}/brief")["contents"]
    assert "envoy.work_record/1" in page["text"]
    asked = ("--prompt-name", "handoff", "--prompt-args", "task=task_t7f2kq")
    (said,) = inspector.ask("prompts/get", *asked)["messages"]
    assert "task_t7f2kq" in said["content"]["text"]


@pytest.mark.parametrize("era", ERAS)
def test_it_calls_tools_and_sees_refusals(home: tuple[Console, str], era: str) -> None:
    console, space = home
    inspector = Inspector(console, "lead", era)
    sent = inspector.call("message_send", body="hello", key=f"k-{era}")
    assert (sent["space_id"], sent["replayed"]) == (space, False)
    words = ("--tool-name", "message_send", "--tool-args-json", '{"body": "no key"}')
    refused = inspector.run("tools/call", *words)
    assert refused.returncode == REFUSED
    found = json.loads(refused.stdout)["result"]["structuredContent"]
    assert found["error_code"] == "missing_required_flag"


def test_the_sdk_the_inspector_and_the_command_line_finish_the_bug_hunt(tmp_path: Path) -> None:
    console, space = team(tmp_path, "lead", "a1", "b2")

    def lead(*words: str) -> Json:
        return console.ok("--profile", "lead", *words)

    lead("task", "create", "Repro crash in parser", "--reviews", "1", "--no-self-review",
         "--require-evidence", "test")  # fmt: skip
    anyio.run(hunt, console)
    # The next one knows the space and nothing else, and forgets between two calls.
    fixer = Inspector(console, "b2", "modern", "--space", space)
    (left,) = fixer.call("space_brief")["handoffs"]
    assert (left["next"], left["verify"]) == ("fix next_token", "valid")
    taken = fixer.call("task_claim", handoff=left["record_id"], require="confirmed")
    assert (taken["transition"], taken["fence"]) == ("accept", 2)
    fields = {"type": "test", "text": "12 passed", "subject": "git:main@2", "result": "pass"}
    task = fixer.call("space_brief")["tasks"]["mine"][0]["task_id"]
    proof = fixer.call("record_add", kind="evidence", task=task, fields=fields, key="b2-1")
    done = fixer.call("task_complete", task=task, summary="index fixed",
                      evidence=[proof["record_id"]], key="b2-2")  # fmt: skip
    assert done["lifecycle_state"] == "submitted"
    lead("review", "approve", task, "--note", "saw the tests pass")
    heard = fixer.call("events_wait", since=0, types=["review_recorded"], wait_s=20)
    assert [one["task_id"] for one in heard["events"]] == [task]
    assert [one["task_id"] for one in lead("work-record", space)["tasks"]["done"]] == [task]


async def hunt(console: Console) -> None:
    """Let the SDK's client take the task, find the cause, hand over and be gone."""
    with anyio.fail_after(60):
        async with Client(parameters(console, "a1"), mode="legacy") as client:
            taken = await client.call_tool("task_claim", {"ready": True, "require": "confirmed"})
            assert taken.structured_content["claim_state"] == "confirmed", taken
            task = taken.structured_content["task_id"]
            fields = {"next": "fix next_token", "completed": ["found the cause"]}
            given = {"kind": "handoff", "task": task, "fields": fields, "key": "a1-1"}
            passed = await client.call_tool("record_add", given)
            assert not passed.is_error, passed
