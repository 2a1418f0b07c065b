"""What an admin's client says in the place of an act dated ahead: what that ended, and no more."""

from __future__ import annotations

from envoy.core.bodies import Remove, Revoke
from envoy.core.capability import CAPS
from envoy.core.structs import Body
from envoy.state.authority import Judgement
from envoy.state.epochs import Duty, may_read, repeated, to_repeat, to_revoke, uncovered
from state.log import Log, did, named
from state.stories import after, cast, only
from state.test_epochs import AHEAD, NOW, known, planned


def told(log: Log, found: list[Body]) -> list[str]:
    """Return acts in names: "-W" removes W, "-W/gN" undoes gN as well, "gN" revokes gN."""
    names = list[str]()
    for body in found:
        match body:
            case Remove(subject=subject, undo=undo):
                names.append(
                    "/".join([f"-{log.names[subject]}", *(log.names[one] for one in undo)])
                )
            case Revoke(target=target):
                names.append(log.names[target])
    return names


def again(log: Log, act: str) -> list[str]:
    """Return what is said in the place of ``act``, by the grant alone."""
    replica, judgement, _ = known(log)
    return told(log, repeated(replica.auth[act], judgement, latest=NOW))


def asked(log: Log, author: str, act: str) -> list[str]:
    """Return what ``author`` says in the place of ``act``."""
    replica, judgement, _ = known(log)
    found = to_repeat(judgement, (replica.auth[act],), author=did(author), latest=NOW)
    assert isinstance(found, list)
    return told(log, found)


def open_acts(log: Log) -> list[str]:
    """Return the acts ahead that no other stands for."""
    return [log.names[one.id] for one in uncovered(known(log)[1], latest=NOW)]


# -- grants that came to nothing ------------------------------------------------------------------


def test_whom_the_removed_let_in_beside_it_is_ended_too() -> None:
    log = Log()
    cast(log, "U")
    log.grant("gN", "C", "N", "write")
    log.remove("r", "B", "C", after(ts=AHEAD))
    log.remove("s", "O", "U", after(ts=AHEAD))
    assert again(log, "r") == ["-C", "gN"]
    assert again(log, "s") == ["-U"]


def test_a_second_end_of_what_was_let_in_is_all_that_has_to_be_said() -> None:
    log = Log()
    cast(log, "U")
    log.grant("gN", "C", "N", "write")
    log.remove("r", "B", "C", after(ts=AHEAD))
    log.remove("s", "O", "C", after(ts=NOW))
    assert open_acts(log) == ["r"], "gN is void by both, and ended by neither"
    log.revoke("t", "O", "gN", after(ts=NOW))
    assert again(log, "r") == ["-C"] and open_acts(log) == []


def test_invites_that_came_to_nothing_are_ended_and_codes_for_approval_are_not() -> None:
    log = Log()
    cast(log)
    log.invite("i", "C")
    log.invite("a", "C", mode="approve")
    log.remove("r", "B", "C", after(ts=AHEAD))
    assert again(log, "r") == ["-C", "i"]


# -- what a removal undid -------------------------------------------------------------------------


def test_a_removal_undoes_again_what_it_undid_and_names_nothing_else() -> None:
    log = Log()
    cast(log, "U", settle=False)
    log.grant("gN", "C", "N", "write", only("gU"))
    log.grant("gM", "B", "M", "write", only("gN"))
    log.settle()
    log.remove("r", "B", "C", after(ts=AHEAD), undo=("gN", "gM", "nothing"))
    assert again(log, "r") == ["-C/gN", "gN"]


def test_what_another_removal_undid_is_for_that_to_say() -> None:
    log = Log()
    cast(log, "D", settle=False)
    log.grant("gN", "C", "N", "write", only("gD"))
    log.grant("gM", "D", "M", "write", only("gN"))
    log.settle()
    log.grant("gL", "D", "L", "write")
    log.remove("r", "B", "C", after(ts=AHEAD), undo=("gL", "gM"))
    log.remove("s", "B", "D", after(ts=AHEAD), undo=("gM",))
    log.remove("t", "O", "D", after(ts=AHEAD))
    assert again(log, "r") == ["-C"], "what it names is not of whom it removed"
    assert again(log, "s") == ["-D/gM", "gM", "gL"]
    assert again(log, "t") == ["-D", "gL"]


def test_a_void_removal_ahead_stands_for_nothing_that_another_undid() -> None:
    log = Log()
    cast(log, "DU", settle=False)
    log.grant("gN", "D", "N", "write", only("gU"))
    log.settle()
    log.remove("r", "C", "D", after(ts=AHEAD), undo=("gN",))
    log.remove("c", "B", "C", after(ts=NOW))  # beside r, which is void
    log.remove("s", "B", "D", after(ts=NOW), undo=("gN",))
    assert open_acts(log) == []
    assert planned(log, "U") == (Duty.ROTATE, None, [], False)


# -- one by one, or whole -------------------------------------------------------------------------


def test_who_was_let_in_again_is_not_removed_again() -> None:
    log = Log()
    cast(log, "U", settle=False)
    log.role("two", "O", "W", "read", only("gU"))
    log.settle()
    log.remove("r", "B", "W", after(ts=AHEAD))
    log.revoke("s", "C", "gW", after(ts=NOW))
    assert again(log, "r") == ["-W"]
    log.grant("new", "O", "W", "write", after("r", ts=AHEAD))
    assert again(log, "r") == ["two"], "gW has an end that can be cited"


def test_the_reason_of_a_removal_is_said_again() -> None:
    log = Log()
    cast(log, "U")
    body = Remove(log.who("W"), "why", ())
    log.tell("r", "B", "remove", body, after(ts=AHEAD))
    replica, judgement, _ = known(log)
    assert repeated(replica.auth["r"], judgement, latest=NOW) == [body]


def test_a_revocation_is_said_again_as_one_though_its_author_is_out() -> None:
    log = Log()
    cast(log, "U")
    log.revoke("r", "B", "gU", after(ts=AHEAD))
    log.remove("x", "O", "B", after("r", ts=AHEAD))
    assert again(log, "r") == ["gU"]


def test_a_leave_is_said_again_for_who_left_and_a_demotion_not_at_all() -> None:
    log = Log()
    cast(log, "Yw")
    log.leave("l", "W", after(ts=AHEAD))
    log.role("d", "O", "C", "read", after(ts=AHEAD))
    assert again(log, "l") == ["-W"], "Y reads on by its own grant, the delegation ends with W"
    assert again(log, "d") == []


# -- who says it ----------------------------------------------------------------------------------


def test_what_was_said_in_vain_is_not_said_twice_by_the_same() -> None:
    log = Log()
    cast(log, "DU")
    log.revoke("r", "O", "gB", after(ts=AHEAD))
    log.revoke("s", "C", "gB", after(ts=NOW))
    assert asked(log, "C", "r") == []
    assert asked(log, "D", "r") == ["gB"]
    assert asked(log, "U", "r") == []


def test_what_was_said_ahead_as_well_is_said_again() -> None:
    log = Log()
    cast(log, "D")
    log.revoke("r", "O", "gB", after(ts=AHEAD))
    log.revoke("s", "C", "gB", after(ts=NOW + 1))
    assert asked(log, "C", "r") == ["gB"]


def test_an_admin_by_a_grant_dated_ahead_says_nothing_yet() -> None:
    log = Log()
    cast(log, "U")
    log.grant("gN", "O", "N", "admin", after(ts=AHEAD))
    log.remove("r", "B", "W", after(ts=AHEAD))
    assert asked(log, "N", "r") == [] and asked(log, "C", "r") == ["-W"]


def test_the_founder_acts_by_the_genesis_whatever_its_time() -> None:
    log = Log()
    cast(log)
    judgement: Judgement = known(log)[1]
    founder = judgement.acting(did("O"), CAPS["own"], latest=-1)
    assert founder is not None and founder.kind == "genesis"
    assert judgement.acting(did("B"), CAPS["grant"], latest=-1) is None
    assert judgement.acting(did("B"), CAPS["grant"], latest=0) is not None


# -- boxes and invites ----------------------------------------------------------------------------


def test_whom_an_epoch_left_out_gets_no_box_once_it_is_out() -> None:
    log = Log()
    cast(log, "U")
    log.epoch("E1", "B", "OBCU")  # W is missing
    replica, judgement, views = known(log)
    assert may_read(judgement, replica.auth["E1"], did("W"), views)
    log.remove("r", "B", "W")
    replica, judgement, views = known(log)
    assert not may_read(judgement, replica.auth["E1"], did("W"), views)


def test_invites_to_revoke_come_by_their_ids() -> None:
    log = Log()
    cast(log, settle=False)
    invites, last = "abcdef", "gW"
    for name in invites:
        last = log.invite(name, "B", only(last), uses=2)
    log.settle()
    log.remove("r", "B", "W")
    assert to_revoke(known(log)[1]) == sorted(map(named, invites)) != list(map(named, invites))
