"""Doubles by themselves: which sides a fork and an over-used invite have, and when one is open."""

from __future__ import annotations

from collections.abc import Iterable

from envoy import limits
from envoy.state import doubles
from envoy.state.authority import Judgement
from envoy.state.registers import Conflict
from state.delivery import deliver
from state.log import Log, Place, did
from state.stories import after, by_invite


def judged(log: Log, order: Iterable[str] = ()) -> Judgement:
    """Return what a copy judges that was told the whole story, as it went or in ``order``."""
    found = deliver(log, order or log.nodes).judgement
    assert found is not None
    return found


def sides(log: Log, order: Iterable[str] = ()) -> list[tuple[str, str, bool]]:
    """Return winner, loser and whether it is open, of each conflict of the invite i."""
    name = {node.id: name for name, node in log.nodes.items()}
    found = doubles.overused(log.nodes["i"].id, judged(log, order))
    return [(name[one.winner], name[one.loser], one.is_open) for one in found]


def test_a_fork_names_the_smaller_id_first_and_no_act_settles_it() -> None:
    low, high = bytes(32), b"\1" * 32
    expected = Conflict(did("M"), "fork", low, high, "both", is_open=True)
    assert doubles.forks(did("M"), [(high, low)]) == (expected,)
    assert doubles.forks(did("M"), []) == ()


def test_each_join_too_many_meets_the_last_that_stands() -> None:
    log = Log()
    by_invite(log, "B", uses=2)
    for number, name in enumerate("XYZV", 1):
        log.join(f"j{name}", name, "i", Place(id=number))
    expected = [("jY", "jZ", True), ("jY", "jV", True)]
    assert sides(log) == expected
    joins = [name for name in log.nodes if name.startswith("j")]
    others = [name for name in log.nodes if name not in joins]
    assert sides(log, [*others, *reversed(joins)]) == expected


def test_it_is_over_once_who_lost_has_come_in_otherwise() -> None:
    log = Log()
    by_invite(log, "B")
    log.join("jX", "X", "i", Place(id=1))
    log.join("jY", "Y", "i", Place(id=2))
    log.grant("g", "B", "Y", "write", after("jX", "jY"))
    assert sides(log) == [("jX", "jY", False)]


def test_an_invite_that_ends_before_its_joins_has_no_conflict_any_more() -> None:
    log = Log()
    by_invite(log, "B")
    log.join("jX", "X", "i", Place(id=1))
    log.join("jY", "Y", "i", Place(id=2))
    log.revoke("r", "O", "i")
    assert sides(log) == []


def test_of_a_flood_of_joins_as_many_are_shown_as_an_invite_may_let_in() -> None:
    log = Log()
    by_invite(log, "B")
    for number in range(limits.INVITE_USES_MAX + 3):
        log.join(f"j{number}", f"X{number}", "i", Place(id=number))
    assert len(sides(log)) == limits.INVITE_USES_MAX
