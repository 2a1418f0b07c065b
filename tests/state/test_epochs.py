"""Epochs: what is to be done before the next write, and which epochs nobody may trust."""

from __future__ import annotations

import pytest

from envoy.core.bodies import EpochCreate, Remove, Revoke
from envoy.state.authority import Judgement
from envoy.state.authority_views import Views
from envoy.state.epochs import (
    Duty,
    Plan,
    current,
    is_adequate,
    is_sound,
    may_read,
    plan,
    read_ending,
    recipients,
    repeated,
    to_revoke,
)
from state.delivery import Replica, deliver
from state.every_story import story_named
from state.log import DAY_MS, Log, Place, did, named
from state.stories import after, cast, only

NOW = 1_000
AHEAD = 10 * 365 * DAY_MS


def known(log: Log) -> tuple[Replica, Judgement, Views]:
    """Return a replica that has it all, with its judgement and views."""
    replica = deliver(log, log.nodes)
    assert replica.judgement is not None and replica.views is not None
    return replica, replica.judgement, replica.views


def planned(log: Log, author: str) -> tuple[Duty, str | None, list[str], bool]:
    """Return what ``author`` has to do before the next write, in names."""
    _, judgement, views = known(log)
    found: Plan = plan(judgement, views, author=did(author), latest=NOW)
    epoch = None if found.epoch is None else log.names[found.epoch.id]
    return found.duty, epoch, [log.names[one.id] for one in found.acts], found.flagged


def test_without_a_cause_one_writes_under_the_epoch_there_is() -> None:
    log = Log()
    cast(log)
    assert planned(log, "W") == (Duty.WRITE, "genesis", [], False)


def test_after_a_removal_the_next_writer_rotates_whoever_it_is() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W")
    for author in "BCU":
        assert planned(log, author) == (Duty.ROTATE, None, [], False)


def test_a_removal_dated_ahead_is_repeated_by_an_admin_and_stops_a_writer() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W", after(ts=AHEAD))
    assert planned(log, "C") == (Duty.REPEAT, None, ["r"], False)
    assert planned(log, "U") == (Duty.REFUSE, None, ["r"], False)


def test_a_repeated_removal_stands_for_the_one_that_cannot_be_cited() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W", after(ts=AHEAD))
    log.remove("s", "C", "W", after(ts=NOW))
    assert planned(log, "U") == (Duty.ROTATE, None, [], False)
    log.epoch("E1", "C", "OBCU", after("s"))
    assert planned(log, "U") == (Duty.WRITE, "E1", [], False)


def test_beside_a_leave_dated_ahead_one_writes_flagged() -> None:
    log = Log()
    cast(log, "U")
    log.leave("l", "W", after(ts=AHEAD))
    assert planned(log, "U") == (Duty.WRITE, "genesis", ["l"], True)
    assert planned(log, "C") == (Duty.REPEAT, None, ["l"], False)
    log.remove("s", "C", "W", after(ts=NOW))  # how an admin repeats a leave
    assert planned(log, "U") == (Duty.ROTATE, None, [], False)


def test_an_admin_says_again_what_an_act_ended_and_no_more() -> None:
    log = Log()
    cast(log, "U")
    log.leave("l", "W", after(ts=AHEAD))
    log.revoke("r", "B", "gU", after(ts=AHEAD))
    replica, judgement, _ = known(log)
    leave, revoke = (repeated(replica.auth[one], judgement, latest=NOW) for one in "lr")
    said = replica.auth["r"].body
    assert isinstance(said, Revoke)
    assert leave == [Remove(did("W"), "", ())]
    assert revoke == [Revoke(said.target, "")]


def test_beside_a_leave_dated_ahead_a_removal_is_still_covered_first() -> None:
    log = Log()
    cast(log, "UV")
    log.leave("l", "V", after(ts=AHEAD))
    log.remove("r", "B", "W", after(ts=NOW))
    assert planned(log, "U") == (Duty.ROTATE, None, ["l"], True)


def test_a_removal_ahead_that_ends_nothing_stops_nobody() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "Z", after(ts=AHEAD))
    for author in "CU":
        assert planned(log, author) == (Duty.WRITE, "genesis", [], False)


def test_a_removal_stands_for_a_revoke_that_cannot_be_cited() -> None:
    log = Log()
    cast(log, "U")
    log.revoke("r", "B", "gW", after(ts=AHEAD))
    assert planned(log, "U") == (Duty.WRITE, "genesis", ["r"], True)
    assert planned(log, "C") == (Duty.REPEAT, None, ["r"], False)
    log.remove("s", "C", "W", after(ts=NOW))
    assert planned(log, "U") == (Duty.ROTATE, None, [], False)


def test_a_revoke_of_one_grant_does_not_stand_for_a_removal_from_two() -> None:
    log = Log()
    cast(log, "U", settle=False)
    log.role("two", "O", "W", "read", only("gU"))
    log.settle()
    log.remove("r", "B", "W", after(ts=AHEAD))
    log.revoke("s", "C", "gW", after(ts=NOW))
    assert planned(log, "U")[:3] == (Duty.REFUSE, None, ["r"])
    log.revoke("t", "C", "two", after(ts=NOW))
    assert planned(log, "U") == (Duty.ROTATE, None, [], False)


def test_a_removal_ahead_that_an_epoch_covers_stops_nobody() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W", after(ts=AHEAD))
    log.epoch("E1", "B", "OBCU", after("r"))
    for author in "CU":
        assert planned(log, author) == (Duty.WRITE, "E1", [], False)


def test_only_read_ending_acts_stand_in_the_way() -> None:
    log = Log()
    cast(log, "U")
    log.grant("gN", "B", "N", "read", after(ts=AHEAD))
    log.remove("r", "B", "W", after(ts=NOW))
    assert planned(log, "C") == (Duty.ROTATE, None, [], False)


def test_ahead_ends_at_the_last_citable_millisecond() -> None:
    for ts, duty in ((NOW, Duty.ROTATE), (NOW + 1, Duty.REFUSE)):
        log = Log()
        cast(log, "U")
        log.remove("r", "B", "W", after(ts=ts))
        assert planned(log, "U")[0] is duty


# -- what an admin's client revokes -------------------------------------------------------------


def revocable(log: Log) -> list[str]:
    """Return the names of the invites that an admin's client revokes."""
    return sorted(log.names[one] for one in to_revoke(known(log)[1]))


def test_used_up_and_overused_invites_are_revoked_unused_ones_are_not() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), uses=2)
    log.invite("k", "B", only("i"), uses=2)
    log.settle()
    log.join("jX", "X", "i")
    assert revocable(log) == []
    log.join("jY", "Y", "i")
    assert revocable(log) == ["i"]
    log.join("jZ", "Z", "i")
    assert revocable(log) == ["i"]
    log.revoke("v", "C", "i")
    assert revocable(log) == []


def test_open_invites_older_than_a_removal_are_revoked() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), uses=5)
    log.invite("a", "B", only("i"), mode="approve")
    log.settle()
    log.remove("x", "W", "C")  # invalid: no reason
    assert revocable(log) == []
    log.remove("r", "B", "W")
    log.invite("k", "C", uses=5)  # made beside the removal
    log.invite("n", "C", after("r"), uses=5)
    assert revocable(log) == ["i", "k"]


def test_invites_past_their_end_are_revoked() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), uses=2)
    log.settle()
    judgement = known(log)[1]
    (invite,) = judgement.open_invites()
    na = judgement.ledger.grants[invite].na
    assert na is not None
    assert to_revoke(judgement, before=na) == [] and to_revoke(judgement, before=na + 1) == [invite]


def test_no_invite_is_past_its_end_while_no_time_is_told() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), uses=2, na=0)
    log.settle()
    judgement = known(log)[1]
    assert to_revoke(judgement) == [] and to_revoke(judgement, before=1) == [named("i")]


def test_a_void_removal_is_no_reason_to_revoke() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), uses=5)
    log.settle()
    log.remove("x", "C", "W")
    log.role("r", "O", "C", "write")
    assert revocable(log) == []


# -- recipients ----------------------------------------------------------------------------------


def test_recipients_are_readers_and_open_invites_ascending() -> None:
    log = Log()
    cast(log, "dYw", settle=False)
    log.invite("i", "B", only("w"), uses=2)
    log.invite("a", "B", only("i"), mode="approve")
    log.settle()
    _, judgement, views = known(log)
    expect = sorted([*map(did, "OBCWXY"), named("i")])
    assert recipients(judgement) == expect
    assert recipients(views.citable(NOW)) == expect


def test_an_epoch_written_now_is_for_the_readers_one_may_cite() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W", after(ts=AHEAD))
    log.grant("gN", "C", "N", "read", after(ts=NOW))
    _, judgement, views = known(log)
    assert recipients(judgement) == sorted(map(did, "OBCUN"))
    assert recipients(views.citable(NOW)) == sorted(map(did, "OBCUWN"))


# -- soundness -----------------------------------------------------------------------------------


def test_soundness_is_computed_once_and_kept() -> None:
    log = Log()
    story_named("52").tell(log)
    replica, judgement, views = known(log)
    first = current(judgement, views)
    # Only what could be written under is looked into, and each is looked into once.
    assert views.sound[replica.auth["E4"].id] is True
    assert views.sound[replica.auth["E1"].id] is False
    views.sound[replica.auth["E4"].id] = False
    assert first is not None and first.id == replica.auth["E4"].id
    assert current(judgement, views) is None


@pytest.mark.parametrize(
    ("number", "name", "sound", "adequate"),
    [
        pytest.param("52", "E1", False, False, id="a reader is missing"),
        pytest.param("52", "E2", False, False, id="an open invite is missing"),
        pytest.param("52", "E3", False, False, id="an outsider was added"),
        pytest.param("52", "E4", True, True, id="all readers and open invites"),
        pytest.param("52c", "E1", False, False, id="its fields do not give it"),
        pytest.param("53", "E1", False, False, id="a writer without cause"),
        pytest.param("53b", "E1", True, True, id="an admin without cause"),
        pytest.param("54", "Ea", True, False, id="sound, but a removal is not covered"),
        pytest.param("54b", "Em", True, True, id="both removals are covered"),
        pytest.param("55", "E1", True, False, id="sound, but its creator is out"),
        pytest.param("55b", "E1", True, False, id="sound, but void"),
        pytest.param("53c", "E1", True, True, id="first new keys"),
        pytest.param("53c", "E2", False, False, id="new keys within a day"),
        pytest.param("53d", "E2", True, True, id="new keys after a day"),
        pytest.param("53d", "E3", False, False, id="keys that an adequate epoch covers"),
    ],
)
def test_sound_for_ever_adequate_in_a_view(
    number: str, name: str, sound: bool, adequate: bool
) -> None:
    log = Log()
    story_named(number).tell(log)
    replica, judgement, views = known(log)
    create = replica.auth[name]
    assert is_sound(create, views) is sound
    assert is_adequate(create, judgement, views) is adequate


def test_an_epoch_without_usable_keys_for_a_reader_is_sound() -> None:
    log = Log()
    cast(log)
    log.epoch("E1", "B", "OBCW")
    replica, _, views = known(log)
    body = replica.auth["E1"].body
    assert isinstance(body, EpochCreate) and {one.kid for one in body.rcpt} == {None}
    assert is_sound(replica.auth["E1"], views)


def test_two_create_events_of_one_epoch_are_one_epoch() -> None:
    log = Log()
    cast(log)
    log.remove("r", "B", "W")
    place = after("r")
    log.epoch("E1", "B", "OBC", place)
    body = log.nodes["E1"].body
    log.tell("twin", "B", "epoch.create", body, Place(after=("r", "E1")), epoch="E1")
    replica, judgement, views = known(log)
    found = current(judgement, views)
    assert found is not None and found.id == replica.auth["E1"].id


def test_of_two_create_events_beside_each_other_the_first_in_order_is_the_epochs() -> None:
    log = Log()
    cast(log)
    log.remove("r", "B", "W")
    log.epoch("E1", "B", "OBC", Place(after=("r",), id=2))
    body = log.nodes["E1"].body
    log.tell("twin", "C", "epoch.create", body, Place(after=("r",), id=1), epoch="E1")
    for order in (("E1", "twin"), ("twin", "E1")):
        replica = deliver(log, [*(name for name in log.nodes if name not in order), *order])
        assert replica.judgement is not None and replica.views is not None
        found = current(replica.judgement, replica.views)
        assert found is not None and log.names[found.id] == "twin"


def test_whether_an_epoch_is_sound_is_asked_of_what_came_before_it_alone() -> None:
    log = Log()
    cast(log)
    log.epoch("E1", "B", "OBCW")
    log.epoch("beside", "C", "OBCW")
    log.epoch("later", "B", "OBCW", after("E1"))
    replica, _, views = known(log)
    assert is_sound(replica.auth["E1"], views)
    assert views.sound.keys() == {replica.auth[name].id for name in ("genesis", "E1")}


def test_keys_within_a_day_take_nothing_from_those_a_day_later() -> None:
    log = Log()
    cast(log)
    log.keys("k", "W", after(ts=1000))
    log.epoch("E1", "W", "OBCW", after("k"))
    log.keys("soon", "W", after("E1", ts=2000))
    log.epoch("E2", "W", "OBCW", after("soon"))
    log.keys("due", "W", after("soon", ts=2000 + DAY_MS))
    log.epoch("E3", "W", "OBCW", after("due"))
    replica, _, views = known(log)
    found = [is_sound(replica.auth[name], views) for name in ("E1", "E2", "E3")]
    assert found == [True, False, True]


def test_beside_an_unsound_epoch_alone_a_writer_has_cause_for_another() -> None:
    for readers, sound in (("OBC", False), ("OBCU", True)):  # U is left out, or nobody is
        log = Log()
        cast(log, "U")
        log.remove("r", "B", "W")
        log.epoch("E1", "C", readers, after("r"))
        log.epoch("E2", "U", "OBCU", after("E1"))
        replica, _, views = known(log)
        assert is_sound(replica.auth["E1"], views) is sound
        assert is_sound(replica.auth["E2"], views) is not sound


def test_a_long_line_of_epochs_is_no_deep_recursion() -> None:
    log = Log()
    cast(log, "U", settle=False)
    last = "gU"
    for number in range(60):
        log.keys(f"k{number}", "U", Place(only=(last,), ts=number * DAY_MS))
        last = log.epoch(f"E{number}", "U", "OBCWU", only(f"k{number}"))
    log.settle()
    replica, _, _ = known(log)
    assert replica.judgement is not None
    fresh = Views(replica.judgement.ledger, replica)
    assert is_sound(replica.auth[last], fresh)
    assert len(fresh.sound) == 61


# -- read-ending acts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "acts"),
    [
        pytest.param("1", ["r"], id="a removal"),
        pytest.param("5", ["r"], id="a removal without effect: only admins can"),
        pytest.param("4", ["x"], id="a void removal does not count"),
        pytest.param("18b", ["r"], id="the revoke of an admin's delegation"),
        pytest.param("18c", [], id="the revoke of a member's delegation"),
        pytest.param("60", [], id="a revoke without effect"),
        pytest.param("61", ["r"], id="a demotion that ends invites and delegates"),
        pytest.param("61b", [], id="a demotion that ends none"),
        pytest.param("62", ["r"], id="the revoke of a role"),
        pytest.param("63", ["l"], id="a leave"),
        pytest.param("63b", ["r"], id="a leave beside a removal of the same member"),
        pytest.param("43", ["v"], id="the revoke of an open invite"),
        pytest.param("33", ["x", "y"], id="two leaves, one invalid"),
    ],
)
def test_read_ending_acts(number: str, acts: list[str]) -> None:
    log = Log()
    story_named(number).tell(log)
    _, judgement, _ = known(log)
    found = read_ending(judgement)
    events = judgement.ledger.events
    assert [log.names[one.id] for one in events if found >> one.index & 1] == acts


def test_the_revoke_of_an_approve_invite_ends_no_reading() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), mode="approve")
    log.settle()
    log.revoke("r", "B", "i")
    assert read_ending(known(log)[1]) == 0


def test_the_leave_of_an_inviter_is_covered_as_its_own_end_not_as_that_of_its_invites() -> None:
    log = Log()
    cast(log, settle=False)
    log.invite("i", "B", only("gW"))
    log.settle()
    log.leave("l", "B")
    _, judgement, _ = known(log)
    assert not judgement.is_live(named("i"))
    assert read_ending(judgement).bit_count() == 1


def test_a_delegate_with_a_role_reads_on_when_the_delegation_is_revoked() -> None:
    log = Log()
    cast(log, "d", settle=False)
    log.grant("gX", "O", "X", "read", only("d"))
    log.settle()
    log.revoke("r", "B", "d")
    assert read_ending(known(log)[1]) == 0


def test_the_first_epoch_is_for_the_founder_and_for_who_came_later() -> None:
    log = Log()
    cast(log)
    log.remove("r", "B", "W")
    _, judgement, views = known(log)
    genesis = judgement.ledger.events[0]
    found = {one for one in "OBWZ" if may_read(judgement, genesis, did(one), views)}
    assert found == {"O", "B"}
