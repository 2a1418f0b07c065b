"""The bug hunt: a lead at the command line and two agents over MCP, one of each era.

They find each other in one space, one takes the work and loses its runtime, the other goes on from
what `space_brief` alone says, the lead reviews. Nobody does anything by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mcpplay import Json, bare, parameters, team


class Agent:
    """One client with its server process, and keys for its acts."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._count = 0

    async def act(self, tool: str, /, **given: Any) -> Json:
        """Call a tool that adds something."""
        self._count += 1
        return await self.look(tool, **given, key=f"{self._name}-{self._count}")

    async def look(self, tool: str, /, **given: Any) -> Json:
        """Call a tool, which has to succeed."""
        done = await self._client.call_tool(tool, given)
        assert not done.is_error, done.structured_content
        found: Json = bare(done.structured_content)
        return found


async def first_half(hunter: Agent, task: str, log: Path) -> None:
    """Find the cause, leave what is needed, and be gone."""
    (await hunter.look("inbox_read", wait_s=20))["messages"]
    claim = await hunter.look("task_claim", task=task, require="confirmed")
    assert claim["claim_state"] == "confirmed"
    await hunter.act("task_update", task=task, action="progress", note="reading the log")
    log.write_text("IndexError at next_token\n" * 50)
    held = await hunter.act("object_put", path=log.name, name="crash.log", task=task)
    proof = await hunter.act(
        "record_add",
        kind="evidence",
        fields={"type": "log", "text": "off by one in next_token", "subject": "file:log@1",
                "result": "fail"},
        task=task,
        refs=[f"produced_by:{held['event_id']}"],
    )  # fmt: skip
    await hunter.act(
        "record_add",
        kind="handoff",
        task=task,
        fields={
            "next": "fix next_token and run its tests",
            "completed": ["found the cause"],
            "evidence": [proof["record_id"]],
        },
    )


async def second_half(fixer: Agent) -> str:
    """Go on from the brief alone, knowing no id but those that stand in it; return the task."""
    brief = await fixer.look("space_brief")
    (left,) = brief["handoffs"]
    assert left["next"].startswith("fix next_token") and left["verify"] == "valid"
    taken = await fixer.look("task_claim", handoff=left["record_id"], require="confirmed")
    task = str(left["task_id"])
    assert (taken["transition"], taken["task_id"], taken["fence"]) == ("accept", task, 2)
    rests_on = await fixer.look("trace", id=left["evidence"][0])
    objects = [one["id"] for one in rests_on["nodes"] if one["type"] == "object"]
    log = await fixer.look("object_get", id=objects[0])
    assert "IndexError" in log["content"]
    proof = await fixer.act(
        "record_add",
        kind="evidence",
        fields={"type": "test", "text": "12 passed", "subject": "git:main@2", "result": "pass"},
        task=task,
    )
    done = await fixer.act(
        "task_complete", task=task, summary="index fixed", evidence=[proof["record_id"]]
    )
    assert done["lifecycle_state"] == "submitted"
    return task


@pytest.mark.slow
def test_two_clients_and_the_command_line_finish_it_together(tmp_path: Path) -> None:
    console, space = team(tmp_path, "lead", "a1", "b2")

    def lead(*words: str) -> Json:
        return console.ok("--profile", "lead", *words)

    async def run() -> None:
        with anyio.fail_after(90):
            made = lead("task", "create", "Repro crash in parser", "--reviews", "1",
                        "--no-self-review", "--require-evidence", "test")  # fmt: skip
            task = made["task_id"]
            async with Client(parameters(console, "b2", "--space", space), mode="auto") as two:
                fixer = Agent(two, "b2")
                async with Client(parameters(console, "a1"), mode="legacy") as one:
                    await first_half(Agent(one, "a1"), task, console.cwd / "crash.log")
                # The first runtime is gone with all it knew.
                assert await second_half(fixer) == task
                since = (await fixer.look("inbox_read"))["latest_cursor"]
                lead("review", "approve", task, "--note", "saw the tests pass")
                heard = await fixer.look("events_wait", since=since, wait_s=20)
                assert "review_recorded" in [one["type"] for one in heard["events"]]
                after = await fixer.look("tasks", task=task)
                assert after["state"] == "completed"
            record = lead("work-record", space)
            assert [one["task_id"] for one in record["tasks"]["done"]] == [task]

    anyio.run(run)
