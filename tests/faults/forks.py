"""Forks: commands of the real command line, each in a process of its own, for the price of a fork.

A parent that has everything loaded and no database open forks; the child plays commands by
`envoy.cli.main`, and is gone. What it answers comes back over a pipe, or is lacking if it died.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from typing import TypeVar

from envoy.system import db

T = TypeVar("T")
CHILD_SECONDS = 200  # six waits for a lock that never comes, and more
FAILED = 99


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


def redirect(source: str, out: str, errors: str) -> None:
    """Let what this process reads and says be files. For a child."""
    kept = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, flags) in enumerate(((source, os.O_RDONLY), (out, kept), (errors, kept))):
        os.dup2(os.open(path, flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (
        TextIOWrapper(BufferedReader(FileIO(0))),
        stream(1),
        stream(2),
    )


def stream(number: int) -> TextIOWrapper:
    """Return a stream that writes to a descriptor of this process."""
    return TextIOWrapper(BufferedWriter(FileIO(number, "w")), encoding="utf-8")


def _answer(sink: int, found: object) -> int:
    with os.fdopen(sink, "wb") as answers:
        pickle.dump(found, answers)
    return 0


def _be(work: Callable[[], int]) -> None:
    """Be the child: do the work and go, whatever comes; nothing of the parent goes on in here."""
    signal.alarm(CHILD_SECONDS)
    status = FAILED
    try:
        for one in db._INHERITED:  # what a test before this one may have left open
            one.close(True)
        db._INHERITED.clear()
        status = work()
    finally:
        if status == FAILED:
            traceback.print_exc()
        os._exit(status)
