"""Pacing: as much is read from a client as it takes answers, and what is no message is answered.

The SDK reads ahead without end, so a client that sends and never reads would fill the memory of the
server. Here a request is taken only while fewer than so many are unanswered; the rest waits in the
pipe, where the client notices. What is no JSON-RPC message gets the error that JSON-RPC has for it,
instead of silence; and what was asked before the client closed its side is answered.

Specification: docs/spec/mcp.md, Bad input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from envoy import limits

CANCELLED = "notifications/cancelled"
NO_MESSAGE = "this line is no JSON-RPC message"


class Carrier(Protocol):
    """A message as the SDK carries it (``mcp.shared.message.SessionMessage``)."""

    @property
    def message(self) -> types.JSONRPCMessage:
        """Return the message."""


C = TypeVar("C", bound=Carrier)
C_in = TypeVar("C_in", bound=Carrier, covariant=True)
C_out = TypeVar("C_out", bound=Carrier, contravariant=True)


class Incoming(Protocol[C_in]):
    """Where messages come from."""

    def __aiter__(self) -> AsyncIterator[C_in | Exception]:
        """Yield messages, and in the place of one that is none what was wrong."""


class Outgoing(Protocol[C_out]):
    """Where messages go to."""

    async def send(self, item: C_out, /) -> None:
        """Send one message."""

    async def aclose(self) -> None:
        """End."""


class Gate:
    """Counts the requests that were taken and not answered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()  # by id, which a client may use twice
        self._freed = anyio.Event()

    async def enter(self, message: types.JSONRPCMessage) -> None:
        """Wait until there is room for a request; note one that the client gave up."""
        match message:
            case types.JSONRPCRequest():
                await self.below(self._most)
                self._open[str(message.id)] += 1
            case types.JSONRPCNotification(method=method) if method == CANCELLED:
                self._free(str((message.params or {}).get("requestId")))

    def leave(self, message: types.JSONRPCMessage) -> None:
        """Note that an answer went out."""
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._free(str(message.id))

    def _free(self, ident: str) -> None:
        """Note that nobody waits for the answer to a request any more."""
        if self._open[ident] <= 1:
            del self._open[ident]
        else:
            self._open[ident] -= 1
        self._freed.set()

    async def below(self, most: int) -> None:
        """Wait until fewer than ``most`` requests are unanswered."""
        while self._open.total() >= most:
            self._freed = anyio.Event()
            await self._freed.wait()


@asynccontextmanager
async def paced(
    read: Incoming[C], write: Outgoing[C], wrap: Callable[[types.JSONRPCError], C]
) -> AsyncIterator[tuple[MemoryObjectReceiveStream[C | Exception], MemoryObjectSendStream[C]]]:
    """Return streams in the place of ``read`` and ``write``; ``wrap`` makes an error a message."""
    gate = Gate(limits.MCP_CALLS_MAX)
    to_server, inbound = anyio.create_memory_object_stream[C | Exception](0)
    outbound, to_client = anyio.create_memory_object_stream[C](0)

    async def take() -> None:
        async with to_server:
            async for item in read:
                if isinstance(item, Exception):
                    await outbound.send(wrap(no_message()))
                    continue
                await gate.enter(item.message)
                await to_server.send(item)
            with anyio.move_on_after(limits.MCP_GRACE_SECONDS):
                await gate.below(1)

    async def give() -> None:
        try:
            async for item in to_client:
                await write.send(item)
                gate.leave(item.message)
        finally:
            to_client.close()
            await write.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(give)
        with anyio.CancelScope() as taking:
            async with anyio.create_task_group() as reading:
                reading.start_soon(take)
                yield inbound, outbound
                taking.cancel()
        inbound.close()
        await outbound.aclose()


def no_message() -> types.JSONRPCError:
    """Return the answer to what is no message: nobody knows which request it was."""
    error = types.ErrorData(code=types.PARSE_ERROR, message=NO_MESSAGE)
    return types.JSONRPCError(jsonrpc="2.0", id=None, error=error)
