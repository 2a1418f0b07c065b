"""Wire: uvicorn's HTTP and WebSocket protocols with the bounds that they do not have.

Both leave a peer all the time in the world: to send the head of a request, to take an answer it
asked for, to close. So each connection here is counted by its peer, has a deadline for every head,
and one that does not take what was written to it is cut off. What is no HTTP is answered as
everything else is: flat JSON and a code.

Laws: no connection outlives its deadlines, whatever its peer does or leaves undone. A connection
counts until the system has closed it.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from ssl import SSLContext
from typing import Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from envoy import jsontext, limits
from envoy.relay.peers import Peers

_BACKLOG: Final = 1024
_PHRASES: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Headers Too Large",
                   429: "Too Many Requests"}  # fmt: skip
_BINARY: Final = 0x82  # a whole message of bytes
_SIZE_16, _SIZE_64 = 126, 127  # in the place of a size: it follows, in so many bits
# What is written to a peer who then does not read it is given this long.
LINGER_SECONDS: Final = 5.0


class Doors:
    """Who is connected, and how many at once."""

    def __init__(
        self,
        peers: Peers,
        *,
        most: int = limits.CONNECTIONS_MAX,
        most_of_peer: int = limits.CONNECTIONS_PEER_MAX,
        header_seconds: float = limits.HEADER_SECONDS,
    ) -> None:
        self._peers = peers
        self._most = most
        self._most_of_peer = most_of_peer
        self._inside = dict[asyncio.BaseTransport, bytes]()
        self._count = Counter[bytes]()
        self.header_seconds = header_seconds

    def __len__(self) -> int:
        return len(self._inside)

    def name(self, transport: asyncio.BaseTransport) -> bytes:
        """Return the name under which a connection counts."""
        return self._peers.name(_address(transport), ())

    def enter(self, transport: asyncio.BaseTransport) -> bool:
        """Count a connection; False for one too many. A proxy that is believed has no share."""
        address, name = _address(transport), self.name(transport)
        is_one = bool(name) and not self._peers.is_proxy(address)
        if len(self._inside) >= self._most:
            return False
        if is_one and self._count[name] >= self._most_of_peer:
            return False
        self._inside[transport] = name
        self._count[name] += 1
        return True

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Count a connection no more."""
        name = self._inside.pop(transport, None)
        if name is not None:
            self._count[name] -= 1
            if not self._count[name]:
                del self._count[name]


def _address(transport: asyncio.BaseTransport) -> str:
    """Return where the other side of a connection is, empty for this machine's own socket."""
    place = transport.get_extra_info("peername")
    return str(place[0]) if isinstance(place, tuple) and place else ""


class Config(uvicorn.Config):
    """uvicorn's settings, and the doors that its connections come through."""

    doors: Doors


class Http(H11Protocol):
    """One HTTP connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _last_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: with a place for it, and a deadline for its first head."""
        assert isinstance(transport, asyncio.Transport), "a stream, with or without TLS"
        super().connection_made(transport)
        # Of each request it is asked anew otherwise, and an address is costly to read.
        name = self._doors.name(transport)
        unsent = transport.get_write_buffer_size
        self.app_state = {
            **self.app_state,
            "abort": transport.abort,
            "peer": name,
            "unsent": unsent,
        }
        if not self._doors.enter(transport):
            self._say(429, "rate_limited")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: every timer, and the place."""
        self._head_in_time()
        if self._last_timer is not None:
            self._last_timer.cancel()
        self._doors.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that began has to end in time."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            self._head_in_time()
        elif self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        """Wait for the next request; one that began behind the last has to end its head, too."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._linger()
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._await_head()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that is idle, also one that does not take its answer."""
        super().timeout_keep_alive_handler()
        self._linger()

    def shutdown(self) -> None:
        """Close when what runs is done."""
        super().shutdown()
        if self.transport.is_closing():
            self._linger()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; ``msg`` is the library's word, and stays here."""
        is_long = len(self.conn.trailing_data[0]) > limits.HEADER_BYTES_MAX
        self._say(431 if is_long else 400, "malformed")

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, with its place and without my timers."""
        self._head_in_time()
        self._unset_keepalive_if_required()
        super().handle_websocket_upgrade(event)

    @property
    def _doors(self) -> Doors:
        assert isinstance(self.config, Config), "made by serve"
        return self.config.doors

    def _await_head(self) -> None:
        self._head_in_time()
        seconds = self._doors.header_seconds
        self._head_timer = self.loop.call_later(seconds, self._say, 408, "timeout")

    def _head_in_time(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _say(self, status: int, code: str) -> None:
        """Answer once more, and close."""
        self._head_in_time()
        if self.transport.is_closing():
            return
        found = {"error": "no request of a client", "error_code": code, "retry_after_ms": None}
        body = jsontext.dumps(found).encode()
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        self._linger()

    def _linger(self) -> None:
        """Cut the connection off if it is not closed soon."""
        if self._last_timer is None:
            self._last_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket: the application can cut it off, and its place is given back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": self.transport.abort, "write": self.write}

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
            return Http(config, self.server_state, self.lifespan.state, loop)

        ssl: SSLContext | None = config.ssl
        seconds = config.doors.header_seconds if ssl is not None else None
        self.servers = [
            await loop.create_server(
                connection, sock=one, ssl=ssl, backlog=_BACKLOG, ssl_handshake_timeout=seconds
            )
            for one in sockets
        ]
        self.started = True
