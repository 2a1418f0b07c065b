"""Suite: a suite of faults in a process of its own, and the line that sums it up.

They fork, which a process of tests, with the threads of its runner, must not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import NamedTuple


class Summed(NamedTuple):
    """What a suite came to."""

    status: int
    figures: dict[str, int]
    out: str


def run(name: str, *args: str, program: str = "") -> Summed:
    """Run `python -m faults.NAME` with arguments, after ``program`` if there is one."""
    start = f"import sys; sys.argv[0] = 'faults.{name}'; from faults import {name} as suite\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{start}{program}\nsys.exit(suite.main())", *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return Summed(done.returncode, json.loads(lines[-1]), done.stdout + done.stderr)
