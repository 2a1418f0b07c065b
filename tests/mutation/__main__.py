"""Mutation: small slips in what decides, one at a time, and whether a test notices each.

``PYTHONPATH=src:tests python -m mutation --minutes 5 --seed 1`` takes mutants of every module in
turn, in an order of chance, until the time is over; ``--sample 20`` so many of each;
``--only state/gates`` those of one module, ``--only crypto`` of those whose path has that in it.
Without any of them all are played. What survived is listed, and what explained.py says of it; the
last line is JSON. It ends with 1 if fewer than `--least` percent of those played were killed.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mutation import explained
from mutation.mutants import Mutant, modules, mutants
from mutation.play import Outcome, Player, Tree, forked
from mutation.tests import ASIDE, EXAMPLES, PLACES, Map, Mapper, play, read

ROOT = Path(__file__).parents[2]
KEPT = "build/mutation"
OUTCOMES = "outcomes.jsonl"  # how each of the last run ended, in the order of the run
MEMORY = Path("/dev/shm")
COPIED = ("src", "tests", "docs", "tools", "pyproject.toml", "README.md", "CHANGELOG.md")
READ = ("src/envoy/core", "src/envoy/state", "src/envoy/views", "tests/vectors", "tests/oracle")
WARMED = ("msgspec", "nacl._sodium", "apsw", "hypothesis.stateful", "cryptography.exceptions")


class Asked(NamedTuple):
    """What the command line asks for."""

    only: str
    sample: int | None
    seed: int
    minutes: float | None
    workers: int
    budget: float
    again: bool
    least: float
    json: bool
    project: Path


class Played(NamedTuple):
    """A mutant and how it ended."""

    mutant: Mutant
    outcome: Outcome


def main() -> int:
    """Do what the command line asks."""
    asked = _asked()
    with _copy(asked.project) as tree:
        found = [
            mutants(module, (tree.source / module).read_text("utf-8"))
            for module in modules(tree.source)
            if asked.only in module
        ]
        chosen = drawn(found, asked)
        began = time.monotonic()
        results = told(played(tree, chosen, asked), asked)
        total = report(found, results, asked, seconds=time.monotonic() - began)
    return int(total["score"] < asked.least)


def told(ended: Iterator[Played], asked: Asked) -> list[Played]:
    """Return how all mutants ended; each is kept at once, and who survived is printed."""
    results = list[Played]()
    with (asked.project / KEPT / OUTCOMES).open("w") as kept:
        for one in ended:
            results.append(one)
            kept.write(json.dumps(one) + "\n")
            kept.flush()
            if not asked.json and one.outcome.how == "survived":
                print(_line(one), flush=True)
    return results


def _asked() -> Asked:
    parser = argparse.ArgumentParser("python -m mutation", description=__doc__)
    parser.add_argument("--only", default="", help="modules whose path has this in it")
    parser.add_argument("--sample", type=int, help="so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--minutes", type=float, help="end after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds of tests a mutant")
    parser.add_argument("--again", action="store_true", help="those that survived the last time")
    parser.add_argument("--least", type=float, default=0.0, help="percent that have to be killed")
    parser.add_argument("--json", action="store_true", help="the last line alone")
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
        yield Tree(root, place, _mapped(root, place, project / KEPT))


def _mapped(root: Path, place: Path, folder: Path) -> Map:
    """Return the map of the tree: the one kept in ``folder`` if nothing changed, or a new one."""
    stamp = hashlib.sha256(repr((ASIDE, EXAMPLES)).encode())
    stamp.update((Path(__file__).parent / "tests.py").read_bytes())
    for name in (*READ, *PLACES):
        for path in sorted((root / name).rglob("*")) or [root / name]:
            if path.suffix in (".py", ".json") and path.is_file():
                stamp.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    kept = folder / f"map-{stamp.hexdigest()[:20]}.json"
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
    return read(kept)


def drawn(found: Sequence[Sequence[Mutant]], asked: Asked) -> list[Mutant]:
    """Return the mutants to play: of each module in an order of chance, the modules in turn."""
    piles = list[list[Mutant]]()
    last = set[tuple[str, ...]]()
    if asked.again:
        lines = (asked.project / KEPT / OUTCOMES).read_text().splitlines()
        ended = [Played(Mutant(*one), Outcome(*how)) for one, how in map(json.loads, lines)]
        last = {one.mutant.key for one in ended if one.outcome.how == "survived"}
    for pile in found:
        mixed = [one for one in pile if one.key in last] if asked.again else list(pile)
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
            mutant, outcome = json.loads(line)
            yield Played(Mutant(*mutant), Outcome(*outcome))
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
        outcome = player.judge(mutant)
        os.write(told, json.dumps([mutant, outcome]).encode() + b"\n")
    player.close()


def _line(one: Played) -> str:
    why = explained.reason(one.mutant)
    return f"survived {one.outcome.tried} tests: {one.mutant}" + (f"  [{why}]" if why else "")


def report(
    found: Sequence[Sequence[Mutant]], results: Sequence[Played], asked: Asked, *, seconds: float
) -> dict[str, Any]:
    """Print a table of the modules and a line of JSON; return that line."""
    rows = [row(pile, [one for one in results if one.mutant.module == pile[0].module])
            for pile in found if pile]  # fmt: skip
    total: dict[str, Any] = {"module": "all"}
    for key in ("mutants", "played", "killed", "timeout", "explained", "survived"):
        total[key] = sum(one[key] for one in rows)
    total["score"] = score(total)
    if not asked.json:
        print(f"{'module':28}" + "".join(f"{key:>10}" for key in total if key != "module"))
        for one in (*rows, total):
            print("".join(f"{one[k]:<28}" if k == "module" else f"{one[k]:>10}" for k in total))
    ended = {"suite": "mutation", "seed": asked.seed, "seconds": round(seconds), **total}
    print(json.dumps({**ended, "modules": rows}), flush=True)
    return total


def row(pile: Sequence[Mutant], results: Sequence[Played]) -> dict[str, Any]:
    """Return the figures of one module."""
    hows = [one.outcome.how for one in results]
    lived = [one for one in results if one.outcome.how == "survived"]
    known = sum(explained.reason(one.mutant) is not None for one in lived)
    told: dict[str, Any] = {
        "module": pile[0].module,
        "mutants": len(pile),
        "played": len(results),
        "killed": hows.count("killed"),
        "timeout": hows.count("timeout"),
        "explained": known,
        "survived": len(lived) - known,
    }
    return {**told, "score": score(told)}


def score(told: dict[str, Any]) -> float:
    """Return the percentage of those killed, in time or by time, of those not explained."""
    counted = told["played"] - told["explained"]
    return round(100 * (told["killed"] + told["timeout"]) / counted, 1) if counted else 100.0


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:  # or sets have another order each time
        words = [sys.executable, "-m", "mutation", *sys.argv[1:]]
        os.execve(sys.executable, words, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
