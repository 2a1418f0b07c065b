"""Worker: one of many processes on one home that runs commands, one after the other.

Started as ``python -m crowd.worker HOME SPACE PROFILE NUMBER SECONDS PAUSE SEED``. It has a session
of its own and calls the real command line in its own process, which opens and closes everything as
a command does; only the start of Python is left out. At the end it writes what it was told: one
JSON line for each command. Times are of the monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO, TextIOWrapper
from typing import Any, NamedTuple

from envoy.cli.main import main

NOTHING_READY = "nothing_ready"


class Told(NamedTuple):
    """What a command answered: ``code`` is that of an error."""

    who: str  # the number of the worker
    op: str
    began: float
    ended: float
    code: str | None
    event: str | None = None
    task: str | None = None
    number: int | None = None  # a fence or a cursor


class Answer(NamedTuple):
    """The exit status of a command and the object that it printed."""

    status: int
    data: dict[str, Any]


def call(*args: str) -> Answer:
    """Run a command in this process, as from a shell with an empty input."""
    names = ("stdin", "stdout", "stderr")
    before = [getattr(sys, name) for name in names]
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8") for _ in names]
    try:
        for name, stream in zip(names, streams, strict=True):
            setattr(sys, name, stream)
        status = main(("--json", *args))
        out = streams[1]
        out.flush()
        assert isinstance(out.buffer, BytesIO)
        text = out.buffer.getvalue().decode()
    finally:
        for name, stream in zip(names, before, strict=True):
            setattr(sys, name, stream)
    return Answer(status, json.loads(text) if text else {})


class Worker:
    """A session of a profile: what it holds, and what it was told."""

    def __init__(self, number: str, seed: str) -> None:
        self.number = number
        self.dice = random.Random(f"{seed} {number}")
        self.told = list[Told]()
        self.held: str | None = None

    def run(self, op: str, *args: str) -> Answer:
        """Run a command and keep what it said."""
        began = time.monotonic()
        answer = call(*args)
        ended, data = time.monotonic(), answer.data
        code = None if answer.status == 0 else str(data.get("error_code", "no answer"))
        self.told.append(Told(self.number, op, began, ended, code, data.get("event_id")))
        return answer

    def note(self, **more: Any) -> None:
        """Add to what was told last."""
        self.told[-1] = self.told[-1]._replace(**more)

    def send(self) -> None:
        """Say something."""
        self.run("send", "send", f"worker {self.number} says {len(self.told)}")

    def create(self) -> None:
        """Make a task."""
        self.run("create", "task", "create", f"task {self.number} {len(self.told)}")

    def take(self) -> None:
        """Take what is ready; make a task where nothing is."""
        if self.held is not None:
            return self.end()
        answer = self.run("take", "task", "ready", "--claim")
        if answer.status == 0:
            return self.won(answer.data["tasks"][0])
        return self.create() if answer.data.get("error_code") == NOTHING_READY else None

    def race(self) -> None:
        """Claim a task by name that others may be claiming."""
        if self.held is not None:
            return self.end()
        found = self.run("list", "task", "ready", "--limit", "5").data.get("tasks", ())
        if not found:
            return self.create()
        answer = self.run("claim", "task", "claim", self.dice.choice(found)["task_id"])
        return self.won(answer.data) if answer.status == 0 else None

    def won(self, task: dict[str, Any]) -> None:
        """Keep a task that a command said to be this session's."""
        assert task["claim_state"] == "confirmed", task
        self.held = task["task_id"]
        self.note(task=self.held, number=task["fence"])

    def end(self) -> None:
        """Give back or complete what this session holds."""
        task, self.held = self.held, None
        assert task is not None
        act = ("release",) if self.dice.random() < 0.7 else ("complete", "--note", "done")
        self.run("end", "task", act[0], task, *act[1:])
        self.note(task=task)

    def read(self) -> None:
        """Read the inbox and acknowledge what was seen."""
        found = self.run("read", "inbox", "read", "--limit", "20").data
        seen = [one["cursor"] for one in found.get("messages", ())]
        if seen:
            self.run("ack", "inbox", "ack", "--up-to-cursor", str(max(seen)))
            self.note(number=max(seen))

    def look(self) -> None:
        """Look where things stand."""
        self.run("status", "status")

    def one(self) -> None:
        """Do one thing by chance."""
        acts: Sequence[Callable[[], None]] = (self.send, self.create, self.take, self.race)
        (act,) = self.dice.choices((*acts, self.read, self.look), weights=(30, 8, 20, 15, 15, 12))
        act()


def work(number: str, seconds: float, pause: float, seed: str) -> list[Told]:
    """Work for so long, with so many seconds between two commands on average."""
    worker = Worker(number, seed)
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if pause:
            time.sleep(worker.dice.expovariate(1 / pause))
        worker.one()
    return worker.told


if __name__ == "__main__":
    home, space, profile, number, seconds, pause, seed = sys.argv[1:]
    os.environ.update(ENVOY_HOME=home, ENVOY_PROFILE=profile, ENVOY_SPACE=space)
    os.environ["ENVOY_SESSION"] = f"w{number}"
    for one in work(number, float(seconds), float(pause), seed):
        print(json.dumps(one))
