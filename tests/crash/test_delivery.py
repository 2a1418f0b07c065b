"""Queue first, wake second: who reads and who writes may be killed at any moment.

A writer sends under keys and says what it was told is saved; a reader follows `envoy events` and
notes the cursor of each line it got. Both are killed again and again and go on from what they know.
In the end the reader has every message that was acknowledged, each once, in the order of arrival.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from console import PROGRAM
from mcpplay import team

KILLS = 5
SECONDS_MAX = 60
WRITER = """
import sys
from envoy.cli.main import main
number = int(sys.argv[1])
while True:
    number += 1
    words = ["send", f"m{number}", "--idempotency-key", f"k{number}"]
    assert main(["--profile", "lead", "--quiet", *words]) == 0
    print(number, flush=True)
"""


class Stage:
    """A space of two, and the processes that write and read in it."""

    def __init__(self, root: Path, seed: int) -> None:
        self.console, _ = team(root, "lead", "a1")
        self.random = random.Random(seed)
        self.acknowledged = 0

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        """Start a process."""
        return subprocess.Popen(
            [sys.executable, "-c", program, *words],
            env=self.console.environment(),
            cwd=self.console.cwd,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write(self) -> None:
        """Write in processes that are killed."""
        for _ in range(KILLS):
            writer = self.start(WRITER, str(self.acknowledged))
            time.sleep(self.random.uniform(0.3, 0.8))
            writer.kill()
            out, _ = writer.communicate(timeout=SECONDS_MAX)
            whole, _, _ = out.rpartition("\n")
            self.acknowledged = int(whole.split()[-1]) if whole else self.acknowledged


def read(stage: Stage, words: tuple[str, ...], cursor: int) -> list[dict[str, Any]]:
    """Follow a stream in a process that is killed in the middle; return the lines it gave."""
    words = ("--profile", "a1", "--json", *words, "--since", str(cursor))
    reader = stage.start(PROGRAM, *words, "--watch-timeout", "2")
    assert reader.stdout is not None
    found = list[dict[str, Any]]()
    with reader, reader.stdout:
        most = stage.random.randrange(1, 12)
        while len(found) < most and (line := reader.stdout.readline()).endswith("\n"):
            found.append(json.loads(line))
        reader.kill()
    return found


def last(event: dict[str, Any]) -> int:
    """Return the number of a message, 0 for other events."""
    text = str(event.get("body") or "")
    return int(text[1:]) if text[:1] == "m" and text[1:].isdecimal() else 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path, seed: int) -> None:
    stage = Stage(tmp_path, seed)
    writing = Thread(target=stage.write)
    writing.start()
    got, cursor, until = list[dict[str, Any]](), 0, time.monotonic() + SECONDS_MAX
    while writing.is_alive() or (numbers(got) or [0])[-1] < stage.acknowledged:
        assert time.monotonic() < until, (stage.acknowledged, numbers(got)[-3:])
        got += read(stage, ("events", "--types", "new_message"), cursor)
        cursor = got[-1]["cursor"] if got else 0
    writing.join()
    assert stage.acknowledged >= KILLS  # the control: there was something to lose
    found = numbers(got)
    assert found[: stage.acknowledged] == [*range(1, stage.acknowledged + 1)]
    assert len(found) <= stage.acknowledged + 1  # the one that was saved and not told
    assert len({one["event_id"] for one in got}) == len(got)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the messages, in the order in which they came."""
    return [last(one) for one in events if last(one)]
