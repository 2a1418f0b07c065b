"""Hot writes: what `send` and `task claim` load, and that no answer needs the slow packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from console import Console

pytestmark = pytest.mark.slow

SLOW = {
    *("asyncio", "cryptography", "dataclasses", "http", "logging", "rich", "starlette"),
    *("mcp", "pydantic", "threading", "websockets"),
}
REPORT = """
import sys
from envoy.cli.main import main
status = main(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("send", "Ready to work."), id="send"),
        pytest.param(("task", "claim"), id="task claim"),
        pytest.param(("task", "create", "Another"), id="task create"),
    ],
)
def test_a_hot_write_loads_nothing_slow(args: tuple[str, ...], tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("quickstart", "--space-name", "bughunt")
    task = console.ok("task", "create", "bughunt", "Repro crash")["task_id"]
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *args, *([task] if args[-1] == "claim" else [])],
        env=console.environment(),
        cwd=console.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "msgspec" in loaded and loaded & SLOW == set()
