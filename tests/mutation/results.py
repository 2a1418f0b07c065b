"""Results: how mutants ended, kept in a file of JSON lines, so that a run goes on where it ended.

A row names its mutant as explained.py does (module, function, what), so it outlives an edit
elsewhere; ``code`` is the hash of its module as a tree (comments and places do not count), and
``tests`` that of all that its tests are made of and read. The last row of a mutant counts.

Law 1: a row of another code counts for nothing: the mutant is another one.
Law 2: who was killed stays killed as long as its module is the same; who survived is asked again as
soon as the tests are others.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

from mutation import explained
from mutation.mutants import Mutant, modules, mutants

# What the parts are that docs/proof.md tells about; the first pattern that fits.
PARTS: Final = (
    ("codec", ("core/codec.py", "core/structs.py")),
    ("crypto", ("core/crypto/*",)),
    ("authority", ("core/capability.py", "state/authority*", "state/epochs.py")),
    ("gates", ("state/gates.py", "state/reviews.py")),
    ("reducers", ("*",)),
)
COUNTED: Final = ("mutants", "played", "killed", "timeout", "explained", "survived")


class Result(NamedTuple):
    """How a mutant ended: ``killed``, ``timeout``, ``survived``; by which test, of how many."""

    module: str
    function: str
    what: str
    code: str
    tests: str
    how: str
    test: str
    tried: int
    seconds: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What its mutant is known by."""
        return self.module, self.function, self.what

    def line(self) -> str:
        """Return it as a line of the file."""
        return json.dumps(self._asdict()) + "\n"


Key = tuple[str, str, str]
Codes = Mapping[str, str]


def code_of(text: str) -> str:
    """Return the hash of a module with the source ``text``."""
    return hashlib.sha256(ast.dump(ast.parse(text)).encode()).hexdigest()[:16]


def codes(source: Path) -> dict[str, str]:
    """Return the hash of each module of the package ``source`` that is mutated."""
    return {module: code_of((source / module).read_text("utf-8")) for module in modules(source)}


def read(path: Path, of: Codes) -> dict[Key, Result]:
    """Return the last result of each mutant whose module still has the same code."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    # A machine that stopped in the middle of a line has left half of it.
    ones = [Result(**json.loads(line)) for line in lines if line.endswith("}")]
    return {one.key: one for one in ones if of.get(one.module) == one.code}


def is_settled(one: Result | None, tests: str) -> bool:
    """Say whether there is nothing more to ask of a mutant."""
    return one is not None and (one.how != "survived" or one.tests == tests)


def line_of(mutant: Mutant, one: Result) -> str:
    """Return what is said of a survivor."""
    why = explained.reason(mutant)
    return f"survived {one.tried} tests: {mutant}" + (f"  [{why}]" if why else "")


def part_of(module: str) -> str:
    """Return the part that ``module`` belongs to."""
    return next(
        name for name, fits in PARTS if any(fnmatchcase(module, pattern) for pattern in fits)
    )


def summary(path: Path, source: Path) -> str:
    """Return what the file says of the mutants that there are now: survivors, parts, modules."""
    found = [mutants(one, (source / one).read_text("utf-8")) for one in modules(source)]
    ended = read(path, codes(source))
    lived = [line_of(one, ended[one.key]) for pile in found for one in pile
             if one.key in ended and ended[one.key].how == "survived"]  # fmt: skip
    by_module, by_part = figures(found, ended)
    total = added("all", by_module)
    seconds = sum(one.seconds for one in ended.values())
    return "\n".join([
        *lived, *table((*by_part, total)), *table((*by_module, total)),
        f"{seconds:.0f} s in all",
    ])  # fmt: skip


def figures(
    found: Sequence[Sequence[Mutant]], ended: Mapping[Key, Result]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the figures of each module with mutants, and of each part that has such a module."""
    rows = [row(pile, ended) for pile in found if pile]
    parts = [(name, [one for one in rows if part_of(one["module"]) == name]) for name, _ in PARTS]
    return rows, [added(name, ones) for name, ones in parts if ones]


def row(pile: Sequence[Mutant], ended: Mapping[Key, Result]) -> dict[str, Any]:
    """Return the figures of one module."""
    played = [one for one in pile if one.key in ended]
    hows = [ended[one.key].how for one in played]
    lived = [one for one in played if ended[one.key].how == "survived"]
    known = sum(explained.reason(one) is not None for one in lived)
    told: dict[str, Any] = {
        "module": pile[0].module,
        "mutants": len(pile),
        "played": len(played),
        "killed": hows.count("killed"),
        "timeout": hows.count("timeout"),
        "explained": known,
        "survived": len(lived) - known,
    }
    return {**told, **scores(told)}


def added(name: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of several modules together, as ``name``."""
    ones = list(rows)
    told: dict[str, Any] = {"module": name}
    for key in COUNTED:
        told[key] = sum(one[key] for one in ones)
    return {**told, **scores(told)}


def scores(told: Mapping[str, Any]) -> dict[str, float]:
    """Return the percentage of those killed: of those not explained (score), of all (strict)."""
    dead = told["killed"] + told["timeout"]

    def percent(counted: int) -> float:
        return round(100 * dead / counted, 1) if counted else 100.0

    return {"score": percent(told["played"] - told["explained"]), "strict": percent(told["played"])}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a table of figures."""
    head = "".join(f"{key:<28}" if key == "module" else f"{key:>10}" for key in rows[0])
    return [head, *("".join(f"{one[key]:<28}" if key == "module" else f"{one[key]:>10}"
                            for key in one) for one in rows)]  # fmt: skip
