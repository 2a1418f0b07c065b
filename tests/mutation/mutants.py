"""Mutants: every place of a module where one small slip is made, one slip at a time.

A mutant is known by its module, the function it is in and what it turns into what: not by its line,
so that a list of explained ones outlives an edit above them. Of two alike in one function the later
bears a number.

Left alone: annotations, decorators and bases, texts of asserts and the asserts themselves (they
never fail in sound code), docstrings, the constant parts of f-strings, imports.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mutation import changes

WIDTH: Final = 80  # of what is said of a node
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
HEADED: Final = (ast.If, ast.While, ast.For, ast.With, ast.Try, ast.Match, ast.match_case)
NO_CODE: Final = ("annotation", "returns", "decorator_list", "bases", "keywords")
MODULES: Final = ("core/codec.py", "core/structs.py", "core/capability.py")
FOLDERS: Final = ("core/crypto", "state")


class Mutant(NamedTuple):
    """One slip: where, what becomes what, the lines that have to run, which one of its module.

    ``function`` is the outermost one around it, with its class; "" is the level of the module.
    """

    module: str
    function: str
    what: str
    first: int
    last: int
    number: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by."""
        return self.module, self.function, self.what

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.module}:{self.first} {self.function or '(module)'}: {self.what}"


class _Place(NamedTuple):
    """A node, what holds it (a field of its parent, in a list at an index), and whose it is."""

    node: ast.AST
    parent: ast.AST
    field: str
    at: int | None
    function: str
    is_table: bool

    def put(self, node: ast.AST) -> None:
        """Put another node there."""
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.at] = node


def modules(source: Path) -> list[str]:
    """Return the modules that are mutated, as paths below the package ``source``."""
    found = [path for folder in FOLDERS for path in (source / folder).glob("*.py")]
    names = [path.relative_to(source).as_posix() for path in found if path.stat().st_size]
    return [*(name for name in MODULES if (source / name).exists()), *sorted(names)]


def mutants(module: str, text: str) -> list[Mutant]:
    """Return all mutants of ``module`` with the source ``text``, in the order of the tree."""
    told = Counter[tuple[str, str]]()
    made = list[Mutant]()
    for number, (place, new) in enumerate(_slips(ast.parse(text))):
        what = _said_of(place, new)
        told[place.function, what] += 1
        count = told[place.function, what]
        first, last = _lines(place)
        suffix = f" ({count})" if count > 1 else ""
        made.append(Mutant(module, place.function, what + suffix, first, last, number))
    return made


def tree(text: str, number: int) -> ast.Module:
    """Return the tree of ``text`` with the mutant of this ``number`` in it."""
    parsed = ast.parse(text)
    for at, (place, new) in enumerate(_slips(parsed)):
        if at == number:
            node = new.node if isinstance(new, changes.Less) else new
            place.put(ast.copy_location(node, place.node))
            return ast.fix_missing_locations(parsed)
    raise LookupError(number)


def _slips(parsed: ast.Module) -> Iterator[tuple[_Place, ast.AST | changes.Less]]:
    for place in _places(parsed):
        kind = type(place.node)
        for change in (changes.CHANGES, changes.OF_TABLES if place.is_table else {}):
            if kind in change:
                yield from ((place, new) for new in change[kind](place.node))


def _places(parsed: ast.Module) -> Iterator[_Place]:
    """Yield every node that may change; a stack of ours, in the order of the text."""
    todo = list(reversed(list(_below(parsed, "", inside=False))))
    while todo:
        place = todo.pop()
        if _is_left_alone(place):
            continue
        yield place
        node, function, inside = place.node, place.function, not place.is_table
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not inside:
            function = f"{function}.{node.name}" if function else node.name
        inside = inside or isinstance(node, FUNCTIONS)
        todo += reversed(list(_below(node, function, inside=inside)))


def _below(node: ast.AST, function: str, *, inside: bool) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if field in NO_CODE and not isinstance(node, ast.Call):
            continue
        owner, is_table = function, not inside
        if field == "args" and isinstance(node, FUNCTIONS):
            owner, is_table = function.rpartition(".")[0], True  # defaults are found before
        if field == "slice" and isinstance(node, ast.Subscript):
            is_table = False  # what a type is made of is no table
        ones = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for at, one in ones:
            if isinstance(one, ast.AST):
                yield _Place(one, node, field, at, owner, is_table)


def _is_left_alone(place: _Place) -> bool:
    match place.node:
        case ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Constant():
            return isinstance(place.parent, (ast.JoinedStr, ast.MatchValue))
        case ast.JoinedStr():
            return isinstance(place.parent, ast.FormattedValue)
        case ast.Call(func=ast.Name(id=name)):
            return name in changes.NAMING
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in changes.NAMING
        case _:
            return False


def _lines(place: _Place) -> tuple[int, int]:
    """Return the first and last line of which one has to run for the mutant to matter."""
    node = place.node
    if isinstance(node, ast.comprehension):
        node = place.parent
    if isinstance(node, ast.match_case):
        node = node.pattern
    first = int(getattr(node, "lineno", 1))
    last = int(getattr(node, "end_lineno", None) or first)
    if isinstance(node, (ast.If, ast.While)):
        last = int(node.test.end_lineno or first)
    if isinstance(node, ast.Match):
        last = int(node.subject.end_lineno or first)
    return first, last


def _said_of(place: _Place, new: ast.AST | changes.Less) -> str:
    if isinstance(new, changes.Less):
        part = "its guard" if isinstance(place.node, ast.match_case) else _said(new.part)
        return f"{_said(place.node)} without {part}"
    return f"{_said(place.node)} -> {_said(new)}"


def _said(node: ast.AST) -> str:
    """Return the text of a node, of a block its head, in one line."""
    if isinstance(node, ast.Pass):
        return "nothing"
    if isinstance(node, ast.comprehension):
        ifs = " ".join(f"if {ast.unparse(one)}" for one in node.ifs)
        return _cut(f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)} {ifs}".strip())
    if isinstance(node, ast.Match):
        cases = " | ".join(ast.unparse(case.pattern) for case in node.cases)
        return _cut(f"match {ast.unparse(node.subject)}: {cases}")
    if isinstance(node, ast.match_case):
        return _cut(ast.unparse(node).splitlines()[0])
    if isinstance(node, HEADED):
        return _cut(ast.unparse(ast.fix_missing_locations(node)).splitlines()[0])
    return _cut(" ".join(ast.unparse(ast.fix_missing_locations(node)).split()))


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
