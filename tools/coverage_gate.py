"""Hold the branch coverage of each module to its bound in pyproject.toml: part of `make test`.

`fail_under` of coverage.py knows one number for all; here what decides about keys, authority and
state has 100 %, the rest 90 %. It reads the report that `coverage json` wrote.

Use: python tools/coverage_gate.py coverage.json
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def bound_of(name: str, bounds: Mapping[str, float]) -> float:
    """Return the percentage that ``name``, a path below src/envoy, has to reach."""
    return next(bound for pattern, bound in bounds.items() if fnmatch(name, pattern))


def shortfalls(report: Mapping[str, Any], bounds: Mapping[str, float]) -> Iterator[str]:
    """Yield one sentence for each module below its bound.

    ``report`` is what `coverage json` writes. Lines and branches count alike, as in its own table.
    """
    for path, found in sorted(report["files"].items()):
        name = path.rpartition("envoy/")[2]
        summary = found["summary"]
        reached = float(summary["percent_covered"])
        bound = bound_of(name, bounds)
        if reached < bound:
            lines = [str(line) for line in found["missing_lines"]]
            jumps = [f"{start}->{end}" for start, end in found["missing_branches"]]
            missing = " ".join((lines + jumps)[:20])
            yield f"{name}: {reached:.1f} % of {bound:g} %, missing {missing}"


def main(report_path: str) -> int:
    """Print what is missing in the report at ``report_path``; return 1 if anything is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    report = json.loads(Path(report_path).read_text("utf-8"))
    found = list(shortfalls(report, project["tool"]["envoy"]["coverage"]))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"coverage {report['totals']['percent_covered']:.1f} %, {len(found)} below their bound")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
