"""Watch: wait until a file changes, without a daemon and without asking again and again.

A commit in one process appends to a ``-wal`` file; the kernel tells the others within a third of a
millisecond. The directory is watched, not the file, so that a file which does not exist yet, or is
made anew, counts too. Where the kernel cannot tell (not Linux, or no watch left), the files are
looked at every ``limits.POLL_MS``.

It stands apart from ``system.host`` because ``ctypes`` costs 4 ms at start, which only commands
that wait should pay.

Specification: docs/spec/store.md.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import sys
import time
from collections.abc import Iterable

from envoy import limits

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
# IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE, and IN_ONLYDIR: anything else is no directory.
_MASK = 0x2 | 0x80 | 0x100 | 0x200 | 0x01000000
_OVERFLOW = 0x4000  # IN_Q_OVERFLOW: the kernel lost count, anything may have changed
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_READ_BYTES = 64 * 1024


class Watcher:
    """Notices changes of ``paths`` from the moment it is made.

    Make it first, then look at the state, then ``wait``: so no change is missed between looking
    and waiting. A change may be reported once too often, never too seldom.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = sorted({os.path.abspath(path) for path in paths})
        self._names: dict[int, set[bytes]] = {}  # watch -> names in its directory
        self._seen = self._look()
        self._handle = self._inotify()

    def wait(self, timeout_s: float) -> bool:
        """Wait until one of the paths changes, at most ``timeout_s`` seconds; say if one did."""
        end = time.monotonic() + max(timeout_s, 0)
        poll = select.poll()
        if self._handle >= 0:
            poll.register(self._handle, select.POLLIN)
        while True:
            left_ms = max(end - time.monotonic(), 0) * 1000
            if self._handle < 0:
                left_ms = min(left_ms, limits.POLL_MS)
            poll.poll(left_ms)
            if self._changed():
                return True
            if time.monotonic() >= end:
                return False

    def close(self) -> None:
        """Stop watching. May be called twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self) -> list[tuple[int, int, int] | None]:
        """Return what the paths look like: inode, size and time of the last change."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                status = os.stat(path)
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    def _changed(self) -> bool:
        """Say whether something happened to one of the paths since the last call."""
        if self._handle >= 0:
            return self._drain()
        now = self._look()
        changed, self._seen = now != self._seen, now
        return changed

    def _inotify(self) -> int:
        """Return a handle with a watch on each directory, or -1 where that is not to be had."""
        if sys.platform != "linux":
            return -1
        libc = ctypes.CDLL(None, use_errno=True)
        handle: int = libc.inotify_init1(_NONBLOCK_CLOEXEC)
        for path in self._paths if handle >= 0 else ():
            directory, name = os.path.split(os.fsencode(path))
            watch = libc.inotify_add_watch(handle, directory, _MASK)
            if watch < 0:
                os.close(handle)
                return -1
            self._names.setdefault(watch, set()).add(name)
        return handle

    def _drain(self) -> bool:
        """Read all that the kernel has to tell; say whether it concerns one of the paths."""
        concerned = False
        while True:
            try:
                data = os.read(self._handle, _READ_BYTES)
            except BlockingIOError:
                return concerned
            place = 0
            while place < len(data):
                watch, mask, _, length = _HEAD.unpack_from(data, place)
                place += _HEAD.size
                name = data[place : place + length].rstrip(b"\0")
                place += length
                concerned |= bool(mask & _OVERFLOW) or name in self._names.get(watch, ())
