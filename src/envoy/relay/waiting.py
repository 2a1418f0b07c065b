"""Waiting: calls whose commit the loop waits for, without a thread for each.

What writes waits for the commit of its group anyway, so a thread that waits along is one more that
has to be woken for every call. Here a call is read by the loop and queued behind its turn, with all
that came in it; when the writer has committed a group it wakes the loop once, for all calls of it.

Laws: nothing here blocks: what waits for a file is asked of a thread. An answer is given once its
group is durable, or as a refusal.

Specification: docs/spec/relay.md, Groups.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from envoy.core.codec import encode
from envoy.relay import rules
from envoy.relay.billing import CALLS
from envoy.relay.desk import Desk
from envoy.relay.group import Job
from envoy.relay.metrics import Metrics
from envoy.sync.frames import HubRefusal

_TICK_SECONDS: Final = 0.5
# Calls that a thread has to answer: those that read, those about accounts, and a file on the disk.
_THREADS: Final = rules.READS | CALLS | {"chunk_put"}


class Waiting:
    """Calls that wait for their commit. Made in the loop that they wait in; ``seconds``: at most.

    ``_over`` are those that the writer is through with and the loop does not know of yet.
    """

    def __init__(self, desk: Desk, metrics: Metrics, *, seconds: float) -> None:
        self._desk = desk
        self._metrics = metrics
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = list[Job]()  # to be queued together
        self._futures = dict[Job, tuple[asyncio.Future[None], float]]()  # the oldest first
        self._timer: asyncio.TimerHandle | None = None
        self._over = deque[Job]()
        self._is_told = False

    @staticmethod
    def takes(name: str) -> bool:
        """Say whether a call may wait here."""
        return name not in _THREADS

    async def answer(self, name: str, body: bytes) -> bytes:
        """Return the reply to the call ``name`` when it is durable. Raises HubRefusal."""
        begun = time.monotonic()
        try:
            reply = await self._answer(name, body)
        except HubRefusal as refusal:
            self._metrics.refused(name, refusal.code)
            raise
        self._metrics.done(name, time.monotonic() - begun)
        return reply

    async def _answer(self, name: str, body: bytes) -> bytes:
        loop = self._loop = asyncio.get_running_loop()
        job = self._desk.begin(name, body, self._end)
        if not self._begun:
            loop.call_soon(self._queue)
        self._begun.append(job)
        done = loop.create_future()
        self._futures[job] = done, loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(_TICK_SECONDS, self._tick)
        try:
            await done
        finally:
            del self._futures[job]
        if job.is_open:
            self._metrics.add("commit_unknown_total")
        return encode(job.result(0))

    def _queue(self) -> None:
        """Queue what was begun since the loop had its turn."""
        begun, self._begun = self._begun, []
        self._desk.queue(begun)

    def _end(self, jobs: Sequence[Job]) -> None:
        """Note calls that are over, and wake the loop unless it is woken. By another thread."""
        self._over.extend(jobs)
        loop = self._loop
        if not self._is_told and loop is not None and not loop.is_closed():
            self._is_told = True
            loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """Let those go on that are over."""
        self._is_told = False  # first: what is noted behind this wakes the loop anew
        while self._over:
            done, _ = self._futures.get(self._over.popleft(), (None, 0))
            if done is not None and not done.done():
                done.set_result(None)

    def _tick(self) -> None:
        """Let those go that waited too long; one look is cheaper than a timer for each."""
        assert self._loop is not None, "somebody waited"
        self._timer, now = None, self._loop.time()
        for done, until in self._futures.values():
            if until <= now and not done.done():
                done.set_result(None)
        if self._futures:
            self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
