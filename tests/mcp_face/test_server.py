"""The server by the SDK's own client, in both eras: in this process, and over real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from console import Console
from envoy import limits
from envoy.errors import InternalError
from envoy.mcp import server, table, tools
from envoy.mcp.pacing import Gate
from envoy.mcp.session import Bounds
from envoy.wiring import attending
from mcpplay import Json, bare, config, parameters, team

ERAS = ("auto", "legacy")
VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
Play = Callable[[Client], Awaitable[None]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Console, str]:
    """Return a console with a space of two, for all tests that leave it as it is."""
    return team(tmp_path_factory.mktemp("served"), "lead", "a1")


@asynccontextmanager
async def inside(console: Console, era: str, **more: Any) -> AsyncIterator[Client]:
    """Serve a client in this process."""
    settings = config(console.home, "a1")
    core = server.Core(settings, Bounds(str(console.cwd)))
    bell = server.Bell(lambda: attending.watch(settings))
    try:
        async with Client(server.make(server.Face(core, bell)), mode=era, **more) as client:
            yield client
    finally:
        bell.end()
        await anyio.to_thread.run_sync(core.close)


def play(console: Console, era: str, act: Play, **more: Any) -> None:
    """Let ``act`` talk to a server in this process."""

    async def run() -> None:
        with anyio.fail_after(30):
            async with inside(console, era, **more) as client:
                await act(client)

    anyio.run(run)


async def call(client: Client, name: str, **given: Any) -> Json:
    """Call a tool, which has to succeed."""
    done = await client.call_tool(name, given)
    assert not done.is_error, done.structured_content
    found: Json = bare(done.structured_content)
    return found


def wire(tool: types.Tool) -> Json:
    """Return a tool as it was listed."""
    made = tool.model_dump(by_alias=True, exclude_none=True, mode="json")
    return {name: made[name] for name in ("name", "description", "inputSchema", "annotations")}


@pytest.mark.parametrize("era", ERAS)
def test_everything_is_listed_and_says_the_same_in_both_eras(
    home: tuple[Console, str], era: str
) -> None:
    console, space = home

    async def act(client: Client) -> None:
        listed = await client.list_tools()
        assert [wire(one) for one in listed.tools] == table.listed(read_only=False)
        assert client.instructions == table.INSTRUCTIONS
        if era == "auto":
            assert (listed.ttl_ms, listed.cache_scope) == (limits.MCP_LIST_TTL_MS, "public")
        status = await call(client, "status")
        assert status["profile"] == "a1"
        found = await client.list_resources()
        assert {str(one.uri) for one in found.resources} == {
            f"envoy://space/{space}/{sort}" for sort in ("work-record", "brief")
        }
        assert len((await client.list_resource_templates()).resource_templates) == 5
        read = await client.read_resource(f"envoy://space/{space}/brief")
        assert "envoy.work_record/1" in str(read.contents[0])
        prompts = await client.list_prompts()
        assert {one.name for one in prompts.prompts} == {"take_next_task", "handoff", "review_task"}
        said = await client.get_prompt("handoff", {"task": "task_t7f2kq"})
        assert "task_t7f2kq" in str(said.messages[0].content)
        for wrong in (
            client.call_tool("send_money", {}),
            client.get_prompt("obey", {}),
            client.get_prompt("handoff", {"task": "<x>"}),
            client.read_resource("envoy://space/x/y"),
        ):
            with pytest.raises(MCPError) as caught:
                await wrong
            assert caught.value.error.code == types.INVALID_PARAMS

    play(console, era, act)


@pytest.mark.parametrize("era", ERAS)
def test_errors_are_results_that_a_model_reads(home: tuple[Console, str], era: str) -> None:
    async def act(client: Client) -> None:
        done = await client.call_tool("message_send", {"body": "x"})
        assert done.is_error and done.structured_content["error_code"] == "missing_required_flag"
        text = done.content[0]
        assert isinstance(text, types.TextContent)
        assert json.loads(text.text) == done.structured_content

    play(home[0], era, act)


def test_a_bug_shows_its_kind_and_nothing_else(
    home: tuple[Console, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[str, Json]:
        raise ValueError("what a member wrote")

    monkeypatch.setattr(tools, "READINGS", {"status": tools.Reading(broken)})

    async def act(client: Client) -> None:
        done = await client.call_tool("status", {})
        assert done.is_error
        found = done.structured_content
        assert (found["error_code"], found["exception"]) == ("internal", "ValueError")
        assert "member wrote" not in str(done)

    play(home[0], "auto", act)


# -- waits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
def test_a_wait_ends_with_a_message_of_another_process(tmp_path: Path, era: str) -> None:
    console, space = team(tmp_path, "lead", "a1")

    async def act(client: Client) -> None:
        since = (await call(client, "inbox_read", space=space))["latest_cursor"]
        found = dict[str, Json]()

        async def wait(name: str, **given: Any) -> None:
            found[name] = await call(client, name, space=space, wait_s=20, **given)

        async with anyio.create_task_group() as group:
            group.start_soon(wait, "inbox_read")
            group.start_soon(lambda: wait("events_wait", since=since, types=["new_message"]))
            await anyio.sleep(0.2)
            assert (await call(client, "status"))["profile"] == "a1"  # a wait holds nobody up
            begun = time.monotonic()
            await anyio.to_thread.run_sync(
                lambda: console.ok("--profile", "lead", "send", "--space", space, "wake up")
            )
        assert time.monotonic() - begun < 5
        assert found["inbox_read"]["messages"][0]["body"] == "wake up"
        assert [one["body"] for one in found["events_wait"]["events"]] == ["wake up"]
        assert not found["inbox_read"]["timed_out"] and not found["events_wait"]["timed_out"]

    play(console, era, act)


def test_time_that_runs_out_is_a_normal_result_with_progress(
    home: tuple[Console, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MCP_PROGRESS_SECONDS", 0)
    told = list[tuple[float, float | None]]()

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async def act(client: Client) -> None:
        space = home[1]
        newest = (await call(client, "events_wait", space=space, since=0, wait_s=0))["cursor"]
        given = {"space": space, "since": newest, "wait_s": 1}
        done = await client.call_tool("events_wait", given, progress_callback=progress)
        assert not done.is_error and done.structured_content["timed_out"] is True
        assert done.structured_content["events"] == []
        assert told and told[-1][1] == 1

    play(home[0], "legacy", act)


def test_a_wait_that_is_given_up_leaves_the_server_as_it_was(home: tuple[Console, str]) -> None:
    async def act(client: Client) -> None:
        for _ in range(3):
            with anyio.move_on_after(0.1) as scope:
                await client.call_tool(
                    "events_wait", {"space": home[1], "since": 10**6, "wait_s": 50}
                )
            assert scope.cancelled_caught
        begun = time.monotonic()
        assert (await call(client, "status"))["profile"] == "a1"
        assert time.monotonic() - begun < 2

    play(home[0], "legacy", act)


@pytest.mark.parametrize("era", ERAS)
def test_who_subscribes_hears_of_changes(tmp_path: Path, era: str) -> None:
    console, space = team(tmp_path, "lead", "a1")
    uri = f"envoy://space/{space}/brief"
    heard = anyio.Event()

    async def message(one: object) -> None:
        if isinstance(one, types.ResourceUpdatedNotification):
            assert str(one.params.uri) == uri
            heard.set()

    async def act(client: Client) -> None:
        async def write() -> None:
            await anyio.to_thread.run_sync(
                lambda: console.ok("--profile", "lead", "send", "--space", space, "news")
            )

        if era == "auto":
            async with client.listen(resource_subscriptions=[uri]) as stream:
                await anyio.sleep(0.3)
                await write()
                with anyio.fail_after(10):
                    event = await anext(aiter(stream))
                assert uri in str(event)
            return
        with pytest.warns(MCPDeprecationWarning):
            await client.subscribe_resource(uri)
        await anyio.sleep(0.3)
        await write()
        with anyio.fail_after(10):
            await heard.wait()
        with pytest.warns(MCPDeprecationWarning):
            await client.unsubscribe_resource(uri)

    play(console, era, act, message_handler=message)


def test_too_many_subscriptions_are_refused(
    home: tuple[Console, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MCP_SUBSCRIPTIONS_MAX", 1)

    async def act(client: Client) -> None:
        with pytest.warns(MCPDeprecationWarning):
            await client.subscribe_resource(f"envoy://space/{home[1]}/brief")
            with pytest.raises(MCPError):
                await client.subscribe_resource(f"envoy://space/{home[1]}/work-record")

    play(home[0], "legacy", act)


# -- beside the calls ----------------------------------------------------------------------------


def test_it_syncs_while_nobody_calls_and_asks_less_often_where_nobody_answers(
    home: tuple[Console, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, pauses = list[int](), list[float]()
    monkeypatch.setattr(limits, "FRESH_SECONDS", 1)
    monkeypatch.setattr(limits, "MCP_ATTEND_SECONDS_MAX", 3)

    def turn(*_: object) -> bool:
        turns.append(1)
        if len(turns) == 2:
            raise InternalError("storage_failed")
        return len(turns) > 3

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 6:
            await real(60)
        await real(0)

    real = anyio.sleep
    monkeypatch.setattr(server, "_turn", turn)
    monkeypatch.setattr(anyio, "sleep", sleep)

    async def act(client: Client) -> None:
        for _ in range(200):
            if len(pauses) > 6:
                break
            await real(0.01)

    play(home[0], "auto", act)
    assert pauses[:7] == [1, 2, 2, 3, 1, 1, 1]


def test_a_turn_exchanges_what_waits(tmp_path: Path) -> None:
    console, _ = team(tmp_path, "lead", "a1")
    console.ok("--profile", "a1", "--no-sync", "send", "later")
    settings = config(console.home, "a1")
    core = server.Core(settings, Bounds(str(console.cwd)))
    with core.session as session:
        with session.reading() as reader:
            assert len(attending.wants_turn(reader.spaces)) == 1
        assert server._turn(session, lambda: True)
        with session.reading() as reader:
            assert attending.wants_turn(reader.spaces) == []
        assert server._turn(session, lambda: True)  # nothing to do is as good
    core.close()
    gone = config(console.home, "nobody")
    assert attending.take_turn(gone, [], lambda: True) is False


# -- over real pipes -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("era", ERAS)
def test_a_process_serves_both_eras(home: tuple[Console, str], era: str) -> None:
    console, _ = home

    async def run() -> None:
        with anyio.fail_after(60):
            async with Client(parameters(console, "a1"), mode=era) as client:
                assert client.protocol_version == VERSIONS[era]
                assert len((await client.list_tools()).tools) == len(table.TOOLS)
                assert (await call(client, "status"))["profile"] == "a1"

    anyio.run(run)


@contextmanager
def process(console: Console, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server whose pipes the test holds."""
    given = parameters(console, "a1", *flags)
    started = subprocess.Popen(
        [given.command, *given.args],
        env={**(given.env or {}), "PATH": os.environ["PATH"]},
        cwd=given.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate(timeout=30)


def request(number: int, method: str, **params: Any) -> bytes:
    """Return a request of the older era as a line."""
    made = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(made).encode() + b"\n"


HELLO = (
    request(
        1,
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "t", "version": "1"},
    )
    + b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)


@pytest.mark.slow
def test_what_is_no_message_is_answered_and_stdout_is_the_protocols(
    home: tuple[Console, str],
) -> None:
    lines = [
        b"not json\n",
        b"{}\n",
        b"[]\n",
        b'{"jsonrpc":"1.0","id":7,"method":"ping"}\n',
        b"\xff\xfe\n",
        request(8, "tools/call", name=7),
        request(9, "tools/call", name="nothing", arguments={}),
        request(10, "no/such"),
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}\n',
        request(11, "tools/call", name="status", arguments={}),
    ]
    with process(home[0]) as started:
        out, err = started.communicate(HELLO + b"".join(lines), timeout=60)
    answers = [json.loads(line) for line in out.splitlines()]
    assert started.returncode == 0 and b"Traceback" not in err
    assert all(one["jsonrpc"] == "2.0" for one in answers)
    by_id = {one["id"]: one for one in answers if "id" in one}
    assert sum(one.get("id", 0) is None for one in answers) == 5
    assert by_id[None]["error"]["code"] == types.PARSE_ERROR
    assert by_id[8]["error"]["code"] == by_id[9]["error"]["code"] == types.INVALID_PARAMS
    assert by_id[10]["error"]["code"] == types.METHOD_NOT_FOUND
    assert by_id[11]["result"]["isError"] is False


@pytest.mark.slow
def test_a_client_that_never_reads_is_not_read_from(home: tuple[Console, str]) -> None:
    with process(home[0]) as started:
        assert started.stdin is not None and started.stdout is not None
        started.stdin.write(HELLO)
        started.stdin.flush()
        started.stdout.readline()
        os.set_blocking(started.stdin.fileno(), False)
        line, sent = request(2, "tools/list"), 0
        end = time.monotonic() + 10
        quiet = 0
        while time.monotonic() < end and quiet < 20:
            try:
                sent += os.write(started.stdin.fileno(), line * 50)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.05)
        assert quiet == 20, "the pipe never filled: everything was read"
        status = Path(f"/proc/{started.pid}/status").read_text("ascii")
        peak = int(status.partition("VmHWM:")[2].split()[0])
        assert peak < 160 * 1024, f"{peak} KiB after {sent} bytes"
        assert started.poll() is None


def test_the_gate_lets_on_what_was_answered_or_given_up() -> None:
    async def run() -> None:
        gate = Gate(1)
        one = types.JSONRPCRequest(jsonrpc="2.0", id=1, method="ping")
        await gate.enter(one)
        with anyio.move_on_after(0.02) as blocked:
            await gate.enter(types.JSONRPCRequest(jsonrpc="2.0", id=2, method="ping"))
        assert blocked.cancelled_caught
        given_up = {"requestId": 1}
        await gate.enter(
            types.JSONRPCNotification(
                jsonrpc="2.0", method="notifications/cancelled", params=given_up
            )
        )
        await gate.enter(one)
        gate.leave(types.JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
        with anyio.fail_after(1):
            await gate.below(1)
        gate.leave(types.JSONRPCNotification(jsonrpc="2.0", method="x"))

    anyio.run(run)
