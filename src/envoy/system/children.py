"""Children: one other program, run to its end, with all that it says passed on and summed up.

What a program says is shown while it runs and is never held whole: a digest, a count and the last
bytes are all that stays, so a gigabyte of output takes the memory of a line of it. Both of its
streams are one here, in the order in which they were written, as a terminal shows them: only so is
the digest that of something somebody could have seen.

Laws: an interrupt or an end that is meant for us reaches the child, once, and we stay to say what
came of it. A child never outlives a failure of ours. Output ends with the child: a grandchild that
keeps the pipe open is not waited for.

Specification: docs/spec/records.md, Runs.
"""

from __future__ import annotations

import errno
import hashlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, NamedTuple

from envoy.errors import UsageError

READ_BYTES: Final = 64 * 1024
TAIL_BYTES: Final = 4 * 1024
# Between two looks whether a child that says nothing is still there.
TICK_S: Final = 0.1
# What a shell answers for a child that a signal ended.
SIGNALLED: Final = 128
_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Take = Callable[[bytes], None]


class Ended(NamedTuple):
    """How a child ended, and what is left of all that it said."""

    status: int  # its exit status; 128 + N where signal N ended it
    signal: str | None
    took_ms: int
    size: int  # bytes that it said
    sha256: str  # of these, in hexadecimal
    tail: bytes  # the last of these


class _Output:
    """Passes on what a pipe brings, and sums it up."""

    def __init__(self, handle: int, take: Take) -> None:
        os.set_blocking(handle, False)
        self._handle = handle
        self._take = take
        self._digest = hashlib.sha256()
        self.size = 0
        self.tail = b""
        self.is_open = True

    def pull(self) -> bool:
        """Pass on what is there now, at most one piece; say whether there was any."""
        try:
            piece = os.read(self._handle, READ_BYTES)
        except BlockingIOError:
            return False
        self.is_open = bool(piece)
        self._digest.update(piece)
        self.size += len(piece)
        self.tail = (self.tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        self._take(piece)
        return self.is_open

    def sha256(self) -> str:
        """Return the digest of all that came."""
        return self._digest.hexdigest()


def run(argv: Sequence[str], *, cwd: str, take: Take, idle: Callable[[], None]) -> Ended:
    """Run ``argv`` in the directory ``cwd`` and return how it ended.

    Its input is ours; what it says goes to ``take``, piece by piece, which does not raise. ``idle``
    is called again and again meanwhile, and must be quick.

    Raises UsageError(invalid_argument) for a program or directory that cannot be run.
    """
    with _relayed() as started:
        begun = time.monotonic_ns()
        child = _start(argv, cwd)
        started(child)
        assert child.stdout is not None, "it has a pipe"
        try:
            output = _Output(child.stdout.fileno(), take)
            _follow(child, output, idle)
        finally:
            if child.poll() is None:  # a failure of ours
                child.kill()
            child.wait()
            child.stdout.close()
    took_ms = (time.monotonic_ns() - begun) // 1_000_000
    ended_by = -child.returncode if child.returncode < 0 else 0
    return Ended(
        status=SIGNALLED + ended_by if ended_by else child.returncode,
        signal=_name(ended_by) if ended_by else None,
        took_ms=took_ms,
        size=output.size,
        sha256=output.sha256(),
        tail=output.tail,
    )


def _name(number: int) -> str:
    """Return the name of a signal; those of real time have but a number."""
    found = {one.value: one.name for one in signal.Signals}
    return found.get(number, str(number))


def _start(argv: Sequence[str], cwd: str) -> subprocess.Popen[bytes]:
    """Start a child whose two streams are one pipe."""
    if not os.path.isdir(cwd):
        raise UsageError("invalid_argument", argument="--cwd", cause="not_a_directory")
    try:
        return subprocess.Popen(
            list(argv), cwd=cwd, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        cause = errno.errorcode.get(error.errno or 0, "OS")
    raise UsageError("invalid_argument", argument="COMMAND", cause=cause)


def _follow(child: subprocess.Popen[bytes], output: _Output, idle: Callable[[], None]) -> None:
    """Pass on what ``child`` says until it has ended."""
    assert child.stdout is not None, "it has a pipe"
    poll = select.poll()
    poll.register(child.stdout.fileno(), select.POLLIN)
    while child.poll() is None:
        idle()
        if not output.is_open:
            _wait(child)
        elif poll.poll(TICK_S * 1000):
            output.pull()
    while output.pull():
        pass


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Wait a moment for the end of a child that has closed its output."""
    try:
        child.wait(TICK_S)
    except subprocess.TimeoutExpired:
        return


# -- signals -----------------------------------------------------------------------------------


@contextmanager
def _relayed() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Pass signals on to the child that is named, as long as the context lasts.

    One that comes before there is a child waits for it.
    """
    children, early = list[subprocess.Popen[bytes]](), list[int]()

    def pass_on(number: int, _: FrameType | None) -> None:
        if not children:
            early.append(number)
        elif number != signal.SIGINT or not _is_foreground():
            # A terminal tells every process of its foreground by itself.
            children[0].send_signal(number)

    def started(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in early:
            child.send_signal(number)

    before = {one: signal.signal(one, pass_on) for one in _PASSED_ON}
    try:
        yield started
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _is_foreground() -> bool:
    """Say whether an interrupt comes from a terminal whose foreground we are, with our children."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
