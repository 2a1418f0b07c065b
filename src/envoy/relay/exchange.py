"""Exchange: one HTTP/1.1 connection of a relay, with a bound for all that a peer can do or leave.

The calls of a relay are small posts of a known length, so the protocol is small: a head that comes
whole (``relay.heads``), so many bytes, an answer, the next one. A server library for everything
takes a third of the processor time of a durable push for this; here it is a twentieth, and every
deadline and bound stands in one place.

The application is an ASGI one. Beside what ASGI has, ``state`` of its scope tells the name of the
peer, what is not sent yet, and how to cut the connection off; ``whole`` is the body where it came
with its head, so that nobody has to wait for it.

Laws: no connection outlives its deadlines, whatever its peer does or leaves undone. A connection
counts until the system has closed it. One request is done at a time, in their order; what comes
behind it is not read on. Where an end of a request is in doubt, the connection ends with it.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from starlette.types import Message
from uvicorn.server import ServerState

from envoy import jsontext, limits
from envoy.relay import heads
from envoy.relay.doors import Config, address_of
from envoy.relay.heads import Head, Refused

_PHRASES: Final = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized",
    402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 409: "Conflict", 411: "Length Required", 413: "Content Too Large",
    415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Headers Too Large",
    500: "Internal Server Error", 503: "Service Unavailable", 507: "Insufficient Storage",
}  # fmt: skip
_LINES: Final = {
    status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in _PHRASES.items()
}
_CLOSE: Final = (b"connection", b"close")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_UPGRADE: Final = b"websocket"
# Bytes of a body that wait for the application; beyond, the connection is not read on.
_BODY_WAITING_MAX: Final = 64 * limits.KIB
# What is written to a peer who then does not read it is given this long.
LINGER_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("uvicorn.error")


def _nothing() -> None:
    """Do nothing."""


class Http(asyncio.Protocol):
    """One connection. ``got`` is what came behind the request that is done now."""

    transport: asyncio.Transport

    def __init__(
        self, config: Config, server: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self.app = config.loaded_app
        self.is_last = False  # nothing behind the request that is done now is one
        self.scope = dict[str, object]()
        self._config = config
        self._server = server
        # The library's sets know its own protocols alone.
        self._connections = cast("set[object]", server.connections)
        self._got = b""
        self._now: Request | None = None
        self._due: float | None = None
        self._end: Callable[[], None] = _nothing
        self._timer: asyncio.TimerHandle | None = None
        self._last_timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._writable: asyncio.Future[None] | None = None  # there while it takes nothing

    # -- the connection ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: with a place for it, and a deadline for its first head."""
        assert isinstance(transport, asyncio.Transport), "a stream, with or without TLS"
        self._connections.add(self)
        self.transport = transport
        place = transport.get_extra_info("peername")
        # Of each request it would be asked anew otherwise, and an address is costly to read.
        self.state = {
            "abort": transport.abort,
            "peer": self._config.doors.name(transport),
            "unsent": transport.get_write_buffer_size,
        }
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "server": None,
            "client": (address_of(transport), place[1]) if address_of(transport) else None,
            "scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
            "root_path": "",
            "state": self.state,
        }
        if not self._config.doors.enter(transport):
            self.say(429, "rate_limited")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: every timer, whoever waits, and the place."""
        self._connections.discard(self)
        self._no_timer()
        if self._last_timer is not None:
            self._last_timer.cancel()
        self._config.doors.leave(self.transport)
        if self._now is not None:
            self._now.lose()
        self.resume_writing()

    def eof_received(self) -> None:
        """Close, as the system does; a peer that takes nothing more is not waited for."""
        self._linger()

    def shutdown(self) -> None:
        """Close when what runs is done."""
        if self._now is None:
            self._close()
        self.is_last = True

    def pause_writing(self) -> None:
        """Let who answers wait: the peer does not take what was written."""
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let who answers go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def drain(self) -> None:
        """Wait until the peer took most of what was written, or is gone."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def pause_reading(self) -> None:
        """Take no more from the peer for now."""
        if not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on taking."""
        if self._is_paused and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()

    # -- what comes -------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a head, of the body of the request that is done now, or behind it."""
        if self.transport.is_closing():
            return
        now = self._now
        if now is None:
            self._got += data
            self._read()
            return
        if now.left:
            data = now.feed(data)
        if data:
            self._got += b"" if self.is_last else data
            self.pause_reading()

    def _read(self) -> None:
        """Begin the request that came, or wait for the rest of its head."""
        got = self._got
        end = got.find(heads.END, 0, limits.HEADER_BYTES_MAX)
        if end < 0:
            if len(got) >= limits.HEADER_BYTES_MAX:
                self.say(heads.TOO_LARGE, "malformed")
            elif not heads.can_begin(got):
                self.say(heads.MALFORMED, "malformed")
            elif self._end != self._too_late or self._due is None:
                self._await_head()
            return
        try:
            head = heads.read(got[:end])
        except Refused as refused:
            self.say(refused.status, "malformed")
            return
        self._begin(head, got[end + len(heads.END) :])

    def _begin(self, head: Head, rest: bytes) -> None:
        """Let the application answer a request; ``rest`` is what came behind its head."""
        self._due = None
        if head.upgrade == _UPGRADE:
            self._become_socket(head, rest)
            return
        self.is_last |= head.is_last
        body, behind = rest[: head.length], rest[head.length :]
        self._got = b"" if self.is_last else behind
        if self._got:
            self.pause_reading()
        self._now = Request(self, head, body)
        task = self.loop.create_task(self._now.run())
        self._server.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Note an application that failed: its connection has been told."""
        self._server.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("the application failed", exc_info=task.exception())

    def _become_socket(self, head: Head, rest: bytes) -> None:
        """Hand the connection over, with its place and without my timers.

        Who asks for that sends nothing more before the answer, and has taken those before: what
        waits here would be nobody's to watch. The library that reads it once more takes less.
        """
        unsent = self.transport.get_write_buffer_size()
        if rest or unsent or head.length or head.is_last or head.method != "GET":
            self.say(heads.MALFORMED, "malformed")
            return
        lines = [b"GET " + head.target + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in head.headers]
        protocol = self._config.sockets(self._config, self._server, self.state)
        protocol.connection_made(self.transport)
        protocol.data_received(b"\r\n".join(lines) + heads.END)
        if not protocol.handshake_initiated:
            self._connections.discard(protocol)
            self.say(heads.MALFORMED, "malformed")
            return
        self._no_timer()
        self._connections.discard(self)
        self.transport.set_protocol(protocol)

    # -- what goes --------------------------------------------------------------------------

    def say(self, status: int, code: str) -> None:
        """Answer once more, and close."""
        found = {"error": "no request of a client", "error_code": code, "retry_after_ms": None}
        body = jsontext.dumps(found).encode()
        head = b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(_LINES[status] + head % len(body) + body)
        self._close()

    def finish(self) -> None:
        """Go on behind a request that was answered; one that began behind it has its deadline."""
        self._now = None
        self._server.total_requests += 1
        if self.is_last:
            self._close()
            return
        self.resume_reading()
        if self._got:
            self._read()
        else:
            self._await(self._config.timeout_keep_alive, self._idle)

    def _close(self) -> None:
        """Close, and cut the connection off if it is not closed soon."""
        self._due = None
        self.transport.close()
        self._linger()

    def _linger(self) -> None:
        """Give a connection that ends some time to do so."""
        if self._last_timer is None:
            self._last_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    # -- deadlines --------------------------------------------------------------------------

    def _await_head(self) -> None:
        self._await(self._config.doors.header_seconds, self._too_late)

    def _too_late(self) -> None:
        self.say(408, "timeout")

    def _idle(self) -> None:
        self._close()

    def _await(self, seconds: float, end: Callable[[], None]) -> None:
        """Call ``end`` after some seconds, instead of what was to be called.

        A timer that would fire earlier stays and looks again: most deadlines are only put off.
        """
        self._due, self._end = self.loop.time() + seconds, end
        if self._timer is not None and self._timer.when() > self._due:
            self._no_timer_alone()
        if self._timer is None:
            self._timer = self.loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Do what is due, or look again when it will be."""
        self._timer = None
        if self._due is None:
            return
        if self.loop.time() < self._due:
            self._timer = self.loop.call_at(self._due, self._look)
            return
        self._due = None
        self._end()

    def _no_timer(self) -> None:
        """Wait for nothing more; what held this in a circle is gone, too."""
        self._due, self._end = None, _nothing
        self._no_timer_alone()

    def _no_timer_alone(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Request:
    """One request and its answer. ``left``: bytes of its body that did not come yet."""

    __slots__ = (
        "_body", "_expects", "_head", "_is_asked", "_is_begun", "_is_over", "_line", "_news",
        "_start", "left",
    )  # fmt: skip

    def __init__(self, line: Http, head: Head, body: bytes) -> None:
        self._line = line
        self._head = head
        self._body = body  # what came of it and nobody took
        self.left = head.length - len(body)
        self._expects = head.expects
        self._is_asked = False  # the whole body was taken
        self._is_begun = False  # the answer
        self._is_over = False  # it is answered, or nobody is there any more
        self._news: asyncio.Future[None] | None = None
        self._start: Message | None = None

    async def run(self) -> None:
        """Let the application answer; where it does not, say so and close."""
        head, line = self._head, self._line
        path, _, query = head.target.partition(b"?")
        scope = {
            **line.scope,
            "http_version": head.version,
            "method": head.method,
            "path": path.decode("ascii"),
            "raw_path": path,
            "query_string": query,
            "headers": head.headers,
            "whole": None if self.left else self._body,
        }
        try:
            await line.app(scope, self.receive, self.send)
        finally:
            if not self._is_over and self._is_begun:
                line.transport.abort()
            elif not self._is_over:
                line.say(500, "internal")
            self._is_over = True

    def feed(self, data: bytes) -> bytes:
        """Take what came of the body; return what came behind it."""
        rest = data[self.left :]
        self._body += data[: self.left]
        self.left = max(0, self.left - len(data))
        if len(self._body) > _BODY_WAITING_MAX:
            self._line.pause_reading()
        self._wake()
        return rest

    def lose(self) -> None:
        """Note that nobody is there any more."""
        self._is_over = True
        self._wake()

    async def receive(self) -> Message:
        """Return what came of the body; once all of it was taken, wait for the end."""
        line = self._line
        if self._expects and self.left and not self._body:
            line.transport.write(_CONTINUE)
        self._expects = False
        while not self._is_over and (self._is_asked or (self.left and not self._body)):
            line.resume_reading()
            self._news = line.loop.create_future()
            await self._news
        if self._is_over:
            return {"type": "http.disconnect"}
        body, self._body = self._body, b""
        self._is_asked = not self.left
        return {"type": "http.request", "body": body, "more_body": bool(self.left)}

    async def send(self, message: Message) -> None:
        """Write a part of the answer when the peer took the one before."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        line = self._line
        await line.drain()
        if self._is_over:
            return
        data = b"" if self._head.method == "HEAD" else message["body"]
        if self._start is not None:
            data = self._rendered(self._start) + data
            self._start, self._is_begun = None, True
        line.transport.write(data)
        if not message.get("more_body"):
            self._is_over = True
            line.finish()

    def _rendered(self, start: Message) -> bytes:
        """Return the head of an answer. A body that nobody read is none of a next request."""
        headers = start["headers"]
        lines = [_LINES[start["status"]]]
        lines += [b"%b: %b\r\n" % header for header in headers]
        if _CLOSE in headers:
            self._line.is_last = True
        elif self._line.is_last or self.left:
            self._line.is_last = True
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
