"""Every order of arrival, all of them: whatever comes last to a set, the set is judged alike.

An order is a line of steps, each of which brings one more event to a set that holds its causes. If
each step ends with the verdicts that the set has when it is judged at once, so does each order: by
induction, and without walking the orders one by one, of which a story has up to a billion.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from envoy.state.authority import Verdict
from state.delivery import Replica, deliver
from state.every_story import STORIES
from state.log import Log
from state.stories import Story

# A story whose sets are more than this is walked in drawn orders alone (test_authority).
SETS_MAX = 1_000
# 20 chains beside each other: a million sets that differ in nothing but which chain it is.
TOO_WIDE = {"37b"}


def closed_sets(log: Log, *, most: int) -> list[int]:
    """Return, as bitsets of event numbers, the sets that hold the causes of all they hold."""
    known, todo = {0}, [0]
    while todo and len(known) <= most:
        done = todo.pop()
        for node in log.nodes.values():
            more = done | 1 << node.no
            if more not in known and not node.past & ~done:
                known.add(more)
                todo.append(more)
    return sorted(known - {0}, key=int.bit_count)


def names(log: Log, events: int) -> list[str]:
    """Return the events of a set in an order that puts causes first."""
    return [one.name for one in log.nodes.values() if events >> one.no & 1]


def steps(log: Log, events: int) -> Iterator[tuple[list[str], str]]:
    """Yield each way to come to a set by one more event: those before, and that one."""
    inside = [one for one in log.nodes.values() if events >> one.no & 1]
    covered = 0
    for one in inside:
        covered |= one.past
    for last in inside:
        if not covered >> last.no & 1:
            yield names(log, events & ~(1 << last.no)), last.name


def stepped(log: Log, before: list[str], last: str) -> dict[str, Verdict]:
    """Return the verdicts of a replica that judged ``before`` when ``last`` came."""
    replica = deliver(log, before, page=max(1, len(before))) if before else Replica(log)
    replica.accept(last)
    replica.judge()
    return replica.verdicts


@pytest.mark.parametrize(
    "told_as", [pytest.param(one, id=one.number) for one in STORIES if one.number not in TOO_WIDE]
)
def test_each_step_of_each_order_ends_as_if_all_had_come_at_once(told_as: Story) -> None:
    log = Log()
    told_as.tell(log)
    sets = closed_sets(log, most=SETS_MAX)
    assert 0 < len(sets) <= SETS_MAX and sets[-1] == (1 << len(log.nodes)) - 1
    for events in sets:
        whole = names(log, events)
        wanted = deliver(log, whole, page=len(whole)).verdicts
        for before, last in steps(log, events):
            assert stepped(log, before, last) == wanted, (before, last)


def test_the_stories_left_out_are_those_that_are_too_wide() -> None:
    wide = set[str]()
    for told_as in STORIES:
        log = Log()
        told_as.tell(log)
        if len(closed_sets(log, most=SETS_MAX)) > SETS_MAX - 1:
            wide.add(told_as.number)
    assert wide == TOO_WIDE
