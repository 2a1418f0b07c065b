"""Records: a Work Record within its budget, in a space that has grown long."""

from __future__ import annotations

import time
from pathlib import Path

from bench import world
from bench.cases.start import shared
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting
from envoy import limits
from envoy.jsontext import dumps
from envoy.views.pages import Page, scope_of
from envoy.wiring import brief, reads

FLAT_MOST = 1.5
BUDGET = 3_000
TIMES = 5  # in one sample: one alone is too short for the clock


def play(setting: Setting) -> Race:
    """Measure opening a copy and making its Work Record of at most 3,000 tokens."""
    contenders = [
        reading(f"record @{events}", shared(setting.shared, events).home)
        for events in setting.sizes
    ]
    short, long = contenders[0].name, contenders[-1].name
    return Race(tuple(contenders), (Target(long, short, FLAT_MOST, is_most=True),))


def reading(name: str, home: Path) -> Contender:
    """Return the making of a Work Record of a home as a contender."""
    config = world.config(home, "reader")

    def look() -> int:
        with reads.open_reader(config) as reader:
            space = reader.spaces[0]
            scope = scope_of(reader.me.did, "work-record", space.id)
            sought = Page(scope, limits.HISTORY_ROWS_DEFAULT, None)
            data = brief.build(reader, space, sought, brief.Asked(BUDGET, None, None, None))
        return -(-len(dumps(data)) // 4)

    def once() -> float:
        began = time.perf_counter()
        found = [look() for _ in range(TIMES)]
        seconds = time.perf_counter() - began
        if not all(0 < tokens <= BUDGET for tokens in found):
            raise Wrong(f"{max(found)} tokens for a budget of {BUDGET}")
        return seconds * 1000 / TIMES

    return Contender(name, "wall_ms", once)


CASES = (Case("record.budget", "a Work Record of at most 3,000 tokens", play),)
