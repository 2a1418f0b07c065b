"""Doors: who is connected to a relay, and how many at once.

A place is taken before a byte is read, and given back when the system has closed the connection,
whatever became of it: else whoever opens and leaves would find the doors open for ever.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from envoy import limits
from envoy.relay.peers import Peers


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
        return self._peers.name(address_of(transport), ())

    def enter(self, transport: asyncio.BaseTransport) -> bool:
        """Count a connection; False for one too many. A proxy that is believed has no share."""
        address, name = address_of(transport), self.name(transport)
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


def address_of(transport: asyncio.BaseTransport) -> str:
    """Return where the other side of a connection is, empty for this machine's own socket."""
    place = transport.get_extra_info("peername")
    return str(place[0]) if isinstance(place, tuple) and place else ""


class Config(uvicorn.Config):
    """uvicorn's settings, the doors that connections come through, and what WebSockets become."""

    doors: Doors
    sockets: type[WebSocketsSansIOProtocol]
