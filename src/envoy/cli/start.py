"""Start: the first and the last moment of the process `envoy`.

A command allocates for 40 ms and ends, so collecting garbage in between and freeing every object at
the end would be a tenth of its time; and an interrupt while modules are still being loaded must be
as quiet as a later one. Only the script enters here; whoever calls `cli.main.main` keeps a process
as it is.
"""

from __future__ import annotations

import gc
import os
import sys

EXIT_INTERRUPT = 130
# Objects with references that a process may make before they are looked through: a short command
# never gets there, one that listens for days does.
GARBAGE_OBJECTS = 100_000


def main() -> None:
    """Run the command line of this process and end it with the exit status."""
    gc.set_threshold(GARBAGE_OBJECTS)
    try:
        from envoy.cli.main import main as run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = EXIT_INTERRUPT
    leave(status)


def leave(status: int) -> None:
    """End the process at once: what was to be written is written, what was open is closed."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        status = status or 1
    os._exit(status)
