"""Boxes: whom the secret of an epoch may be given, and which event created it."""

from __future__ import annotations

import pytest

from envoy.core.bodies import EpochCreate
from envoy.state.authority import Judgement
from envoy.state.authority_views import Views
from envoy.state.epochs import created, may_read
from state.delivery import deliver
from state.log import Log, Place, did, named
from state.stories import after, cast


def known(log: Log) -> tuple[Judgement, Views]:
    """Return the judgement and the views of a replica that has it all."""
    replica = deliver(log, log.nodes)
    assert replica.judgement is not None and replica.views is not None
    return replica.judgement, replica.views


def let_in(log: Log, number: str) -> set[str]:
    """Return who may be given a box of an epoch, of those whom a story knows."""
    judgement, views = known(log)
    create = created(judgement, named(number))
    assert create is not None
    return {one for one in "OBCWUZ" if may_read(judgement, create, did(one), views)}


def test_a_box_is_for_whom_the_epoch_was_made_and_who_still_reads() -> None:
    log = Log()
    cast(log, "U")
    log.epoch("e", "B", "OBCWU")
    assert let_in(log, "e") == set("OBCWU")
    log.remove("r", "B", "W", after("e"))
    assert let_in(log, "e") == set("OBCU")


def test_who_came_by_a_grant_that_the_epoch_did_not_know_is_given_a_box() -> None:
    log = Log()
    cast(log)
    log.epoch("e", "B", "OBCW")
    log.grant("gZ", "C", "Z", "read", after("e"))
    assert let_in(log, "e") == set("OBCWZ")


def test_whom_an_epoch_was_made_against_stays_out_and_who_was_forgotten_does_not() -> None:
    log = Log()
    cast(log, "U")
    log.epoch("e", "B", "OBC")  # leaves out two that read
    assert let_in(log, "e") == set("OBCWU")
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W")
    log.epoch("e", "B", "OBCU", after("r"))
    assert let_in(log, "e") == set("OBCU")
    log.role("again", "O", "U", "write", after("r"))  # a second grant, beside the epoch
    assert let_in(log, "e") == set("OBCU")


def test_who_is_in_again_by_a_new_grant_is_given_a_box_of_an_epoch_made_against_it() -> None:
    log = Log()
    cast(log, "U")
    log.remove("r", "B", "W")
    log.epoch("e", "B", "OBCU", after("r"))
    log.grant("back", "O", "W", "write", after("e"))
    assert let_in(log, "e") == set("OBCUW")


@pytest.mark.parametrize(
    ("readers", "found"),
    [
        pytest.param("OBCUW", "OBUW", id="who was named is given a box"),
        pytest.param("OBCU", "OBU", id="whom it was made against is not"),
    ],
)
def test_who_is_in_again_because_its_removal_was_undone(readers: str, found: str) -> None:
    log = Log()
    cast(log, "U")
    log.remove("x", "C", "W")
    log.epoch("e", "B", readers, after("x"))
    log.remove("r", "O", "C", after("e"), undo=["x"])
    assert let_in(log, "e") == set(found)


def test_one_grant_that_the_epoch_did_not_know_is_enough() -> None:
    log = Log()
    cast(log, "U")
    log.remove("x", "C", "W")
    log.epoch("e", "B", "OBCU", after("x"))
    log.remove("r", "O", "C", after("e"), undo=["x"])
    log.grant("two", "O", "W", "read", after("e"))
    assert let_in(log, "e") == set("OBUW")


def test_of_events_that_create_one_epoch_the_first_that_counts_is_its_creation() -> None:
    log = Log()
    cast(log)
    body = EpochCreate(1, bytes(16), bytes(32), ())
    log.remove("r", "O", "C")
    for name, by, number in (("lost", "C", 1), ("late", "B", 3), ("first", "B", 2)):
        log.tell(name, by, "epoch.create", body, Place(id=number), epoch="e")
    judgement, _ = known(log)
    assert not judgement.is_ok(log.key("lost"))
    found = created(judgement, named("e"))
    assert found is not None and log.names[found.id] == "first"


def test_an_epoch_whose_creations_are_all_lost_has_the_first_of_them_and_another_none() -> None:
    log = Log()
    cast(log)
    body = EpochCreate(1, bytes(16), bytes(32), ())
    log.remove("r", "O", "C")
    for name, number in (("late", 2), ("early", 1)):
        log.tell(name, "C", "epoch.create", body, Place(id=number), epoch="e")
    log.tell("bad", "W", "epoch.create", body, Place(id=0), epoch="f", creates=False)
    judgement, _ = known(log)
    found = created(judgement, named("e"))
    assert found is not None and log.names[found.id] == "early"
    assert created(judgement, named("f")) is None, "one that breaks a rule creates nothing"
    genesis = created(judgement, named("E0"))
    assert genesis is not None and genesis.kind == "genesis"
