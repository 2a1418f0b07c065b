"""Play: what the tests say of one mutant, in a process of its own.

There are two ways. The fast one forks from a process that has imported everything and collected
all tests, and gives the function its mutated code where it is: some milliseconds. What it cannot
do, or lets live, goes the slow way: from a process that has imported pytest and nothing of Envoy,
so that the module is mutated before anything is imported from it. Tables, defaults, and what is
computed once at import, are judged by the slow way alone.

A mutant is killed if a test fails, if the process dies, or if a test takes several times as long as
it should (told apart). One that no test kills within the time that is given to it has survived.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import IO, Any, Final, NamedTuple, NoReturn

import pytest

from mutation.mutants import Mutant, tree
from mutation.tests import (
    COLLECT_S,
    KILLED,
    MEMORY,
    Chosen,
    Map,
    Server,
    Test,
    limit,
    play,
    run_until_failed,
)

TIMED_OUT: Final = (signal.SIGPROF, signal.SIGALRM)
UNFIT = 77  # how a process ends that cannot patch a function
LONGER: Final = 3  # times as long may be asked of tests in the file of the module's name
SOUND: Final = -1  # the number of no mutant
NOTHING_RAN: Final = int(pytest.ExitCode.NO_TESTS_COLLECTED)


class Tree(NamedTuple):
    """A copy of the project that nobody edits, a place for the files of tests, what was mapped.

    ``stamp`` is the hash of what was mapped.
    """

    root: Path
    place: Path
    map: Map
    stamp: str

    @property
    def source(self) -> Path:
        """The package."""
        return self.root / "src/envoy"


class Outcome(NamedTuple):
    """How a mutant ended: ``killed``, ``timeout``, ``survived``; by which test, of how many."""

    how: str
    test: str
    tried: int


def name_of(module: str) -> str:
    """Return the name of the module with a path below the package."""
    return "envoy." + module.removesuffix(".py").replace("/", ".")


class Player:
    """Judges mutants one after the other; ``close`` ends the process it forks from."""

    def __init__(self, over: Tree, budget: float) -> None:
        self.tree, self.budget = over, budget
        self.texts: dict[str, str] = {}
        self.homes: dict[str, set[int]] = {}
        self.line, far = socket.socketpair()
        self.child = os.fork()
        if not self.child:
            self.line.close()
            _serve(over, far)
        far.close()
        self.replies = self.line.makefile("r")

    def close(self) -> None:
        """End the process that forks."""
        self.replies.close()
        self.line.close()
        os.waitpid(self.child, 0)

    def judge(self, mutant: Mutant) -> Outcome:
        """Return how ``mutant`` ends: by the fast way if it can, by the slow way if it must."""
        near, wide = self._tests(mutant)
        if mutant.function and near:
            found = self._fast(mutant, near)
            if found is not None and found.how != "survived":
                return found
        return self._slow(mutant, wide)

    def control(self) -> Outcome:
        """Return how sound code ends, both ways: nothing may kill it."""
        tests = self.tree.map.by_speed(set(range(len(self.tree.map.tests))), self.budget)
        fast = self._ask({"module": "", "function": "", "number": SOUND}, tests)
        assert fast is not None
        return self._slow_with("", None, tests) if fast.how == "survived" else fast

    def _tests(self, mutant: Mutant) -> tuple[list[Test], list[Test]]:
        """Return the tests that run its lines; and those, or of a table its readers, and more.

        What asks a table alone runs no line of any function.
        """
        of, known = self.tree.map, self.tree.map.running
        home = self._home(mutant.module)
        near = known(mutant.module, mutant.first, mutant.last) if mutant.function else set[int]()
        first = near or {
            one for begin, end in self._readers(mutant) for one in known(mutant.module, begin, end)
        }
        every, longer = of.of_module(mutant.module), LONGER * self.budget
        ahead = [*of.by_speed(first & home, longer), *of.by_speed(first, self.budget)]
        after = [*of.by_speed(every & home, self.budget), *of.by_speed(every, self.budget)]
        if not near:
            aside = set(range(len(of.tests))) - set().union(*map(of.of_module, of.lines))
            after += of.by_speed(aside, self.budget)
        wide = list(dict.fromkeys([*ahead, *after]))
        return (list(dict.fromkeys(ahead)) if near else []), wide

    def _home(self, module: str) -> set[int]:
        """Return the tests in the files that have most of the name of ``module``."""
        if module not in self.homes:
            stem = f"test_{Path(module).stem}"
            alike = {
                number: _alike(Path(test.name.partition("::")[0]).stem, stem)
                for number, test in enumerate(self.tree.map.tests)
            }
            most = max(alike.values(), default=0)
            self.homes[module] = {number for number, count in alike.items() if count == most}
        return self.homes[module]

    def _readers(self, mutant: Mutant) -> list[tuple[int, int]]:
        """Return the lines of the functions that read what the mutated statement names."""
        parsed = ast.parse(self._text(mutant.module))
        names = set[str]()
        for node in parsed.body:
            if node.lineno <= mutant.first <= (node.end_lineno or node.lineno):
                names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)
                          and isinstance(one.ctx, ast.Store)}  # fmt: skip
        return [
            (node.lineno, node.end_lineno or node.lineno)
            for node in ast.walk(parsed)
            if isinstance(node, ast.FunctionDef)
            and any(isinstance(one, ast.Name) and one.id in names for one in ast.walk(node))
        ]

    def _text(self, module: str) -> str:
        if module not in self.texts:
            self.texts[module] = (self.tree.source / module).read_text("utf-8")
        return self.texts[module]

    def _fast(self, mutant: Mutant, tests: Sequence[Test]) -> Outcome | None:
        asked = {"module": mutant.module, "function": mutant.function, "number": mutant.number}
        return self._ask(asked, tests)

    def _ask(self, asked: dict[str, object], tests: Sequence[Test]) -> Outcome | None:
        self.line.sendall(json.dumps({**asked, "tests": tests}).encode() + b"\n")
        how, test = json.loads(self.replies.readline())
        return None if how == "unfit" else Outcome(how, test, len(tests))

    def _slow(self, mutant: Mutant, tests: Sequence[Test]) -> Outcome:
        """Ask the tests of the module's own file first: to collect all of them takes seconds."""
        parsed = tree(self._text(mutant.module), mutant.number)
        home = {self.tree.map.tests[one].name for one in self._home(mutant.module)}
        own = [test for test in tests if test.name in home]
        found = self._slow_with(mutant.module, parsed, own)
        if found.how != "survived":
            return found
        others = [test for test in tests if test.name not in home]
        return self._slow_with(mutant.module, parsed, others)._replace(tried=len(tests))

    def _slow_with(self, module: str, parsed: ast.Module | None, tests: Sequence[Test]) -> Outcome:
        if not tests:
            return Outcome("survived", "", 0)

        def child(told: int) -> None:
            limit(COLLECT_S)
            if parsed is not None:
                sys.meta_path.insert(0, _Mutated(self.tree.source, module, parsed))
            files = list(dict.fromkeys(test.name.partition("::")[0] for test in tests))
            status = play(self.tree.root, self.tree.place, Chosen(tests, told), files)
            os._exit(0 if status == NOTHING_RAN else KILLED)  # what cannot be collected is noticed

        how, test = forked(child)
        return Outcome(how, test, len(tests))


def _alike(one: str, other: str) -> int:
    """Return how many letters they begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _serve(over: Tree, line: socket.socket) -> NoReturn:
    """Collect the tests and answer what is asked through ``line``, until nobody asks."""
    silence()
    with line.makefile("r") as questions, line.makefile("w") as replies:
        play(over.root, over.place, Server(functools.partial(_answer, over, questions, replies)))
    os._exit(0)


def _answer(
    over: Tree, questions: IO[str], replies: IO[str], items: dict[str, pytest.Item]
) -> None:
    gc.collect()
    gc.freeze()  # a child that looks at them would copy their pages
    for question in questions:
        asked = json.loads(question)
        tests = [Test(*one) for one in asked["tests"] if one[0] in items]

        def child(told: int, asked: dict[str, Any] = asked, tests: list[Test] = tests) -> None:
            if asked["number"] != SOUND and not patch(over, asked):
                os._exit(UNFIT)
            run_until_failed([items[test.name] for test in tests], tests, told)

        replies.write(json.dumps(forked(child)) + "\n")
        replies.flush()


def forked(child: Callable[[int], None]) -> tuple[str, str]:
    """Run ``child`` in a process of its own; return how it ended and what it wrote."""
    out, told = os.pipe()
    pid = os.fork()
    if not pid:
        _in_child(child, told)
    os.close(told)
    with os.fdopen(out, "rb") as reader:
        text = reader.read().decode(errors="replace")
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what its tests started
    if os.WIFSIGNALED(status):
        timed_out = os.WTERMSIG(status) in TIMED_OUT
        return ("timeout" if timed_out else "killed"), text or f"signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    return {0: "survived", UNFIT: "unfit"}.get(code, "killed"), text


def _in_child(child: Callable[[int], None], told: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        silence()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        child(told)
        os._exit(0)
    finally:
        os._exit(KILLED)


def silence() -> None:
    """Let nothing that tests print be seen."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)


# -- the two ways ----------------------------------------------------------------------------


class _Mutated(importlib.abc.MetaPathFinder):
    """Finds one module, as a tree that was changed."""

    def __init__(self, source: Path, module: str, parsed: ast.Module) -> None:
        self.name, self.path = name_of(module), str(source / module)
        self.parsed = parsed

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the mutated module if it is the one."""
        if name != self.name:
            return None
        loader = _Loader(name, self.path)
        loader.code = compile(self.parsed, self.path, "exec")
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads code that was compiled already."""

    code: CodeType

    def get_code(self, _name: str) -> CodeType:
        """Return it."""
        return self.code


def patch(over: Tree, asked: dict[str, Any]) -> bool:
    """Give a function that was imported its mutated code; False where that cannot be done."""
    path = over.source / asked["module"]
    module = sys.modules.get(name_of(asked["module"]))
    compiled = compile(tree(path.read_text("utf-8"), asked["number"]), str(path), "exec")
    code = _code_of(compiled, asked["function"])
    found = _function(module, asked["function"]) if module is not None else None
    if code is None or found is None:
        return False
    try:
        found.__code__ = code
    except ValueError:  # it closes over something else now
        return False
    return True


def _code_of(code: CodeType, name: str) -> CodeType | None:
    todo, found = [code], list[CodeType]()
    while todo:
        for one in todo.pop().co_consts:
            if isinstance(one, CodeType):
                todo.append(one)
                found += [one] if one.co_qualname == name else []
    return found[0] if len(found) == 1 else None


def _function(module: ModuleType, name: str) -> FunctionType | None:
    """Return the function of this name, below whatever stands around it; caches are emptied."""
    found: Any = module
    for part in name.split("."):
        found = vars(found).get(part)
        if found is None:
            return None
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if isinstance(found, functools.cached_property):
        found = found.func
    if hasattr(found, "cache_clear"):
        found.cache_clear()
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found if isinstance(found, FunctionType) else None
