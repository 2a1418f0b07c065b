"""Search small histories of authority: the reducer against the oracle, in every order of arrival.

    PYTHONPATH=src:tests python tools/authority_search.py --acts 5 --walk steps --results FILE

Prints for each family how many histories were checked, in how many deliveries, and whether that is
all there are. What a family is, what counts as one history, what is left out and why that is sound:
tests/state/searching.py. `--walk orders` (the default) delivers each history in every order;
`--walk steps` takes every step of these orders once, from each set of acts to a greater one.

A search is divided by what is done in a history (a bag of acts of the alphabet): the bags of the
first acts of the alphabets come first, in all families by turns. Each bag that is done is a line of
the file of results, and is not done again by a later call, which so goes on where this one stopped.
Lines that other code left count for nothing. `--part 1/2` and `--part 2/2` are the two halves, for
two processes with a file each; several files can be named, the first is written to.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from state.families import FAMILIES
from state.searching import Bag, Differs, Search, Walk, bags
from state.searching_events import Family
from state.searching_shapes import counted

ROOT = Path(__file__).parents[1]
# What is searched, what it is held against, and what histories are made of.
CODE = (
    "src/envoy/state/authority*.py",
    "src/envoy/state/epochs.py",
    "src/envoy/core/capability.py",
    "tests/oracle/authority*.py",
    "tests/state/families.py",
    "tests/state/searching_events.py",
)
PROGRESS_SECONDS = 60
Row = dict[str, Any]


def main() -> int:
    """Search; return 1 if a history was found on which two answers differ."""
    given = parser().parse_args()
    chosen = [one for one in FAMILIES if given.family is None or one.name in given.family]
    letters = given.letters or len(FAMILIES[0].acts)
    rows = done(given.results, given.walk, descending=given.descending)
    try:
        for row in run(chosen, given, letters, {key(one) for one in rows}):
            rows.append(row)
            write(given.results, row)
    except Differs as found:
        print(found)
        return 1
    for family in chosen:
        say(family, given, letters, [one for one in rows if one["family"] == family.name])
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("--acts", type=int, default=4, help="acts of a history")
    found.add_argument("--letters", type=int, default=0, help="first acts of an alphabet; 0: all")
    found.add_argument("--family", choices=[one.name for one in FAMILIES], action="append")
    found.add_argument("--walk", type=Walk, default=Walk.ORDERS, help="orders or steps")
    found.add_argument("--descending", action="store_true", help="ids descend, not ascend")
    found.add_argument("--part", default="1/1", help="which part of how many")
    found.add_argument("--seconds", type=float, default=600.0, help="of CPU, in all")
    found.add_argument("--results", type=Path, nargs="*", default=[], help="files, a bag each line")
    return found


def run(
    chosen: Iterable[Family], given: argparse.Namespace, letters: int, known: set[str]
) -> Iterator[Row]:
    """Search bag by bag, those in `known` left out; yield the row of each."""
    kept = {"walk": given.walk.value, "descending": given.descending, "code": code()}
    searches = [Search(one, descending=given.descending, walk=given.walk) for one in chosen]
    number, parts = map(int, given.part.split("/"))
    mine = bags(given.acts, letters)[number - 1 :: parts]
    begun, shown = time.process_time(), 0.0
    for bag in mine:
        for search in searches:
            row = {"family": search.family.name, "bag": list(bag), **kept}
            if key(row) in known:
                continue
            start = time.process_time()
            if start - begun >= given.seconds:
                return
            found = search.run(bag)
            seconds = round(time.process_time() - start, 3)
            yield row | found._asdict() | {"seconds": seconds}
            if time.process_time() - begun - shown > PROGRESS_SECONDS:
                shown = time.process_time() - begun
                print(f"{shown:.0f} s: bag {mine.index(bag) + 1} of {len(mine)}", flush=True)


@cache
def code() -> str:
    """Return a short hash of the code that results stand for, whatever its layout."""
    found = sha256()
    for pattern in CODE:
        for path in sorted(ROOT.glob(pattern)):
            found.update(ast.dump(ast.parse(path.read_text("utf-8"))).encode())
    return found.hexdigest()[:16]


def key(row: Row) -> str:
    """Return what a row is the result of."""
    return json.dumps([row["family"], row["bag"]])


def done(paths: list[Path], walk: Walk, *, descending: bool) -> list[Row]:
    """Return the rows of earlier calls, each once, that this code left of such a search."""
    texts = [path.read_text("utf-8") for path in paths if path.exists()]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    wanted = {"walk": walk.value, "descending": descending, "code": code()}
    return [*{key(row): row for row in rows if row.items() >= wanted.items()}.values()]


def write(paths: list[Path], row: Row) -> None:
    """Add a row to the first file."""
    for path in paths[:1]:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def say(family: Family, given: argparse.Namespace, letters: int, rows: list[Row]) -> None:
    """Print what was covered, and whether it is all there is."""
    every = bags(given.acts, letters)
    rows = [row for row in rows if _is_in(tuple(row["bag"]), given.acts, letters)]
    there = counted(given.acts, letters, steps=given.walk is Walk.STEPS)
    histories = sum(row["histories"] for row in rows)
    deliveries = sum(row["deliveries"] for row in rows)
    end = f"{len(rows)} of {len(every)} bags; {there.histories:,} histories there are"
    if len(rows) == len(every):
        is_all = (histories, deliveries) == there
        end = "all there are" if is_all else "NOT as many as there are"
    spent = sum(row["seconds"] for row in rows)
    what = f"{family.name}, {given.acts} acts of {letters} kinds, {given.walk.value}"
    print(f"{what}: {histories:,} histories, {deliveries:,} deliveries, {spent:.0f} s: {end}")


def _is_in(bag: Bag, acts: int, letters: int) -> bool:
    return len(bag) == acts and max(bag) < letters


if __name__ == "__main__":
    sys.exit(main())
