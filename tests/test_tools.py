"""The coverage gate: a bound for each module, and the first pattern that fits counts."""

from __future__ import annotations

from typing import Any

import pytest

import coverage_gate

BOUNDS = {"core/codec.py": 100, "core/crypto/*.py": 100, "*.py": 90}


def report(path: str, percent: float) -> dict[str, Any]:
    """Return what `coverage json` says of one file."""
    found = {
        "summary": {"percent_covered": percent},
        "missing_lines": [7],
        "missing_branches": [[8, 9], [8, -1]],
    }
    return {"files": {path: found}}


@pytest.mark.parametrize(
    ("path", "percent", "held"),
    [
        pytest.param("src/envoy/core/codec.py", 100.0, True, id="all of what must be whole"),
        pytest.param("src/envoy/core/codec.py", 99.9, False, id="nearly all is not all"),
        pytest.param("src/envoy/core/crypto/sign.py", 99.9, False, id="a pattern of a folder"),
        pytest.param("src/envoy/core/words.py", 90.0, True, id="elsewhere the last pattern"),
        pytest.param("src/envoy/cli/read/talk.py", 89.9, False, id="any depth below it"),
        pytest.param("lib/site-packages/envoy/ids.py", 89.9, False, id="an installed package"),
    ],
)
def test_each_module_is_held_to_its_bound(path: str, percent: float, held: bool) -> None:
    found = list(coverage_gate.shortfalls(report(path, percent), BOUNDS))
    assert (found == []) is held


def test_what_is_missing_is_named() -> None:
    (line,) = coverage_gate.shortfalls(report("src/envoy/core/codec.py", 50.0), BOUNDS)
    assert line == "core/codec.py: 50.0 % of 100 %, missing 7 8->9 8->-1"
