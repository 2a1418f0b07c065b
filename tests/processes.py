"""Other processes of a test: Python programs that import what the test imports."""

from __future__ import annotations

import os
import subprocess
import sys


def python(program: str, *args: str, talk: bool = False) -> subprocess.Popen[str]:
    """Start ``program`` with ``args``, its output in a pipe, with ``talk`` its input too."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE if talk else None,
        stdout=subprocess.PIPE,
        text=True,
    )
