"""Opening: the first page of what people look at, in a space that has grown long."""

from __future__ import annotations

import time
from pathlib import Path

from bench import world
from bench.cases.start import shared
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting
from envoy.views import names
from envoy.wiring import reads

FLAT_MOST = 2.0
TASKS = 50
ROWS = 20
TIMES = 20  # in one sample: one alone is too short for the clock


def play(setting: Setting) -> Race:
    """Measure opening a copy, 50 open tasks, the last 20 rows of its history."""
    contenders = [
        reading(f"open @{events}", shared(setting.shared, events).home) for events in setting.sizes
    ]
    short, long = contenders[0].name, contenders[-1].name
    return Race(tuple(contenders), (Target(long, short, FLAT_MOST, is_most=True),))


def reading(name: str, home: Path) -> Contender:
    """Return the first look at a home as a contender."""
    config = world.config(home, "reader")

    def look() -> int:
        with reads.open_reader(config) as reader:
            sn = reader.spaces[0].sn
            tasks = reader.views.tasks(sn, states=(names.OPEN,), after=None, limit=TASKS)
            rows = reader.views.history(sn, after=None, limit=ROWS)
        return len(tasks) + len(rows)

    def once() -> float:
        began = time.perf_counter()
        found = [look() for _ in range(TIMES)]
        seconds = time.perf_counter() - began
        if set(found) != {TASKS + ROWS}:
            raise Wrong(f"{found[0]} rows instead of {TASKS + ROWS}")
        return seconds * 1000 / TIMES

    return Contender(name, "wall_ms", once)


CASES = (Case("open.flat", "open a copy, 50 open tasks, last 20 rows", play),)
