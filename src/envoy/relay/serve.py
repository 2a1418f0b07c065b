"""Serve: one relay process, from its directory to its sockets, and orderly down again.

uvicorn speaks HTTP; ``relay.wire`` bounds it. Here it is put together: the lock that keeps a second
process away, the desk, the face, the operator's socket, the sweep, and the drain: on a SIGTERM new
calls are refused, who listens is told, what runs is finished, and then the writer ends with
everything committed.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

from envoy import limits
from envoy.core.crypto import sign
from envoy.errors import EnvoyError, UsageError
from envoy.hub.sqlite import FILE_NAME
from envoy.lean import NamedTuple
from envoy.relay import billing, guard, health, journal, tables
from envoy.relay.app import Face, Terms
from envoy.relay.bus import Bus
from envoy.relay.desk import Config, Desk, Fund
from envoy.relay.doors import Config as WireConfig
from envoy.relay.doors import Doors
from envoy.relay.exchange import Http
from envoy.relay.journal import Journal
from envoy.relay.metrics import Metrics
from envoy.relay.peers import Peers
from envoy.relay.quota import Buckets, Pace, Rates
from envoy.relay.rules import Allowance
from envoy.relay.sweep import Retention
from envoy.relay.wire import Server, Socket
from envoy.sync.frames import HubRefusal
from envoy.system import files, host

SWEEP_SECONDS: Final = 60.0
_COLLECT_AT: Final = 20_000
_BYE_SECONDS: Final = 2.0
_TOKEN_BYTES: Final = 32
_UNIX: Final = "unix:"


class Options(NamedTuple):
    """How a relay is run. ``origins`` are those that clients name it by; the first is shown.

    ``cert`` and ``key`` are paths of PEM files, None behind a proxy or on loopback. ``proxies`` are
    the addresses whose X-Forwarded-For is believed. ``admin`` is where the operator's paths are:
    "unix:PATH", or a loopback address and port, with a token in the file ``admin.token``; None:
    nowhere. ``is_open``: whoever comes is served for nothing. ``retention`` None: that of the
    provider, for ever where nobody pays. ``terms`` judge what is paid for. ``connections``: of one
    peer. ``deadline_s``: of a head.
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
    is_open: bool = False
    proxies: tuple[str, ...] = ()
    admin: str | None = None
    retention: Retention | None = None
    terms: billing.Terms | None = None
    rates: Rates = Rates()
    connections: int = limits.CONNECTIONS_PEER_MAX
    deadline_s: float = limits.HEADER_SECONDS


def run(options: Options, *, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it; ``ready`` is told the address when calls are answered.

    Raises UsageError, IntegrityError, WaitTimeoutError(timeout) where another process serves.
    """
    guard.require_certificate(options.cert, options.key)
    if not options.is_unsafe:
        guard.require_safe(
            options.listen[0],
            provider=options.provider,
            is_open=options.is_open,
            has_tls=options.cert is not None,
            has_proxy=bool(options.proxies),
        )
    sign.use_hasher(hashlib.sha256)  # each frame is hashed three times
    tables.make(options.directory)
    with guard.take(options.directory):
        _raise_open_files()
        _spare_collector()
        asyncio.run(Process(options).serve(ready))


class Process:
    """One relay as it runs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        key = host.entropy(_TOKEN_BYTES)
        self.journal = Journal(_to_stderr, now_ms=host.now_ms, key=key)
        self.metrics = Metrics()
        self._bound = _bind(options.listen)
        self._admin_bound: socket.socket | None = None
        try:
            self._admin_bound = self._admin_socket()
            self._open()
        except EnvoyError:
            self._unbind()
            raise

    def _open(self) -> None:
        """Open the store and put the face before it. Raises IntegrityError."""
        options, key = self._options, host.entropy(_TOKEN_BYTES)
        port = self._bound.getsockname()[1]
        scheme = "http" if options.cert is None else "https"
        own = f"{scheme}://{_shown(options.listen[0])}:{port}"
        self._origins = options.origins or (own,)
        self._peers = Peers(options.proxies)
        self._doors = Doors(
            self._peers, most_of_peer=options.connections, header_seconds=options.deadline_s
        )
        self._bus = Bus()
        forever = options.provider == guard.NOBODY_PAYS
        self._retention = options.retention or (Retention(None) if forever else Retention())
        pace = Pace(Buckets(key, time.monotonic), options.rates)
        config = Config(
            frozenset(self._origins),
            options.allowance,
            options.fund,
            retention=self._retention,
            terms=options.terms,
            pace=pace,
            metrics=self.metrics,
            has_room=guard.Room(options.directory, time.monotonic),
        )
        self._desk = Desk(options.directory, config, now_ms=host.now_ms, on_wake=self._bus.spread)
        hosts = frozenset(_host_of(origin) for origin in self._origins)
        terms = Terms(
            hosts,
            self._info,
            host.now_ms,
            time.monotonic,
            self._peers,
            self.metrics,
            options.connections,
        )
        self._face = Face(self._desk, self._bus, terms)
        self._settings = _settings(self._face, self._doors, options)

    def _unbind(self) -> None:
        """Close what listens: nobody will."""
        self._bound.close()
        if self._admin_bound is not None:
            self._admin_bound.close()

    async def serve(self, ready: Callable[[str], None]) -> None:
        """Serve until a signal comes, then drain."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        journal.listen(self.journal)
        self._bus.attach(loop)
        ending = asyncio.Event()
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(which, ending.set)
        servers = [(Server(self._settings), self._bound)]
        if self._admin_bound is not None:
            servers.append(self._admin(self._admin_bound))
        running = [
            asyncio.create_task(self._sweep()),
            asyncio.create_task(self._face.fanout.run()),
            *(asyncio.create_task(one.serve(sockets=[at])) for one, at in servers),
        ]
        try:
            while not all(one.started for one, _ in servers):
                await asyncio.sleep(0.005)
            self.journal.note("ready", provider=self._options.provider)
            ready(self._origins[0])
            await ending.wait()
            await self._drain([one for one, _ in servers])
            await asyncio.gather(*running[2:])
        finally:
            for task in running:
                task.cancel()
            self._face.close()
            self._desk.close()
            self._clear()
            self.journal.note("ended")

    async def _drain(self, servers: list[Server]) -> None:
        """Refuse, tell who listens, finish what runs."""
        self.journal.note("draining")
        await self._face.drain(_BYE_SECONDS)
        for server in servers:
            server.should_exit = True

    # -- the operator's socket --------------------------------------------------------------

    def _admin_socket(self) -> socket.socket | None:
        """Return where the operator asks, or None."""
        place = self._options.admin
        if place is None:
            return None
        if not place.startswith(_UNIX):
            address, _, port = place.rpartition(":")
            address = address.strip("[]")
            guard.require_loopback(address)
            return _bind((address, int(port)))
        path = place.removeprefix(_UNIX)
        files.remove(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            bound.bind(path)
        finally:
            os.umask(mask)
        return bound

    def _admin(self, bound: socket.socket) -> tuple[Server, socket.socket]:
        """Return the server of the operator's paths."""
        token = None
        if bound.family != socket.AF_UNIX:
            token = host.entropy(_TOKEN_BYTES).hex()
            path = os.path.join(self._options.directory, health.ADMIN_FILE)
            files.replace(path, token.encode())
        admin = health.Admin(
            self.metrics,
            token=token,
            probe=self._probe,
            state=lambda: "draining" if self._face.is_draining else "ready",
            gauges=self._gauges,
        )
        plain = self._options._replace(cert=None, key=None)
        return Server(_settings(admin, Doors(Peers()), plain)), bound

    def _clear(self) -> None:
        """Take away what tells of a relay that is no more."""
        place = self._options.admin or ""
        if place.startswith(_UNIX):
            files.remove(place.removeprefix(_UNIX))
        files.remove(os.path.join(self._options.directory, health.ADMIN_FILE))

    async def _probe(self) -> None:
        await asyncio.to_thread(self._desk.probe)
        if not guard.has_room(self._options.directory):
            raise HubRefusal("storage_failed")

    def _gauges(self) -> dict[str, float]:
        path = os.path.join(self._options.directory, FILE_NAME)
        return {
            "ws_connections": len(self._face.fanout),
            "connections": len(self._doors),
            "store_bytes": os.stat(path).st_size,
            "disk_free_bytes": guard.disk(self._options.directory)[0],
        }

    # -- what it says of itself -------------------------------------------------------------

    def _info(self) -> dict[str, object]:
        options, allowed = self._options, self._options.allowance
        return {
            "schema": "envoy.relay/1",
            "protocol": 1,
            "origin": self._origins[0],
            "hub_key": self._desk.hub_key.hex(),
            "provider": options.provider,
            "retention": {
                "chunk_days": allowed.chunk_days,
                "space_days": self._retention.space_days,
                "idle_days": self._retention.idle_days,
            },
            "limits": {
                "space_bytes": allowed.bytes_max,
                "frames_day": allowed.frames_day_max,
                "request_bytes": limits.REQUEST_BYTES_MAX,
                "wait_ms": limits.PULL_WAIT_MS_MAX,
            },
            "unsafe": options.is_unsafe,
            "at": host.now_ms(),
        }

    # -- what goes on by itself -------------------------------------------------------------

    async def _sweep(self) -> None:
        """Drop what has ended, a part a minute, at once while there is much."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            while await asyncio.to_thread(self._swept) >= limits.SWEEP_ROWS_MAX:
                pass

    def _swept(self) -> int:
        """Drop a part of what has ended; return how many rows of the most frequent kind."""
        try:
            counts = self._desk.sweep()
        except (EnvoyError, HubRefusal) as error:
            self.journal.failed("sweep_failed", error)
            return 0
        if any(counts.values()):
            self.journal.note("swept", **counts)
        return max(counts.values())

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Note what nobody handled: its kind, never its text."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.journal.failed("failed", error)
        else:
            self.journal.note("failed")


def _settings(app: Callable[..., object], doors: Doors, options: Options) -> WireConfig:
    """Return the server's settings for ``app``."""
    found = WireConfig(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        proxy_headers=False,
        http=Http,
        ws=Socket,
        ws_max_size=2 * limits.SOCKET_MESSAGE_BYTES_MAX,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        interface="asgi3",
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=limits.DRAIN_SECONDS,
        ssl_certfile=options.cert,
        ssl_keyfile=options.key,
    )
    found.doors, found.sockets = doors, Socket
    return found


def _bind(listen: tuple[str, int]) -> socket.socket:
    """Return a socket that listens at ``listen``. Raises UsageError(unsupported_destination)."""
    family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
    # Said in so many words: asyncio sends small answers at once only where it is.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(listen)
    except OSError as error:
        bound.close()
        raise UsageError(
            "unsupported_destination", address=listen[0], port=listen[1], reason=error.strerror
        ) from error
    return bound


def _raise_open_files() -> None:
    """Let this process have as many connections as it counts to, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 2 * limits.CONNECTIONS_MAX
    if hard != resource.RLIM_INFINITY:
        want = min(want, hard)
    if soft != resource.RLIM_INFINITY and soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


def _spare_collector() -> None:
    """Leave what was loaded alone, and look less often for what is in circles.

    A look at all objects of a thousand connections keeps everybody waiting; requests leave none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AT, 20, 50)


def _to_stderr(line: str) -> None:
    """Write a line of the journal; a pipe that nobody reads any more is no reason to end."""
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except OSError:
        return


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _host_of(origin: str) -> str:
    """Return what a Host header says for ``origin``."""
    return origin.partition("://")[2].lower()
