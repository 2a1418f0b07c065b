"""Report: what was measured, on what machine, as JSON for programs and a table for people."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from bench.rounds import Figure, Judged, Outcome, Target
from bench.setting import Case

SCHEMA = "envoy.bench/1"
Json = dict[str, Any]
PACKAGES = ("envoy-space", "apsw-sqlite3mc", "cryptography", "msgspec", "pynacl", "rich")
HEADER = ("case", "what", "unit", "n", "median", "min", "p95", "ratio", "target", "")


class Played(NamedTuple):
    """A case and what came of it; ``fault`` if it could not be played."""

    case: Case
    outcome: Outcome | None
    fault: str | None


def machine(scratch: Path) -> Json:
    """Return what the figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release(),
        "file_system": _file_system(scratch),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
    }


def _cpu() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(path: Path) -> str:
    """Return the type of the file system that ``path`` lies on: the longest mount above it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [(point, kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(above, key=lambda one: len(one[0]))[1] if above else "unknown"


def versions() -> dict[str, str | None]:
    """Return the versions of what is measured, None for what is not installed as a package."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def commit(root: Path) -> str:
    """Return the commit that is checked out, with a mark if files differ from it."""
    words = ["git", "-C", str(root), "describe", "--always", "--dirty=-dirty", "--abbrev=12"]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def document(played: Sequence[Played], head: Json) -> Json:
    """Return the whole run as one JSON object."""
    return {"schema": SCHEMA, **head, "results": [row for one in played for row in results(one)]}


def results(played: Played) -> list[Json]:
    """Return a JSON object per figure of a case, its targets beside it."""
    case, outcome = played.case, played.outcome
    if outcome is None:
        return [{"name": case.name, "workload": case.workload, "fault": played.fault}]
    if not outcome.figures:
        remarks = list(outcome.remarks)
        return [{"name": case.name, "workload": case.workload, "remarks": remarks}]
    return [
        {
            "name": case.name,
            "workload": case.workload,
            "contender": figure.name,
            "n": len(figure.samples),
            "unit": figure.unit,
            "median": rounded(figure.median),
            "min": rounded(min(figure.samples, default=None) if figure.median else None),
            "p95": rounded(figure.share(95)),
            "p99": rounded(figure.share(99)),
            "targets": [_target(one) for one in outcome.judged if one.target.of == figure.name],
            "notes": outcome.notes,
            "remarks": list(outcome.remarks),
            "checks": [text for text in outcome.checks if text.startswith(f"{figure.name}: ")],
        }
        for figure in outcome.figures
    ]


def _target(judged: Judged) -> Json:
    """Return a target and what came of it."""
    return {
        "ratio_to": judged.target.to,
        "ratio": rounded(judged.ratio),
        "target": judged.target.bound,
        "goal": judged.target.goal,
        "is_most": judged.target.is_most,
        "pass": judged.passed,
    }


def table(played: Sequence[Played], head: Json) -> str:
    """Return the run as a page of Markdown."""
    lines = [row for one in played for row in rows(one)]
    widths = [max(len(row[at]) for row in [HEADER, *lines]) for at in range(len(HEADER))]
    text = [_row(HEADER, widths), _row(["-" * width for width in widths], widths)]
    text += [_row(line, widths) for line in lines]
    return "\n".join([*_head(head), "", *text, "", *_faults(played), ""])


def _head(head: Json) -> list[str]:
    """Return what the figures depend on, as lines."""
    found = head["machine"]
    noisy = " NOISY: other work was running." if head["noisy"] else ""
    return [
        f"# Bench of {head['commit']}",
        "",
        f"Self-run, not certified. {head['at']}, load {head['load']}, seed {head['seed']}.{noisy}",
        f"{found['cpu']}, {found['cores']} cores, {found['memory_mb']} MB, {found['file_system']},"
        f" Linux {found['kernel']}, Python {found['python']}, SQLite {found['sqlite']}.",
        f"Command: `{head['command']}`.",
    ]


def rows(played: Played) -> list[Sequence[str]]:
    """Return the rows of a case."""
    if played.outcome is None:
        return [(played.case.name, f"FAILED: {played.fault}", *[""] * (len(HEADER) - 2))]
    if not played.outcome.figures:
        told = "; ".join(played.outcome.remarks)
        return [(played.case.name, told, *[""] * (len(HEADER) - 2))]
    return [
        row
        for figure in played.outcome.figures
        for row in of_figure(played.case.name, figure, played.outcome)
    ]


def of_figure(case: str, figure: Figure, outcome: Outcome) -> list[Sequence[str]]:
    """Return a row for a figure, and one more for each further target of it."""
    least = min(figure.samples, default=None) if figure.median is not None else None
    first = [
        *(case, figure.name, figure.unit, str(len(figure.samples))),
        *(shown(figure.median), shown(least), shown(figure.share(95))),
    ]
    mine = [one for one in outcome.judged if one.target.of == figure.name]
    if not mine:
        return [[*first, "", "", "WRONG" if figure.wrong else ""]]
    lines: list[Sequence[str]] = []
    for number, one in enumerate(mine):
        against = "" if one.target.to is None else f" {one.target.to}"
        lines.append(
            [
                *(first if number == 0 else [case, figure.name, *[""] * 5]),
                "" if one.ratio is None else f"{one.ratio:.2f}x",
                f"{_bound(one.target)}{against}",
                verdict(one),
            ]
        )
    return lines


def _bound(target: Target) -> str:
    """Return what a ratio has to be, or only whom it is told beside."""
    if target.bound is None:
        return "beside"
    return f"{'<=' if target.is_most else '>='} {target.bound:.2f}x"


def verdict(judged: Judged) -> str:
    """Return one word for a target."""
    goal, ratio = judged.target.goal, judged.ratio
    if judged.target.bound is None:
        return ""
    if not judged.passed or ratio is None:
        return "MISSED"
    return "goal" if goal is not None and ratio <= goal else "ok"


def _faults(played: Sequence[Played]) -> list[str]:
    """Return what was wrong and what was counted, as lines."""
    found = []
    for one in played:
        if one.outcome is not None:
            found += [f"- {one.case.name}: WRONG: {text}" for text in one.outcome.checks]
            notes = ", ".join(f"{name} {shown(value)}" for name, value in one.outcome.notes.items())
            found += [f"- {one.case.name}: {notes}"] if notes else []
            found += [f"- {one.case.name}: {text}" for text in one.outcome.remarks]
    return found


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of the table."""
    return (
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        + " |"
    )


def shown(value: float | None) -> str:
    """Return a number for people: three digits that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rounded(value: float | None) -> float | None:
    """Return a number for programs."""
    return None if value is None else round(value, 4)


def is_good(played: Sequence[Played]) -> bool:
    """Return whether every case was played, with right results, and reached its targets."""
    outcomes = [one.outcome for one in played if one.outcome is not None]
    return len(outcomes) == len(played) and all(
        not one.checks and all(judged.passed for judged in one.judged) for one in outcomes
    )


def write(root: Path, played: Sequence[Played], head: Json) -> tuple[Path, str]:
    """Write both forms into ``root``; return the path without suffix, and the table."""
    root.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.fromisoformat(head["at"]).strftime("%Y%m%dT%H%M%SZ")
    base = root / f"{stamp}-{head['commit']}"
    text = table(played, head)
    base.with_suffix(".json").write_text(
        json.dumps(document(played, head), indent=1) + "\n", "utf-8"
    )
    base.with_suffix(".md").write_text(text, "utf-8")
    return base, text


def now() -> str:
    """Return the time of the run."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def command() -> str:
    """Return how the run was started."""
    return " ".join(["python -m bench", *sys.argv[1:]])
