"""Effort: how much work something is, counted and not timed: a busy machine changes nothing.

What is counted are calls of functions, Python's own and built-in ones: a number that follows from
the code and its input alone. What one built-in call does within itself it does not see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls(work: Callable[[], object]) -> int:
    """Return how many functions are called while ``work`` runs; what it raises is passed on."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
