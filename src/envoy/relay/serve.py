"""Serve: one relay process, from its directory to its socket, and orderly down again.

uvicorn speaks HTTP; here stand the bounds that it does not have by itself, the ways in which a
relay refuses to start, and the drain: on a first SIGTERM new calls are refused, what runs is
finished, and then the writer ends with everything committed.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from envoy import limits
from envoy.core.crypto import sign
from envoy.lean import NamedTuple
from envoy.relay import tables
from envoy.relay.app import Face, Terms
from envoy.relay.bus import Bus
from envoy.relay.desk import Config, Desk, Fund
from envoy.relay.rules import Allowance
from envoy.system import host

SWEEP_SECONDS: Final = 60.0


class Options(NamedTuple):
    """How a relay is run. ``origins`` are those that clients name it by; the first is shown.

    ``cert`` and ``key`` are paths of PEM files, None behind a proxy or on loopback.
    """

    directory: str
    listen: tuple[str, int]
    origins: tuple[str, ...]
    allowance: Allowance
    provider: str
    fund: Fund
    cert: str | None = None
    key: str | None = None
    is_unsafe: bool = False


def run(options: Options, *, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it; ``ready`` is told the address when calls are answered."""
    tables.make(options.directory)
    bound = _bind(options.listen)
    asyncio.run(_serve(options, bound, ready))


def _bind(listen: tuple[str, int]) -> socket.socket:
    """Return a socket that listens at ``listen``."""
    family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
    # Said in so many words: asyncio sends small answers at once only where it is.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(listen)
    return bound


async def _serve(options: Options, bound: socket.socket, ready: Callable[[str], None]) -> None:
    bus = Bus()
    bus.attach(asyncio.get_running_loop())
    port = bound.getsockname()[1]
    origins = options.origins or (f"http://{_shown(options.listen[0])}:{port}",)
    config = Config(frozenset(origins), options.allowance, options.fund)
    desk = Desk(options.directory, config, now_ms=host.now_ms, on_wake=bus.spread)
    hosts = frozenset(_host_of(origin) for origin in origins)
    keys = tables.read_keys(options.directory)

    def info() -> dict[str, object]:
        return {
            "schema": "envoy.relay/1",
            "protocol": 1,
            "origin": origins[0],
            "hub_key": sign.public_key(keys.hub).hex(),
            "provider": options.provider,
            "retention": {"chunk_days": options.allowance.chunk_days},
            "limits": {
                "space_bytes": options.allowance.bytes_max,
                "frames_day": options.allowance.frames_day_max,
                "request_bytes": limits.REQUEST_BYTES_MAX,
            },
            "unsafe": options.is_unsafe,
            "at": host.now_ms(),
        }

    face = Face(desk, bus, Terms(hosts, info, host.now_ms))
    server = uvicorn.Server(
        uvicorn.Config(
            face.app(),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            http="h11",
            ws="none",
            timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=limits.DRAIN_SECONDS,
            h11_max_incomplete_event_size=limits.HEADER_BYTES_MAX,
            ssl_certfile=options.cert,
            ssl_keyfile=options.key,
        )
    )
    ready(origins[0])
    sweeper = asyncio.create_task(_sweep(desk))
    try:
        await server.serve(sockets=[bound])
    finally:
        sweeper.cancel()
        face.is_draining = True
        face.close()
        desk.close()


async def _sweep(desk: Desk) -> None:
    """Drop what has ended, a slice a minute."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await asyncio.to_thread(desk.sweep)


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _host_of(origin: str) -> str:
    """Return what a Host header says for ``origin``."""
    return origin.partition("://")[2].lower()
