"""Wire: uvicorn's server and its WebSockets with the bounds that they do not have.

A connection begins as one of HTTP (``relay.exchange``), which bounds it; what is here serves them,
and takes one over that becomes a WebSocket. uvicorn leaves a peer all the time in the world to take
what it asked for and to close; the fanout watches over that, and can cut off and write at once.

Law: a connection counts until the system has closed it.

Specification: docs/spec/relay.md, HTTP; News.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from ssl import SSLContext
from typing import Final

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from envoy.relay.doors import Config
from envoy.relay.exchange import Http

_BACKLOG: Final = 1024
_BINARY: Final = 0x82  # a whole message of bytes
_SIZE_16, _SIZE_64 = 126, 127  # in the place of a size: it follows, in so many bits


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket: the application can cut it off, and its place is given back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection, until it is open with the deadline of a head."""
        super().connection_made(transport)
        assert isinstance(self.config, Config), "made by serve"
        self._timer = self.loop.call_later(self.config.doors.header_seconds, self._unless_open)
        self.app_state = {**self.app_state, "abort": self.transport.abort, "write": self.write}

    def _unless_open(self) -> None:
        """Cut off who was refused and does not take it, or has got no answer."""
        if self.transport.is_closing() or not self.handshake_complete:
            self.transport.abort()

    def write(self, framed: bytes) -> bool:
        """Write whole frames now; False, and nothing written, where it has to wait or has ended.

        What a thousand hear is put into a frame once and written without a task for each.
        """
        if self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.transport.write(framed)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place back."""
        assert isinstance(self.config, Config), "made by serve"
        self._timer.cancel()
        self.config.doors.leave(self.transport)
        super().connection_lost(exc)


def framed(message: bytes) -> bytes:
    """Return the one frame of a binary message of a server, which masks nothing.

    Source: RFC 6455, 5.2.
    """
    size = len(message)
    if size < _SIZE_16:
        return bytes((_BINARY, size)) + message
    if size < 1 << 16:
        return bytes((_BINARY, _SIZE_16)) + size.to_bytes(2) + message
    return bytes((_BINARY, _SIZE_64)) + size.to_bytes(8) + message


class Server(uvicorn.Server):
    """uvicorn's server without its signals: whoever runs it says when it ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: they would end the process before the writer has."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen; a TLS handshake has the time of a head."""
        await self.lifespan.startup()
        config, loop = self.config, asyncio.get_running_loop()
        assert isinstance(config, Config) and sockets, "made by serve"

        def connection() -> asyncio.Protocol:
            return Http(config, self.server_state, loop)

        ssl: SSLContext | None = config.ssl
        seconds = config.doors.header_seconds if ssl is not None else None
        self.servers = [
            await loop.create_server(
                connection, sock=one, ssl=ssl, backlog=_BACKLOG, ssl_handshake_timeout=seconds
            )
            for one in sockets
        ]
        self.started = True
