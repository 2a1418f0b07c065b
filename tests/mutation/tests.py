"""Tests: which of them run a line, how long each takes, and how a process plays some of them.

Everything here runs inside a pytest of its own, in a process that was forked for it. The map from
lines to tests comes of one run with ``coverage``; the order is by speed, since most mutants die of
any test at all.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import coverage
import hypothesis
import pytest

# Where the tests of the mutated modules are. Those aside start programs, measure threads, or take
# so long that no mutant would be left for them.
PLACES: Final = (
    "tests/core",
    "tests/state",
    "tests/views/test_record_vectors.py",
    "tests/views/test_conflicts.py",
)
ASIDE: Final = (
    "tests/state/test_authority_mutants.py",
    "tests/state/test_authority_oracle.py::test_every_small_history_ends_the_same_in_every_order"
    "_of_arrival[four acts",
    "tests/core/crypto/test_sign.py::test_other_threads_run_while_a_signature_is_verified",
    "tests/core/crypto/test_sign.py::test_every_label_in_use_stands_in_the_table",
    "tests/core/crypto/test_seal.py::test_the_library_is_loaded_by_the_first_box_and_not_before",
)
EXAMPLES: Final = 25  # of each property that names no number of its own
# A test hangs when it takes so many times what it took before, and so many seconds more, of the
# processor; and ten times that by the clock, for what waits.
SLOWER: Final = 4
GRACE_S: Final = 2.0
COLLECT_S: Final = 20.0
MEMORY: Final = 4 << 30

KILLED = 1  # how a process ends in which a test failed


class Test(NamedTuple):
    """A test and the seconds it takes."""

    name: str
    seconds: float


class Map(NamedTuple):
    """What one sound run told: the tests, and by module and line which of them run it."""

    tests: list[Test]
    lines: dict[str, dict[int, list[int]]]

    def running(self, module: str, first: int, last: int) -> set[int]:
        """Return the tests that run one of the lines ``first`` to ``last``."""
        lines = self.lines.get(module, {})
        return {one for line in range(first, last + 1) for one in lines.get(line, ())}

    def of_module(self, module: str) -> set[int]:
        """Return the tests that run any line of ``module``."""
        return {one for ones in self.lines.get(module, {}).values() for one in ones}

    def by_speed(self, chosen: set[int], seconds: float) -> list[Test]:
        """Return the fastest of ``chosen``, as many as take ``seconds`` in all."""
        found, left = list[Test](), seconds
        for test in sorted((self.tests[one] for one in chosen), key=lambda one: one.seconds):
            left -= test.seconds
            if left < 0 and found:
                break
            found.append(test)
        return found

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps([self.tests, self.lines]))


def read(path: Path) -> Map:
    """Return what ``Map.write`` wrote."""
    tests, lines = json.loads(path.read_text())
    numbered = {
        module: {int(line): ones for line, ones in of.items()} for module, of in lines.items()
    }
    return Map([Test(*one) for one in tests], numbered)


def play(root: Path, place: Path, plugin: object, files: Sequence[str] = ()) -> int:
    """Run pytest over ``files`` of the tree ``root``, or all; ``place`` is for files of tests."""
    os.chdir(root)
    files = files or [name for name in PLACES if (root / name).exists()]
    asked = ["-q", "-q", "-s", "--assert=plain", "--tb=no", f"--rootdir={root}"]
    asked += [f"--confcutdir={root}", "-c", str(root / "pyproject.toml")]
    asked += [word for name in ("cacheprovider", "xdist", "cov", "faulthandler")
              for word in ("-p", f"no:{name}")]  # fmt: skip
    asked += [f"--basetemp={place / str(os.getpid())}", *files]
    return int(pytest.main(asked, plugins=[plugin]))


class Plugin:
    """What each of these runs has: the same examples every time, no time limits of others."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Let Hypothesis draw the same each time, and shrink nothing."""
        hypothesis.settings.register_profile(
            "mutation",
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")


class Mapper(Plugin):
    """Runs all tests once, and notes what each of them runs, and for how long."""

    def __init__(self, source: Path, modules: Sequence[str]) -> None:
        paths = [str(source / module) for module in modules]
        self.of_path = dict(zip(paths, modules, strict=True))
        self.cover = coverage.Coverage(data_file=None, config_file=False, include=paths)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.cover.start()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the tests that stand aside."""
        items[:] = [item for item in items if not item.nodeid.startswith(ASIDE)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note the lines of a test under its name, and the time that it takes of the processor."""
        self.cover.switch_context(item.nodeid)
        began = time.process_time()  # what others do beside it is no measure
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether it fails as it is."""
        if report.failed:
            self.failed.add(report.nodeid)

    def map(self) -> Map:
        """Return what was noted."""
        self.cover.stop()
        data = self.cover.get_data()
        names = sorted(set(self.seconds) - self.failed)
        numbers = {name: number for number, name in enumerate(names)}
        lines: dict[str, dict[int, list[int]]] = {}
        for path in data.measured_files():
            by_line = data.contexts_by_lineno(path)
            lines[self.of_path[path]] = {
                line: sorted(numbers[one] for one in ones if one in numbers)
                for line, ones in by_line.items()
            }
        return Map([Test(name, self.seconds[name]) for name in names], lines)


class Chosen(Plugin):
    """Runs chosen tests, in their order, and ends the process at the first that fails."""

    def __init__(self, tests: Sequence[Test], told: int) -> None:
        self.tests, self.told = tests, told

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the chosen ones."""
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[test.name] for test in self.tests if test.name in by_name]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run them; the process ends here."""
        if session.testsfailed:
            os._exit(KILLED)
        run_until_failed(session.items, self.tests, self.told)
        os._exit(0)


class Server(Plugin):
    """Collects all tests, and forks a process for each list of them that it is asked to run.

    ``answer`` is given what finds the items of names; it ends when nobody asks any more.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer until there is no further question."""
        self.answer({item.nodeid: item for item in session.items})
        return True


class _Failures:
    """Notes whether a test failed."""

    def __init__(self) -> None:
        self.found = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note it."""
        self.found = self.found or report.failed


def run_until_failed(items: Sequence[pytest.Item], tests: Sequence[Test], told: int) -> None:
    """Run ``items``; end the process at the first that fails, its name written to ``told``.

    One that takes too long ends it as well, by the signal of a timer.
    """
    seconds = {test.name: test.seconds for test in tests}
    failures = _Failures()
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.pluginmanager.register(failures)
        limit(SLOWER * seconds[item.nodeid] + GRACE_S)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item.config.pluginmanager.unregister(failures)
        if failures.found:
            os.write(told, item.nodeid.encode()[:1000])
            os._exit(KILLED)


def limit(seconds: float) -> None:
    """Let this process end by a signal after so many seconds of the processor, or ten times so."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
