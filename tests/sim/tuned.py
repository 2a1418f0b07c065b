"""Tuned: what a process sets up that does nothing but play seeds.

Nothing here changes what is played: a test holds the trace of such a process to that of another.
SQLite counts none of its memory, a key that follows from a seed alone is worked out once, and what
was loaded is looked through by no collector.
"""

from __future__ import annotations

import gc
from functools import lru_cache
from typing import Final

import apsw

from envoy.core.crypto import seal

KEYS_MAX: Final = 10_000
GARBAGE_MIN: Final = 50_000  # objects between two looks for cycles
LOOKASIDE: Final = (1200, 200)  # bytes, slots: what a connection takes without asking for memory


def begin() -> None:
    """Set this process up, before it has played anything."""
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, *LOOKASIDE)
    apsw.initialize()
    seal.public_key = lru_cache(KEYS_MAX)(seal.public_key)
    gc.freeze()
    gc.set_threshold(GARBAGE_MIN)
