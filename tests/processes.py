"""Other processes of a test: Python programs that import what the test imports."""

from __future__ import annotations

import os
import subprocess
import sys


def python(program: str, *args: str) -> subprocess.Popen[str]:
    """Start ``program`` with ``args``, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
