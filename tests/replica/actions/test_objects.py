"""References to objects among members: shared, read, taken back, asked for, the same everywhere."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pytest

from envoy.core.objects import ObjectPut, ObjectRetract, object_id
from envoy.errors import EnvoyError
from envoy.ids import to_text
from envoy.replica.actions import objects, tasks, work
from envoy.replica.rebuild import rebuild
from envoy.replica.sync import fill_hub
from envoy.state.lines import ATTACH
from envoy.system.chunkfiles import ChunkFiles
from envoy.views import rows
from replica.compare import differences, dump, meaning
from replica.world import Actor, Inline, World

TOOLS = objects.Tools(Inline(), lambda _: None)
DATA = bytes(range(256)) * 5000


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def put(
    actor: Actor, data: bytes = DATA, *, name: str = "crash.log", task: bytes | None = None
) -> objects.Put:
    """Share ``data``."""
    label = objects.Label(name, "text/plain", task)
    return objects.put(actor.copy, BytesIO(data).read, label, tools=TOOLS)


def got(actor: Actor, row: rows.Object) -> bytes:
    """Return the bytes of an object."""
    out = BytesIO()
    objects.get(actor.copy, row, out.write, tools=TOOLS)
    return out.getvalue()


def code(act: object) -> str:
    assert callable(act)
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code


def own(actor: Actor) -> ChunkFiles:
    """Return the chunk files of a profile."""
    return ChunkFiles(os.path.join(actor.where.profile, "objects"))


def hubs(actor: Actor) -> ChunkFiles:
    """Return the chunk files of the hub."""
    return ChunkFiles(os.path.join(os.path.dirname(actor.where.hub), "chunks"))


def files(root: str) -> list[Path]:
    """Return every file below ``root``."""
    return sorted(path for path in Path(root).rglob("*") if path.is_file())


def test_what_one_shares_all_can_read(team: list[Actor]) -> None:
    lead, one, two = team
    done = put(lead)
    assert (done.delivery, done.row.size, len(done.row.chunks)) == ("delivered", len(DATA), 64)
    for actor in (one, two):
        actor.sync()
        row = objects.find(actor.copy, to_text("obj", done.row.object)[:12])
        assert row.id == done.row.id and got(actor, row) == DATA
        assert objects.have(actor.copy, row) == 2
        assert row._replace(an=0) == done.row._replace(an=0)
    assert differences(meaning(lead), meaning(two)) == []
    chunk = done.row.chunks[:32]
    assert os.stat(own(one).path(chunk)).st_mode & 0o777 == 0o600
    assert os.path.samefile(own(one).path(chunk), hubs(lead).path(chunk))


def test_an_object_that_was_replayed_is_the_first_one(team: list[Actor]) -> None:
    label = objects.Label("a", "b")
    first, again = (
        objects.put(team[0].copy, BytesIO(b"x").read, label, tools=TOOLS, key="k") for _ in range(2)
    )
    assert again.replayed and again.row == first.row
    other = code(lambda: objects.put(team[0].copy, BytesIO(b"y").read, label, tools=TOOLS, key="k"))
    assert other == "idempotency_mismatch"


def test_a_retraction_hides_name_and_bytes(team: list[Actor]) -> None:
    lead, one, two = team
    row = put(one, name="hunter2.txt").row
    two.sync()
    assert words(two, "hunter2") == 1
    assert code(lambda: objects.retract(two.copy, row.id)) == "capability_missing"
    assert code(lambda: objects.retract(two.copy, bytes(32))) == "not_found"
    assert objects.retract(lead.copy, row.id).changed
    assert not objects.retract(one.copy, row.id).changed
    for actor in team:
        actor.sync()
        found = actor.store.object(actor.space.sn, row.id)
        assert found is not None and found.name == "" and found.retracted is not None
        assert words(actor, "hunter2") == 0
        assert code(lambda actor=actor, found=found: got(actor, found)) == "event_not_ok"
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
    assert differences(meaning(lead), meaning(two)) == []


def words(actor: Actor, word: str) -> int:
    """Return how many texts with a word a copy finds."""
    sql = "SELECT count(*) FROM words WHERE words MATCH ?"
    return actor.connection.find(int, sql, (word,)) or 0


def test_a_retraction_by_force_is_refused_by_everybody(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    forced = one.copy.write(lambda _: [ObjectRetract(row.id, "")]).event
    blind = one.copy.write(lambda _: [ObjectRetract(bytes(32), "")]).event
    one.sync()
    lead.sync()
    assert forced is not None and blind is not None
    assert refused(lead, forced) == "retract_without_rank"
    found = lead.store.object(lead.space.sn, row.id)
    assert found is not None and found.retracted is None and got(lead, found) == DATA


def refused(actor: Actor, event: bytes) -> str | None:
    """Return why a fold refused an event."""
    entry = actor.events.entry(actor.space.sn, event)
    item = None if entry is None else actor.store.item(entry.rid)
    assert item is not None
    return item.refused


def forged(actor: Actor, row: rows.Object, **changed: object) -> bytes:
    """Write a reference beside ``row`` that says something else; return it."""
    body = objects._body(actor.copy, row)
    fields = {name: getattr(body, name) for name in body.__struct_fields__} | changed
    event = actor.copy.write(lambda _: [ObjectPut(**fields)]).event
    actor.sync()
    assert event is not None
    return event


def test_a_reference_to_the_object_of_another_is_refused(team: list[Actor]) -> None:
    lead, one, _ = team
    row, other = put(lead).row, put(lead, b"other").row
    one.sync()
    event = forged(one, row, object=other.object)
    lead.sync()
    assert lead.store.object(lead.space.sn, event) is None
    assert refused(lead, event) == "wrong_object"


@pytest.mark.parametrize("field", ["key", "sha256", "size"])
def test_a_reference_that_lies_is_not_served(team: list[Actor], field: str) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    wrong = row.size - 1 if field == "size" else bytes(32)
    event = forged(one, row, **{field: wrong})
    lead.sync()
    found = lead.store.object(lead.space.sn, event)
    assert found is not None and code(lambda: got(lead, found)) == "signature_invalid"
    assert got(lead, row) == DATA


def test_several_references_to_one_object_all_stand(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    again = forged(one, row, name="by another name")
    lead.sync()
    text = to_text("obj", row.object)
    assert objects.find(lead.copy, text).id == row.id
    objects.retract(lead.copy, row.id)
    assert objects.find(lead.copy, text).id == again
    assert [one.id for one in lead.store.objects(lead.space.sn, row.object)] == [row.id, again]


def test_a_chunk_that_nobody_here_has_is_asked_for_and_brought(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    chunks = [row.chunks[at : at + 32] for at in (0, 32)]
    hubs(lead).drop(chunks[1])
    assert code(lambda: got(one, row)) == "object_incomplete"
    assert code(lambda: got(one, row)) == "object_incomplete"
    asked = one.events.of_kind(one.space.sn, "object.request", after=0)
    assert len(asked) == 1 and own(one).has(chunks[0])
    lead.sync()  # who has it hears of it and brings it
    assert hubs(lead).has(chunks[1]) and got(one, row) == DATA


def test_a_byte_that_changed_in_a_file_is_noticed_and_mended(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    assert got(one, row) == DATA
    chunk = row.chunks[:32]
    path = Path(own(one).path(chunk))
    sound = path.read_bytes()
    path.unlink()  # another file from here on: the hub's stays sound
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert got(one, row) == DATA and path.read_bytes() == sound
    for place in (own(one), own(lead), hubs(lead)):  # one file, spoilt for the whole machine
        place.drop(chunk)
        place.save(chunk, sound[:-1])
    assert code(lambda: got(one, row)) == "object_incomplete"
    assert not own(one).has(chunk) and not hubs(lead).has(chunk)


def test_a_hub_that_lost_all_gets_the_chunks_again(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    for path in files(hubs(lead).root):
        path.unlink()
    lead.door.log.connection.run("UPDATE space SET sum = zeroblob(32)")
    assert fill_hub(lead.copy)
    lead.sync()
    one.sync()
    assert got(one, row) == DATA


def test_while_the_hub_is_away_a_put_is_saved_and_goes_later(team: list[Actor]) -> None:
    lead, one, _ = team
    lead.door.away = True
    done = put(lead)
    assert done.delivery == "pending" and files(hubs(lead).root) == []
    assert [one.what for one in lead.store.outgoing(lead.space.sn, 9)] == ["chunks", "frame"]
    lead.door.away = False
    lead.sync()
    one.sync()
    assert got(one, done.row) == DATA


def test_a_pin_is_of_one_copy(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    one.sync()
    assert objects.pin(one.copy, row.id, pinned=True) and objects.pins(one.copy) == {row.id}
    assert not objects.pin(one.copy, row.id, pinned=True) and objects.pins(lead.copy) == set()
    rebuild(one.profile)
    assert objects.pins(one.copy) == {row.id}
    assert objects.pin(one.copy, row.id, pinned=False) and objects.pins(one.copy) == set()


def test_an_object_belongs_to_a_task_that_is_known(team: list[Actor]) -> None:
    lead, _, _ = team
    task = tasks.create(lead.copy, "work").after.id
    assert put(lead, task=task).row.task == task
    assert code(lambda: put(lead, task=bytes(32))) == "not_found"


def test_a_message_carries_references_and_nothing_else(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    said = work.send(lead.copy, "see the log", refs=[(ATTACH, row.id)]).event
    one.sync()
    entry = one.events.entry(one.space.sn, said)
    item = None if entry is None else one.store.item(entry.rid)
    assert item is not None and item.refs == (
        '[{"rel":"attach","id":"' + to_text("evt", row.id) + '"}]'
    )
    assert code(lambda: work.send(lead.copy, "no", refs=[(ATTACH, said)])) == "not_found"
    objects.retract(lead.copy, row.id)
    assert code(lambda: work.send(lead.copy, "no", refs=[(ATTACH, row.id)])) == "event_not_ok"


def test_what_a_killed_put_left_is_swept_and_what_is_named_stays(team: list[Actor]) -> None:
    lead, one, _ = team
    row = put(lead).row
    held = forged(lead, row, object=object_id(lead.space.id, [bytes(32)]))  # refused, yet named
    orphan, fresh = b"\1" * 32, b"\2" * 32
    for ident in (orphan, fresh):
        own(lead).save(ident, b"chunk")
    draft = Path(own(lead).path(orphan) + ".abc.tmp")
    draft.write_bytes(b"half")
    for path in files(own(lead).root):
        if path != Path(own(lead).path(fresh)):
            os.utime(path, (0, 0))
    assert objects.sweep(lead.profile) == 2 and held
    assert own(lead).has(fresh) and not own(lead).has(orphan) and not draft.exists()
    assert got(lead, row) == DATA and one.space
