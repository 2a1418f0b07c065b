"""Several processes and profiles at one link: what each leaves, writes and may do stays its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.core.structs import Body
from envoy.errors import IntegrityError, NotFoundError, RelayError
from envoy.hub import links as linking
from envoy.hub import peek
from envoy.hub.bridge import Moved
from envoy.hub.links import ACCESS
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal
from hub.far import FarRelay, Machine
from hub.scenes import SPACE, G, envelope, epoch_head, put_epoch
from hub.test_bridge import OWNER, Scene, inconsistent

OTHER = bytes(31) + b"\x08"
HEAD, EPOCH = epoch_head(SPACE, "t")
PUT = frames.EpochPut(SPACE, EPOCH, HEAD)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.links.close()


def leave(at: Scene, name: str, call: Body, owner: bytes) -> None:
    at.links.send_later(SPACE, name, encode(call), owner=owner)


# -- errands have an owner ---------------------------------------------------------------------


@pytest.mark.parametrize("code", ["read_only", "capability_missing", "malformed"])
def test_who_may_only_read_strikes_off_nothing_that_another_profile_left(
    at: Scene, code: str
) -> None:
    at.sync()
    leave(at, "epoch_put", PUT, OTHER)
    at.near("one")
    at.relay.refused[frames.EpochPut] = code
    assert at.sync() == Moved(1, 0)  # and it bars nothing
    assert [one.owner for one in at.links.errands(SPACE, 0, 9)] == [OTHER]
    assert at.bridge.pending() == 0  # it is none of this profile's
    at.relay.refused.clear()
    at.relay.who = OTHER
    assert at.bridge.pending() == 1
    at.sync()
    assert at.relay.hub.store.find_epoch(SPACE, EPOCH) is not None
    assert at.links.errands(SPACE, 0, 9) == []


def test_who_may_brings_what_another_profile_left(at: Scene) -> None:
    at.sync()
    leave(at, "epoch_put", PUT, OTHER)
    at.sync()
    assert at.relay.hub.store.find_epoch(SPACE, EPOCH) is not None
    assert at.links.errands(SPACE, 0, 9) == []


def test_a_relay_that_is_in_no_state_to_answer_is_told_of_whoever_left_it(at: Scene) -> None:
    at.sync()
    leave(at, "epoch_put", PUT, OTHER)
    at.relay.refused[frames.EpochPut] = "relay_unavailable"
    with pytest.raises(HubRefusal) as caught:
        at.sync()
    assert caught.value.code == "relay_unavailable"


def test_the_same_call_of_two_profiles_waits_for_both(at: Scene) -> None:
    for owner in (OWNER, OWNER, OTHER):
        leave(at, "epoch_put", PUT, owner)
    assert [one.owner for one in at.links.errands(SPACE, 0, 9)] == [OWNER, OTHER]


def test_links_of_the_version_before_keep_what_waits(tmp_path: Path) -> None:
    at = Scene(tmp_path)
    leave(at, "epoch_put", PUT, OWNER)
    at.links.save(at.link._replace(statement=b"of another form"))
    connection = at.links._connection
    connection.run("ALTER TABLE errand DROP COLUMN owner")
    connection.run("ALTER TABLE link DROP COLUMN isolated")
    connection.run("PRAGMA user_version=1")
    connection.run("UPDATE meta SET v = ? WHERE k = 'schema'", ((1).to_bytes(8),))
    at.links.close()
    at.links = linking.open_links(str(tmp_path / "local"))
    (errand,) = at.links.errands(SPACE, 0, 9)
    assert (errand.name, errand.owner, at.link.statement) == ("epoch_put", b"", None)
    at.bridge = at.a_bridge()
    at.sync()
    assert at.links.errands(SPACE, 0, 9) == []
    at.links.close()


def test_links_from_before_there_were_isolated_ones_are_none(tmp_path: Path) -> None:
    at = Scene(tmp_path)
    connection, before = at.links._connection, at.link
    heads, path = {SPACE: 7}, str(tmp_path / "local" / "links.db")
    connection.run("ALTER TABLE link DROP COLUMN isolated")
    connection.run("PRAGMA user_version=2")
    connection.run("UPDATE meta SET v = ? WHERE k = 'schema'", ((2).to_bytes(8),))
    told = peek.relays(path, heads)[SPACE]  # who only reads finds the file as it is
    at.links.close()
    at.links = linking.open_links(str(tmp_path / "local"))
    assert (at.link, told.waiting, told.isolated) == (before, 7, False)
    at.links.change(SPACE, isolated=1)
    assert peek.relays(path, heads)[SPACE] == told._replace(isolated=True)
    at.links.close()


# -- a statement that the relay knows another one of -------------------------------------------


def test_a_statement_that_is_stale_is_noted_and_not_lost_in_silence(at: Scene) -> None:
    at.sync()
    leave(at, "access_put", access.AccessPut(SPACE, (), b"signed"), OWNER)
    at.relay.refused[access.AccessPut] = "stale"
    at.sync()
    assert at.links.is_marked(ACCESS, SPACE)
    assert at.links.errands(SPACE, 0, 9) == []
    at.links.drop(SPACE)
    assert not at.links.is_marked(ACCESS, SPACE)


# -- two processes at one row --------------------------------------------------------------------


def test_what_another_process_writes_while_a_call_is_out_stays(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.near("two")
    other = linking.open_links(str(Path(at.local.store.connection.path).parent))

    def meanwhile(reply: Body) -> Body:
        other.change(SPACE, statement=encode((b"root's",)), hub_key=at.link.hub_key)
        return reply

    at.relay.lie = meanwhile
    at.sync()
    other.close()
    assert at.link.statement == encode((b"root's",))
    assert at.link.pushed == 2


@pytest.mark.parametrize("kind", [frames.Pushed, frames.Pulled])
def test_a_link_that_another_process_forgot_ends_the_work_quietly(
    at: Scene, kind: type[Body]
) -> None:
    at.near("one")
    at.sync()
    at.near("two")
    put_epoch(at.local)

    def meanwhile(reply: Body) -> Body:
        if isinstance(reply, kind):
            at.links.drop(SPACE)
        return reply

    at.relay.lie = meanwhile
    assert at.sync() in (Moved(0, 0), Moved(1, 0))
    assert at.links.find(SPACE) is None  # and nothing of it came back
    assert at.bridge.pending() == 0
    assert at.sync() == Moved(0, 0)


def test_what_a_person_asked_for_tells_that_the_link_is_gone(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.links.drop(SPACE)
    with pytest.raises(NotFoundError):
        at.bridge.compare(go=lambda: True)


# -- a relay that begins anew --------------------------------------------------------------------


def test_a_relay_that_signed_two_logs_is_told_of_once_and_then_filled(at: Scene) -> None:
    at.near("one")
    epoch = put_epoch(at.local)
    at.sync()
    store = at.relay.hub.store
    row = store.find_space(SPACE)
    assert row is not None
    with store.transaction():  # an old copy of its files, under the old instance
        start = frames.chain_start(store.instance, SPACE)
        store.save_space(row._replace(head=0, h=start, sum=bytes(32), frame_count=0))
        store.connection.run("DELETE FROM frame")
        store.connection.run("DELETE FROM epoch")
    at.near("two")
    error = inconsistent(at.sync)
    assert error.details["signed"] != error.details["other"]
    at.sync()
    assert at.both()[0] == at.both()[1]
    assert len(at.both()[0]) == 2
    assert store.find_epoch(SPACE, epoch) is not None


def test_what_a_relay_did_not_sign_for_bars_nothing_that_comes_down(at: Scene) -> None:
    at.near("one")
    at.sync()
    at.far("theirs")
    at.near("two")
    at.links.change(SPACE, hub_key=bytes(32))
    inconsistent(at.sync)
    assert frames.frame_id(envelope("theirs")) in at.both()[0]
    at.links.change(SPACE, hub_key=at.relay.hub.handler.hub_key)
    at.sync()
    assert at.both()[0] == at.both()[1]


# -- very much that is missing -------------------------------------------------------------------


def test_more_than_one_run_notes_is_fetched_in_parts(
    at: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECON_IDS_MAX", 100)
    at.sync()
    at.near("mine")
    at.far(*(f"far {number}" for number in range(700)))
    compared = at.bridge.compare(go=lambda: True)
    assert (len(compared.came), len(compared.went)) == (700, 1)
    assert at.both()[0] == at.both()[1]
    assert at.sync() == Moved(0, 0)


def test_a_relay_that_names_without_end_what_it_does_not_give_is_none(
    at: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECON_IDS_MAX", 10)
    at.sync()
    at.far(*(f"far {number}" for number in range(50)))
    at.relay.lie = lambda reply: frames.Found(()) if isinstance(reply, frames.Found) else reply
    with pytest.raises(IntegrityError) as caught:
        at.bridge.compare(go=lambda: True)
    assert caught.value.code == "relay_inconsistent"
    assert caught.value.details["cursor"] == 0


def test_the_time_that_is_over_ends_a_comparison_between_its_parts(
    at: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECON_IDS_MAX", 100)
    at.sync()
    at.far(*(f"far {number}" for number in range(1500)))
    left = iter([True] * 6)
    came = at.bridge.compare(go=lambda: next(left, False)).came
    assert 0 < len(came) < 1500
    at.bridge.compare(go=lambda: True)
    assert at.both()[0] == at.both()[1]


# -- who connects again --------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    relay = FarRelay(tmp_path / "far")
    found = Machine(tmp_path / "machine", relay)
    found.connect()
    yield found
    found.close()
    relay.close()


def test_who_connects_again_gives_the_new_pin_of_the_relay(machine: Machine) -> None:
    before = machine.links.find(SPACE)
    assert before is not None and before.pin is None
    where, key = before.origin, before.hub_key
    machine.roads().connect(SPACE, G, origin=where, pin=bytes(32), hub_key=key)
    assert machine.links.find(SPACE) == before._replace(pin=bytes(32))
    machine.relay.change = lambda _name, _answer: None
    with pytest.raises(RelayError):
        machine.roads().connect(SPACE, G, origin=where, pin=None, hub_key=key)
    after = machine.links.find(SPACE)
    assert after is not None and after.pin == bytes(32)  # it did not answer by the other one


def test_the_key_that_a_space_pinned_is_believed_and_the_word_of_the_one_before_is_not(
    machine: Machine,
) -> None:
    roads = machine.roads()
    machine.links.change(SPACE, signed=b"a word")
    roads.adopt(SPACE, machine.relay.desk.hub_key)
    kept = machine.links.find(SPACE)
    assert kept is not None and kept.signed == b"a word"  # it is the one that is known
    roads.adopt(SPACE, bytes(32))
    taken = machine.links.find(SPACE)
    assert taken is not None and (taken.hub_key, taken.signed) == (bytes(32), b"")


def test_what_was_stated_is_kept_until_it_is_merged(machine: Machine) -> None:
    roads = machine.roads()
    assert roads.stated(SPACE) == () and not roads.wants_access(SPACE)
    roads.know(SPACE, (b"root's", b"an admin's"))
    assert roads.stated(SPACE) == (b"root's", b"an admin's")
    machine.links.mark(ACCESS, SPACE, wanted=True)
    assert roads.wants_access(SPACE)
    roads.has_access(SPACE)
    assert not roads.wants_access(SPACE)
