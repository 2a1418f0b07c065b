"""Setting: where a run happens, and how processes of it are measured."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bench.rounds import Race, Wrong

Json = dict[str, Any]


class Setting(NamedTuple):
    """A directory of its own, and how much time there is."""

    scratch: Path  # of the case alone
    shared: Path  # of the run, for what several cases look at
    quick: bool
    envoy: str  # the script that users run
    held: ExitStack  # closed after the case
    races: int = 0  # of claim.race; 0: as many as the case makes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how many events the spaces hold that are compared."""
        return (1_000, 10_000) if self.quick else (1_000, 10_000, 100_000)

    def home(self, name: str) -> Path:
        """Return a home that does not exist yet."""
        return self.scratch / name


class Case(NamedTuple):
    """One row of the table of docs/MEASURES.md."""

    name: str
    workload: str
    play: Callable[[Setting], Race]


class Spent(NamedTuple):
    """What a process cost, and what it said."""

    cpu_ms: float  # user and system, of the whole process with what it waited for
    wall_ms: float
    exit: int
    out: str
    err: str


def environment(home: Path | None = None, profile: str = "") -> dict[str, str]:
    """Return a plain environment: nothing of the caller's Python or Envoy settings in it."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
    }
    if home is not None:
        kept |= {"ENVOY_HOME": str(home), "ENVOY_PROFILE": profile}
    return kept


def spend(argv: Sequence[str], env: dict[str, str], scratch: Path) -> Spent:
    """Run ``argv`` and return what it cost; its own start is part of that."""
    out, err = scratch / "out", scratch / "err"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(out), flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(err), flags, 0o600),
    ]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], list(argv), env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall_ms = (time.perf_counter() - began) * 1000
    return Spent(
        cpu_ms=(usage.ru_utime + usage.ru_stime) * 1000,
        wall_ms=wall_ms,
        exit=os.waitstatus_to_exitcode(status),
        out=out.read_text("utf-8"),
        err=err.read_text("utf-8"),
    )


def answer(spent: Spent) -> Json:
    """Return the JSON object a command answered with. Raises Wrong for a failure."""
    try:
        found = json.loads(spent.out)
    except ValueError:
        found = None
    if spent.exit != 0 or not isinstance(found, dict):
        raise Wrong(f"exit status {spent.exit}: {spent.out[-300:]}{spent.err[-300:]}")
    return found


def find_envoy() -> str:
    """Return the `envoy` of this interpreter's environment: the installed wheel."""
    found = Path(sys.executable).with_name("envoy")
    if not found.exists():
        raise SystemExit("bench measures the installed wheel: run `make bench`")
    return str(found)
