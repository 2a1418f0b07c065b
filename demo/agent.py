"""A programmer without ideas: reads the output of failing tests and changes one token at a time.

It knows nothing of the package it mends. From the output it learns which lines of which tests
failed and which functions they call; in these it tries operators and small numbers until the tests
pass. That is enough for real slips, and the same every time.
"""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS_SECONDS_MAX = 20
OUTPUT_CHARACTERS_MAX = 4000

# What a hurried hand writes, and what it may have meant.
MEANT = {
    **{"//": ["/"], "/": ["//"], "+": ["-"], "-": ["+"], "max": ["min"], "min": ["max"]},
    **{"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="]},
    **{"0": ["1"], "1": ["0", "2"], "2": ["1", "3"], "True": ["False"], "False": ["True"]},
}


class Run(NamedTuple):
    """One run of tests."""

    passed: bool
    ran: int
    failed: tuple[str, ...]  # "tests.test_words.Words.test_case", sorted
    output: str  # as it came, without the place where the copy lies


class Change(NamedTuple):
    """One token of one line, and what it was changed to."""

    path: Path
    line: int
    start: int
    old: str
    new: str


def run_tests(package: Path, module: str | None = None) -> Run:
    """Run the tests of ``package``, those of ``module`` alone if it is given."""
    done = subprocess.run(
        # -B: a change within one second that keeps the size would leave stale bytecode.
        [sys.executable, "-B", "-m", "unittest", *([module] if module else [])],
        cwd=package,
        env={"PATH": os.environ.get("PATH", ""), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TESTS_SECONDS_MAX,
    )
    output = done.stdout.replace(f"{package}{os.sep}", "")
    ran = re.search(r"^Ran (\d+) tests? in", output, re.MULTILINE)
    failed = re.findall(r"^(?:FAIL|ERROR): \S+ \((\S+)\)$", output, re.MULTILINE)
    return Run(
        passed=done.returncode == 0,
        ran=int(ran[1]) if ran else 0,
        failed=tuple(sorted(failed)),
        output=output[-OUTPUT_CHARACTERS_MAX:],
    )


def mend(package: Path, module: str, failing: Run) -> Change | None:
    """Change one token so that the tests of ``module`` pass; None and no change if none does."""
    for change in changes(package, called(failing.output)):
        text = change.path.read_text("utf-8")
        change.path.write_text(applied(text, change), "utf-8")
        if run_tests(package, module).passed:
            return change
        change.path.write_text(text, "utf-8")
    return None


def called(output: str) -> list[str]:
    """Return the functions that the failed lines in ``output`` call, in order, without repeats."""
    lines = re.findall(r'^  File ".*", line \d+, in \w+\n    (.*)$', output, re.MULTILINE)
    names = [name for line in lines for name in re.findall(r"(?<!\.)\b([a-z_]\w*)\(", line)]
    return list(dict.fromkeys(names))


def changes(package: Path, names: list[str]) -> Iterator[Change]:
    """Yield what may be tried in the functions ``names`` of ``package``, its tests left alone."""
    sources = sorted(path for path in package.rglob("*.py") if "tests" not in path.parts)
    for name in names:
        for path in sources:
            yield from in_function(path, name)


def in_function(path: Path, name: str) -> Iterator[Change]:
    """Yield the changes within the function ``name``, if ``path`` defines it."""
    text = path.read_text("utf-8")
    bodies = [
        range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line, start = token.start
        if any(line in body for body in bodies):
            for new in MEANT.get(token.string, ()):
                yield Change(path, line, start, token.string, new)


def applied(text: str, change: Change) -> str:
    """Return ``text`` after ``change``."""
    lines = text.splitlines(keepends=True)
    line = lines[change.line - 1]
    end = change.start + len(change.old)
    lines[change.line - 1] = line[: change.start] + change.new + line[end:]
    return "".join(lines)
