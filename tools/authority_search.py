"""Search small histories of authority: the reducer in every order of arrival against the oracle.

    PYTHONPATH=src:tests python tools/authority_search.py --acts 5 --letters 4 --seconds 600

Prints for each family how many histories were checked, in how many deliveries, and whether that is
all there are. What a family is, and what counts as one history: tests/state/searching.py. The
suite runs the same search over fewer acts (tests/state/test_authority_oracle.py).
"""

from __future__ import annotations

import argparse
import sys
import time

from state.families import FAMILIES
from state.searching import Differs, Family, Search

PROGRESS_SECONDS = 60


def main() -> int:
    """Search; return 1 if a history was found on which two answers differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--acts", type=int, default=4, help="acts of a history")
    parser.add_argument("--letters", type=int, default=0, help="first acts of an alphabet; 0: all")
    parser.add_argument("--family", choices=[one.name for one in FAMILIES], action="append")
    parser.add_argument("--seconds", type=float, default=600.0, help="of CPU, for each family")
    parser.add_argument("--descending", action="store_true", help="ids descend with the number")
    given = parser.parse_args()
    chosen = [one for one in FAMILIES if given.family is None or one.name in given.family]
    try:
        for family in chosen:
            one = Search(family, descending=given.descending)
            run(family, one, given.acts, letters=given.letters, seconds=given.seconds)
    except Differs as found:
        print(found)
        return 1
    return 0


def run(family: Family, one: Search, acts: int, *, letters: int, seconds: float) -> None:
    """Search one family and say what was covered."""
    letters = letters or len(family.acts)
    start, shown = time.process_time(), 0.0
    histories = deliveries = 0
    end = "all there are"
    for orders in one.run(acts, letters):
        histories, deliveries = histories + 1, deliveries + orders
        spent = time.process_time() - start
        if spent - shown > PROGRESS_SECONDS:
            shown = spent
            say(family, acts, letters, f"{histories} histories so far")
        if spent > seconds:
            end = "stopped at the end of its time"
            break
    spent = time.process_time() - start
    counts = f"{histories} histories, {deliveries} deliveries, {spent:.0f} s: {end}"
    say(family, acts, letters, counts)


def say(family: Family, acts: int, letters: int, text: str) -> None:
    """Print one line."""
    print(f"{family.name}, {acts} acts of {letters} kinds: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
