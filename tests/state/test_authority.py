"""Authority: every story ends the same way whatever the order of arrival, and as it was told."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core.bodies import Grant, Remove
from envoy.core.capability import ADMIN, GRANT, OWN, WRITE, AuthEvent
from envoy.core.structs import replace
from envoy.state import epochs
from envoy.state.authority import OK, OVER_COUNT, Judgement, Status
from envoy.state.authority_ledger import Ledger, number_of
from envoy.state.authority_pass import judge, preview
from state.delivery import Replica, deliver, orders
from state.every_story import STORIES, story_named
from state.log import HERE, SPACE, Log, Place, did, named
from state.slow import Slow
from state.stories import Story, after, cast, only, text
from state.told import told
from vectorfile import load
from vectors import make_authority

ORDERS_MAX = 60
STORY_PARAMS = [pytest.param(one, id=f"{one.number} {one.title}") for one in STORIES]
# Rows of the table that are no story of verdicts: 39 needs 600 acts, 49 a clock.
TOLD_ELSEWHERE = {39, 49}


def written_under(log: Log, judgement: Judgement, replica: Replica) -> str:
    """Return the name of the epoch to write under, "" for none."""
    assert replica.views is not None
    found = epochs.current(judgement, replica.views)
    if found is None:
        return ""
    return "E0" if found.kind == "genesis" else log.names[found.id]


def ending(log: Log, replica: Replica, told_as: Story) -> dict[str, object]:
    """Return how the story ended at ``replica``, in the words that ``told_as`` uses."""
    judgement = replica.judgement
    assert judgement is not None
    return {
        **{name: text(log, replica.verdicts[name]) for name in told_as.verdicts},
        **{f"role of {one}": judgement.role_of(did(one)) for one in told_as.roles},
        **{f"{one} is live": judgement.is_live(log.key(one)) for one in told_as.live.split()},
        **{f"{one} is over": not judgement.is_live(log.key(one)) for one in told_as.over.split()},
        **{f"ended by {one}": judgement.ended_by(log.key(one)) for one in _idle(told_as)},
        "readers": _readers(log, judgement) if told_as.readers is not None else None,
        "epoch": written_under(log, judgement, replica) if told_as.epoch is not None else None,
        "pin": None if judgement.pin is None else log.names[judgement.pin.id],
    }


def expected(told_as: Story) -> dict[str, object]:
    """Return how the story is told to end."""
    return {
        **told_as.verdicts,
        **{f"role of {one}": role for one, role in told_as.roles.items()},
        **{f"{one} is live": True for one in told_as.live.split()},
        **{f"{one} is over": True for one in told_as.over.split()},
        **{f"ended by {one}": [] for one in _idle(told_as)},
        "readers": None if told_as.readers is None else "".join(sorted(told_as.readers)),
        "epoch": told_as.epoch,
        "pin": told_as.pin,
    }


def _idle(told_as: Story) -> list[str]:
    return told_as.without_effect.split()


def _readers(log: Log, judgement: Judgement) -> str:
    return "".join(sorted(log.names[one] for one in judgement.readers()))


@pytest.mark.parametrize("told_as", STORY_PARAMS)
def test_a_story_ends_as_told_in_every_order_of_arrival(told_as: Story) -> None:
    log = Log()
    told_as.tell(log)
    verdicts = None
    for order in orders(log, most=ORDERS_MAX):
        replica = deliver(log, order)
        assert ending(log, replica, told_as) == expected(told_as), order
        # Not only what the story is about: every event, judged at once or step by step.
        assert verdicts in (None, replica.verdicts), order
        verdicts = replica.verdicts
    assert deliver(log, log.nodes, page=len(log.nodes)).verdicts == verdicts


@pytest.mark.parametrize("told_as", STORY_PARAMS)
def test_what_ends_a_grant_stands_in_its_list_once_and_in_order(told_as: Story) -> None:
    log = Log()
    told_as.tell(log)
    for order in orders(log, most=4):
        judgement = deliver(log, order).judgement
        assert judgement is not None
        for kills in judgement.kills.values():
            places = [(one.event.lam, one.event.id) for one in kills]
            assert places == sorted(set(places))


def test_a_leave_that_ends_a_grant_and_the_one_above_it_stands_in_its_list_once() -> None:
    log = Log()
    cast(log, settle=False)
    log.delegate("d", "W", "C", only("gW"), depth=2)
    log.delegate("e", "C", "W", only("d", under="d"), depth=1)
    log.settle()
    log.leave("l", "W")
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None
    assert [log.names[one.event.id] for one in judgement.kills[log.key("e")]] == ["l"]


def test_every_row_of_the_table_has_a_story() -> None:
    rows = {int("".join(filter(str.isdigit, one.number))) for one in STORIES}
    assert set(range(1, 60)) - rows == TOLD_ELSEWHERE
    assert len({one.number for one in STORIES}) == len(STORIES)


def test_the_vector_file_is_what_its_generator_writes() -> None:
    assert make_authority.TARGET.read_text("utf-8") == make_authority.text()


@pytest.mark.parametrize(
    ("told_as", "vector"),
    [
        pytest.param(one, vector, id=vector["name"])
        for one, vector in zip(STORIES, load("authority"), strict=True)
    ],
)
def test_envoy_agrees_with_the_vectors(told_as: Story, vector: dict[str, object]) -> None:
    log = Log()
    told_as.tell(log)
    replica = deliver(log, log.nodes)
    judgement = replica.judgement
    assert judgement is not None and replica.views is not None
    current = epochs.current(judgement, replica.views)
    ended = epochs.read_ending(judgement)
    members = {log.names[node.author] for node in log.nodes.values()}
    found = {
        "verdicts": {name: text(log, replica.verdicts[name]) for name in log.nodes},
        "live": sorted(log.names[one.key] for one in judgement.live),
        "roles": {one: judgement.role_of(did(one)) for one in members},
        "recipients": sorted(log.names[one] for one in epochs.recipients(judgement)),
        "ending": sorted(
            log.names[one.id] for one in judgement.ledger.events if ended >> one.index & 1
        ),
        "epoch": "" if current is None else log.names[_key(current)],
    }
    assert found == vector["expect"]


def _key(create: AuthEvent) -> bytes:
    return SPACE if create.kind == "genesis" else create.id


# -- 39: a writer cannot swell the pass ---------------------------------------------------------


def flood(count: int) -> Log:
    """Tell row 39: W makes ``count`` delegations, B removes W, W backdates as many below them."""
    log = Log()
    cast(log, "Y")
    for number in range(count):
        log.delegate(f"e{number}", "W", "Y", only(f"e{number - 1}") if number else HERE)
    log.remove("r", "B", "W", after(f"e{count - 1}"))
    for number in range(count):
        log.delegate(f"f{number}", "W", "Y")
    return log


def test_of_a_writers_acts_under_one_grant_the_first_256_stand() -> None:
    log = flood(300)
    replica = deliver(log, log.nodes, page=1000)
    found = [text(log, replica.verdicts[f"e{number}"]) for number in range(300)]
    most = limits.AUTH_EVENTS_PER_GRANT_MAX
    assert found == ["ok"] * most + [f"void: {OVER_COUNT}"] * (300 - most)
    backdated = {text(log, replica.verdicts[f"f{number}"]) for number in range(300)}
    assert backdated == {"void: R3 beside r"}


def test_at_the_count_all_stand_and_a_leave_is_not_counted() -> None:
    log = Log()
    cast(log, "Y")
    for number in range(limits.AUTH_EVENTS_PER_GRANT_MAX):
        log.delegate(f"e{number}", "W", "Y")
    log.leave("l", "W", Place(after=[f"e{number}" for number in range(256)]))
    replica = deliver(log, log.nodes, page=1000)
    assert {verdict.status for verdict in replica.verdicts.values()} == {Status.OK}


def test_a_new_grant_renews_the_count_and_admins_are_not_counted() -> None:
    log = Log()
    cast(log, "Y", settle=False)
    log.role("s", "O", "W", "write", only("gY"))
    log.settle()
    for number in range(200):
        log.delegate(f"e{number}", "W", "Y")
        log.delegate(f"f{number}", "W", "Y", after(under="s"))
    for number in range(300):
        log.delegate(f"b{number}", "B", "Y")
    replica = deliver(log, log.nodes, page=1000)
    assert {verdict.status for verdict in replica.verdicts.values()} == {Status.OK}


# -- the judgement ------------------------------------------------------------------------------


def judged(number: str) -> tuple[Log, Replica, Judgement]:
    """Return a story, delivered as it was told."""
    log = Log()
    story_named(number).tell(log)
    replica = deliver(log, log.nodes)
    assert replica.judgement is not None
    return log, replica, replica.judgement


def test_members_and_readers_ascend_and_readers_are_more() -> None:
    _, _, judgement = judged("18")
    assert judgement.members() == sorted(map(did, "OBCW"))
    assert judgement.readers() == sorted(map(did, "OBCWX"))


@pytest.mark.parametrize(
    ("number", "member", "cap", "task", "grant"),
    [
        pytest.param("15", "Z", WRITE, None, "j", id="the most senior grant with the cap"),
        pytest.param("13", "W", GRANT, None, "r", id="the one that has the cap"),
        pytest.param("13", "W", OWN, None, None, id="none that has it"),
        pytest.param("16d", "X", WRITE, "T", None, id="a delegation that the author gave up"),
        pytest.param("16b", "Y", WRITE, None, None, id="a delegation for another task"),
        pytest.param("16b", "Y", WRITE, "T", "e", id="the delegation for the task"),
        pytest.param("22", "O", ADMIN, None, "genesis", id="the genesis"),
    ],
)
def test_who_writes_cites(
    number: str, member: str, cap: int, task: str | None, grant: str | None
) -> None:
    log, _, judgement = judged(number)
    found = judgement.acting(did(member), cap, None if task is None else named(task))
    assert (None if found is None else log.names[found.key]) == grant


def test_a_revocation_without_effect_is_seen_before_it_is_signed() -> None:
    log = Log()
    cast(log)
    replica = deliver(log, log.nodes)
    judgement = replica.judgement
    assert judgement is not None and replica.views is not None
    known = judgement.ledger.events
    drafts = {
        whom: replace(
            known[-1],
            index=len(known),
            id=named(f"draft against {whom}"),
            author=did("C"),
            auth=log.key("gC"),
            kind="remove",
            body=Remove(did(whom), "", ()),
            seen=(1 << len(known)) - 1,
        )
        for whom in "BW"
    }
    upward = preview(judgement, replica, drafts["B"])
    assert upward.is_ok(drafts["B"].id) and upward.ended_by(drafts["B"].id) == []
    downward = preview(judgement, replica, drafts["W"])
    assert downward.ended_by(drafts["W"].id) == [log.key("gW")]
    assert not judgement.is_ok(drafts["W"].id)  # the real one is as it was
    assert not judgement.is_live(named("nothing"))


def test_what_a_lost_grant_gives_is_not_live_and_a_revocation_ends_nothing_of_it() -> None:
    log = Log()
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.grant("gV", "C", "V", "read")  # lost, and nothing else ends it
    log.revoke("v", "B", "gZ", after("gZ", "gW"))
    log.revoke("x", "B", "gW", after("gZ"))
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None
    assert text(log, judgement.verdicts[log.key("gZ")]) == "void: R3 beside r"
    assert not judgement.is_live(log.key("gZ")) and not judgement.is_live(log.key("gV"))
    assert judgement.ended_by(log.key("v")) == []
    assert judgement.ended_by(log.key("x")) == [log.key("gW")]  # the control


def test_of_several_undoings_the_first_in_order_is_named() -> None:
    log = Log()
    cast(log)
    log.grant("gN", "C", "N", "write")
    for name, number in (("r3", 3), ("r1", 1), ("r2", 2)):
        log.remove(name, "O", "C", Place(after=["gN"], id=number), undo=["gN"])
    for order in orders(log, most=8):
        replica = deliver(log, order)
        assert text(log, replica.verdicts["gN"]) == "void: R4 undone r1"


def test_of_equal_roles_the_senior_grant_is_the_best() -> None:
    log, _, judgement = judged("15")
    assert log.names[judgement.best[did("Z")].key] == "j"


def test_an_invite_makes_nobody_a_member() -> None:
    assert judged("14")[2].members() == sorted(map(did, "OBC"))


def test_the_founders_grant_is_below_nothing() -> None:
    log, _, judgement = judged("15")
    ledger = judgement.ledger
    genesis = next(one for one in ledger.grants.values() if one.parent is None)
    assert not any(ledger.is_below(genesis, key) for key in ledger.grants)
    assert len(log.names) > len(ledger.grants) > 2


def test_what_a_removal_ends_is_told_in_the_order_of_its_ids() -> None:
    log = Log()
    cast(log)
    log.grant("again", "C", "W", "write", Place(id=1))
    log.remove("x", "O", "W", Place(after=["again"]))
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None
    ended = judgement.ended_by(log.key("x"))
    assert ended == sorted(ended) and set(ended) == {log.key("gW"), log.key("again")}
    assert [key for key in judgement.kills if key in ended] != ended


def test_open_invites_are_live_and_have_uses_left() -> None:
    assert judged("14")[2].open_invites() == [named("i")]
    assert judged("41")[2].open_invites() == []
    assert judged("43")[2].open_invites() == []
    assert judged("47b")[2].open_invites() == []  # approve mode: its code opens nothing
    log = Log()
    cast(log)
    for number in (3, 1, 2):  # of one rank but for their ids; the greater id is told first
        log.invite(f"i{number}", "C" if number == 1 else "B", Place(id=9 - number))
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None
    assert judgement.open_invites() == [log.key(one) for one in ("i3", "i2", "i1")]
    log.invite("i0", "O", Place(id=9))  # the founder's comes first by rank, last by its id
    judgement = deliver(log, log.nodes).judgement
    assert judgement is not None
    assert judgement.open_invites() == [log.key(one) for one in ("i3", "i2", "i1", "i0")]
    assert judged("42")[2].contested == (named("i"),)
    assert judged("43")[2].contested == ()  # the revoke settled it


def test_rules_are_those_of_the_genesis_until_raised() -> None:
    assert judged("1")[2].rules == 1
    assert judged("58b")[2].rules == 3


# -- the ledger ---------------------------------------------------------------------------------


def twins() -> Ledger:
    """Return a ledger with two genesis envelopes of one space, and B's grant by the second."""
    log = Log()
    log.grant("gB", "O", "B", "admin", only("genesis"))
    replica = deliver(log, log.nodes)
    genesis, grant = replica.auth["genesis"], replica.auth["gB"]
    twin = replace(genesis, index=1, id=named("twin"))
    return Ledger.of([genesis, twin, replace(grant, index=2, seen=0b10)])


def test_two_genesis_envelopes_are_one_grant() -> None:
    ledger = twins()
    assert [one.key for one in ledger.ranked(None)] == [SPACE, named("gB")]
    found = judge(ledger, Replica(Log()))
    assert found.role_of(did("B")) == "admin"
    assert found.verdicts == dict.fromkeys((named("genesis"), named("twin"), named("gB")), OK)


def test_a_view_on_one_of_two_genesis_envelopes_is_complete() -> None:
    found = judge(twins(), Replica(Log()), within=0b110)
    assert found.is_live(SPACE) and found.role_of(did("B")) == "admin"


def test_grants_ascend_by_rank_however_they_arrive() -> None:
    log = Log()
    cast(log, "PYdw")
    log.invite("i", "C")
    for order in orders(log, most=4):
        replica = deliver(log, order)
        assert replica.views is not None
        ranks = [one.rank for one in replica.views.ledger.ranked(None)]
        assert ranks == sorted(ranks)
        names = [log.names[one.key] for one in replica.views.ledger.ranked(None)]
        assert names == ["genesis", "gP", "gB", "gC", "gW", "gY", "d", "w", "i"]


def test_only_pins_and_raises_are_numbered() -> None:
    log, replica, _ = judged("58")
    assert number_of(replica.auth["pB"]) == 1
    with pytest.raises(AssertionError):
        number_of(replica.auth["gB"])
    assert isinstance(log.nodes["gB"].body, Grant)


def test_slow_and_stories_use_one_order() -> None:
    log = Log()
    cast(log, "dw", settle=False)
    slow = Slow(told(log))
    replica = deliver(log, log.nodes)
    assert replica.views is not None
    ranked = [log.names[one.key] for one in replica.views.ledger.ranked(None)]
    assert sorted(ranked, key=slow.rank) == ranked
