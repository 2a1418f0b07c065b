"""Finding: where the programs of peers are, and how a case says that one is absent.

They are no part of the project and nothing installs them: a program is looked for in the
directories that ``ENVOY_PEERS`` names, parted as in ``PATH``, then on ``PATH`` itself.

Specification: docs/MEASURES.md, section 5.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple

VARIABLE = "ENVOY_PEERS"
SECONDS_MAX = 30
_VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


class Program(NamedTuple):
    """A program of a peer: where it is, and what it says of its version."""

    path: str
    version: str


def find(name: str) -> str | None:
    """Return where the program ``name`` is, None where it is not installed."""
    path = [os.environ.get(VARIABLE, ""), os.environ.get("PATH", os.defpath)]
    return shutil.which(name, path=os.pathsep.join(filter(None, path)))


def program(name: str, *ask: str) -> Program | None:
    """Return a program and what it answers to ``ask``, None where it is not installed."""
    path = find(name)
    return None if path is None else Program(path, _said(path, *ask))


def python_with(package: str) -> Program | None:
    """Return the `python` of ``ENVOY_PEERS`` that has ``package``, with the package's version."""
    for place in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = shutil.which("python", path=place)
        version = _said(path, "-I", "-c", _VERSION, package) if path is not None else ""
        if path is not None and version:
            return Program(path, version)
    return None


def _said(*argv: str) -> str:
    """Return the first line that a program prints, nothing if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS_MAX)
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def absent(what: str) -> str:
    """Return the remark of a case whose peer is not there."""
    return f"absent: {what} is not installed"
