"""R14: whatever a relay answers to a command, it ends in time, with a code, and loses nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import Console
from envoy import limits
from envoy.core.codec import encode
from envoy.sync import frames
from hub.hostile import Serve, http, read_request, says, serving
from hub.test_client import GOOD, flood

DICE = random.Random(8)
HTML = b"<!doctype html><script>alert(1)</script><h1>Log in to Wi-Fi</h1>"
ANSWERS: list[object] = [
    pytest.param(says(http(HTML, "Content-Type: text/html"), keep=True), id="a page to log in"),
    pytest.param(says(http(DICE.randbytes(4_000)), keep=True), id="random bytes"),
    pytest.param(says(http(b""), keep=True), id="nothing"),
    pytest.param(says(GOOD, keep=True), id="a good answer to another call"),
    pytest.param(
        says(http(encode(frames.HeadGet(bytes(32)))), keep=True), id="a call instead of an answer"
    ),
    pytest.param(says(http(b"\x91" * 60_000), keep=True), id="deep nesting"),
    pytest.param(says(http(b"\xdd\xff\xff\xff\xff"), keep=True), id="a length of four billion"),
    pytest.param(
        says(http(b"", "Location: http://127.0.0.1:1/", status="302 Found"), keep=True), id="moved"
    ),
    pytest.param(says(http(b"", status="500 \x1b[31mInternal"), keep=True), id="a colourful 500"),
    pytest.param(flood(b"HTTP/1.1 200 OK\r\n\r\n"), id="a stream without end"),
    pytest.param(lambda taken: read_request(taken) and None, id="hangs up"),
]
LEAD = ("--profile", "lead", "--timeout", "2")
SECONDS_MAX = 15


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Return a console with a space of this machine in which something was said."""
    made = Console(tmp_path)
    made.ok(*LEAD, "quickstart", "--space-name", "x")
    made.ok(*LEAD, "send", "before")
    yield made


@pytest.mark.slow
@pytest.mark.parametrize("serve", ANSWERS)
def test_a_command_ends_with_a_code_and_the_space_is_as_it_was(
    serve: Serve, console: Console
) -> None:
    with serving(serve) as server:
        code = f"{server.origin}/#{'A2B3-' * 5}C4D5"
        for command in (
            ("space", "connect", "x", "--relay", server.origin),
            ("join", "--allow-relay-lookup", "--relay-url", server.origin, code[-29:]),
            ("space", "create", "y", "--cross-machine", "--relay-url", server.origin),
        ):
            began = time.monotonic()
            found = console.call("--json", *LEAD, *command)
            assert time.monotonic() - began < SECONDS_MAX, command
            assert found.status != 0 and found.err == "", found
            assert found.data["error_code"] not in ("internal", "storage_failed"), found
            assert "script" not in found.out and "31m" not in found.out
            assert len(found.out) < limits.MCP_ERROR_CHARS_MAX
    console.ok(*LEAD, "send", "after", "--space", "x")
    said = console.ok(*LEAD, "history", "x", "--kinds", "message")["records"]
    assert {one["body"] for one in said} == {"before", "after"}
