"""Handshake: a real talk with a server and a real run of a hook, as a runtime would have them.

That an entry stands in a file says little: the program may be gone, the profile too, the extra for
the protocol may be missing. So what the file names is started, asked, and ended.

Specification: docs/spec/hooks.md, Check.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence

from envoy import limits
from envoy.jsontext import JsonError, dumps, loads
from envoy.lean import NamedTuple

PROTOCOL = "2025-06-18"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": PROTOCOL,
        "capabilities": {},
        "clientInfo": {"name": "envoy-hooks-check", "version": "1"},
    },
}
READ_BYTES = 64 * 1024
ENDING_SECONDS = 5


class Talk(NamedTuple):
    """How a talk went: our own words, and how long it took."""

    is_good: bool
    detail: str
    took_ms: int


def greet(argv: Sequence[str], environ: Mapping[str, str]) -> Talk:
    """Start a server, say hello, and end it."""
    begun = time.monotonic()
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
        )
    except OSError:
        return Talk(False, "cannot be started", 0)
    with child:
        try:
            line = _asked(child, dumps(HELLO).encode() + b"\n", begun)
        finally:
            _end(child)
    took_ms = int((time.monotonic() - begun) * 1000)
    name = _name(line)
    if name is None:
        return Talk(False, f"no answer to initialize, exit {child.returncode}", took_ms)
    return Talk(True, f"{name} answers", took_ms)


def _asked(child: subprocess.Popen[bytes], question: bytes, begun: float) -> bytes:
    """Return the first line that a child says to ``question``; what there is of it in time."""
    assert child.stdin is not None and child.stdout is not None
    data, handle = b"", child.stdout.fileno()
    try:
        child.stdin.write(question)
        child.stdin.flush()
    except OSError:
        return b""
    while b"\n" not in data and len(data) <= limits.JSON_BYTES_MAX:
        left = limits.HOOK_SERVER_SECONDS_MAX - (time.monotonic() - begun)
        ready = select.select([handle], [], [], left)[0] if left > 0 else []
        piece = os.read(handle, READ_BYTES) if ready else b""
        if not piece:
            break
        data += piece
    return data.partition(b"\n")[0]


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let a child end by itself: its input is closed. One that does not is killed."""
    assert child.stdin is not None
    try:
        child.stdin.close()
    except OSError:
        child.kill()
    try:
        child.wait(timeout=ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _name(line: bytes) -> str | None:
    """Return the name that a server gave itself, if its answer is one to our question."""
    try:
        found = loads(line)
    except JsonError:
        return None
    result = found.get("result") if isinstance(found, dict) and found.get("id") == 1 else None
    info = result.get("serverInfo") if isinstance(result, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return name if isinstance(name, str) and name.isascii() and name.isprintable() else None


def call(line: str, environ: Mapping[str, str]) -> Talk:
    """Run a hook as a runtime does: by a shell, with an object on stdin."""
    begun = time.monotonic()
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            input=b"{}",
            capture_output=True,
            env=dict(environ),
            timeout=limits.HOOK_SERVER_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Talk(False, "cannot be run", 0)
    took_ms = int((time.monotonic() - begun) * 1000)
    if done.returncode != 0:
        return Talk(False, f"exit {done.returncode}", took_ms)
    try:
        told = not done.stdout.strip() or isinstance(loads(done.stdout), dict)
    except JsonError:
        told = False
    said = (
        "tells where the session stands" if done.stdout.strip() else "runs and has nothing to say"
    )
    return Talk(told, said if told else "says what is no JSON object", took_ms)
