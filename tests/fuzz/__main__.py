"""Fuzz: inputs of chance against everything that takes foreign bytes or words.

``PYTHONPATH=src:tests python -m fuzz TARGET --seconds 60 --seed 1``; TARGET ``all`` plays each in
turn. One line of JSON per target says what it came to. The same seed gives the same inputs as far
as the run goes; `--inputs` ends it at a number instead of a time. `--corpus DIR` keeps what failed,
in the form that tests/fuzz/corpus has.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from pathlib import Path
from typing import Any

from fuzz.kit import Report, Run, keep
from fuzz.targets import TARGETS

MEMORY = Path("/dev/shm")


def main() -> int:
    """Do what the command line asks; 1 if anything failed."""
    parser = argparse.ArgumentParser("python -m fuzz", description=__doc__)
    parser.add_argument("target", choices=("all", *TARGETS))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", type=int, help="end at so many, whatever the time")
    parser.add_argument("--corpus", type=Path, help="write what failed into this directory")
    asked = parser.parse_args()
    failed = 0
    for name in TARGETS if asked.target == "all" else (asked.target,):
        failed += played(name, asked).failures
    return int(bool(failed))


def played(name: str, asked: Any) -> Report:
    """Play one target and tell what came of it."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        target = TARGETS[name](Path(place))
        gc.freeze()  # what stands now is no input's: the collector need not look at it again
        try:
            run = Run(target, asked.seed)
            report = run.play(asked.seconds if asked.inputs is None else 1e9, asked.inputs)
        finally:
            target.close()
    for failure in run.failures:
        print(f"failed: {failure.error}\n  {str(failure.given)[:2000]}", flush=True)
    if asked.corpus is not None and run.failures:
        keep(run, asked.corpus)
    print(report.line(), flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
