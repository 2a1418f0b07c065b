"""`python -m sim`: plays seeds, replays one, shrinks what fails, finds planted bugs.

From the root of the project: ``PYTHONPATH=src:tests python -m sim --seeds 0:300``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sim import planted
from sim.faults import FAULTS
from sim.plan import STEPS, STEPS_LONG, Plan, draw
from sim.run import Report, run
from sim.shrink import read, shrunk, write

CHUNK = 8


def main() -> int:
    """Do what the command line asks; 1 if anything failed."""
    asked = _parsed()
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
    parser.add_argument("--planted", action="store_true", help="find the planted bugs")
    parser.add_argument("--only", default="", help="with --planted: those whose name has this")
    parser.add_argument("--seeds-max", type=int, default=1000, help="with --planted: of each")
    parser.add_argument("--starts", type=int, default=3, help="with --planted: from so many places")
    return parser.parse_args()


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


def _played(seeds: list[int], *, long: bool, deep: bool) -> list[Report]:
    """Play some seeds, in a process of their own."""
    return [run(plan_of(seed, long=long), deep=deep) for seed in seeds]


def _reports(asked: argparse.Namespace) -> Iterator[Report]:
    """Yield the reports of all seeds asked for."""
    first, _, last = asked.seeds.partition(":")
    every = list(range(int(first), int(last)))
    until = time.monotonic() + 60 * asked.minutes if asked.minutes else None
    if asked.workers == 1:
        for seed in every:
            if until is not None and time.monotonic() > until:
                return
            yield run(plan_of(seed, long=asked.long), deep=asked.deep)
        return
    chunks = [every[at : at + CHUNK] for at in range(0, len(every), CHUNK)]
    with ProcessPoolExecutor(asked.workers) as pool:
        while chunks and (until is None or time.monotonic() < until):
            some, chunks = chunks[: 4 * asked.workers], chunks[4 * asked.workers :]
            work = [pool.submit(_played, one, long=asked.long, deep=asked.deep) for one in some]
            for done in work:
                yield from done.result()


def _many(asked: argparse.Namespace) -> int:
    """Play seeds and sum up; failures are told as they come."""
    began, counts, failed = time.monotonic(), Counter[str](), Counter[str]()
    seeds = steps = events = 0
    for report in _reports(asked):
        seeds, steps, events = seeds + 1, steps + report.steps, events + report.events
        counts.update(report.counts)
        if report.failure is not None:
            failed[report.what or ""] += 1
            print(f"seed {report.seed} failed: {report.failure}", flush=True)
            if asked.first:
                break
        if seeds % 100 == 0:
            rate = seeds / (time.monotonic() - began)
            print(f"{seeds} seeds, {rate:.1f}/s, {sum(failed.values())} failed", flush=True)
    print(summary(counts, failed, (seeds, steps, events, time.monotonic() - began)))
    return int(bool(failed))


def summary(counts: Counter[str], failed: Counter[str], sizes: tuple[int, int, int, float]) -> str:
    """Return what many runs came to, in one line."""
    seeds, steps, events, seconds = sizes
    faults = {kind: counts[kind] for kind in FAULTS if counts[kind]}
    faults |= {kind: counts[kind] for kind in ("killed", "lost power", "lost", "doubled", "beside")}
    evil = sum(counts[kind] for kind in ("backdate", "equivocate", "junk", "defy", "launder"))
    lost = failed["an acknowledged event is there"]
    shown = " ".join(f"{kind}={count}" for kind, count in faults.items())
    return (
        f"seeds {seeds}, steps {steps}, events {events}, acked {counts['acked']}, calls "
        f"{counts['calls']}, trial decryptions {counts['trial decryptions']}, hostile acts {evil}; "
        f"faults: {shown}; divergences {sum(failed.values()) - lost}, lost {lost}; "
        f"{seeds / max(seconds, 0.001):.2f} seeds/s"
    )


if __name__ == "__main__":
    sys.exit(main())
