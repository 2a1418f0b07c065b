"""Heartbeat: keeps the lease of a task while a program works on it.

A thread of its own, since the program is busy; it opens the profile for itself each time, so it
shares nothing with the caller but a note of what it found. It ends with the work, with the client
and with the process, never later: a holder that was killed stops beating, and its lease runs out.

Law: a hub that is away for a while ends nothing; only an answer that the task is lost does.

Specification: docs/spec/claims.md, Leases; docs/sdk.md.
"""

from __future__ import annotations

import threading

from envoy.errors import EnvoyError
from envoy.replica.actions import hold
from envoy.sdk.access import Place

BEATS_PER_LEASE = 3  # two may fail before the lease is over
# What says that the task is not ours any more; everything else may pass.
LOST = frozenset(
    {
        *("lease_expired", "fence_stale", "not_assignee", "task_unassigned"),
        *("task_already_claimed", "invalid_transition", "task_not_found", "space_not_found"),
    }
)


class Heartbeat:
    """The signs of life for one task; begins when it is made."""

    def __init__(self, place: Place, task: str, *, lease_s: int, every_s: float) -> None:
        self._place = place
        self._task = task
        self._lease_s = lease_s
        self._every_s = every_s
        self._over = threading.Event()
        self.lost: EnvoyError | None = None  # why the task is not ours any more
        self._thread = threading.Thread(target=self._run, name="envoy-heartbeat", daemon=True)
        place.access.state.endings.add(self.stop)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it, a beat that is on its way included."""
        self._over.set()
        self._place.access.state.endings.discard(self.stop)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        """Beat until it is over or the task is lost."""
        while not self._over.wait(self._every_s):
            try:
                with self._place.acting(self._task) as (replica, task):
                    hold.heartbeat(replica, task, lease_s=self._lease_s)
            except EnvoyError as error:
                if error.code in LOST:
                    self.lost = error
                    return
