"""The tool that makes mutants: what it makes, that it tells the dead from the living, its table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mutation import explained
from mutation.mutants import Mutant, modules, mutants, tree
from mutation.results import (
    Result,
    code_of,
    codes,
    is_settled,
    part_of,
    read,
    scores,
    summary,
)

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/envoy"

PLANTED = '''
"""A module with slips to make."""

LIMIT = 3


def fits(number):
    """Say whether ``number`` is below the limit."""
    return number < LIMIT


def total(numbers):
    """Return the sum."""
    found = 0
    while numbers:
        found += numbers.pop()
    return found
'''
TESTS = """
from envoy.state import planted

def test_far_from_the_limit():
    assert planted.fits(2) and not planted.fits(9)

def test_the_sum():
    assert planted.total([1, 2]) == 3
"""


def whats(text: str) -> list[str]:
    """Return what becomes what in all mutants of a text."""
    return [one.what for one in mutants("core/one.py", text)]


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        pytest.param("x = a < b", ["a < b -> a <= b"], id="a bound moves"),
        pytest.param("x = a is b", ["a is b -> a is not b"], id="an identity turns round"),
        pytest.param(
            "x = a and b",
            ["a and b -> a or b", "a and b without a", "a and b without b"],
            id="a condition lacks a part",
        ),
        pytest.param("x = not a", ["not a -> a"], id="a denial goes"),
        pytest.param("x = 2", ["2 -> 3", "2 -> 1"], id="a number is one off"),
        pytest.param("x = 0", ["0 -> 1"], id="none is one"),
        pytest.param("x = 'a', b''", [
            "('a', b'') without 'a'", "('a', b'') without b''", "'a' -> ''", "b'' -> b'XX'",
        ], id="a table lacks a row, a text is empty"),
        pytest.param("def f():\n    return a, b", ["return (a, b) -> return None"], id="no answer"),
        pytest.param(
            "if a:\n    b()", ["if a: -> if not a:", "if a: -> nothing", "b() -> nothing"],
            id="a guard goes",
        ),
        pytest.param("x = a[1:]", ["1: -> :", "1 -> 2", "1 -> 0"], id="a slice has no bound"),
        pytest.param(
            "x = f(a, b, c=d)",
            ["f(a, b, c=d) -> f(b, a, c=d)", "f(a, b, c=d) without c=d"],
            id="arguments change places",
        ),
        pytest.param("x = sorted(a)", ["sorted(a) -> list(a)"], id="no order"),
        pytest.param("x: tuple[int, ...] | None", [], id="types are left alone"),
        pytest.param("X = tuple[int, str] | None", [], id="names of types too"),
        pytest.param("def f():\n    'text'\n    assert a < b, 'c'", [], id="asserts and texts too"),
    ],
)  # fmt: skip
def test_what_a_mutant_changes(text: str, expect: list[str]) -> None:
    assert whats(text) == expect


def test_every_mutant_is_another_module_that_can_be_compiled() -> None:
    text = (SOURCE / "state/gates.py").read_text("utf-8")
    sound = compile(text, "gates", "exec")
    made = mutants("state/gates.py", text)
    assert len(made) > 100
    for one in made:
        assert compile(tree(text, one.number), "gates", "exec") != sound, one


@pytest.fixture(scope="module")
def every() -> list[Mutant]:
    """Return all mutants of all modules."""
    return [
        one
        for module in modules(SOURCE)
        for one in mutants(module, (SOURCE / module).read_text("utf-8"))
    ]


def test_mutants_of_a_module_have_different_names(every: list[Mutant]) -> None:
    assert len({one.key for one in every}) == len(every) > 5_000


def test_each_explained_mutant_still_exists(every: list[Mutant]) -> None:
    assert [row for row in explained.ROWS if not any(map(row.fits, every))] == []


def test_only_a_star_means_any_text() -> None:
    row = explained.Row("a.py", "f", "x[?] -> *", "why")
    assert row.fits(Mutant("a.py", "f", "x[?] -> y", 1, 1, 0))
    assert not row.fits(Mutant("a.py", "f", "xa -> y", 1, 1, 0))
    assert not row.fits(Mutant("a.py", "g", "x[?] -> y", 1, 1, 0))


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return the package of a project with the planted module."""
    source = tmp_path / "src/envoy"
    (source / "state").mkdir(parents=True)
    (source / "state/planted.py").write_text(PLANTED)
    return source


def result(what: str, how: str, *, code: str = "", tests: str = "t1", function: str = "") -> Result:
    """Return how the mutant ``what`` of the planted module ended."""
    code = code or code_of(PLANTED)
    return Result("state/planted.py", function, what, code, tests, how, "", 2, 0.5)


def filed(path: Path, *ones: Result) -> Path:
    """Return a file of results beside ``path``."""
    file = path.parent / "results.jsonl"
    file.write_text("".join(one.line() for one in ones))
    return file


def test_the_last_result_of_a_mutant_counts(planted: Path) -> None:
    file = filed(planted, result("3 -> 4", "survived"), result("3 -> 4", "killed"))
    assert [one.how for one in read(file, codes(planted)).values()] == ["killed"]


def test_half_a_line_is_no_result(planted: Path) -> None:
    file = filed(planted, result("3 -> 4", "killed"))
    file.write_text(file.read_text() + result("3 -> 2", "killed").line()[:40])
    assert len(read(file, codes(planted))) == 1


def test_a_result_of_another_code_is_none(planted: Path) -> None:
    file = filed(planted, result("3 -> 4", "killed", code="0" * 16))
    assert read(file, codes(planted)) == {}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        pytest.param("LIMIT = 3", "LIMIT = 3  # or so", True, id="a comment is no code"),
        pytest.param("LIMIT = 3", "LIMIT = 5", False, id="a number is"),
    ],
)
def test_what_of_a_module_counts(old: str, new: str, same: bool) -> None:
    assert (code_of(PLANTED.replace(old, new)) == code_of(PLANTED)) is same


@pytest.mark.parametrize(
    ("how", "tests", "settled"),
    [
        pytest.param("killed", "t1", True, id="the dead stay dead"),
        pytest.param("killed", "t2", True, id="also for other tests"),
        pytest.param("timeout", "t2", True, id="by time as well"),
        pytest.param("survived", "t1", True, id="a survivor of these tests survives them"),
        pytest.param("survived", "t2", False, id="other tests are asked again"),
    ],
)
def test_what_a_run_leaves_out(how: str, tests: str, settled: bool) -> None:
    assert is_settled(result("3 -> 4", how, tests="t1"), tests) is settled
    assert not is_settled(None, tests)


def test_a_summary_counts_what_there_is_now_by_module_and_part(planted: Path) -> None:
    text = summary(
        filed(
            planted,
            result("3 -> 4", "survived"),
            result("3 -> 2", "killed"),
            result("return found -> return None", "timeout", function="total"),
            result("5 -> 6", "killed"),  # of no mutant that there is
        ),
        planted,
    )
    lines = [line.split() for line in text.splitlines()]
    figures = ["9", "3", "1", "1", "0", "1", "66.7", "66.7"]
    assert lines[0][:4] == ["survived", "2", "tests:", "state/planted.py:4"]
    assert ["state/planted.py", *figures] in lines
    assert ["reducers", *figures] in lines
    assert lines.count(["all", *figures]) == 2
    assert lines[-1] == ["2", "s", "in", "all"]


def test_an_explained_mutant_counts_in_the_strict_figure_alone() -> None:
    told = {"played": 10, "killed": 7, "timeout": 1, "explained": 2}
    assert scores(told) == {"score": 100.0, "strict": 80.0}


def test_every_module_belongs_to_a_part() -> None:
    parts = {module: part_of(module) for module in modules(SOURCE)}
    assert parts["core/codec.py"] == "codec"
    assert parts["core/crypto/sign.py"] == "crypto"
    assert parts["core/capability.py"] == parts["state/authority_pass.py"] == "authority"
    assert parts["state/reviews.py"] == "gates"
    assert parts["state/claims.py"] == "reducers"


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return how the tool ended over the project ``root``."""
    return subprocess.run(
        [sys.executable, "-m", "mutation", "--project", str(root), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a planted project."""
    root = tmp_path_factory.mktemp("planted")
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
        "src/envoy/__init__.py": "",
        "src/envoy/state/__init__.py": "",
        "src/envoy/state/planted.py": PLANTED,
        "tests/state/test_planted.py": TESTS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def ended(project: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a run over a planted project said, and how each mutant ended."""
    done = run(project, "--json")
    assert done.returncode == 0, done.stderr
    lines = (project / "build/mutation/outcomes.jsonl").read_text().splitlines()
    hows = {one["what"]: one["how"] for one in map(json.loads, lines)}
    return json.loads(done.stdout), hows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "how"),
    [
        pytest.param("number < LIMIT -> number <= LIMIT", "survived", id="nobody tried the limit"),
        pytest.param("3 -> 4", "survived", id="or what lies above it"),
        pytest.param("3 -> 2", "killed", id="a table is mutated before anybody reads it"),
        pytest.param("return found -> return None", "killed", id="a function in its place"),
        pytest.param("while numbers: -> while not numbers:", "killed", id="an exception kills"),
        pytest.param("found += numbers.pop() -> nothing", "timeout", id="what never ends is ended"),
    ],
)
def test_a_planted_slip_ends_as_it_should(
    ended: tuple[dict[str, Any], dict[str, str]], what: str, how: str
) -> None:
    assert ended[1][what] == how


@pytest.mark.slow
def test_the_figures_add_up(ended: tuple[dict[str, Any], dict[str, str]]) -> None:
    told, hows = ended
    assert told["played"] == told["mutants"] == len(hows)
    assert told["survived"] == list(hows.values()).count("survived") == 2
    assert told["killed"] + told["timeout"] + told["survived"] == told["played"]
    assert told["score"] == round(100 * (1 - 2 / len(hows)), 1)


@pytest.mark.prove
def test_a_run_goes_on_where_it_ended(project: Path) -> None:
    """Each has half of the mutants; with a test more only the survivors are asked again."""
    file = project / "results.jsonl"

    def played(*words: str) -> int:
        done = run(project, "--json", "--results", str(file), *words)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["played"])

    every = len(mutants("state/planted.py", PLANTED))
    assert [played("--sample", "4"), played(), played()] == [4, every - 4, 0]
    assert len(file.read_text().splitlines()) == every
    asked = "\ndef test_the_limit():\n    assert not planted.fits(planted.LIMIT)\n"
    (project / "tests/state/test_planted.py").write_text(TESTS + asked)
    assert played() == 2
    assert f"all {every} {every}" in " ".join(run(project, "--summary", str(file)).stdout.split())
