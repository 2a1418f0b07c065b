"""Queue first, wake second: who reads and who writes may be killed at any moment.

A writer sends under keys and says what it was told is saved; a reader follows a stream and notes
the cursor of each line it got, or waits, reads its inbox and acknowledges what it read. All are
killed again and again and go on from what they know. In the end the reader has every message that
was acknowledged, each once, in the order of arrival.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest

from console import PROGRAM
from mcpplay import team

KILLS = 5
SECONDS_MAX = 60
KILLED = 0.3  # of the commands of an inbox
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


Lines = list[dict[str, Any]]
STREAMS = {
    "events": ("events", "--types", "new_message", "--watch-timeout", "2"),
    "listen": ("listen", "--events", "messages"),
}


def follow(stage: Stage, way: str, got: Lines) -> Lines:
    """Follow a stream in a process that is killed in the middle; return the lines it gave."""
    cursor = got[-1]["cursor"] if got else 0
    words = ("--profile", "a1", "--json", *STREAMS[way], "--since", str(cursor))
    reader = stage.start(PROGRAM, *words)
    assert reader.stdout is not None
    found = Lines()
    with reader, reader.stdout:
        most = stage.random.randrange(1, 12)
        later = Timer(stage.random.uniform(0.5, 2), reader.kill)
        later.start()
        while len(found) < most and (line := reader.stdout.readline()).endswith("\n"):
            found.append(json.loads(line))
        later.cancel()
        reader.kill()
    return [one for one in found if "error_code" not in one]


def consume(stage: Stage, way: str, _got: Lines) -> Lines:
    """Wait, read the inbox and acknowledge it, each in a process that may be killed; return items.

    What was read and not acknowledged comes again: it is no item before the acknowledgement is
    there, which the next look shows where its process was killed before it could say so.
    """
    if way == "wait":
        ask(stage, "wait", "--timeout", "1")
    waiting = ("--wait", "--wait-timeout", "1") if way == "inbox" else ()
    found = ask(stage, "inbox", "read", *waiting)
    items: Lines = found.get("messages", []) if found else []
    if items:
        cursor = str(items[-1]["cursor"])
        while ask(stage, "inbox", "ack", "--up-to-cursor", cursor) is None:
            left = stage.console.ok("--profile", "a1", "inbox", "read")["messages"]
            if [one["cursor"] for one in left if one["cursor"] <= int(cursor)] == []:
                break
    return items


def ask(stage: Stage, *words: str) -> dict[str, Any] | None:
    """Return the answer of a command; None where it was killed before it was there."""
    process = stage.start(PROGRAM, "--profile", "a1", "--json", *words)
    if stage.random.random() < KILLED:
        time.sleep(stage.random.uniform(0.02, 0.2))
        process.kill()
    out, _ = process.communicate(timeout=SECONDS_MAX)
    answer: dict[str, Any] | None = json.loads(out) if out.endswith("\n") else None
    return answer


def last(event: dict[str, Any]) -> int:
    """Return the number of a message, 0 for other events."""
    text = str(event.get("body") or "")
    return int(text[1:]) if text[:1] == "m" and text[1:].isdecimal() else 0


WAYS = {"events": follow, "listen": follow, "wait": consume, "inbox": consume}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path, way: str) -> None:
    stage = Stage(tmp_path, seed=1)
    writing = Thread(target=stage.write)
    writing.start()
    got, until = Lines(), time.monotonic() + SECONDS_MAX
    while writing.is_alive() or (numbers(got) or [0])[-1] < stage.acknowledged:
        assert time.monotonic() < until, (stage.acknowledged, numbers(got)[-3:])
        got += WAYS[way](stage, way, got)
    writing.join()
    assert stage.acknowledged >= KILLS  # the control: there was something to lose
    found = numbers(got)
    assert found[: stage.acknowledged] == [*range(1, stage.acknowledged + 1)]
    assert len(found) <= stage.acknowledged + 1  # the one that was saved and not told
    assert len({one["event_id"] for one in got}) == len(got)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the messages, in the order in which they came."""
    return [last(one) for one in events if last(one)]
