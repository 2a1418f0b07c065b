"""Audit bundles held to the rules of a replica: what verifies, and what is the first bad part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import bundles
from bundles import Raw, exported, first_bad, ids_of, place_of, remade, split, verified
from envoy import ids
from envoy.core import bundle, codec
from envoy.core.bundle import EpochLine, Stub
from envoy.core.crypto.seal import once_key
from envoy.core.envelope import envelope_id, parse
from envoy.core.structs import replace
from envoy.errors import AuthorityError, IntegrityError
from envoy.replica.actions import messages, records, tasks, work
from envoy.replica.actions.audit import Chosen
from envoy.replica.actions.records import Said
from envoy.storage.audit_views import AuditViews
from envoy.storage.record_views import RecordViews
from envoy.storage.views import Views
from envoy.wiring import auditing
from replica import beside
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor, World


class Scene(NamedTuple):
    """A space with a claim, a receipt and some messages, and its bundle."""

    lead: Actor
    agent: Actor
    task: bytes
    data: bytes
    place: Path

    @property
    def parts(self) -> list[Raw]:
        """Its parts."""
        return split(self.data)

    @property
    def seed(self) -> bytes:
        """The signing seed of who exported it."""
        return self.lead.profile.identity.signing_seed


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return the scene, for all tests of a module."""
    place = tmp_path_factory.mktemp("audit")
    world = World(place)
    lead, agent = world.team("lead", "agent")
    task = tasks.create(agent.copy, "paint the hull").after.id
    tasks.claim(agent.copy, task, session="default")
    agent.send("half of it is done")
    lead.sync()
    lead.send("go on")
    yield Scene(lead, agent, task, exported(lead), place)
    world.close()


# -- what verifies -------------------------------------------------------------------------------


def test_a_bundle_verifies_to_the_very_space_that_it_was_made_of(scene: Scene) -> None:
    found = verified(scene.data, scene.place)
    assert found.events == scene.lead.space.events and found.stubs == 0 and found.receipts == 1
    path = scene.place / "whole"
    path.write_bytes(scene.data)
    with auditing.verified(bundles.config(scene.place / "none"), os.fspath(path)) as seen:
        assert seen.space.state_sum == scene.lead.space.state_sum
        assert seen.space.name == "bughunt" and seen.header.author == scene.lead.me
        assert seen.connection.find(int, "SELECT count(*) FROM receipt WHERE good = 1") == 1
        task = seen.connection.find(str, "SELECT claim_state FROM task")
        assert task == "confirmed"


def test_another_member_s_bundle_of_the_same_events_has_the_same_fingerprint(scene: Scene) -> None:
    scene.agent.sync()
    theirs = verified(exported(scene.agent), scene.place)
    assert theirs.fingerprint == verified(scene.data, scene.place).fingerprint


@pytest.mark.parametrize(
    ("chosen", "hidden"),
    [
        pytest.param(Chosen(redact=("bodies",)), 3, id="texts leave stubs"),
        pytest.param(Chosen(redact=("objects",)), 0, id="objects that are not there"),
        pytest.param(Chosen(since=2**52), 4, id="what is older leaves stubs"),
    ],
)
def test_what_is_withheld_leaves_stubs_that_verify(
    scene: Scene, chosen: Chosen, hidden: int
) -> None:
    data = exported(scene.lead, chosen)
    found = verified(data, scene.place)
    assert (found.events, found.stubs) == (scene.lead.space.events, hidden)
    assert found.fingerprint == verified(scene.data, scene.place).fingerprint
    assert found.pinned <= hidden
    for text in (b"half of it", b"paint the hull"):
        assert text not in data


def test_a_stub_that_a_shown_event_names_is_pinned(scene: Scene) -> None:
    found = verified(exported(scene.lead, Chosen(member=scene.lead.me)), scene.place)
    assert (found.stubs, found.pinned) == (3, 1)  # the last one of the agent, by the answer to it


def test_a_bundle_about_a_task_shows_it_and_withholds_the_rest(scene: Scene) -> None:
    parts = split(exported(scene.lead, Chosen(task=scene.task)))
    stubs = [codec.decode(one.payload, Stub).kind for one in parts if one.sort == bundle.STUB]
    assert stubs == ["message", "message"]


def seen_in(actor: Actor, place: Path, chosen: Chosen) -> dict[bytes, tuple[str, bool]]:
    """Return the records of a bundle: their state there, and whether it is stale."""
    path = place / "of it"
    path.write_bytes(exported(actor, chosen))
    with auditing.verified(bundles.config(place / "nobody"), os.fspath(path)) as seen:
        views = RecordViews(seen.connection)
        every = map(views.shown, AuditViews(seen.connection).each_record(seen.space.sn))
        return {one.row.id: (one.state, one.stale) for one in every}


def test_what_makes_the_state_of_what_is_shown_is_never_withheld(
    world: World, tmp_path: Path
) -> None:
    lead, agent, other = team = world.team("lead", "agent", "other")
    task = tasks.create(agent.copy, "the hull").after.id
    ran = Said("evidence", "", "test", task, (("result", "pass"),), "git:hull@1")
    proof, taken, told = (records.add(agent.copy, ran).event for _ in range(3))
    decided = [records.add(agent.copy, Said("decision", str(n), task=task)).event for n in "abc"]
    lead.sync(), other.sync()
    records.retract(lead.copy, taken, reason="not on this commit")
    blocking = (("severity", "blocking"),)
    against = Said("objection", "no", None, None, blocking, refs=[("contradicts", decided[0])])
    records.add(other.copy, against)
    records.add(lead.copy, Said("decision", "d", refs=[("supersedes", decided[1])]))
    records.add(lead.copy, ran._replace(subject="git:hull@2"))
    for actor in team:
        actor.sync()
    objected = Said("decision", "I see", refs=[("contradicts", decided[2])])
    records.add(other.copy, objected)
    records.add(other.copy, Said("decision", "of nothing that is shown"))
    lead.sync()
    whole = seen_in(lead, tmp_path, Chosen())
    assert whole[taken][0] == "retracted" and whole[proof] == whole[told] == ("stale", True)
    assert [whole[one][0] for one in decided] == ["contested", "superseded", "in_force"]
    for chosen in (Chosen(task=task), Chosen(member=agent.me)):
        part = seen_in(lead, tmp_path, chosen)
        assert part.items() < whole.items(), "not all is shown, and nothing otherwise"
        assert {proof, taken, told, *decided} <= part.keys()


def test_what_a_completion_rests_on_goes_with_it(world: World, tmp_path: Path) -> None:
    lead, agent = world.team("lead", "agent")
    gate = (("evidence", ("test",)),)
    task = tasks.create(agent.copy, "the hull", more=tasks.More(gate=gate)).after.id
    lead.sync()
    ran = Said("evidence", "", "test", task, (("result", "pass"),), "git:hull@1")
    proof = records.add(lead.copy, ran).event
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    tasks.complete(agent.copy, task, summary="done", evidence=[proof])
    lead.sync()
    path = tmp_path / "of it"
    path.write_bytes(exported(lead, Chosen(member=agent.me)))
    with auditing.verified(bundles.config(tmp_path / "nobody"), os.fspath(path)) as seen:
        row = Views(seen.connection).task(seen.space.sn, task)
        assert row is not None and row.state == "completed"


def test_what_was_redacted_leaves_a_stub_and_what_took_it_back(
    world: World, tmp_path: Path
) -> None:
    lead, agent = world.team("lead", "agent")
    said = agent.send("a name").event
    lead.sync()
    messages.redact(lead.copy, said, reason="a name")
    for chosen in (Chosen(), Chosen(member=agent.me), Chosen(redact=("objects",))):
        parts = split(exported(lead, chosen))
        stubs = [codec.decode(one.payload, Stub).kind for one in parts if one.sort == bundle.STUB]
        assert stubs == ["message"] and verified(exported(lead, chosen), tmp_path).stubs == 1


def test_no_key_of_an_epoch_is_in_a_bundle(scene: Scene) -> None:
    for row in scene.lead.events.epochs(scene.lead.space.sn):
        assert row.secret is not None and row.secret not in scene.data
        keys = scene.lead.copy.batch().keys.find(row.id)
        assert keys is not None and keys.event_key not in scene.data
        assert keys.wrap_key not in scene.data


def test_who_may_not_read_exports_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    with agent.events.transaction(durable=False):
        row = agent.store.members(agent.space.sn)[agent.me]
        agent.store.save(row._replace(reader=0, role=None))
    with pytest.raises(AuthorityError, match="epoch_revoked"):
        exported(agent)
    assert exported(lead)


# -- one byte ------------------------------------------------------------------------------------


def owner_of(parts: list[Raw], at: int) -> tuple[str | None, int | None]:
    """Return the part, and the number of the event, that a byte of a file belongs to.

    Of a changed sort nobody can say what it was, except between an order and its events.
    """
    end, events = len(bundle.MAGIC), 0
    if at < end:
        return "file", None
    for sort, payload in parts:
        if at == end and sort not in (bundle.HEADER, bundle.SHOWN, bundle.STUB):
            return None, None
        end += bundles.HEAD + len(payload) + bundles.CHECK
        is_event = sort in (bundle.SHOWN, bundle.STUB)
        events += is_event
        if at < end:
            return bundle.NAMES[sort], events if is_event else None
    raise AssertionError("behind the end")


def test_any_changed_byte_is_found_where_it_is(scene: Scene) -> None:
    data = exported(scene.lead, Chosen(redact=("bodies",)))
    parts, named = split(data), ids_of(split(data))
    assert bundles.read_all(data) is None
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        fault = bundles.read_all(bytes(changed))
        part, number = owner_of(parts, at)
        assert fault is not None and part in (None, fault.part), at
        if number is not None:
            assert (fault.number, fault.event) == (number, named[number - 1])


def test_any_cut_is_found(scene: Scene) -> None:
    for size in range(len(scene.data)):
        fault = bundles.read_all(scene.data[:size])
        assert fault is not None and fault.reason in ("truncated", "not_a_bundle"), size


@pytest.mark.slow
def test_any_changed_byte_is_told_of_the_file(scene: Scene) -> None:
    parts, named = split(scene.data), ids_of(split(scene.data))
    for at in range(0, len(scene.data), 101):
        changed = bytearray(scene.data)
        changed[at] ^= 0x40
        told = first_bad(bytes(changed), scene.place)
        part, number = owner_of(parts, at)
        assert part in (None, told["part"])
        if number is not None:
            assert told["event_id"] == ids.to_text("evt", named[number - 1])


def test_a_byte_changed_by_who_makes_all_checks_anew_is_found_by_the_event_itself(
    scene: Scene,
) -> None:
    number = 5
    at = place_of(scene.parts, number)
    named = ids.to_text("evt", ids_of(scene.parts)[number - 1])
    reasons = set[object]()
    size = len(scene.parts[at].payload)
    for place in [*range(0, size, size // 24), 31, 32, size - 1]:
        parts = scene.parts
        payload = bytearray(parts[at].payload)
        payload[place] ^= 1
        parts[at] = Raw(parts[at].sort, bytes(payload))
        told = first_bad(remade(parts, scene.seed), scene.place)
        assert (told["part"], told["number"], told["event_id"]) == ("event", number, named)
        reasons.add(told["reason"])
    assert reasons == {"cannot_open", "wrong_id"}


# -- forgers -------------------------------------------------------------------------------------

Change = Callable[[Scene, list[Raw]], list[Raw]]


def unchanged(_: Scene, parts: list[Raw]) -> list[Raw]:
    return parts


def without(number: int) -> Change:
    """Return what leaves an event out."""

    def change(_: Scene, parts: list[Raw]) -> list[Raw]:
        named, at = ids_of(parts), place_of(parts, number)
        del named[number - 1]
        return bundles.ordered([*parts[:at], *parts[at + 1 :]], named)

    return change


def swapped(first: int) -> Change:
    """Return what swaps an event and the next one."""

    def change(_: Scene, parts: list[Raw]) -> list[Raw]:
        named, one, two = ids_of(parts), place_of(parts, first), place_of(parts, first + 1)
        parts[one], parts[two] = parts[two], parts[one]
        named[first - 1], named[first] = named[first], named[first - 1]
        return bundles.ordered(parts, named)

    return change


def renamed(number: int) -> Change:
    """Return what gives an event the id of another one."""

    def change(_: Scene, parts: list[Raw]) -> list[Raw]:
        named = ids_of(parts)
        named[number - 1] = bytes(32)
        return bundles.ordered(parts, named)

    return change


def hidden(number: int, **fields: object) -> Change:
    """Return what puts a stub in the place of an event, and says of it what it likes."""

    def change(scene: Scene, parts: list[Raw]) -> list[Raw]:
        entry = scene.lead.events.entry(scene.lead.space.sn, ids_of(parts)[number - 1])
        assert entry is not None
        from_entry = bundle.Stub(
            entry.kind, entry.author, entry.chain, entry.seq, entry.prev,
            tuple(entry.deps[at : at + 32] for at in range(0, len(entry.deps), 32)),
            entry.lam, entry.auth, entry.ts,
            tuple(entry.basis[at : at + 32] for at in range(0, len(entry.basis), 32)),
        )  # fmt: skip
        stub = replace(from_entry, **fields)
        parts[place_of(parts, number)] = Raw(bundle.STUB, codec.encode(stub))
        return parts

    return change


def forged_receipt(scene: Scene, parts: list[Raw]) -> list[Raw]:
    at = next(at for at, one in enumerate(parts) if one.sort == bundle.RECEIPT)
    payload = bytearray(parts[at].payload)
    payload[-1] ^= 1  # of the signature
    parts[at] = Raw(bundle.RECEIPT, bytes(payload))
    return parts


def foreign_epoch(_: Scene, parts: list[Raw]) -> list[Raw]:
    at = next(at for at, one in enumerate(parts) if one.sort == bundle.EPOCH)
    line = codec.decode(parts[at].payload, EpochLine)
    parts[at] = Raw(bundle.EPOCH, codec.encode(replace(line, commitment=bytes(32))))
    return parts


def twice(number: int) -> Change:
    """Return what shows an event twice."""

    def change(_: Scene, parts: list[Raw]) -> list[Raw]:
        named, at = ids_of(parts), place_of(parts, number)
        named.insert(number, named[number - 1])
        return bundles.ordered([*parts[: at + 1], *parts[at:]], named)

    return change


def other_space(_: Scene, parts: list[Raw]) -> list[Raw]:
    header = codec.decode(parts[0].payload, bundle.Header)
    return [Raw(bundle.HEADER, codec.encode(replace(header, space=bytes(32)))), *parts[1:]]


@pytest.mark.parametrize(
    ("change", "part", "number", "reason"),
    [
        pytest.param(without(1), "event", 1, "gap", id="no genesis: the next names nothing known"),
        pytest.param(without(4), "event", 4, "gap", id="an event cut out of the middle"),
        pytest.param(swapped(2), "event", 2, "gap", id="an event before what it names"),
        pytest.param(renamed(3), "event", 3, "wrong_id", id="the id of another event"),
        pytest.param(twice(3), "event", 4, "misplaced", id="an event twice"),
        pytest.param(hidden(4), "event", 4, "hidden_authority", id="a stub of an invite"),
        pytest.param(hidden(9, seq=7), "event", 9, "bad_link", id="a stub with another number"),
        pytest.param(hidden(9, lam=77), "event", 10, "misplaced", id="a stub that is too late"),
        pytest.param(
            hidden(9, deps=(bytes(32),)), "event", 9, "gap", id="a stub that names what is not here"
        ),
        pytest.param(forged_receipt, "receipt", 1, "bad_signature", id="a forged receipt"),
        pytest.param(foreign_epoch, "epoch", None, "wrong_epoch", id="an epoch of other making"),
        pytest.param(other_space, "epoch", None, "wrong_epoch", id="the chain of another space"),
    ],
)
def test_a_forger_who_seals_it_anew_is_caught(
    scene: Scene, change: Change, part: str, number: int | None, reason: str
) -> None:
    assert verified(remade(unchanged(scene, scene.parts), scene.seed), scene.place).stubs == 0
    told = first_bad(remade(change(scene, scene.parts), scene.seed), scene.place)
    assert (told["part"], told["number"], told["reason"]) == (part, number, reason)
    if reason == "gap":
        assert str(told["missing"]).startswith("evt_")


def test_an_event_left_out_that_nothing_names_is_missed_by_the_fingerprint(scene: Scene) -> None:
    last = len(ids_of(scene.parts))
    told = first_bad(remade(without(last)(scene, scene.parts), scene.seed), scene.place)
    assert (told["part"], told["reason"]) == ("seal", "wrong_fingerprint")


def test_a_bundle_signed_by_somebody_without_a_grant_is_refused(scene: Scene) -> None:
    told = first_bad(remade(scene.parts, os.urandom(32)), scene.place)
    assert (told["part"], told["reason"]) == ("seal", "no_grant")
    agent = scene.agent.profile.identity.signing_seed
    assert verified(remade(scene.parts, agent), scene.place).events


def test_a_seal_of_another_count_is_refused(scene: Scene) -> None:
    told = first_bad(remade(scene.parts, scene.seed, receipts=0), scene.place)
    assert (told["part"], told["reason"]) == ("seal", "wrong_count")


def test_events_of_another_space_do_not_open(scene: Scene, world: World) -> None:
    other = split(exported(world.team("eve", "mal")[0]))
    parts = scene.parts
    parts[place_of(parts, 3)] = other[place_of(other, 3)]
    named = ids_of(parts)
    named[2] = ids_of(other)[2]
    told = first_bad(remade(bundles.ordered(parts, named), scene.seed), scene.place)
    assert (told["number"], told["reason"]) == (3, "unknown_epoch")


def test_an_event_signed_by_another_is_named(scene: Scene) -> None:
    frame = Forger(scene.agent).unsigned(message("never said"))
    parts, number = scene.parts, len(ids_of(scene.parts))
    keys = scene.agent.copy.batch().keys
    outer = parse(frame)
    known = keys.find(outer.epoch)
    assert known is not None
    at = place_of(parts, number)
    opener = once_key(known.event_key, outer.salt)
    parts.insert(at + 1, Raw(bundle.SHOWN, opener + frame))
    named = [*ids_of(parts), envelope_id(frame)]
    told = first_bad(remade(bundles.ordered(parts, named), scene.seed), scene.place)
    assert (told["number"], told["reason"]) == (number + 1, "bad_signature")


def test_an_epoch_without_its_head_is_told_by_the_event_that_made_it(
    world: World, tmp_path: Path
) -> None:
    found = beside.removal(world)
    whole = verified(exported(found.lead), tmp_path)
    with found.lead.events.transaction(durable=False):
        found.lead.connection.run("UPDATE epoch SET head = NULL")
    assert verified(exported(found.lead), tmp_path) == whole
    with found.lead.events.transaction(durable=False):
        found.lead.connection.run("UPDATE epoch SET secret = NULL")
    with pytest.raises(IntegrityError, match="state_corrupt"):
        exported(found.lead)


# -- after a removal -----------------------------------------------------------------------------


def test_what_was_held_stays_held_for_a_verifier(world: World, tmp_path: Path) -> None:
    found = beside.removal(world)
    data = exported(found.lead)
    path = tmp_path / "removal"
    path.write_bytes(data)
    with auditing.verified(bundles.config(tmp_path / "none"), os.fspath(path)) as seen:
        sql = "SELECT count(*) FROM event WHERE status = 'held'"
        assert seen.connection.find(int, sql) == found.lead.connection.find(int, sql)
        assert seen.space.state_sum == found.lead.space.state_sum


def test_more_than_a_group_of_events_verifies(world: World, tmp_path: Path) -> None:
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    deliver(lead, [forger.say(message(f"number {number}"))[0] for number in range(300)])
    work.send(lead.copy, "all read")
    found = verified(exported(lead, Chosen(member=lead.me)), tmp_path)
    assert found.stubs == 300 and found.pinned >= 1
    parts = split(exported(lead))
    assert [one.sort for one in parts].count(bundle.ORDER) == 2
    at = place_of(parts, 270)
    data = bundles.joined(parts)
    assert first_bad(data[:-1] + bytes((data[-1] ^ 1,)), tmp_path)["part"] == "seal"
    parts[at] = Raw(bundle.SHOWN, parts[at].payload[:-1] + b"\0")
    assert first_bad(remade(parts, lead.profile.identity.signing_seed), tmp_path)["number"] == 270
