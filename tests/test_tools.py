"""The tools of the house: a bound for the coverage of each module, the tests beside a change."""

from __future__ import annotations

from typing import Any

import pytest

import coverage_gate
import nearby

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


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        pytest.param("src/envoy/ids.py", {"tests/test_ids.py"}, id="a module of the ground"),
        pytest.param(
            "src/envoy/core/codec.py",
            {"tests/core/test_codec.py", "tests/core/test_codec_edges.py"},
            id="a module with its own",
        ),
        pytest.param("src/envoy/relay/nowhere.py", {"tests/relay"}, id="a module without"),
        pytest.param("tests/core/test_codec.py", {"tests/core/test_codec.py"}, id="a test"),
        pytest.param("tests/core/test_gone.py", set(), id="a test that is gone"),
        pytest.param("tests/replica/world.py", {"tests/replica"}, id="what a folder shares"),
        pytest.param("demo/run.py", {"tests/test_demo.py"}, id="the demo"),
        pytest.param("LICENSE", set(), id="what nothing is about"),
    ],
)
def test_the_tests_beside_a_change_are_named(path: str, chosen: set[str]) -> None:
    assert {*nearby.chosen([path])} == {*nearby.ALWAYS, *chosen}


@pytest.mark.parametrize("path", ["tests/conftest.py", "pyproject.toml", "Makefile"])
def test_what_all_tests_hang_on_has_all_of_them(path: str) -> None:
    assert nearby.chosen([path, "src/envoy/ids.py"]) == ["tests"]


def test_no_test_is_named_beside_its_folder() -> None:
    named = nearby.chosen(["tests/replica/world.py", "tests/replica/test_gates.py"])
    assert "tests/replica" in named and "tests/replica/test_gates.py" not in named
