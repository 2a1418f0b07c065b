"""Views: an answer about an ancestry never changes, and is not computed twice without need."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.state import authority_views
from envoy.state.authority import Judgement, Sight
from envoy.state.authority_ledger import Ledger
from envoy.state.authority_pass import judge
from state.delivery import deliver
from state.every_story import story_named
from state.log import HERE, Log, did
from state.stories import after, cast, only


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Count the passes that views take; the pass itself is the real one."""
    counted: list[int | None] = []

    def counting(ledger: Ledger, sight: Sight, *, within: int | None = None) -> Judgement:
        counted.append(within)
        return judge(ledger, sight, within=within)

    monkeypatch.setattr(authority_views, "judge", counting)
    return counted


def test_a_flood_of_delegations_takes_one_pass(passes: list[int | None]) -> None:
    log = Log()
    cast(log, "Y")
    for number in range(100):
        log.delegate(f"e{number}", "W", "Y", only(f"e{number - 1}") if number else HERE)
    deliver(log, log.nodes)
    assert len(passes) == 1


def test_an_admins_delegation_takes_none(passes: list[int | None]) -> None:
    log = Log()
    cast(log, "d")
    deliver(log, log.nodes)
    assert passes == []


def test_a_few_judgements_are_kept_and_the_oldest_goes(passes: list[int | None]) -> None:
    log = Log()
    cast(log)
    for number in range(limits.VIEWS_KEPT_MAX + 1):
        log.grant(f"g{number}", "B", "N", "read", only(f"g{number - 1}") if number else HERE)
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    events = [replica.auth[f"g{number}"] for number in range(limits.VIEWS_KEPT_MAX + 1)]
    for event in (*events, events[-1], events[1], events[0]):
        replica.views.of(event)
    assert passes == [event.seen for event in (*events, events[0])]


def test_while_an_invite_is_overused_nothing_is_kept(passes: list[int | None]) -> None:
    log = Log()
    story_named("64").tell(log)
    replica = deliver(log, log.nodes)
    assert len(passes) == 2  # the two delegations saw the same AUTH events
    assert replica.auth["e"].seen == replica.auth["f"].seen
    assert (replica.auth["e"].fault, replica.auth["f"].fault) == (None, "S4 outsider")


def test_what_may_be_cited_now_ends_at_a_millisecond() -> None:
    log = Log()
    cast(log)
    log.grant("gN", "B", "N", "read", after(ts=1000))
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    assert replica.views.citable(999).role_of(did("N")) is None
    assert replica.views.citable(1000).role_of(did("N")) == "read"


def test_a_message_that_cannot_be_cited_settles_no_join_for_who_writes_now() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "O", only("gW"))
    log.settle()
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.join("jY", "Y", "i")
    log.message("b", "B", after("jX", ts=5000))
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    assert replica.views.citable(5000).role_of(did("X")) == "write"
    assert replica.views.citable(4999).role_of(did("X")) is None
    assert replica.views.citable(4999).role_of(did("Y")) == "write"


def test_a_witness_that_was_removed_since_is_one_as_far_as_the_removal_saw_it() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "O", only("gW"))
    log.settle()
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.message("b", "B", after("jX"))
    log.join("jY", "Y", "i")
    for name, above in (("m1", "m"), ("m2", "m1"), ("m3", "m2")):
        log.message(name, "W", after(above))
    log.message("c", "C", after("jY", "m2"))  # saw the other join: later than b, before r did
    log.remove("r", "O", "B", after("b", "m3"))
    assert [log.nodes[one].lam - log.nodes["b"].lam for one in "bcr"] == [0, 1, 2]
    log.delegate("e", "W", "X", after("r", "c"))
    log.delegate("f", "W", "Y", after("e"))
    replica = deliver(log, log.nodes)
    assert (replica.auth["e"].fault, replica.auth["f"].fault) == (None, "S4 outsider")


def test_a_view_judges_its_ancestry_and_nothing_beside_it() -> None:
    log = Log()
    cast(log)
    log.tell("bad", "B", "grant", None, HERE)
    log.grant("gN", "B", "N", "read", HERE)
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    view = replica.views.of(replica.auth["gN"])
    assert {log.names[one] for one in view.verdicts} == {"gB", "gC", "gW", "genesis"}
