"""Content: what must be judged again when an authority event arrives, and no more than that."""

from __future__ import annotations

import pytest

from envoy.core.capability import AuthEvent, ContentEvent
from envoy.state.authority import Judgement
from envoy.state.authority_content import (
    Changed,
    beside,
    changed,
    content_verdict,
    holders_of,
)
from envoy.state.authority_pass import judge
from state.delivery import Replica, deliver
from state.every_story import story_named
from state.log import HERE, Log, Place
from state.stories import after, cast, only, text


def step(log: Log, last: str) -> tuple[Judgement, Judgement]:
    """Return the judgements before and after ``last`` arrived as the last event."""
    rest = [name for name in log.nodes if name != last]
    replica = deliver(log, [*rest, last])
    ledger, known = replica.views.ledger if replica.views else None, len(replica.bits)
    assert ledger is not None and replica.judgement is not None and last in replica.auth
    # Both on one ledger, as a real replica has them.
    return judge(ledger, replica, within=(1 << known - 1) - 1), replica.judgement


@pytest.mark.parametrize(
    ("number", "last", "grants", "closes", "admits"),
    [
        pytest.param("1", "r", ["gW"], False, False, id="a removal: content of its subject"),
        pytest.param("19", "r", ["gW", "w"], False, False, id="and of its delegates"),
        pytest.param("5", "r", [], False, False, id="a removal without effect: nothing"),
        pytest.param("13", "r", [], False, False, id="a promotion: nothing"),
        pytest.param("6", "r", ["gC", "gZ"], False, False, id="a grant that turns void"),
        pytest.param("12", "x", ["gB", "r"], False, False, id="through a role"),
        pytest.param("27", "a", [], False, True, id="an admit: what is held"),
        pytest.param("56", "c", [], True, False, id="a close: everything"),
        pytest.param("61b", "r", ["gB"], False, False, id="a demotion"),
        pytest.param("41", "jX", ["jY"], False, False, id="a join that displaces another"),
        pytest.param("58", "pC", [], False, False, id="a pin: nothing"),
    ],
)
def test_what_is_judged_again(
    number: str, last: str, grants: list[str], closes: bool, admits: bool
) -> None:
    log = Log()
    story_named(number).tell(log)
    found = changed(*step(log, last))
    assert sorted(log.names[one] for one in found.grants) == grants
    assert (found.closes, found.admits) == (closes, admits)


def test_through_a_role_what_it_ended_and_nothing_else() -> None:
    log = Log()
    cast(log, "UV")
    log.remove("x", "B", "V")
    log.role("r", "O", "C", "write")
    log.message("m", "C")
    log.remove("y", "B", "C", after("r"))
    found = changed(*step(log, "y"))
    assert sorted(log.names[one] for one in found.grants) == ["gC", "r"]


def test_one_more_act_that_makes_a_grant_void_is_a_change_though_its_verdict_is_not() -> None:
    log = Log()
    cast(log)
    log.remove("r", "O", "C", Place(id=1))
    log.grant("gZ", "C", "Z", "write")
    log.message("m", "Z", after("gZ"))
    log.admit("a", "B", ["r"], after("r", "m"))
    log.remove("s", "B", "C", Place(id=2))
    before, after_ = step(log, "s")
    grant = after_.ledger.grants[log.key("gZ")]
    assert before.verdicts[grant.event] == after_.verdicts[grant.event]
    assert holders_of(grant, before) == frozenset([log.key("r")])
    assert holders_of(grant, after_) == frozenset([log.key("r"), log.key("s")])
    assert log.key("gZ") in changed(before, after_).grants
    same = judge(after_.ledger, deliver(log, log.nodes))
    assert changed(after_, same) == Changed(frozenset(), closes=False, admits=False)


def test_a_revocation_that_had_seen_a_grant_made_holds_nothing_under_it() -> None:
    log = Log()
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.remove("s", "B", "C", after("gZ"))
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None and judgement.is_ok(log.key("s"))
    grant = judgement.ledger.grants[log.key("gZ")]
    assert [kill.event.id for kill in beside(grant, judgement)] == [log.key("r")]
    assert holders_of(grant, judgement) == frozenset([log.key("r")])


def test_holders_reach_through_lost_grants_above() -> None:
    log = Log()
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gD", "C", "D", "admin")
    log.grant("gE", "D", "E", "admin", after("gD"))
    log.grant("gZ", "E", "Z", "write", after("gE"))
    log.message("m", "Z", after("gZ"))
    replica = deliver(log, log.nodes)
    assert replica.judgement is not None
    grants = replica.judgement.ledger.grants
    for name in ("gD", "gE", "gZ"):
        assert holders_of(grants[log.key(name)], replica.judgement) == frozenset([log.key("r")])


class Untouchable(Replica):
    """A replica that may not be asked about ancestry."""

    def saw(self, later: AuthEvent, event: ContentEvent) -> bool:
        """Fail: nobody has to ask."""
        raise AssertionError("asked for what needs no look")


def test_content_under_a_live_grant_needs_no_look() -> None:
    log = Log()
    cast(log)
    log.remove("r", "O", "C")
    log.message("m", "W")
    log.message("n", "C", HERE)
    replica = Untouchable(log)
    for name in log.nodes:
        replica.accept(name)
    replica.judgement = judge(replica.views.ledger, replica) if replica.views else None
    assert replica.judgement is not None
    assert content_verdict(replica.content["m"], replica.judgement, replica).cause is None
    with pytest.raises(AssertionError):
        content_verdict(replica.content["n"], replica.judgement, replica)


@pytest.mark.parametrize("page", [1, 9])
def test_an_admit_turns_only_what_is_held(page: int) -> None:
    log = Log()
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W", after("r"))
    log.message("n", "W", only("gW"))
    log.message("o", "C")
    log.admit("a", "B", ["m", "n", "o"], after("m", "n", "o"))
    found = deliver(log, log.nodes, page=page).verdicts
    assert [found[name].status for name in "mno"] == ["invalid", "ok*", "ok"]
    assert found["n"].admitted == (log.nodes["a"].lam, log.nodes["a"].id)
    assert found["o"].admitted is None


def test_an_end_that_comes_to_count_through_a_role_is_judged_beside_other_ends() -> None:
    log = Log()
    cast(log)
    log.role("r", "O", "C", "write")
    log.message("m", "C")
    log.revoke("x", "O", "gC", after("m"))  # ends the same grant, and leaves the message alone
    assert deliver(log, log.nodes).verdicts["m"].status == "ok"
    log.revoke("y", "B", "r", after("r"))
    found = changed(*step(log, "y"))
    assert sorted(log.names[one] for one in found.grants) == ["gC", "r"]
    assert text(log, deliver(log, log.nodes).verdicts["m"]) == "held: R3 beside y"


@pytest.mark.parametrize(
    ("one_by_one", "all_at_once", "first"),
    [
        pytest.param(1, 2, "some", id="the one that names each of them"),
        pytest.param(2, 1, "all", id="the one that names what holds them"),
    ],
)
def test_of_two_admits_the_first_in_order_lets_an_event_count(
    one_by_one: int, all_at_once: int, first: str
) -> None:
    log = Log()
    cast(log)
    ends = [log.remove(f"r{who}", who, "W") for who in "OBC"]
    said = [log.message(f"m{number}", "W") for number in range(12)]
    log.admit("some", "O", said, Place(after=[*ends, *said], id=one_by_one))
    log.admit("all", "B", ends, Place(after=[*ends, *said], id=all_at_once))
    found = deliver(log, log.nodes, page=99).verdicts
    assert {text(log, found[name]) for name in said} == {f"ok*: R5 admitted {first}"}


def test_an_undoing_that_does_not_count_holds_nothing() -> None:
    log = Log()
    cast(log)
    log.grant("gZ", "C", "Z", "write")
    log.message("m", "Z", after("gZ"))
    log.remove("r", "O", "C", after("gZ"), undo=["gZ"])
    log.remove("x", "B", "C", after("gZ"), undo=["gZ"])
    log.admit("a", "O", ["r"], after("r", "m"))
    log.admit("b", "O", ["r", "x"], after("r", "x", "m", "a"))
    assert text(log, deliver(log, log.nodes).verdicts["m"]) == "ok*: R5 admitted b"
    log.remove("s", "O", "B")
    found = deliver(log, log.nodes).verdicts
    assert text(log, found["x"]) == "void: R3 beside s"
    assert text(log, found["m"]) == "ok*: R5 admitted a"
