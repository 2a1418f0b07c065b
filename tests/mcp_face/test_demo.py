"""The main job of the demo over MCP alone: mend a broken package, prove it, and be understood.

People make the space and let the agents in, which no tool can. All the rest is calls of tools by
the SDK's client: tasks from failing tests, claims, one race, the mending, the evidence, and a
newcomer who reads the brief, what the brief says it left out, and the history, and is held to the
truth.
"""

from __future__ import annotations

import importlib
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from mcp import Client

from envoy import limits
from mcpplay import Json, bare, parameters, team

DEMO = Path(__file__).parents[2] / "demo"
SECONDS_MAX = 100
OUTPUT_MAX = 1_500
ERAS = {"lead": "legacy", "a1": "auto", "a2": "legacy", "new": "auto"}


class Cast(NamedTuple):
    """The demo's own programmer and newcomer, the package, and a client for each profile."""

    agent: Any
    newcomer: Any
    package: Path
    clients: dict[str, Client]

    async def call(self, who: str, tool: str, /, **given: Any) -> Json:
        """Call a tool, which has to succeed."""
        done = await self.clients[who].call_tool(tool, given)
        assert not done.is_error, (tool, done.structured_content)
        found: Json = bare(done.structured_content)
        return found

    async def refused(self, who: str, tool: str, /, **given: Any) -> Json:
        """Call a tool, which has to fail."""
        done = await self.clients[who].call_tool(tool, given)
        assert done.is_error, (tool, done.structured_content)
        found: Json = done.structured_content
        return found


@pytest.mark.slow
def test_the_demo_can_be_run_over_mcp_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    console, space = team(tmp_path, "lead", "a1", "a2")
    lead = ("--profile", "lead")
    code = console.ok(*lead, "invite", space, "--role", "read")["invite_code"]
    console.ok("--profile", "new", "join", "--name", "new", "-", stdin=code)
    package = tmp_path / "package"
    shutil.copytree(DEMO / "package", package, ignore=shutil.ignore_patterns("__pycache__"))
    agent, newcomer = (importlib.import_module(name) for name in ("agent", "newcomer"))

    async def run() -> None:
        with anyio.fail_after(SECONDS_MAX):
            async with AsyncExitStack() as stack:
                clients = {
                    name: await stack.enter_async_context(
                        Client(parameters(console, name, "--space", space), mode=era)
                    )
                    for name, era in ERAS.items()
                }
                await play(Cast(agent, newcomer, package, clients))

    anyio.run(run)


async def play(cast: Cast) -> None:
    """Play all scenes."""
    before = cast.agent.run_tests(cast.package)
    modules = sorted({name.rpartition(".")[0].rpartition(".")[0] for name in before.failed})
    assert len(modules) == 3
    tasks = [await make(cast, module) for module in modules]
    note = await cast.call("lead", "task_create", title="Write the release note", key="note")
    await claim(cast, "a1", tasks[0])
    held = await cast.refused("a2", "task_claim", task=tasks[0], require="confirmed")
    assert (held["error_code"], held["fence"]) == ("task_already_claimed", 1)
    await claim(cast, "a2", tasks[1])
    done = [await work(cast, "a1", tasks[0], modules[0])]
    done += [await work(cast, "a2", tasks[1], modules[1])]
    winner = await race(cast, tasks[2])
    done += [await work(cast, winner, tasks[2], modules[2])]
    assert cast.agent.run_tests(cast.package).passed
    assert (await cast.refused("new", "message_send", body="May I?", key="n"))["error_code"] == (
        "read_only"
    )
    await understands(cast, done, note["task_id"])


async def make(cast: Cast, module: str) -> str:
    """Let the lead make a task of failing tests; return its id."""
    failing = cast.agent.run_tests(cast.package, module)
    body = failing.output[-OUTPUT_MAX:]
    made = await cast.call(
        "lead", "task_create", title=f"Make {module} pass", body=body, key=f"make-{module}"
    )
    return str(made["task_id"])


async def claim(cast: Cast, who: str, task: str) -> None:
    """Let somebody claim a task for certain."""
    taken = await cast.call(who, "task_claim", task=task, require="confirmed")
    assert taken["claim_state"] == "confirmed"


async def race(cast: Cast, task: str) -> str:
    """Let both agents reach for a task at the same moment; return who got it."""
    ended = dict[str, Any]()

    async def reach(who: str) -> None:
        given = {"task": task, "require": "confirmed"}
        ended[who] = await cast.clients[who].call_tool("task_claim", given)

    async with anyio.create_task_group() as group:
        for who in ("a1", "a2"):
            group.start_soon(reach, who)
    (winner,) = [who for who, one in ended.items() if not one.is_error]
    (loser,) = [who for who in ended if who != winner]
    lost = ended[loser].structured_content
    assert lost["error_code"] == "task_already_claimed"
    assert lost["holder"] == ended[winner].structured_content["assignee_id"]
    return winner


async def work(cast: Cast, who: str, task: str, module: str) -> tuple[str, str, str]:
    """Let somebody do a task; return the task, who did it and what the tests said in the end."""
    failing = cast.agent.run_tests(cast.package, module)
    assert not failing.passed
    begun = {"task": task, "action": "progress", "note": "its tests fail", "key": f"begin-{module}"}
    assert (await cast.call(who, "task_update", **begun))["lifecycle_state"] == "in_progress"
    change = cast.agent.mend(cast.package, module, failing)
    after = cast.agent.run_tests(cast.package, module)
    assert after.passed and after.ran == failing.ran
    body = f"$ python -m unittest {module}\n{after.output[-OUTPUT_MAX:]}"
    said = await cast.call(who, "message_send", body=body, refs=[task], key=f"said-{module}")
    done = await cast.call(
        who,
        "task_complete",
        task=task,
        summary=f"{change.old} had to be {change.new}",
        evidence=[said["message_id"]],
        key=f"done-{module}",
    )
    assert done["lifecycle_state"] == "completed"
    return task, who, body


async def understands(cast: Cast, done: list[tuple[str, str, str]], note: str) -> None:
    """Hold what the newcomer can say against what really happened."""
    budget = limits.MCP_BUDGET_TOKENS_MAX
    record = await cast.call("new", "space_brief", budget=budget)
    records, cursor = list[Json](), None
    while True:
        page = await cast.call("new", "history", cursor=cursor, limit=100)
        records += page["records"]
        cursor = page["page"]["next_cursor"]
        if cursor is None:
            break
    if "tasks.done" in record["omitted"]:  # cut by the budget, and counted: ask for them
        asked = await cast.call("new", "tasks", state="completed", limit=100)
        record["tasks"]["done"] = asked["tasks"]
    brief = cast.newcomer.read(record, {"records": records})
    said = sorted((one.task_id, one.by, *(proof.body for proof in one.evidence))
                  for one in brief.done)  # fmt: skip
    assert said == sorted(done)
    assert [(one.task_id, one.state, one.holder_id) for one in brief.waiting] == [
        (note, "open", None)
    ]
