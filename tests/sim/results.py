"""Results: what runs came to, kept as JSON lines, so that runs of the same code add up.

A line is a block of seeds one after the other, under the hash of the code that played them:
product, simulator, oracles. A run goes on where those of the same code ended; changed code begins
anew. `tests/sim/ledger.jsonl` keeps what was run: `compact` makes one line of blocks that touch.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, reduce
from pathlib import Path
from typing import Any, Final, NamedTuple

import envoy
from sim.faults import FAULTS
from sim.run import Report

SUITE: Final = "simulator"
BLOCK: Final = 100  # seeds of a line at most
LOST: Final = "an acknowledged event is there"
EVIL: Final = ("backdate", "equivocate", "junk", "defy", "launder")
_TESTS: Final = Path(__file__).parents[1]
_NAMED: Final = ("killed", "lost power", "lost", "doubled", "beside")


class Sum(NamedTuple):
    """What some seeds came to; ``failed``: how many, by what they broke."""

    seeds: int
    steps: int
    events: int
    cpu_s: float
    counts: Counter[str]
    failed: Counter[str]

    def plus(self, other: Sum) -> Sum:
        """Return both together."""
        return Sum(
            self.seeds + other.seeds,
            self.steps + other.steps,
            self.events + other.events,
            self.cpu_s + other.cpu_s,
            self.counts + other.counts,
            self.failed + other.failed,
        )

    def line(self) -> str:
        """Return it in one line."""
        counts = self.counts
        faults = {kind: counts[kind] for kind in FAULTS if counts[kind]}
        faults |= {kind: counts[kind] for kind in _NAMED}
        shown = " ".join(f"{kind}={count}" for kind, count in faults.items())
        lost = self.failed[LOST]
        return (
            f"seeds {self.seeds}, steps {self.steps}, events {self.events}, "
            f"acked {counts['acked']}, calls {counts['calls']}, trial decryptions "
            f"{counts['trial decryptions']}, kills {counts['killed']}, power cuts "
            f"{counts['lost power']}, hostile acts {sum(counts[kind] for kind in EVIL)}; "
            f"faults: {shown}; divergences {self.failed.total() - lost}, lost {lost}; "
            f"{self.cpu_s / max(self.seeds, 1):.3f} s of CPU a seed"
        )


def nothing() -> Sum:
    """Return what no seeds come to."""
    return Sum(0, 0, 0, 0.0, Counter(), Counter())


def of(report: Report, cpu_s: float) -> Sum:
    """Return what one seed came to."""
    failed = Counter([report.what or ""] if report.failure is not None else ())
    return Sum(1, report.steps, report.events, cpu_s, report.counts, failed)


@cache
def code() -> str:
    """Return the hash of what plays and of what is played."""
    found = hashlib.sha256()
    roots = (Path(envoy.__file__).parent, _TESTS / "sim", _TESTS / "oracle")
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            if not path.name.startswith("test_"):
                found.update(f"{root.name}/{path.relative_to(root)}\n".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


@cache
def commit() -> str:
    """Return the commit that is checked out, "" where that is unknown; ``code`` is what counts."""
    asked = ["git", "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(asked, cwd=_TESTS, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


class Results:
    """A file of results. ``kind``: which sort of seeds, whose numbers mean something else."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self._first = self._next = -1
        self._sum = nothing()
        self._failures = list[tuple[int, str]]()

    def left(self, seeds: Iterable[int]) -> list[int]:
        """Return those of ``seeds`` that no run of this code and kind has played."""
        done = set[int]()
        for line in _lines(self.path):
            if (line["code"], line["kind"]) == (code(), self.kind):
                done.update(range(line["first"], line["last"]))
        return [seed for seed in seeds if seed not in done]

    def add(self, report: Report, played: Sum) -> None:
        """Note one more seed."""
        if report.seed != self._next or report.seed % BLOCK == 0:
            self.flush()
            self._first = report.seed
        self._next = report.seed + 1
        self._sum = self._sum.plus(played)
        if report.failure is not None:
            self._failures.append((report.seed, report.failure))

    def flush(self) -> None:
        """Write what was noted since the last line."""
        if not self._sum.seeds:
            return
        line = {
            **{"suite": SUITE, "commit": commit(), "code": code(), "kind": self.kind},
            **{"first": self._first, "last": self._next},
            **{"at": int(time.time()), **self._sum._asdict(), "failures": self._failures},
        }
        whole = not self.path.exists() or self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("" if whole else "\n") + json.dumps(line) + "\n")
        self._sum, self._failures = nothing(), []


def summaries(path: Path) -> Iterator[str]:
    """Yield one line for each code that results are of, the oldest first; then all together."""
    sums, failures = dict[tuple[str, str], Sum](), list[str]()
    for line in _lines(path):
        key = (line["code"], line["kind"])
        sums[key] = sums.get(key, nothing()).plus(_sum(line))
        failures += [f"seed {seed} failed: {how}" for seed, how in line["failures"]]
    for (hashed, kind), found in sums.items():
        yield f"code {hashed}, {kind}: {found.line()}"
    if len(sums) > 1:
        yield f"all together: {reduce(Sum.plus, sums.values()).line()}"
    yield from failures


def compact(path: Path) -> None:
    """Make one line of blocks of the same code and kind that touch; nothing else changes."""
    kept = list[dict[str, Any]]()
    lines = sorted(_lines(path), key=lambda one: (one["code"], one["kind"], one["first"]))
    for line in lines:
        last = kept[-1] if kept else None
        if last is None or any(last[key] != line[key] for key in ("code", "kind")):
            kept.append(line)
        elif last["last"] == line["first"]:
            both = _sum(last).plus(_sum(line))._asdict()
            failures = last["failures"] + line["failures"]
            ends = {"last": line["last"], "at": max(last["at"], line["at"])}
            kept[-1] = {**last, **ends, **both, "failures": failures}
        else:
            kept.append(line)
    kept.sort(key=lambda one: (one["at"], one["first"]))
    beside = path.with_name(f"{path.name}.new")
    beside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    os.replace(beside, path)


def _sum(line: dict[str, Any]) -> Sum:
    """Return the sum that a line holds."""
    counts, failed = Counter[str](line["counts"]), Counter[str](line["failed"])
    return Sum(line["seeds"], line["steps"], line["events"], line["cpu_s"], counts, failed)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file that are whole; a run may have been ended while it wrote one."""
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
