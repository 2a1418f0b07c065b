"""Mutation: small slips in what decides, one at a time, and whether a test notices each.

``PYTHONPATH=src:tests python -m mutation --minutes 5 --seed 1`` takes mutants of every module in
turn, in an order of chance, until the time is over; ``--sample 20`` so many of each;
``--only state/gates`` those of one module, ``--only crypto`` of those whose path has that in it.
Without any of them all are played. What survived is listed, and what explained.py says of it; the
last line is JSON. It ends with 1 if fewer than `--least` percent of those played were killed.

``--results FILE`` adds a line to FILE for each mutant as it ends, and leaves out those that FILE
knows: the same command goes on where a run ended. ``--summary FILE`` says what FILE has of the
mutants that there are now. ``--again`` plays those that survived the last time; ``--like "a < b"``
those whose line has that in it.

It works on a copy of the project, so the sources may be edited while it runs. The map from lines to
tests is kept in build/mutation until a source or a test changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mutation.mutants import Mutant, modules, mutants
from mutation.play import Outcome, Player, Tree, forked
from mutation.results import (
    Key,
    Result,
    added,
    codes,
    figures,
    is_settled,
    line_of,
    summary,
    table,
)
from mutation.results import read as kept_in
from mutation.tests import ASIDE, EXAMPLES, PLACES, Map, Mapper, play, read

ROOT = Path(__file__).parents[2]
KEPT = "build/mutation"
OUTCOMES = "outcomes.jsonl"  # the results of the last run that was given no file for them
MEMORY = Path("/dev/shm")
COPIED = ("src", "tests", "docs", "tools", "pyproject.toml", "README.md", "CHANGELOG.md")
READ = ("src/envoy/core", "src/envoy/state", "src/envoy/views", "tests/vectors", "tests/oracle")
WARMED = ("msgspec", "nacl._sodium", "apsw", "hypothesis.stateful", "cryptography.exceptions")


class Asked(NamedTuple):
    """What the command line asks for."""

    only: str
    like: str
    sample: int | None
    seed: int
    minutes: float | None
    workers: int
    budget: float
    again: bool
    least: float
    json: bool
    results: Path | None
    summary: Path | None
    project: Path

    @property
    def file(self) -> Path:
        """Where the results are written."""
        return self.results or self.project / KEPT / OUTCOMES


class Played(NamedTuple):
    """A mutant, how it ended, and after how many seconds."""

    mutant: Mutant
    outcome: Outcome
    seconds: float


def main() -> int:
    """Do what the command line asks."""
    asked = _asked()
    if asked.summary is not None:
        print(summary(asked.summary, asked.project / "src/envoy"))
        return 0
    with _copy(asked.project) as tree:
        found = [
            mutants(module, (tree.source / module).read_text("utf-8"))
            for module in modules(tree.source)
            if asked.only in module
        ]
        known = kept_in(asked.file, codes(tree.source))
        chosen = drawn(found, asked, known, tree.stamp)
        began = time.monotonic()
        results = told(played(tree, chosen, asked), asked, tree)
        total = report(found, results, asked, seconds=time.monotonic() - began)
    return int(total["score"] < asked.least)


def told(ended: Iterator[Played], asked: Asked, tree: Tree) -> dict[Key, Result]:
    """Return how all mutants ended; each is kept at once, and who survived is printed."""
    results, of = dict[Key, Result](), codes(tree.source)
    with asked.file.open("w" if asked.results is None else "a") as kept:
        for mutant, outcome, seconds in ended:
            one = Result(*mutant.key, of[mutant.module], tree.stamp, *outcome, round(seconds, 2))
            results[one.key] = one
            kept.write(one.line())
            kept.flush()
            if not asked.json and one.how == "survived":
                print(line_of(mutant, one), flush=True)
    return results


def _asked() -> Asked:
    parser = argparse.ArgumentParser("python -m mutation", description=__doc__)
    parser.add_argument("--only", default="", help="modules whose path has this in it")
    parser.add_argument("--like", default="", help="mutants whose line has this in it")
    parser.add_argument("--sample", type=int, help="so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--minutes", type=float, help="end after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds of tests a mutant")
    parser.add_argument("--again", action="store_true", help="those that survived the last time")
    parser.add_argument("--least", type=float, default=0.0, help="percent that have to be killed")
    parser.add_argument("--json", action="store_true", help="the last line alone")
    parser.add_argument("--results", type=Path, help="go on with what this file has not yet")
    parser.add_argument("--summary", type=Path, help="say what is in such a file, play nothing")
    parser.add_argument("--project", type=Path, default=ROOT, help="of which this is a tool")
    return Asked(**vars(parser.parse_args()))


@contextmanager
def _copy(project: Path) -> Iterator[Tree]:
    """Yield a copy of the project with its map, away again afterwards."""
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mutation", dir=base) as name:
        root, place = Path(name) / "tree", Path(name) / "files"
        place.mkdir()
        for one in COPIED:
            path = project / one
            if path.is_dir():
                shutil.copytree(path, root / one, ignore=shutil.ignore_patterns("__pycache__"))
            elif path.exists():
                shutil.copy(path, root / one)
        for module in WARMED:
            __import__(module)
        yield Tree(root, place, *_mapped(root, place, project / KEPT))


def _mapped(root: Path, place: Path, folder: Path) -> tuple[Map, str]:
    """Return the map of the tree and the stamp of all that it is of.

    It is the one kept in ``folder`` if nothing changed, or a new one.
    """
    stamp = hashlib.sha256(repr((ASIDE, EXAMPLES)).encode())
    stamp.update((Path(__file__).parent / "tests.py").read_bytes())
    for name in (*READ, *PLACES):
        for path in sorted((root / name).rglob("*")) or [root / name]:
            if path.suffix in (".py", ".json") and path.is_file():
                stamp.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    name = stamp.hexdigest()[:16]
    kept = folder / f"map-{name}.json"
    if not kept.exists():
        print("mapping lines to tests ...", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        new = place / "map.json"

        def child(_told: int) -> None:
            source = root / "src/envoy"
            mapper = Mapper(source, modules(source))
            if play(root, place, mapper) in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                mapper.map().write(new)

        forked(child)
        if not new.exists():
            sys.exit(f"the tests cannot be collected: {' '.join(PLACES)}")
        for old in folder.glob("map-*.json"):
            old.unlink()
        shutil.move(new, kept)
    return read(kept), name


def drawn(
    found: Sequence[Sequence[Mutant]], asked: Asked, known: Mapping[Key, Result], stamp: str
) -> list[Mutant]:
    """Return the mutants to play: of each module in an order of chance, the modules in turn."""

    def is_asked(one: Mutant) -> bool:
        last = known.get(one.key)
        if asked.again:
            return last is not None and last.how == "survived" and asked.like in str(one)
        done = asked.results is not None and not asked.like and is_settled(last, stamp)
        return asked.like in str(one) and not done

    piles = list[list[Mutant]]()
    for pile in found:
        mixed = [one for one in pile if is_asked(one)]
        random.Random(f"{asked.seed} {pile[0].module if pile else ''}").shuffle(mixed)
        piles.append(mixed[: asked.sample])
    return [one for row in zip_longest(*piles) for one in row if one is not None]


def played(tree: Tree, chosen: Sequence[Mutant], asked: Asked) -> Iterator[Played]:
    """Yield how each mutant ends, as the workers tell it, as long as there is time."""
    until = None if asked.minutes is None else time.monotonic() + 60 * asked.minutes
    out, told = os.pipe()
    for number in range(asked.workers):
        if not os.fork():
            os.close(out)
            _work(tree, chosen[number :: asked.workers], asked.budget, (until, told))
            os._exit(0)
    os.close(told)
    with os.fdopen(out) as lines:
        for line in lines:
            mutant, outcome, seconds = json.loads(line)
            yield Played(Mutant(*mutant), Outcome(*outcome), seconds)
    for _ in range(asked.workers):
        assert os.wait()[1] == 0, "a worker died"


def _work(
    tree: Tree, chosen: Sequence[Mutant], budget: float, ends: tuple[float | None, int]
) -> None:
    until, told = ends
    player = Player(tree, budget)
    sound = player.control()
    assert sound.how == "survived", f"sound code: {sound}"
    for mutant in chosen:
        if until is not None and time.monotonic() > until:
            break
        began = time.monotonic()
        outcome = player.judge(mutant)
        line = json.dumps([mutant, outcome, time.monotonic() - began])
        os.write(told, line.encode() + b"\n")
    player.close()


def report(
    found: Sequence[Sequence[Mutant]],
    results: Mapping[Key, Result],
    asked: Asked,
    *,
    seconds: float,
) -> dict[str, Any]:
    """Print a table of the modules and a line of JSON; return that line."""
    rows, _parts = figures(found, results)
    total = added("all", rows)
    if not asked.json:
        print("\n".join(table((*rows, total))))
    ended = {"suite": "mutation", "seed": asked.seed, "seconds": round(seconds), **total}
    print(json.dumps({**ended, "modules": rows}), flush=True)
    return total


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:  # or sets have another order each time
        words = [sys.executable, "-m", "mutation", *sys.argv[1:]]
        os.execve(sys.executable, words, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
