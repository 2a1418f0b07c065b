"""Host: what only the machine knows. Time, chance, and which machine and boot this is.

Pure code takes these as arguments; only the edges come here. Law: random bytes are drawn from the
operating system at each use. A pool would be copied by fork(), by a restored virtual machine and
by a cloned home, and then two copies would draw the same (THREATS K6).
"""

from __future__ import annotations

import os
import time

_MACHINE_ID = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_ID_BYTES_MAX = 128


def now_ms() -> int:
    """Return the wall clock: milliseconds since 1970. It may jump, in both directions."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Return milliseconds since some moment; never runs back, comparable in one process only."""
    return time.monotonic_ns() // 1_000_000


def entropy(count: int) -> bytes:
    """Return ``count`` bytes from the operating system's generator."""
    return os.urandom(count)


def machine_id() -> str:
    """Return what tells this machine from others, for a copied home to notice its move."""
    for path in _MACHINE_ID:
        found = _find_line(path)
        if found:
            return found
    return os.uname().nodename


def boot_id() -> str:
    """Return what tells this boot from earlier ones.

    Where the kernel does not say, every call answers something else: code that then takes each
    process for a new boot wastes a few numbers and never repeats one.
    """
    return _find_line(_BOOT_ID) or os.urandom(16).hex()


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _find_line(path: str) -> str | None:
    """Return the one line that the file ``path`` of the system holds, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_ID_BYTES_MAX).strip() or None
    except OSError:
        return None
