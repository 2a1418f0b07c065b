"""Workers: a few threads for work that lets go of the interpreter's lock, such as signatures.

It stands apart from ``system.host`` because ``concurrent.futures`` brings in threading and
logging, which no hot command may load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from envoy import limits
from envoy.system import host

T = TypeVar("T")
R = TypeVar("R")

# Handing over fewer items costs more than the second thread brings.
SHARE_MIN = 16


class Workers:
    """A pool of ``threads`` threads, started at the first large enough ``map``."""

    def __init__(self, threads: int | None = None, *, share_min: int = SHARE_MIN) -> None:
        """``share_min``: items that are worth a thread, 1 where each of them is long work."""
        self._share_min = share_min
        self._threads = threads or min(host.cpu_count(), limits.WORKER_THREADS_MAX)
        self._pool: ThreadPoolExecutor | None = None

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return ``work`` of each item, in the order of ``items``.

        ``work`` runs on several threads and must touch nothing they share. What it raises is
        raised here, for the first item it happened to.
        """
        return self.begin(work, items)()

    def begin(self, work: Callable[[T], R], items: Sequence[T]) -> Callable[[], list[R]]:
        """Begin ``work`` of each item; what is returned waits for the results and returns them.

        As ``map``, but the caller goes on meanwhile. What nobody waits for is done all the same.
        """
        share = -(-len(items) // self._threads)
        if share < self._share_min or self._threads == 1:
            return lambda: [work(item) for item in items]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="envoy")
        submit = self._pool.submit
        parts = [items[start : start + share] for start in range(0, len(items), share)]
        begun = [submit(_each, work, part) for part in parts]
        return lambda: [result for one in begun for result in one.result()]

    def close(self) -> None:
        """Stop the threads. May be called twice."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return ``work`` of each item: what one thread does."""
    return [work(item) for item in items]
