"""Measure this machine and Envoy on it: ``python -m bench``, from the project's directory.

It runs in the environment that `make bench` makes, so that what is measured is the installed wheel
with its bytecode. Every case measures its yardsticks in the same rounds. The exit status is 1 if a
result was wrong or a target was missed.

Specification: docs/MEASURES.md.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import report, rounds, yardsticks
from bench.cases import (
    authority,
    events,
    hooks,
    merging,
    objects,
    opening,
    peer_servers,
    peers,
    records,
    relay,
    relay_sync,
    start,
    tools,
    writers,
)
from bench.report import Played
from bench.rounds import Race, Wrong
from bench.setting import Case, Setting, find_envoy
from envoy.errors import EnvoyError

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out"
ROUNDS = 100
ROUNDS_QUICK = 9
LOAD_MOST = 1.0


def play_yardsticks(setting: Setting) -> Race:
    """Measure the machine alone."""
    return Race(yardsticks.everything(setting.scratch))


CASES = (
    Case("yardsticks", "this machine without Envoy", play_yardsticks),
    *start.CASES,
    *opening.CASES,
    *records.CASES,
    *events.CASES,
    *authority.CASES,
    *objects.CASES,
    *writers.CASES,
    *merging.CASES,
    *tools.CASES,
    *hooks.CASES,
    *relay.CASES,
    *relay_sync.CASES,
    *peers.CASES,
    *peer_servers.CASES,
)


def main() -> int:
    """Run the cases that are asked for and write the report; return the exit status."""
    given = arguments()
    chosen = [one for one in CASES if not given.only or one.name.startswith(tuple(given.only))]
    if not chosen:
        print(f"no such case: {', '.join(one.name for one in CASES)}", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    if load > LOAD_MOST and not (given.force or given.quick):
        print(
            f"load {load:.1f}: other work is running; --force measures beside it", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="envoy-bench-", dir=given.scratch) as scratch:
        place = Path(scratch).resolve()
        setting = Setting(place, place, given.quick, find_envoy(), ExitStack(), given.races)
        head = {
            "at": report.now(),
            "commit": report.commit(ROOT),
            "command": report.command(),
            "machine": report.machine(place),
            "versions": report.versions(),
            "seed": given.seed,
            "load": round(load, 2),
            "noisy": load > LOAD_MOST,
        }
        played = play(chosen, setting, count=given.rounds, seed=given.seed)
    base, text = report.write(OUT, played, head)
    print(text)
    print(f"{base}.json, {base.name}.md")
    return 0 if report.is_good(played) else 1


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser("python -m bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="at most 3 minutes")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases that begin so")
    parser.add_argument("--force", action="store_true", help="also beside other work")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"{ROUNDS}, quick {ROUNDS_QUICK}")
    parser.add_argument("--races", type=int, default=0, metavar="N", help="tasks of claim.race")
    parser.add_argument("--seed", type=int, default=1, help="of the order within rounds")
    parser.add_argument("--scratch", metavar="DIR", help="where homes are made and removed")
    given = parser.parse_args()
    given.rounds = given.rounds or (ROUNDS_QUICK if given.quick else ROUNDS)
    return given


def play(chosen: Sequence[Case], setting: Setting, *, count: int, seed: int) -> list[Played]:
    """Play ``chosen``, telling on stderr what goes on."""
    played = []
    for case in chosen:
        began = time.monotonic()
        print(f"{case.name}: {case.workload} ...", end=" ", file=sys.stderr, flush=True)
        played.append(play_one(case, setting, count=count, seed=seed))
        print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
    return played


def play_one(case: Case, setting: Setting, *, count: int, seed: int) -> Played:
    """Play one case; one that cannot be played leaves the others alone."""
    setting = setting._replace(scratch=setting.shared / case.name)
    setting.scratch.mkdir()
    try:
        with setting.held:
            race = case.play(setting)
            outcome = rounds.run(race, rounds=count, chance=random.Random(seed))  # no secret
    except (Wrong, EnvoyError, OSError, ValueError) as fault:
        return Played(case, None, f"{type(fault).__name__}: {fault}")
    return Played(case, outcome, None)


if __name__ == "__main__":
    raise SystemExit(main())
