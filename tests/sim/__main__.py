"""`python -m sim`: plays seeds, replays one, shrinks what fails, finds planted bugs.

From the root of the project: ``PYTHONPATH=src:tests python -m sim --seeds 0:300``. With
``--results FILE`` runs of the same code add up: each goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import apsw

from sim import planted, results
from sim.plan import STEPS, STEPS_LONG, Plan, draw
from sim.run import Report, run
from sim.shrink import read, shrunk, write

CHUNK = 8
GARBAGE_MIN = 50_000  # objects between two looks for cycles


def main() -> int:
    """Do what the command line asks; 1 if anything failed."""
    asked = _parsed()
    prepare()
    if asked.summary is not None:
        print("\n".join(results.summaries(asked.summary)))
        return 0
    if asked.compact is not None:
        results.compact(asked.compact)
        return 0
    if asked.planted:
        return planted.main(asked.only, starts=asked.starts, seeds_max=asked.seeds_max)
    if asked.regress is not None:
        return _told(run(read(asked.regress), tells=True, deep=True))
    if asked.seed is not None:
        return _one(asked)
    return _many(asked)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m sim", description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="A:B, from A to below B")
    parser.add_argument("--seed", type=int, help="play one seed")
    parser.add_argument("--trace", action="store_true", help="with --seed: show each action")
    parser.add_argument("--shrink", metavar="NAME", help="with --seed: shrink, keep under NAME")
    parser.add_argument("--regress", type=Path, help="play a plan that was kept")
    parser.add_argument("--long", action="store_true", help="four times as many actions a seed")
    parser.add_argument("--deep", action="store_true", help="rebuild every copy of every seed")
    parser.add_argument("--first", action="store_true", help="stop at the first failure")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--minutes", type=float, default=0, help="begin no more seeds after that")
    parser.add_argument("--results", type=Path, help="add to this file what is not in it yet")
    parser.add_argument("--summary", type=Path, help="add up a file of results")
    parser.add_argument("--compact", type=Path, help="make one line of blocks that touch")
    parser.add_argument("--planted", action="store_true", help="find the planted bugs")
    parser.add_argument("--only", default="", help="with --planted: those whose name has this")
    parser.add_argument("--seeds-max", type=int, default=1000, help="with --planted: of each")
    parser.add_argument("--starts", type=int, default=3, help="with --planted: from so many places")
    return parser.parse_args()


def prepare() -> None:
    """Set up a process that does nothing but play: what was loaded is looked through no more.

    SQLite counts no memory: nobody asks, and each of its allocations would take a lock for that.
    """
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.initialize()
    gc.freeze()
    gc.set_threshold(GARBAGE_MIN)


def plan_of(seed: int, *, long: bool) -> Plan:
    """Return the plan of a seed."""
    return draw(seed, steps=STEPS_LONG if long else STEPS)


# -- one seed --------------------------------------------------------------------------------


def _one(asked: argparse.Namespace) -> int:
    """Play one seed, and shrink it if that is wanted."""
    plan = plan_of(asked.seed, long=asked.long)
    report = run(plan, tells=asked.trace, deep=asked.deep)
    if asked.shrink is None or report.failure is None:
        return _told(report)

    def fails(tried: Plan) -> bool:
        return run(tried, deep=asked.deep).what == report.what

    found = shrunk(plan, fails)
    print(f"{write(found, asked.shrink, report.what or '')}: {len(found.actions)} actions")
    return _told(run(found, tells=True, deep=asked.deep))


def _told(report: Report) -> int:
    """Print what a run came to; 1 if it failed."""
    print("\n".join(report.lines))
    print(f"seed {report.seed}: {report.steps} actions, {report.events} events, {report.trace}")
    print(f"failed: {report.failure}" if report.failure else "everything held")
    return int(report.failure is not None)


# -- many ------------------------------------------------------------------------------------

Played = tuple[Report, results.Sum]


def _played(seeds: list[int], *, long: bool, deep: bool) -> list[Played]:
    """Play some seeds, and measure them."""
    return [_measured(seed, long=long, deep=deep) for seed in seeds]


def _measured(seed: int, *, long: bool, deep: bool) -> Played:
    began = time.process_time()
    report = run(plan_of(seed, long=long), deep=deep)
    return report, results.of(report, time.process_time() - began)


def _reports(asked: argparse.Namespace, every: list[int]) -> Iterator[Played]:
    """Yield what comes of each seed, in their order."""
    until = time.monotonic() + 60 * asked.minutes if asked.minutes else None
    if asked.workers == 1:
        for seed in every:
            if until is not None and time.monotonic() > until:
                return
            yield _measured(seed, long=asked.long, deep=asked.deep)
        return
    chunks = [every[at : at + CHUNK] for at in range(0, len(every), CHUNK)]
    with ProcessPoolExecutor(asked.workers, initializer=prepare) as pool:
        while chunks and (until is None or time.monotonic() < until):
            some, chunks = chunks[: 4 * asked.workers], chunks[4 * asked.workers :]
            work = [pool.submit(_played, one, long=asked.long, deep=asked.deep) for one in some]
            for done in work:
                yield from done.result()


def _many(asked: argparse.Namespace) -> int:
    """Play seeds and sum up; failures are told as they come."""
    first, _, last = asked.seeds.partition(":")
    every, kept = list(range(int(first), int(last))), None
    if asked.results is not None:
        kind = ("long" if asked.long else "short") + (" deep" if asked.deep else "")
        kept = results.Results(asked.results, kind)
        every = kept.left(every)
    began, total = time.monotonic(), results.nothing()
    for report, played in _reports(asked, every):
        total = total.plus(played)
        if kept is not None:
            kept.add(report, played)
        if report.failure is not None:
            print(f"seed {report.seed} failed: {report.failure}", flush=True)
            if asked.first:
                break
        if total.seeds % 100 == 0:
            rate = total.seeds / (time.monotonic() - began)
            print(f"{total.seeds} seeds, {rate:.1f}/s, {total.failed.total()} failed", flush=True)
    if kept is not None:
        kept.flush()
    rate = total.seeds / max(time.monotonic() - began, 0.001)
    print(f"{total.line()}; {rate:.2f} seeds/s")
    return int(total.failed.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
