"""Shim: the system calls of a process, one of which fails, from Python.

The library stands below libc (`shim.c`), so what it fails is what Python and SQLite ask of the
system. It is built with the C compiler of this machine; a process has it if it was started with
`LD_PRELOAD`, which `preloaded` sees to. strace would do the same, but starts a tracer for each
fault: here a fault costs a fork.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

LOOKS, CHANGES, GROWS, WRITES = 1, 2, 4, 8
KILL, TORN = -1, -2
MARK: Final = "ENVOY_FAULTS_SHIM"
SOURCE: Final = Path(__file__).with_name("shim.c")


class _Told(ctypes.Structure):
    """What the library tells: `struct told`."""

    _fields_ = (
        ("seen", ctypes.c_long),
        ("name", ctypes.c_char * 32),
        ("path", ctypes.c_char * 472),
    )


class Hit(NamedTuple):
    """What came of an armed process: how many calls counted, and which of them failed."""

    seen: int
    name: str
    path: str


def compiler() -> str | None:
    """Return the C compiler of this machine, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def preloaded() -> None:
    """Return if this process has the library, else start it again with it; it is built if needed.

    Exits with 2 where no C compiler is.
    """
    if os.environ.get(MARK):
        return
    found = compiler()
    if found is None:
        sys.exit("faults.calls needs a C compiler: cc, gcc or clang")
    with tempfile.TemporaryDirectory(prefix="envoy-shim-") as directory:
        built = os.path.join(directory, "shim.so")
        flags = ("-O2", "-shared", "-fPIC", "-o", built)
        subprocess.run([found, *flags, os.fspath(SOURCE), "-ldl"], check=True)
        environ = {**os.environ, "LD_PRELOAD": built, MARK: built}
        # Sanitizers and tracers of the caller are left out: the library has to be the first.
        sys.exit(subprocess.call([*sys.orig_argv], env=environ))


class Shim:
    """The library in this process, and the memory it tells its forks' hits in."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ[MARK])
        self._memory = mmap.mmap(-1, ctypes.sizeof(_Told))
        self._told = _Told.from_buffer(self._memory)

    def clear(self) -> None:
        """Forget the last hit."""
        ctypes.memset(ctypes.byref(self._told), 0, ctypes.sizeof(self._told))

    def arm(self, below: str, kinds: int, at: int, action: int, *, steady: bool = False) -> None:
        """Let the ``at``-th call below a directory fail; 0: none. For a child, after its fork.

        ``steady``: pauses end at once, the clock that measures them aside, and what SQLite draws
        by lot is the same each time.
        """
        told, call = ctypes.byref(self._told), ctypes.c_long(at)
        self._library.faults_arm(told, below.encode(), kinds, call, action, int(steady))

    def disarm(self) -> None:
        """Let no call fail any more."""
        self._library.faults_disarm()

    def hit(self) -> Hit:
        """Return what came of the last process."""
        told = self._told
        return Hit(told.seen, told.name.decode(), told.path.decode())
