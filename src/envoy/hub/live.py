"""Live: news of connected spaces as they come, for as long as a command that waits is running.

One thread keeps one long poll at the relay: it asks for what comes behind the cursors of all links,
and the relay answers when there is something. Then the bridge brings it into the log of this
machine, and every process here that waits is woken by that commit, as it is by any other. So a
message of another machine is there within about a second, and nobody needs a daemon.

Spaces that are isolated are asked about on threads of their own, each by itself; where there are
more of them than threads, those of a thread take turns.

Of several processes of one profile the one that holds the lock does it; the others try again and
take over when it ends. Where the relay fails it is asked again later and later, at a moment that is
drawn anew each time, so that the clients of a relay that came back do not come all at once.

Laws: each thread has connections of its own and shares nothing but flags. It ends with the
command: what it waits for is hung up on. All listen under the lock that the first one holds.

Specification: docs/spec/bridge.md, Waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import EnvoyError, WaitTimeoutError
from envoy.hub.bridge import Bridge
from envoy.hub.caller import SLOWER, Caller, pause_ms
from envoy.hub.links import Link, Links
from envoy.hub.sqlite import LogStore
from envoy.lean import NamedTuple
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.system import files, host

# How often who has no lock, or no link, looks again; how long a thread may take to end.
LOOK_SECONDS: Final = 1.0
END_SECONDS: Final = 2.0


class Line(NamedTuple):
    """What the thread works with: the log of this machine, its links, who calls relays."""

    store: LogStore
    links: Links
    caller: Caller
    near: Callable[[Body], Body]


class Live:
    """Listens to the relays of this machine's spaces on threads of its own."""

    def __init__(self, opened: Callable[[ExitStack], Line], *, lock_path: str) -> None:
        """``opened`` makes the line, on a thread; what it puts on the stack ends with that."""
        self._opened = opened
        self._lock_path = lock_path
        self._ended = threading.Event()
        self._over = threading.Event()  # of the hold of the lock that lasts now
        self._callers = list[Caller]()
        self._thread = threading.Thread(target=self._run, name="envoy-live", daemon=True)

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up and wait for the threads, for a bounded time."""
        self._ended.set()
        self._end(self._over)
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        """Wait for the lock, then listen until the command ends."""
        while not self._ended.is_set():
            over = self._over = threading.Event()
            try:
                with files.lock(self._lock_path, timeout_s=0):
                    self._hold(over)
            except WaitTimeoutError:
                self._ended.wait(LOOK_SECONDS)  # another process listens
            except EnvoyError:
                return  # without keys or a sound log the command goes on as it can

    def _hold(self, over: threading.Event) -> None:
        """Listen, with as many threads more as isolated spaces want; they end with this one."""
        lanes = list[threading.Thread]()

        def wanted(count: int) -> None:
            while len(lanes) < min(count, limits.ISOLATED_MAX):
                number = len(lanes) + 1
                lanes.append(
                    threading.Thread(
                        target=self._lane,
                        args=(number, over),
                        name=f"envoy-live-{number}",
                        daemon=True,
                    )
                )
                lanes[-1].start()

        try:
            self._hear(0, over, wanted)
        finally:
            self._end(over)
            for lane in lanes:
                lane.join(END_SECONDS)

    def _lane(self, number: int, over: threading.Event) -> None:
        """Listen for isolated spaces, until this hold of the lock is over."""
        while not over.is_set():
            try:
                self._hear(number, over, lambda _: None)
            except WaitTimeoutError:
                over.wait(LOOK_SECONDS)
            except EnvoyError:
                return

    def _hear(self, lane: int, over: threading.Event, wanted: Callable[[int], None]) -> None:
        """Listen on this thread."""
        with ExitStack() as stack:
            line = self._opened(stack)
            self._callers.append(line.caller)
            stack.callback(self._callers.remove, line.caller)
            if self._ended.is_set():  # before anybody could hang up
                return
            Ear(line, over, lane=lane, wanted=wanted).listen()

    def _end(self, over: threading.Event) -> None:
        """End what listens, and hang up."""
        over.set()
        for caller in list(self._callers):
            caller.end()


class Ear:
    """What one thread listens to: lane 0 to all spaces but the isolated, the others to those.

    ``wanted`` is told how many are isolated.
    """

    def __init__(
        self, line: Line, ended: threading.Event, *, lane: int, wanted: Callable[[int], None]
    ) -> None:
        self._line = line
        self._ended = ended
        self._lane = lane
        self._wanted = wanted
        self._barred = dict[bytes, int]()  # spaces that refused us -> when to ask again

    def listen(self) -> None:
        """Ask again and again; after each failure a while later."""
        line, failures = self._line, 0
        while not self._ended.is_set():
            groups = self._groups(line.links.every())
            if not groups:
                self._ended.wait(LOOK_SECONDS)
                continue
            failed = False
            for group in groups:
                try:
                    self._once(line, group, limits.LIVE_WAIT_MS // len(groups))
                except (HubRefusal, EnvoyError) as error:
                    failed = True
                    retry_ms = self._note(line, group, error)
                    self._ended.wait(pause_s(failures, retry_ms, host.entropy(4)))
            failures = failures + 1 if failed else 0

    def _groups(self, links: Sequence[Link]) -> list[list[Link]]:
        """Return the links that this thread listens to, in groups that are asked about at once."""
        apart = [link for link in links if link.isolated]
        self._wanted(len(apart))
        now, found = host.monotonic_ms(), dict[tuple[str, bytes | None], list[Link]]()
        if self._lane:
            mine = apart[self._lane - 1 :: limits.ISOLATED_MAX]
            return [[link] for link in mine if self._barred.get(link.space, 0) <= now]
        for link in links:
            if not link.isolated and self._barred.get(link.space, 0) <= now:
                found.setdefault((link.origin, link.pin), []).append(link)
        return [group[: limits.PULL_SPACES_MAX] for group in found.values()]

    def _once(self, line: Line, group: Sequence[Link], wait_ms: int) -> None:
        """Send what waits, then wait for news of a relay, and bring them in."""
        for link in group:
            if link.instance is None or self._bridge(line, link).pending():
                # What there was no time for goes on before anything is waited for.
                wait_ms = wait_ms if self._sync(line, link) else 0
        begun = [line.links.find(one.space) for one in group]
        heard = [one for one in begun if one is not None and self._is_let_in(line.caller, one)]
        if not heard or self._ended.is_set():
            self._ended.wait(0 if heard else LOOK_SECONDS)
            return
        pages = line.caller.news(heard, wait_ms)
        for link, page in zip(heard, pages, strict=True):
            if _is_news(link, page):
                self._sync(line, link)
            else:
                line.links.heard(link.space, host.now_ms())

    def _is_let_in(self, caller: Caller, link: Link) -> bool:
        """Say whether the relay gives a token for a space; one that does not is left for a while.

        The link may be another profile's.
        """
        try:
            caller.token(link)
        except HubRefusal as refusal:
            if refusal.code == SLOWER:
                raise
            self._bar(link)
            return False
        return True

    def _bar(self, link: Link) -> None:
        self._barred[link.space] = host.monotonic_ms() + limits.BACKOFF_SECONDS_MAX * 1000

    def _bridge(self, line: Line, link: Link) -> Bridge:
        return Bridge(line.store, line.links, line.caller, link.space, near=line.near)

    def _sync(self, line: Line, link: Link) -> bool:
        """Let the bridge of one space run; a refusal concerns that space alone.

        Where the relay asks for a slower pace it is waited for. Return False where the time for one
        space was over before the end.
        """
        until = host.monotonic_ms() + limits.RPC_SECONDS_DEFAULT * 1000

        def go() -> bool:
            return not self._ended.is_set() and host.monotonic_ms() < until

        bridge = self._bridge(line, link)
        while True:
            try:
                return bridge.sync(now_ms=host.now_ms(), go=go).whole
            except HubRefusal as refusal:
                line.links.note(link.space, refusal.code, host.now_ms())
                if refusal.code != SLOWER:
                    self._bar(link)
                    return True
                self._ended.wait(min(pause_ms(refusal) / 1000, limits.BACKOFF_SECONDS_MAX))
                if not go():
                    return False

    def _note(self, line: Line, group: Sequence[Link], error: HubRefusal | EnvoyError) -> int:
        """Note what went wrong with a relay; return how long it wants to be left alone, ms."""
        if not self._ended.is_set():
            for link in group:
                line.links.note(link.space, error.code, host.now_ms())
        wanted = error.details.get("retry_after_ms", 0)
        return wanted if isinstance(wanted, int) else 0


def _is_news(link: Link, page: frames.Page) -> bool:
    """Say whether a relay stands elsewhere than where its log was read to."""
    if page.frames or page.head is None:
        return True
    return (page.head.instance, page.head.head, page.head.h) != (
        link.instance,
        link.cursor,
        link.h,
    )


def pause_s(failures: int, retry_ms: int, drawn: bytes) -> float:
    """Return how long to wait after a failure, seconds: drawn from a span that doubles.

    ``drawn`` are random bytes. What the relay asked for wins, within the bound.
    """
    span = min(limits.BACKOFF_SECONDS_MAX, limits.BACKOFF_SECONDS_MIN * 2 ** min(failures, 16))
    share = int.from_bytes(drawn) / 256 ** len(drawn)
    return float(max(span * share, min(retry_ms / 1000, limits.BACKOFF_SECONDS_MAX)))
