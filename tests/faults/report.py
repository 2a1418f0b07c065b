"""Report: progress while a suite runs, what failed, and the one line that sums it up."""

from __future__ import annotations

import argparse
import json
import sys
import time

SHOWN_MAX = 40
EVERY_SECONDS = 10.0


class Tally:
    """How a suite goes: what was tried, what failed, how long it may go on."""

    def __init__(self, suite: str, seed: int, seconds: float) -> None:
        self.suite = suite
        self.seed = seed
        self.count = 0
        self.failures = list[str]()
        self.notes = dict[str, int]()
        self._began = self._told = time.monotonic()
        self._until = self._began + seconds if seconds else None

    def allow(self, seconds: float) -> None:
        """Let what begins now go on for so long; 0: to its end."""
        self._until = time.monotonic() + seconds if seconds else None

    def is_over(self) -> bool:
        """Say whether the time is up."""
        return self._until is not None and time.monotonic() >= self._until

    def note(self, what: str, count: int = 1) -> None:
        """Count something that belongs into the summary."""
        self.notes[what] = self.notes.get(what, 0) + count

    def tried(self, what: str, wrong: list[str], count: int = 1) -> None:
        """Count a trial, of ``count``, and what was wrong; tell now and then how far it is."""
        self.count += count
        if wrong:
            self.failures.append(what)
            if len(self.failures) <= SHOWN_MAX:
                print(f"FAILED {self.suite} seed {self.seed}: {what}", flush=True)
                for one in wrong[:4]:
                    print(f"       {one[:600]}", flush=True)
        now = time.monotonic()
        if now - self._told > EVERY_SECONDS:
            self._told = now
            rate = self.count / (now - self._began)
            print(f"{self.suite}: {self.count}, {len(self.failures)} failed, {rate:.1f}/s, {what}",
                  file=sys.stderr, flush=True)  # fmt: skip

    def end(self) -> int:
        """Print the line that sums it up; return the exit status."""
        line = {
            "suite": self.suite,
            "seed": self.seed,
            "count": self.count,
            "failures": len(self.failures),
            "seconds": round(time.monotonic() - self._began),
            **self.notes,
        }
        print(json.dumps(line), flush=True)
        return 1 if self.failures else 0


def parser(suite: str, about: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every suite takes."""
    made = argparse.ArgumentParser(f"python -m faults.{suite}", description=about)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--seconds", type=float, default=0, help="begin nothing more after that")
    return made
