"""Lines: bare connections of a driver, that post over HTTP or listen over a WebSocket.

No more of either protocol than a relay says to a client that behaves.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator

from bench.rounds import Wrong
from envoy.core.codec import encode
from envoy.core.structs import Body

SECONDS_MAX = 60
IDLE_SECONDS_MAX = 4
_READ = 1 << 18
_SMALL_BUFFER = 4096
_BINARY, _MASKED, _SHORT, _LONG = 0x82, 0x80, 126, 127
_UPGRADE = (
    "GET /v1/ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Poster:
    """A connection that posts, one request at a time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.socket = _connected(address)
        self._used = 0.0
        self._head = "POST /v1/push HTTP/1.1\r\nHost: {}:{}\r\nContent-Length: ".format(*address)
        self._waiting = deque[tuple[bytearray, int]]()
        self._due: int | None = None
        self._got = b""

    def is_stale(self) -> bool:
        """Say whether it was idle so long that a relay may have closed it, or was never used."""
        return time.monotonic() - self._used > IDLE_SECONDS_MAX

    def connect(self) -> None:
        """Connect anew."""
        self.socket.close()
        self.socket, self._used = _connected(self._address), time.monotonic()

    def request(self, body: bytes) -> bytearray:
        """Return the bytes of a request; they end with the body."""
        return bytearray(f"{self._head}{len(body)}\r\n\r\n".encode() + body)

    def post(self, request: bytearray, due: int) -> None:
        """Send a request, or let it wait for the reply before it."""
        if self._due is not None:
            self._waiting.append((request, due))
            return
        self._due, self._used = due, time.monotonic()
        self.socket.sendall(request)

    def read(self) -> Iterator[tuple[int, bytes, int]]:
        """Yield the reply that came: status, body, when its request was due."""
        part = self.socket.recv(_READ)
        if not part:
            raise Wrong("the relay closed a connection")
        self._got += part
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        size = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        if len(rest) < size:
            return
        assert self._due is not None, "a reply has a request"
        due, self._due, self._got = self._due, None, b""
        if self._waiting:
            self.post(*self._waiting.popleft())
        yield int(head[9:12]), rest, due


class Ear:
    """A WebSocket that listens."""

    def __init__(self, address: tuple[str, int], sub: Body | bytes, *, buffer: int = 0) -> None:
        """``sub``: what it says first, and is answered; nothing where there is nothing to say."""
        self.socket = _connected(address, buffer)
        self.last: int | None = None
        self._got = bytearray()
        self.socket.sendall(_UPGRADE.format(host=address[0], port=address[1]).encode())
        while b"\r\n\r\n" not in self._got:
            self._got += self.socket.recv(_READ)
        head, _, rest = bytes(self._got).partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise Wrong(f"no WebSocket: {head[:100]!r}")
        self._got = bytearray(rest)
        if isinstance(sub, Body):
            self.say(sub)
            while not any(True for _ in self.read()):
                pass

    def say(self, message: Body) -> None:
        """Send a message."""
        data = encode(message)
        if len(data) < _SHORT:
            head = bytes((_BINARY, _MASKED | len(data)))
        else:
            head = bytes((_BINARY, _MASKED | _SHORT)) + len(data).to_bytes(2)
        self.socket.sendall(head + bytes(4) + data)  # under the mask 0

    def read(self) -> Iterator[bytes]:
        """Yield the messages that are whole with what came."""
        part = self.socket.recv(_READ)
        if not part:
            raise Wrong("the relay closed a WebSocket")
        self._got += part
        while len(self._got) >= 2:
            size, at = self._got[1], 2
            if self._got[0] != _BINARY:
                raise Wrong(f"the relay sent a WebSocket frame {self._got[0]:#x}")
            if size >= _SHORT:
                at = 4 if size == _SHORT else 10
                size = int.from_bytes(self._got[2:at])
            if len(self._got) < at + size:
                return
            message = bytes(self._got[at : at + size])
            del self._got[: at + size]
            yield message


def stall(address: tuple[str, int], sub: Body) -> Ear:
    """Return a listener who takes little and reads nothing more."""
    return Ear(address, sub, buffer=_SMALL_BUFFER)


def _connected(address: tuple[str, int], buffer: int = 0) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if buffer:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    found.settimeout(SECONDS_MAX)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.connect(address)
    return found
