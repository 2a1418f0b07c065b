"""App: a relay's calls over HTTP, one route for all of them.

A request is a name in the path and bytes in the body; nothing that tells spaces or members apart
stands in a URL or a header, so no proxy's log holds it. The body is read within a deadline of its
own and must have the length that was announced: behind a proxy a body that was cut off ends like
one that is whole, and a store that looked no closer kept three bytes of a megabyte.

The desk is synchronous: each call takes a thread until its group is committed. Long polls wait
here, without one.

Laws: nothing is decompressed, no cookie is set or read, no page of a browser gets an answer. A
request that ends early has done nothing.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from envoy import limits
from envoy.core.codec import decode
from envoy.errors import EnvoyError, RemoteFault
from envoy.lean import NamedTuple
from envoy.relay.bus import Bus
from envoy.relay.desk import Desk
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal

MEDIA: Final = "application/vnd.msgpack"
STATUS: Final[Mapping[str, int]] = {
    "malformed": 400,
    "length_required": 411,
    "message_too_large": 413,
    "unsupported_operation": 415,
    "auth_failed": 401,
    "session_expired": 401,
    "session_stale": 401,
    "clock_skew_ahead": 401,
    "clock_skew_behind": 401,
    "subscription_required": 402,
    "epoch_revoked": 403,
    "capability_expired": 403,
    "capability_missing": 403,
    "read_only": 403,
    "space_not_found": 404,
    "not_found": 404,
    "hosted_relay_invite_not_found": 404,
    "timeout": 408,
    "already_exists": 409,
    "replayed": 409,
    "stale": 409,
    "slot_moved": 409,
    "slot_taken": 409,
    "invite_already_redeemed": 409,
    "rate_limited": 429,
    "relay_unavailable": 503,
    "storage_failed": 507,
    "quota_exceeded": 507,
}
# Threads that wait for commits or read: as many calls as one group has.
THREADS: Final = limits.GROUP_CALLS_MAX


class Terms(NamedTuple):
    """What the face of a relay goes by: which hosts it answers for, and what it says of itself."""

    hosts: frozenset[str]
    info: Callable[[], dict[str, object]]
    now_ms: Callable[[], int]


class Face:
    """The routes of one relay."""

    def __init__(self, desk: Desk, bus: Bus, terms: Terms) -> None:
        self._desk = desk
        self._bus = bus
        self._terms = terms
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-call")
        self.is_draining = False

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/v1/info", self._info, methods=["GET"]),
            Route("/v1/{name}", self._call, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    def close(self) -> None:
        """End the threads, when what they do is done."""
        self._pool.shutdown()

    async def _info(self, request: Request) -> Response:
        try:
            self._check(request)
        except HubRefusal as refusal:
            return self._refused(refusal)
        return JSONResponse(self._terms.info())

    async def _call(self, request: Request) -> Response:
        """Answer one call."""
        try:
            self._check(request)
            if self.is_draining:
                raise HubRefusal("relay_unavailable")
            body = await read_body(request)
            reply = await self._answer(request.path_params["name"], body)
        except HubRefusal as refusal:
            return self._refused(refusal)
        except EnvoyError:
            return self._refused(HubRefusal("storage_failed"))
        except (ClientDisconnect, TimeoutError):
            return self._refused(HubRefusal("timeout"))
        return Response(reply, media_type=MEDIA)

    async def _answer(self, name: str, body: bytes) -> bytes:
        """Return the reply; a pull that finds nothing waits for news as long as it says."""
        wait_ms, spaces = _waits(name, body)
        if not wait_ms:
            return await self._ask(name, body)
        until = asyncio.get_running_loop().time() + wait_ms / 1000
        with self._bus.listen(spaces) as news:
            while True:
                reply = await self._ask(name, body)
                left = until - asyncio.get_running_loop().time()
                if left <= 0 or self.is_draining or not _is_empty(reply):
                    return reply
                await news.wait(left)

    async def _ask(self, name: str, body: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._desk.answer, name, body)

    def _check(self, request: Request) -> None:
        """Refuse what no client of a relay sends: browsers, foreign names, packed bodies."""
        headers = request.headers
        host = headers.get("host", "")
        if "origin" in headers or host.lower() not in self._terms.hosts:
            raise HubRefusal("auth_failed")
        if headers.get("content-encoding", "identity") != "identity":
            raise HubRefusal("unsupported_operation")

    def _refused(self, refusal: HubRefusal) -> Response:
        """Return a refusal as JSON, flat."""
        found: dict[str, object] = {
            "error": "the relay refused the call",
            "error_code": refusal.code,
            "retry_after_ms": _RETRY_MS.get(refusal.code),
            "at": self._terms.now_ms(),
            **refusal.details,
        }
        return JSONResponse(found, status_code=STATUS[refusal.code])


_RETRY_MS: Final = {"rate_limited": 1000, "relay_unavailable": 1000, "storage_failed": 10_000}


async def read_body(request: Request) -> bytes:
    """Return the body of ``request``, whole, within its deadline.

    Raises HubRefusal (length_required, message_too_large, malformed), TimeoutError,
    ClientDisconnect.
    """
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 12:
        raise HubRefusal("length_required")
    size = int(length)
    if size > limits.REQUEST_BYTES_MAX:
        raise HubRefusal("message_too_large")
    parts, got = list[bytes](), 0
    async with asyncio.timeout(limits.BODY_SECONDS + size / limits.BODY_BYTES_SECOND):
        async for part in request.stream():
            parts.append(part)
            got += len(part)
            if got > size:
                raise HubRefusal("malformed")
    if got != size:
        raise HubRefusal("malformed")
    return b"".join(parts)


def _waits(name: str, body: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Return how long a call may wait, ms, and for news of which spaces."""
    if name != "pull":
        return 0, ()
    try:
        call = decode(decode(body, access.Request).call, frames.Pull)
    except RemoteFault:
        return 0, ()  # the desk says what is wrong with it
    return call.wait_ms, tuple(since.space for since in call.spaces)


def _is_empty(reply: bytes) -> bool:
    """Say whether the reply to a pull has no news."""
    return all(not page.frames for page in decode(reply, frames.Pulled).pages)
