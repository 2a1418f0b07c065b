"""Bus: who waits for news of which space, inside one process.

The writer tells of each commit; whoever waits for one of its spaces looks again. A wake says
nothing but that, and may be lost without harm: the log is the truth, and every wait has an end.

Specification: docs/spec/relay.md, News.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from envoy.relay.group import Wake


class News:
    """What one waiter waits for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.wakes = dict[bytes, Wake]()

    def tell(self, wake: Wake) -> None:
        """Note a wake; of several of one space the newest stays."""
        self.wakes[wake.space] = wake
        self._event.set()

    def end(self) -> None:
        """Wait no more."""
        self._event.set()

    async def wait(self, timeout_s: float | None) -> list[Wake]:
        """Return what came since the last time, after ``timeout_s`` nothing."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return []
        self._event.clear()
        found = list(self.wakes.values())
        self.wakes.clear()
        return found


class Bus:
    """Waiters by space. ``spread`` may be called by any thread, all else by the loop's."""

    def __init__(self) -> None:
        self._waiting = dict[bytes, set[News]]()
        self._watchers = list[Callable[[Wake], None]]()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the waiters of ``loop`` from now on."""
        self._loop = loop

    def spread(self, wakes: Sequence[Wake]) -> None:
        """Tell of commits. What comes before there is a loop, or behind it, wakes nobody."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, list(wakes))

    def watch(self, watcher: Callable[[Wake], None]) -> None:
        """Let ``watcher`` hear of every commit, in the loop's thread."""
        self._watchers.append(watcher)

    def end(self) -> None:
        """Let everybody look once more, and not wait again: the relay ends."""
        for waiting in list(self._waiting.values()):
            for news in list(waiting):
                news.end()

    @contextmanager
    def listen(self, spaces: Sequence[bytes]) -> Iterator[News]:
        """Return what is told of ``spaces`` while the context lives."""
        news = News()
        for space in spaces:
            self.add(news, space)
        try:
            yield news
        finally:
            for space in spaces:
                self.drop(news, space)

    def add(self, news: News, space: bytes) -> None:
        """Let ``news`` hear of ``space``."""
        self._waiting.setdefault(space, set()).add(news)

    def drop(self, news: News, space: bytes) -> None:
        """Let ``news`` hear of ``space`` no more."""
        left = self._waiting.get(space, set())
        left.discard(news)
        if not left:
            self._waiting.pop(space, None)

    def _tell(self, wakes: Sequence[Wake]) -> None:
        for wake in wakes:
            for watcher in self._watchers:
                watcher(wake)
            for news in self._waiting.get(wake.space, ()):
                news.tell(wake)
