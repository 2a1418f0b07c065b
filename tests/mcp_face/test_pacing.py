"""Pacing: no more is taken than answered, what is no message gets an answer, none gets lost."""

from __future__ import annotations

import anyio
import mcp_types as types
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage

from envoy import limits
from envoy.mcp import pacing


def asked(number: int) -> SessionMessage:
    return SessionMessage(types.JSONRPCRequest(jsonrpc="2.0", id=number, method="ping"))


def answered(number: int) -> SessionMessage:
    return SessionMessage(types.JSONRPCResponse(jsonrpc="2.0", id=number, result={}))


def test_messages_pass_both_ways_and_the_end_comes_behind_the_last_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MCP_CALLS_MAX", 2)

    async def run() -> None:
        to_pace, read = anyio.create_memory_object_stream[SessionMessage | Exception](10)
        write, from_pace = anyio.create_memory_object_stream[SessionMessage](10)
        with anyio.fail_after(10):
            async with pacing.paced(read, write, SessionMessage) as (inbound, outbound):
                await to_pace.send(ValueError("no JSON"))
                refused = (await from_pace.receive()).message
                assert isinstance(refused, types.JSONRPCError)
                assert (refused.id, refused.error.code) == (None, types.PARSE_ERROR)
                for number in (1, 2, 3):
                    await to_pace.send(asked(number))
                assert [await number_of(inbound) for _ in range(2)] == [1, 2]
                with anyio.move_on_after(0.05) as waiting:
                    await inbound.receive()
                assert waiting.cancelled_caught  # the third stays with the client
                await outbound.send(answered(1))
                assert await number_of(inbound) == 3
                await to_pace.aclose()
                await outbound.send(answered(2))
                await outbound.send(answered(3))
                with pytest.raises(anyio.EndOfStream):
                    await inbound.receive()
            read.close()
            shown = [one.message async for one in from_pace]
            from_pace.close()
        assert [one.id for one in shown if isinstance(one, types.JSONRPCResponse)] == [1, 2, 3]

    anyio.run(run)


async def number_of(
    stream: MemoryObjectReceiveStream[SessionMessage | Exception],
) -> object:
    """Return the id of the next request."""
    found = await stream.receive()
    assert isinstance(found, SessionMessage)
    message = found.message
    assert isinstance(message, types.JSONRPCRequest)
    return message.id


def test_a_request_of_an_id_that_is_used_twice_counts_twice() -> None:
    async def run() -> None:
        gate = pacing.Gate(2)
        for _ in range(2):
            await gate.enter(asked(1).message)
        with anyio.move_on_after(0.02) as waiting:
            await gate.enter(asked(1).message)
        assert waiting.cancelled_caught
        gate.leave(answered(1).message)
        with anyio.fail_after(1):
            await gate.enter(asked(1).message)

    anyio.run(run)
