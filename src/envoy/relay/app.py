"""App: a relay's calls over HTTP, one way in for all of them.

A request is a name in the path and bytes in the body; nothing that tells spaces or members apart
stands in a URL or a header, so no proxy's log holds it. The body is read within a deadline of its
own and must have the length that was announced: behind a proxy a body that was cut off ends like
one that is whole, and a store that looked no closer kept three bytes of a megabyte.

What blocks is asked of threads: reads have some of their own, so that no disk keeps them waiting.
What writes is queued here and waits for the commit of its group without one, as long polls do.

Laws: nothing is decompressed, no cookie is set or read, no page of a browser gets an answer. A
request that ends early has done nothing. Whatever is asked, the answer is a reply or flat JSON with
a code. What all requests and replies hold in memory is bounded.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from starlette.types import Receive, Scope, Send

from envoy import jsontext, limits
from envoy.core.codec import decode
from envoy.errors import EnvoyError, RemoteFault
from envoy.lean import NamedTuple
from envoy.relay import counter, rules
from envoy.relay.billing import CALLS
from envoy.relay.bus import Bus
from envoy.relay.desk import Desk
from envoy.relay.fanout import Fanout
from envoy.relay.metrics import Metrics
from envoy.relay.peers import Peers
from envoy.relay.waiting import Waiting
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal

T = TypeVar("T")
Fields = Mapping[bytes, bytes]

MEDIA: Final = "application/vnd.msgpack"
JSON: Final = "application/json"
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
# Threads that wait for commits, as many calls as one group has, and threads that read.
THREADS: Final = limits.GROUP_CALLS_MAX
READERS: Final = 8
# A reply is written in parts, each when the one before is taken.
_PART_BYTES: Final = 64 * limits.KIB
_RETRY_MS: Final = {"rate_limited": 1000, "relay_unavailable": 1000, "storage_failed": 10_000}
_CALLS: Final = "/v1/"
_INFO: Final = "/v1/info"
_SOCKET: Final = "/v1/ws"


class Terms(NamedTuple):
    """What the face of a relay goes by: which hosts it answers for, and what it says of itself.

    ``clock`` is in seconds and never runs back; ``open_max``: requests and lines of one peer.
    """

    hosts: frozenset[str]
    info: Callable[[], dict[str, object]]
    now_ms: Callable[[], int]
    clock: Callable[[], float]
    peers: Peers
    metrics: Metrics
    open_max: int = limits.CONNECTIONS_PEER_MAX


class Answer(NamedTuple):
    """What is sent: a status, bytes of one kind, and whether the connection ends with it."""

    status: int
    body: bytes
    media: str = JSON
    is_last: bool = False
    retry_ms: int | None = None


class Gone(Exception):
    """Whoever asked is not there any more."""


class Face:
    """One relay as an ASGI application."""

    def __init__(self, desk: Desk, bus: Bus, terms: Terms) -> None:
        self._desk = desk
        self._bus = bus
        self._terms = terms
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-call")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="relay-read")
        self._counter = counter.Counter(desk)
        self._waiting = Waiting(desk, terms.metrics, seconds=desk.reply_seconds)
        self._held = 0
        self._open = Counter[bytes]()
        self.is_draining = False
        self.fanout = Fanout(
            desk, self._read, terms.metrics, clock=terms.clock, now_ms=terms.now_ms
        )
        bus.watch(self.fanout.wake)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        try:
            await self._send(await self._answered(scope, receive), scope, send)
        except Gone:
            return  # nobody is there to be told

    async def drain(self, seconds: float) -> None:
        """Refuse what comes from now on, and take leave of who listens."""
        self.is_draining = True
        self._bus.end()
        await self.fanout.bye(seconds)

    def close(self) -> None:
        """End the threads, when what they do is done."""
        self._pool.shutdown()
        self._readers.shutdown()

    # -- one request ------------------------------------------------------------------------

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        """Return the answer to a request, whatever it is. Raises Gone."""
        path: str = scope["path"]
        name = path.removeprefix(_CALLS)
        is_call = path.startswith(_CALLS) and (name in access.EVERY or name in CALLS)
        fields = fields_of(scope["headers"])
        try:
            check(fields, self._terms.hosts)
        except HubRefusal as refusal:
            status = 403 if refusal.code == "auth_failed" else None
            return self._refused(refusal, status=status, is_last=True)
        is_info = path == _INFO
        if not (is_call or is_info) or scope["method"] != ("POST" if is_call else "GET"):
            unknown = HubRefusal("unsupported_operation")
            return self._refused(unknown, status=405 if is_call or is_info else 404, is_last=True)
        if is_call:
            return await self._call(name, fields, scope, receive)
        return Answer(200, jsontext.dumps(self._terms.info()).encode())

    async def _call(self, name: str, fields: Fields, scope: Scope, receive: Receive) -> Answer:
        """Answer one call."""
        is_read = False
        try:
            size, peer = announced(fields), self._peer(scope)
            refusal = self._refusal(name, peer, size)
            with self._counting(peer, 0 if refusal else size):
                body = scope.get("whole")
                if body is None:
                    body = await read_body(receive, size, keep=refusal is None)
                is_read = True
                if refusal is not None:
                    raise refusal
                media = JSON if name in CALLS else MEDIA
                return Answer(200, await self._reply(name, body), media)
        except HubRefusal as refused:
            return self._refused(refused, is_last=not is_read)
        except EnvoyError:
            return self._refused(HubRefusal("storage_failed"))
        except TimeoutError:
            return self._refused(HubRefusal("relay_unavailable" if is_read else "timeout"),
                                 is_last=True)  # fmt: skip

    def _refusal(self, name: str, peer: bytes, size: int) -> HubRefusal | None:
        """Return why a call is not done, before its body is kept; None if it may be."""
        if self.is_draining or self._held + size > limits.HELD_BYTES_MAX:
            return HubRefusal("relay_unavailable")
        if self._open[peer] >= self._terms.open_max:
            return HubRefusal("rate_limited")
        try:
            self._desk.admit(name, peer)
        except HubRefusal as refusal:
            return refusal
        return None

    async def _reply(self, name: str, body: bytes) -> bytes:
        """Return the reply; a pull that finds nothing waits for news as long as it says."""
        pull = _pull_of(name, body)
        if pull is None or not pull.wait_ms:
            return await self._ask(name, body)
        until = self._terms.clock() + pull.wait_ms / 1000
        with self._bus.listen([since.space for since in pull.spaces]) as news:
            while True:
                reply = await self._ask(name, body)
                left = until - self._terms.clock()
                if left <= 0 or self.is_draining or has_news(pull, reply):
                    self._terms.metrics.add("wakes_total", label="poll")
                    return reply
                await news.wait(left)

    async def _ask(self, name: str, body: bytes) -> bytes:
        """Return what the desk answers, within the time of a request."""
        if self._waiting.takes(name):
            return await self._waiting.answer(name, body)
        pool = self._readers if name in rules.READS else self._pool
        answer = self._counter.answer if name in CALLS else self._desk.answer
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(limits.REQUEST_SECONDS):
            return await loop.run_in_executor(pool, answer, name, body)

    async def _read(self, work: Callable[[], T], /) -> T:
        """Return what ``work`` returns, done by a thread that reads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def _peer(self, scope: Scope) -> bytes:
        client = scope.get("client")
        address = client[0] if client else ""
        if self._terms.peers.is_proxy(address):
            return self._terms.peers.name(address, scope["headers"])
        name = scope["state"]["peer"]
        assert isinstance(name, bytes), "of relay.wire"
        return name

    def _counting(self, peer: bytes, size: int) -> Counting:
        """Count one that ``peer`` has open, and the bytes that it is."""
        return Counting(self, peer, size)

    # -- answers ----------------------------------------------------------------------------

    def _refused(
        self, refusal: HubRefusal, *, status: int | None = None, is_last: bool = False
    ) -> Answer:
        """Return a refusal as JSON, flat."""
        code = refusal.code
        found: dict[str, object] = {
            "error": "the relay refused the call",
            "error_code": code,
            "retry_after_ms": _RETRY_MS.get(code),
            "at": self._terms.now_ms(),
            **refusal.details,
        }
        wait = found["retry_after_ms"]
        body = jsontext.dumps(found).encode()
        retry_ms = wait if isinstance(wait, int) else None
        return Answer(status or STATUS[code], body, JSON, is_last, retry_ms)

    async def _send(self, answer: Answer, scope: Scope, send: Send) -> None:
        """Send an answer, part by part; who does not take it in time is cut off."""
        size, state = len(answer.body), scope["state"]
        if size <= _PART_BYTES // 2 and not state["unsent"]():
            await _write(answer, send)  # the connection takes it without waiting
            return
        self._held += size
        try:
            async with asyncio.timeout(_seconds(size)):
                await _write(answer, send)
        except TimeoutError:
            state["abort"]()
        finally:
            self._held -= size

    # -- one WebSocket ----------------------------------------------------------------------

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket, or say why not."""
        await receive()
        peer = self._peer(scope)
        try:
            if scope["path"] != _SOCKET:
                raise HubRefusal("not_found")
            check(fields_of(scope["headers"]), self._terms.hosts)
            if self.is_draining:
                raise HubRefusal("relay_unavailable")
            if self._open[peer] >= self._terms.open_max:
                raise HubRefusal("rate_limited")
        except HubRefusal as refusal:
            answer = self._refused(refusal, is_last=True)
            start = "websocket.http.response.start"
            head = {"type": start, "status": answer.status, "headers": _headers(answer)}
            await send(head)
            await send({"type": "websocket.http.response.body", "body": answer.body})
            return
        with self._counting(peer, 0):
            await send({"type": "websocket.accept"})
            state = scope["state"]
            await self.fanout.serve(receive, send, state["abort"], state["write"])


class Counting:
    """What is open of a peer, and in memory, while a request lasts.

    Behind a proxy connections do not tell how much one has open.
    """

    __slots__ = ("_face", "_peer", "_size")

    def __init__(self, face: Face, peer: bytes, size: int) -> None:
        self._face = face
        self._peer = peer
        self._size = size

    def __enter__(self) -> None:
        self._face._held += self._size
        self._face._open[self._peer] += 1

    def __exit__(self, *_: object) -> None:
        face, peer = self._face, self._peer
        face._held -= self._size
        face._open[peer] -= 1
        if not face._open[peer]:
            del face._open[peer]


def fields_of(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return the fields of a head by their names; of those that stand twice both, with a comma.

    Raises nothing: a head that is too large has none, and is refused for that.
    """
    found, size = dict[bytes, bytes](), 0
    for name, value in headers:
        size += len(name) + len(value)
        found[name] = found[name] + b"," + value if name in found else value
    return found if size <= limits.HEADER_BYTES_MAX else {}


def check(fields: Fields, hosts: frozenset[str]) -> None:
    """Refuse what no client of a relay sends: browsers, foreign names, packed or endless heads."""
    if not fields:
        raise HubRefusal("malformed")
    host = fields.get(b"host", b"").decode("latin-1").lower()
    if b"origin" in fields or host not in hosts:
        raise HubRefusal("auth_failed")
    if fields.get(b"content-encoding", b"identity") != b"identity":
        raise HubRefusal("unsupported_operation")


def announced(fields: Fields) -> int:
    """Return how many bytes of body are announced, of a request without one none.

    Raises HubRefusal (length_required, message_too_large).
    """
    length = fields.get(b"content-length", b"")
    if b"transfer-encoding" in fields or not length.isdigit() or len(length) > 12:
        raise HubRefusal("length_required")
    size = int(length)
    if size > limits.REQUEST_BYTES_MAX:
        raise HubRefusal("message_too_large")
    return size


async def read_body(receive: Receive, size: int, *, keep: bool) -> bytes:
    """Return the body of a request, whole, within its deadline; empty where nobody wants it.

    Raises HubRefusal(malformed), TimeoutError, Gone.
    """
    parts, got, more = list[bytes](), 0, True
    async with asyncio.timeout(_seconds(size)):
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            part, more = message["body"], message["more_body"]
            if keep:
                parts.append(part)
            got += len(part)
            if got > size:
                raise HubRefusal("malformed")
    if got != size:
        raise HubRefusal("malformed")
    return b"".join(parts)


def _seconds(size: int) -> float:
    """Return how long ``size`` bytes may be under way."""
    return limits.BODY_SECONDS + size / limits.BODY_BYTES_SECOND


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    found = [
        (b"content-type", answer.media.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if answer.retry_ms is not None:
        found.append((b"retry-after", str(-(-answer.retry_ms // 1000)).encode()))
    if answer.is_last:
        found.append((b"connection", b"close"))
    return found


async def _write(answer: Answer, send: Send) -> None:
    """Send an answer, each part when the one before is taken."""
    body, headers = answer.body, _headers(answer)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for at in range(0, len(body) or 1, _PART_BYTES):
        part, more = body[at : at + _PART_BYTES], at + _PART_BYTES < len(body)
        await send({"type": "http.response.body", "body": part, "more_body": more})


def _pull_of(name: str, body: bytes) -> frames.Pull | None:
    """Return the pull in ``body``, None for another call, or where the desk will refuse it."""
    if name != "pull":
        return None
    try:
        return decode(decode(body, access.Request).call, frames.Pull)
    except RemoteFault:
        return None


def has_news(pull: frames.Pull, reply: bytes) -> bool:
    """Say whether a reply tells what whoever pulls does not know: frames, or another log."""
    pages = decode(reply, frames.Pulled).pages
    for since, page in zip(pull.spaces, pages, strict=True):
        head = page.head
        if page.frames or head is None or head.head < since.since:
            return True
        if since.instance is not None and since.instance != head.instance:
            return True
    return False
