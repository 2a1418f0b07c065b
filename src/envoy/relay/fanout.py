"""Fanout: one open line per listener, over which it hears of all its spaces as they grow.

A commit wakes its space here; each page is read and packed once for all who stand at the same
number, and put into the queue of each. A queue is bounded: of a listener that does not read what
was to be told is dropped, it hears that it lags, and pulls when it comes back. Nobody waits for
anybody.

Whoever lost access hears nothing newer: a page is read in one state of the database with the number
of changes of access, and where that is another, each listener is judged anew before it hears more.

Laws: nothing is lost that a pull does not bring. A listener costs a bounded queue, whatever it does
or leaves undone. Everything here runs in one thread; what blocks is asked of others.

Specification: docs/spec/relay.md, News.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from starlette.types import Receive, Send

from envoy import limits
from envoy.core.codec import encode
from envoy.core.structs import Body
from envoy.errors import EnvoyError, RemoteFault
from envoy.lean import Protocol, TypeVar
from envoy.relay.desk import Desk, Subscription
from envoy.relay.group import GONE, Wake
from envoy.relay.metrics import Metrics
from envoy.relay.wire import framed
from envoy.sync import frames, live
from envoy.sync.frames import HubRefusal

T = TypeVar("T")
Write = Callable[[bytes], bool]

MALFORMED: Final = 4400
AUTH: Final = 4401
REVOKED: Final = 4403
SILENT: Final = 4408
TOO_LARGE: Final = 4413
TOO_MUCH: Final = 4429
DRAINING: Final = 4503
_CLOSED: Final = 1000
_TICK_SECONDS: Final = 0.5
# How long a close may wait for its peer before the line is cut.
_CLOSE_SECONDS: Final = 5.0
_RECHECK: Final = 100
_TELL: Final = 100
_EXPIRED: Final = "session_expired"
_UNKNOWN: Final = -2  # a number of changes that no token has


class Asker(Protocol):
    """What runs a function that blocks in another thread."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Return what ``work`` returns."""
        ...


class Reading:
    """One space of one listener: by what right, and up to which number it heard."""

    __slots__ = ("sent", "sub")

    def __init__(self, sub: Subscription, sent: int) -> None:
        self.sub = sub
        self.sent = sent


class Line:
    """One listener: what waits for it, and what it listens to."""

    __slots__ = (
        "_changed", "_is_sending", "_queue", "_size", "_write", "abort", "asked_s", "closing",
        "closing_s", "has_asked", "heard_s", "lagging", "readings",
    )  # fmt: skip

    def __init__(self, abort: Callable[[], None], write: Write, now_s: float) -> None:
        """``write`` writes a framed message at once, or says that it cannot."""
        self._write = write
        self._is_sending = False
        self._queue = deque[tuple[bytes, bytes | None]]()  # message, the space that it tells of
        self._size = 0
        self._changed = asyncio.Event()
        self.abort = abort
        self.readings = dict[bytes, Reading]()
        self.lagging = dict[bytes, int]()
        self.heard_s = self.asked_s = now_s
        self.has_asked = False
        self.closing: int | None = None
        self.closing_s = 0.0

    def say(self, message: Body) -> None:
        """Queue a message that must not be dropped; one too many closes the line."""
        full = len(self._queue) > 2 * limits.SOCKET_SPACES_MAX
        if full or self._size > 2 * limits.SOCKET_QUEUE_BYTES_MAX:
            self.close(TOO_MUCH, self.heard_s)
        self._put(encode(message), None)

    def tell(self, space: bytes, message: bytes, whole: bytes) -> bool:
        """Send a wake, ``whole`` is its frame, or queue it behind what waits.

        False where the queue is full, and what it would tell is dropped.
        """
        is_free = not (self._queue or self._is_sending or self.lagging)
        if is_free and self.closing is None and self._write(whole):
            return True
        full = len(self._queue) >= limits.SOCKET_QUEUE_MAX
        if full or self._size + len(message) > limits.SOCKET_QUEUE_BYTES_MAX:
            self._drop()
            return False
        self._put(message, space)
        return True

    def note_lag(self, space: bytes, head: int) -> None:
        """Tell that ``space`` has ``head``, when the queue is read."""
        self.lagging[space] = head
        self._changed.set()

    def close(self, code: int, now_s: float) -> None:
        """Close the line behind what is not about a space."""
        if self.closing is None:
            self._drop()
            self.closing, self.closing_s = code, now_s
        self._changed.set()

    async def next(self) -> bytes | None:
        """Return what is to be sent next; None: the line is to be closed."""
        self._is_sending = False
        while True:
            if self._queue:
                message, _ = self._queue.popleft()
                self._size -= len(message)
                self._is_sending = True
                return message
            if self.closing is not None:
                return None
            if self.lagging:
                self._is_sending = True
                return self._lag()
            self._changed.clear()
            await self._changed.wait()

    def _lag(self) -> bytes:
        places = tuple(live.Place(*pair) for pair in self.lagging.items())
        for place in places:
            reading = self.readings.get(place.space)
            if reading is not None:
                reading.sent = max(reading.sent, place.head)
        self.lagging.clear()
        return encode(live.Lag("lag", places))

    def _put(self, message: bytes, space: bytes | None) -> None:
        self._queue.append((message, space))
        self._size += len(message)
        self._changed.set()

    def _drop(self) -> None:
        """Drop every wake; their spaces lag."""
        for message, space in [one for one in self._queue if one[1] is not None]:
            self._size -= len(message)
            if space in self.readings:
                self.lagging[space] = self.readings[space].sent
        self._queue = deque(one for one in self._queue if one[1] is None)


class Fanout:
    """All listeners of one relay. ``ask`` runs a function that blocks in another thread."""

    def __init__(
        self,
        desk: Desk,
        ask: Asker,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._ask_thread = ask
        self._metrics = metrics
        self._clock = clock
        self._now_ms = now_ms
        self._lines = set[Line]()
        self._of_space = dict[bytes, dict[Line, Reading]]()
        self._of_holder = Counter[tuple[bytes, bytes]]()
        self._news = dict[bytes, Wake]()  # what a running task has to tell yet
        self._running = dict[bytes, asyncio.Task[None]]()
        self._asking = 0
        self._missed = dict[bytes, Wake]()  # while somebody asks for a space

    def __len__(self) -> int:
        return len(self._lines)

    # -- one line ---------------------------------------------------------------------------

    async def serve(
        self, receive: Receive, send: Send, abort: Callable[[], None], write: Write
    ) -> None:
        """Listen to who listens, from the accepted line to its end."""
        line = Line(abort, write, self._clock())
        self._lines.add(line)
        writer = asyncio.create_task(_write(line, send))
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                line.heard_s = self._clock()
                if line.closing is None:
                    await self._take(line, message)
        finally:
            self._lines.discard(line)
            for space in list(line.readings):
                self._leave(line, space)
            writer.cancel()
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, abort)

    async def _take(self, line: Line, message: Mapping[str, object]) -> None:
        """Do what one message of a listener asks for."""
        data = message.get("bytes")
        if not isinstance(data, bytes):
            line.close(MALFORMED, self._clock())
            return
        if len(data) > limits.SOCKET_MESSAGE_BYTES_MAX:
            line.close(TOO_LARGE, self._clock())
            return
        try:
            said = live.read(data, live.ASKED)
        except RemoteFault:
            line.close(MALFORMED, self._clock())
            return
        match said:
            case live.Sub():
                await self._sub(line, said)
            case live.Unsub():
                self._leave(line, said.space)

    async def _sub(self, line: Line, said: live.Sub) -> None:
        """Let a listener hear of the spaces that its tokens are for."""
        self._asking += 1
        try:
            found = await self._ask(lambda: [self._subscribed(one) for one in said.wanted])
            entries = tuple(
                self._enter(line, one, since.since)
                for one, since in zip(found, said.wanted, strict=True)
            )
        finally:
            self._asking -= 1
            if not self._asking:
                self._missed.clear()
        line.has_asked = True
        line.say(live.Subbed("ok", said.n, entries))
        if not line.readings and all(entry == "auth_failed" for entry in entries):
            line.close(AUTH, self._clock())
        for one in found:
            if not isinstance(one, str):
                self._start(one[0].space)

    def _subscribed(self, wanted: live.Wanted) -> tuple[Subscription, frames.Head] | str:
        """Return what a token is good for, or a code. Called by a thread that may wait."""
        try:
            return self._desk.subscribe(wanted.token)
        except HubRefusal as refusal:
            return refusal.code
        except EnvoyError:
            return "storage_failed"

    def _enter(
        self, line: Line, found: tuple[Subscription, frames.Head] | str, since: int
    ) -> frames.Head | str:
        """Let a line hear of a space from now on; return where it stands, or a code."""
        if isinstance(found, str):
            return found
        sub, head = found
        space, holder = sub.space, (sub.space, sub.holder)
        is_new = space not in line.readings
        if is_new and len(line.readings) >= limits.SOCKET_SPACES_MAX:
            return "quota_exceeded"
        if is_new and self._of_holder[holder] >= limits.SOCKETS_HOLDER_MAX:
            return "rate_limited"
        self._leave(line, space)
        reading = line.readings[space] = Reading(sub, since)
        self._of_space.setdefault(space, {})[line] = reading
        self._of_holder[holder] += 1
        last = self._missed.get(space) or self._news.get(space) or Wake(space, 0, 0)
        if last.rev != GONE:  # it may be older than what the thread saw, or younger
            last = Wake(space, max(last.head, head.head), max(last.rev, head.rev))
        self._news[space] = last
        return head

    def _leave(self, line: Line, space: bytes) -> None:
        """Let a line hear of a space no more."""
        reading = line.readings.pop(space, None)
        if reading is None:
            return
        line.lagging.pop(space, None)
        holder = (space, reading.sub.holder)
        self._of_holder[holder] -= 1
        if not self._of_holder[holder]:
            del self._of_holder[holder]
        lines = self._of_space[space]
        del lines[line]
        if not lines:
            del self._of_space[space]
            self._news.pop(space, None)

    def _end(self, line: Line, space: bytes, code: str) -> None:
        """Tell a line why it hears of a space no more; it ends with its last."""
        self._leave(line, space)
        line.say(live.End("end", space, code))
        if not line.readings:
            line.close(AUTH if code == _EXPIRED else REVOKED, self._clock())

    # -- what is told -----------------------------------------------------------------------

    def wake(self, wake: Wake) -> None:
        """Tell of a commit."""
        if self._asking:
            self._missed[wake.space] = wake
        if wake.space in self._of_space:
            self._news[wake.space] = wake
            self._start(wake.space)

    def _start(self, space: bytes) -> None:
        if space in self._news and space not in self._running:
            self._running[space] = asyncio.create_task(self._spread(space))

    async def _spread(self, space: bytes) -> None:
        """Tell all listeners of a space until there is nothing new."""
        try:
            while space in self._news:
                wake = self._news.pop(space)
                await self._recheck(space, wake)
                await self._tell(space, wake)
        except EnvoyError:  # the database did not answer: the next wake, or a pull, brings it
            return
        finally:
            del self._running[space]

    async def _recheck(self, space: bytes, wake: Wake) -> None:
        """Judge anew who listens by another number of changes of access than there is."""
        doubtful = [
            (line, reading)
            for line, reading in self._of_space.get(space, {}).items()
            if reading.sub.rev != wake.rev
        ]
        for at in range(0, len(doubtful), _RECHECK):
            part = doubtful[at : at + _RECHECK]
            subs = [reading.sub for _, reading in part]
            found = await self._ask(partial(self._desk.recheck, subs))
            for (line, reading), now in zip(part, found, strict=True):
                if line.readings.get(space) is not reading:
                    continue
                if isinstance(now, str):
                    self._end(line, space, now)
                else:
                    reading.sub = now

    async def _tell(self, space: bytes, wake: Wake) -> None:
        """Queue a wake for each listener, one page for all who stand at one number."""
        groups = dict[tuple[int, int], list[tuple[Line, Reading]]]()
        for line, reading in self._of_space.get(space, {}).items():
            if space in line.lagging:
                line.note_lag(space, max(wake.head, line.lagging[space]))
            elif reading.sent < wake.head:
                groups.setdefault((reading.sub.rev, reading.sent), []).append((line, reading))
        for (_, sent), members in groups.items():
            longest = max((reading.sub for _, reading in members), key=lambda sub: sub.exp)
            page = await self._page(longest, sent, wake)
            if page is None:  # access changed, or ended: its own wake or the next tick says so
                continue
            head, message, count = page
            for at in range(0, len(members), _TELL):
                self._deliver(space, message, head, members[at : at + _TELL])
                await asyncio.sleep(0)  # others have a turn
            self._metrics.add("pulled_frames_total", count * len(members))

    async def _page(
        self, sub: Subscription, sent: int, wake: Wake
    ) -> tuple[int, bytes, int] | None:
        """Return the head, the packed wake of who stands at ``sent``, and its frames."""
        most = limits.WAKE_FRAMES_MAX
        try:
            page = await self._ask(lambda: self._desk.page(sub, sent, most))
        except HubRefusal as refusal:
            if refusal.code != _EXPIRED and sub.space in self._of_space:
                # Access changed in between, which a wake of its own tells, if it is not lost.
                self._news.setdefault(sub.space, wake._replace(rev=_UNKNOWN))
            return None
        head = page.last if page.head is None else page.head.head
        size = sum(len(frame) for frame in page.frames)
        is_whole = page.last == head and size <= limits.WAKE_BYTES_MAX
        message = live.Woken("wake", sub.space, head, page if is_whole else None)
        return head, encode(message), len(page.frames) if is_whole else 0

    def _deliver(
        self, space: bytes, message: bytes, head: int, members: Iterable[tuple[Line, Reading]]
    ) -> None:
        now_ms, whole = self._now_ms(), framed(message)
        told = 0
        for line, reading in members:
            if line.readings.get(space) is not reading or line.closing is not None:
                continue
            if reading.sub.exp <= now_ms:
                self._end(line, space, _EXPIRED)
                continue
            reading.sent = head
            if line.tell(space, message, whole):
                told += 1
            else:
                line.note_lag(space, head)
                self._metrics.add("ws_lag_total")
        self._metrics.add("wakes_total", told, label="ws")

    async def _ask(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, done by another thread."""
        return await self._ask_thread(work)

    # -- time, and the end ------------------------------------------------------------------

    async def run(self) -> None:
        """Look after all lines, for ever."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.tick()

    def tick(self) -> None:
        """Ping who is silent, close who stays so, end what expired, cut what does not close."""
        now_s, now_ms = self._clock(), self._now_ms()
        for line in list(self._lines):
            if line.closing is not None:
                if now_s - line.closing_s >= _CLOSE_SECONDS:
                    line.abort()
                continue
            for space, reading in list(line.readings.items()):
                if reading.sub.exp <= now_ms:
                    self._end(line, space, _EXPIRED)
            self._look_after(line, now_s)

    @staticmethod
    def _look_after(line: Line, now_s: float) -> None:
        silent_s = now_s - line.heard_s
        most = limits.SOCKET_SILENCE_SECONDS_MAX if line.has_asked else limits.SOCKET_SECONDS_FIRST
        if silent_s >= most:
            line.close(SILENT, now_s)
        elif now_s - max(line.heard_s, line.asked_s) >= limits.SOCKET_PING_SECONDS:
            line.asked_s = now_s
            line.say(live.Ping("ping"))

    async def bye(self, seconds: float) -> None:
        """Take leave of everybody; return when all are gone, or after ``seconds``."""
        now_s = self._clock()
        for line in list(self._lines):
            line.say(live.Bye("bye", "relay_unavailable"))
            line.close(DRAINING, now_s)
        until = now_s + seconds
        while self._lines and self._clock() < until:
            await asyncio.sleep(0.02)
        for line in list(self._lines):
            line.abort()
        for task in list(self._running.values()):
            task.cancel()


async def _write(line: Line, send: Send) -> None:
    """Send what waits, one after the other, then close."""
    try:
        while (message := await line.next()) is not None:
            await send({"type": "websocket.send", "bytes": message})
        await send({"type": "websocket.close", "code": line.closing or _CLOSED})
    except OSError:  # it is gone: what the server's library raises is one
        return
