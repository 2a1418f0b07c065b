"""Forks: commands of the real command line, each in a process of its own, for the price of a fork.

A parent that has everything loaded and no database open forks; the child plays commands by
`envoy.cli.main`, and is gone. What it answers comes back over a pipe, or is lacking if it died.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
CHILD_SECONDS = 90


class Died(Exception):
    """A child that ended without an answer; its argument is the status of `waitpid`."""


def ask(work: Callable[[], T]) -> T:
    """Return what ``work`` returns in a child. Raises Died."""
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        os.close(source)
        _be(lambda: _answer(sink, work()))
    os.close(sink)
    with os.fdopen(source, "rb") as answers:
        told = answers.read()
    _, status = os.waitpid(child, 0)
    if status or not told:
        raise Died(status)
    found: T = pickle.loads(told)
    return found


def spawn(work: Callable[[], int]) -> int:
    """Start a child that does ``work`` and exits with what it returns; return its pid."""
    child = os.fork()
    if not child:
        _be(work)
    return child


def _answer(sink: int, found: object) -> int:
    with os.fdopen(sink, "wb") as answers:
        pickle.dump(found, answers)
    return 0


def _be(work: Callable[[], int]) -> None:
    """Be the child: do the work and go, whatever comes."""
    signal.alarm(CHILD_SECONDS)
    status = 99
    try:
        status = work()
    except BaseException as error:  # nothing of the parent may go on in here
        print(f"child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)
