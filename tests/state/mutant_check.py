"""Say whether the authority of the envoy that is imported is that of the stories and the oracle.

Run as a program over a copy with a fault planted (`state.test_authority_mutants`): it ends with 1
and a line on standard output at the first difference, with 0 if there is none.
"""

from __future__ import annotations

import random
import sys

from envoy import limits
from state.delivery import deliver, drawn_order, orders
from state.every_story import STORIES
from state.families import FAMILIES
from state.log import Log, Place
from state.oracled import Answer, Oracled, by_envoy, by_oracle
from state.searching import search
from state.stories import cast
from state.told import told
from state.wild import wild

ORDERS = 10  # of each story
DRAWN = 120
ACTS = 25


def check(name: str, log: Log, tried: list[list[str]]) -> None:
    """End the program if envoy and oracle differ on a story in one of the orders of arrival."""
    expect = by_oracle(Oracled(told(log)))
    for order in tried:
        for part, found in _answer(log, order).items():
            if found != expect[part]:
                sys.exit(f"{name}, {part}: {found} != {expect[part]}")


def _answer(log: Log, order: list[str]) -> Answer:
    return by_envoy(log, deliver(log, order))


def counted(by: str) -> Log:
    """Tell as many acts under one grant as count, and a leave after them, or one act more."""
    log = Log()
    cast(log, "Y")
    every = [f"e{number}" for number in range(limits.AUTH_EVENTS_PER_GRANT_MAX)]
    for number, name in enumerate(every):
        log.delegate(name, by[0], "Y", Place(id=1000 - number))
    if by == "W leaves":
        log.leave("l", "W", Place(after=every))
    else:
        log.delegate("f", by, "Y", Place(after=["e0"], id=1))
    return log


def main() -> None:
    """Check stories, drawn histories, the count, stories in more orders, small histories."""
    logs = {}
    for story in STORIES:
        logs[story.number] = log = Log()
        story.tell(log)
        check(story.number, log, [list(log.nodes)])
    for seed in range(DRAWN):
        drawn = random.Random(seed)
        log = wild(seed, ACTS)
        check(f"drawn {seed}", log, [drawn_order(log, drawn), drawn_order(log, drawn)])
    for by in ("W", "B", "W leaves"):
        log = counted(by)
        check(f"many acts of {by}", log, [list(log.nodes)])
    for number, log in logs.items():
        check(number, log, orders(log, most=ORDERS))
    for family in FAMILIES:
        search(family, 2)


if __name__ == "__main__":
    main()
