"""A copy that is filled anew from what is left of another: all that proves itself, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from envoy.core.codec import encode
from envoy.core.crypto.sign import tagged
from envoy.replica.actions import authority, members, tasks
from envoy.replica.actions import home as actions
from envoy.replica.actions.work import send
from envoy.storage import home, salvage
from envoy.storage.salvage import Salvage
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import deliver, message, parked
from replica.world import MINUTE_MS, Actor, World

OWN = ("holder", "idempotency")
KINDS = ("frame", "slot", "free", "renew", "epoch", "box", "invite", "uninvite")


class Scene(NamedTuple):
    """`lead` and `b`, an admin who has everything a copy can have and whom no hub answers."""

    lead: Actor
    b: Actor
    frames: int


@pytest.fixture
def scene(world: World) -> Scene:
    lead, b = world.team("lead", "b")
    authority.set_role(lead.copy, b.me, "admin")
    work = [tasks.create(lead.copy, f"work {number}").after.id for number in range(3)]
    old = members.make(lead.copy, role="read", max_uses=1, ttl_ms=10 * MINUTE_MS)
    b.sync()
    for task in work[:2]:
        tasks.claim(b.copy, task, session="default")
    lead.send("read and acknowledged")
    b.sync()
    with b.events.transaction(durable=True):
        row = b.space
        b.store.save(row._replace(ack_n=row.next_n - 1, unread=0, muted=1))
    lead.send("not yet acknowledged")
    b.sync()
    b.door.away = True
    send(b.copy, "said under a key", key="k1")
    tasks.claim(b.copy, work[2], session="default")
    tasks.release(b.copy, work[0])
    tasks.progress(b.copy, work[1], "in_progress", note="half of it")
    members.make(b.copy, role="write", max_uses=2, ttl_ms=10 * MINUTE_MS)
    members.revoke_invite(b.copy, old.invite.id)
    authority.rotate(b.copy)
    forger = Forger(lead)
    forger.say(message("kept back"))
    orphan, _ = forger.say(message("waits for what was kept back"))
    deliver(b, [orphan])
    return Scene(lead, b, b.count("frame"))


@contextmanager
def left(actor: Actor) -> Iterator[Salvage]:
    """Open what is left of the copy of somebody."""
    found = salvage.open_salvage(actor.where)
    try:
        yield found
    finally:
        found.close()


def filled(world: World, b: Actor, *, away: bool = True) -> tuple[Actor, list[int]]:
    """Return a new copy that was filled from that of ``b``, and how its progress was told."""
    place = "anew"
    where = home.paths(f"{world.root}/{place}", b.name)
    home.make(where)
    home.write_record(where, home.read_record(b.where), replace=False)
    made, told = world.open(b.name, place=place, hub=b.place), list[int]()
    made.door.away = away
    with left(b) as wreck:
        actions.fill(made.profile, wreck, progress=told.append)
    made.door.away = False
    return made, told


def rows_of(actor: Actor, table: str) -> list[tuple[object, ...]]:
    """Return the rows of a table, without the numbers that it gives out itself."""
    columns = "what, id, data" if table == "outbox" else "*"
    order = "o" if table == "outbox" else "1, 2, 3"
    sql = f"SELECT {columns} FROM {table} ORDER BY {order}"
    return actor.connection.rows(lambda *row: row, sql)


@pytest.mark.parametrize("page", [3, actions.PAGE_FRAMES], ids=["a few frames", "all"])
def test_all_of_a_copy_comes_back_though_the_hub_is_away(
    world: World, scene: Scene, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``page``: how many frames are taken in at a time."""
    monkeypatch.setattr(actions, "PAGE_FRAMES", page)
    b = scene.b
    assert {what for what, *_ in rows_of(b, "outbox")} == set(KINDS)
    made, told = filled(world, b)
    assert differences(meaning(b), meaning(made)) == []
    assert told == list(range(1, scene.frames + 1))
    for table in (*OWN, "outbox"):
        assert rows_of(made, table) == rows_of(b, table) != [], table
    assert parked(made) == parked(b) and "waiting" in parked(made).values()
    before, after = b.space, made.space
    assert (after.pending, after.muted, after.unread) == (before.pending, 1, before.unread)
    assert after.ack_n >= max(before.next_n, before.reserved_n) and after.chain is None
    for _ in range(2):
        made.sync()
        scene.lead.sync()
    assert differences(meaning(made), meaning(scene.lead)) == []
    assert rows_of(made, "outbox") == []


def test_a_call_that_was_answered_is_answered_again_and_not_done_twice(
    world: World, scene: Scene
) -> None:
    made, _ = filled(world, scene.b)
    again = send(made.copy, "said under a key", key="k1")
    assert again.replayed and again.event is not None


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        pytest.param("data = x'00'", "invite", id="an invite"),
        pytest.param("data = x'00'", "uninvite", id="the end of an invite"),
        pytest.param("data = x'00'", "epoch", id="a head"),
        pytest.param("id = zeroblob(32)", "epoch", id="the head of another epoch"),
        pytest.param("data = x'00'", "box", id="a box"),
        pytest.param("what = 'dance'", "box", id="a word that nobody knows"),
        pytest.param("data = x'00'", "slot", id="a claim"),
        pytest.param("data = x'00'", "free", id="a release"),
        pytest.param("data = x'00'", "renew", id="a renewal"),
        pytest.param("id = zeroblob(32)", "frame", id="events that are not here"),
        pytest.param("id = NULL", "frame", id="no events"),
    ],
)
def test_of_what_was_not_sent_only_what_makes_sense_is_sent(
    world: World, scene: Scene, change: str, lost: str
) -> None:
    wanted = [row for row in rows_of(scene.b, "outbox") if row[0] != lost]
    scene.b.connection.run(f"UPDATE outbox SET {change} WHERE what = '{lost}'")
    made, _ = filled(world, scene.b)
    assert rows_of(made, "outbox") == wanted


def test_receipts_that_were_to_be_sent_are_sent_if_they_are_any(world: World, scene: Scene) -> None:
    (frame, *_) = scene.b.events.receipt_frames(1)
    for data in (frame, b"\0"):
        with scene.b.events.transaction(durable=True):
            scene.b.store.send_later(1, "receipt", bytes(32), data)
    made, _ = filled(world, scene.b)
    sent = [data for what, _, data in rows_of(made, "outbox") if what == "receipt"]
    assert sent == [frame]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param("", id="nothing"),
        pytest.param("no event", id="no id"),
        pytest.param("g" * 64, id="no digits"),
        pytest.param("00" * 32 + " 7", id="an event that is not here"),
    ],
)
def test_an_answer_about_nothing_is_forgotten(world: World, scene: Scene, result: str) -> None:
    scene.b.connection.run("UPDATE idempotency SET result = ?", (result,))
    made, _ = filled(world, scene.b)
    assert made.count("idempotency") == 0 and made.count("holder") == scene.b.count("holder")


def test_what_waited_is_taken_in_if_it_is_what_came(world: World, scene: Scene) -> None:
    b = scene.b
    odd = b"what a later version sends"
    put = "INSERT INTO parked SELECT sn, ?, state, why, author, at, ? FROM parked LIMIT 1"
    for ident, data in ((tagged("env", odd), odd), (bytes(32), odd), (b"\1" * 32, b"")):
        b.connection.run(put, (ident, data))
    (real,) = [one for one in parked(b) if one not in (tagged("env", odd), bytes(32), b"\1" * 32)]
    made, _ = filled(world, b)
    assert parked(made) == {real: "waiting"}


def test_receipts_that_are_none_confirm_nothing(world: World, scene: Scene) -> None:
    b = scene.b
    b.connection.run("UPDATE receipt SET bytes = x'00'")
    made, _ = filled(world, b)
    assert made.count("receipt") == 0
    made.sync()
    assert made.count("receipt") == b.count("receipt") + 1, "the hub has them, and confirms a claim"


# -- what does not prove itself ------------------------------------------------------------------


def test_a_space_whose_founding_gives_another_id_is_not_filled(world: World, scene: Scene) -> None:
    scene.b.connection.run("UPDATE space SET genesis = x'00'")
    made, told = filled(world, scene.b)
    assert made.profile.rows.spaces() == [] and len(told) == scene.frames


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE epoch SET secret = zeroblob(32)", id="other secrets"),
        pytest.param("UPDATE epoch SET head = x'00'", id="no heads"),
        pytest.param("UPDATE epoch SET head = NULL", id="heads that are gone"),
        pytest.param("UPDATE epoch SET secret = NULL", id="secrets that are gone"),
    ],
)
def test_keys_that_do_not_prove_themselves_open_nothing_and_the_hub_has_others(
    world: World, scene: Scene, sql: str
) -> None:
    scene.b.connection.run(sql)
    made, _ = filled(world, scene.b)
    assert made.count("event") == 0
    scene.lead.sync()


def test_the_keys_come_from_the_hub_where_those_of_the_copy_are_damaged(
    world: World, scene: Scene
) -> None:
    b = scene.b
    b.door.away = False
    b.sync()
    b.connection.run("UPDATE epoch SET secret = zeroblob(32)")
    made, _ = filled(world, b, away=False)
    scene.lead.sync()
    assert differences(meaning(scene.lead), meaning(made)) == []


def test_frames_that_were_damaged_are_left_out_and_come_from_the_hub(
    world: World, scene: Scene
) -> None:
    b = scene.b
    b.door.away = False
    b.sync()
    (first, second) = b.connection.rows(int, "SELECT rid FROM frame ORDER BY rid DESC LIMIT 2")
    b.connection.run("UPDATE frame SET bytes = x'00' WHERE rid = ?", (first,))
    frame = b.events.frame(second)
    b.connection.run(
        "UPDATE frame SET bytes = ? WHERE rid = ?", (frame[:-1] + bytes((frame[-1] ^ 1,)), second)
    )
    alone, _ = filled(world, b)
    assert alone.count("event") == b.count("event") - 2
    alone.sync()
    scene.lead.sync()
    assert differences(meaning(scene.lead), meaning(alone)) == []


def test_numbers_that_were_damaged_give_none_twice_and_hide_no_message(
    world: World, scene: Scene
) -> None:
    scene.b.connection.run("UPDATE space SET next_n = ?, ack_n = ?", (2**62, 2**62 + 1))
    with left(scene.b) as wreck:
        (lost,) = wreck.spaces()
    made, _ = filled(world, scene.b)
    row = made.space
    assert row.next_n < 2**61 and row.ack_n < row.next_n and row.ack_n >= lost.reserved_n


def test_the_tag_of_an_invite_is_kept_so_that_no_other_use_is_burnt(
    world: World, scene: Scene
) -> None:
    b = scene.b
    sql = "SELECT k, v FROM meta WHERE k GLOB 'claimer *'"
    (tag,) = b.connection.rows(lambda key, value: (key, value), sql)
    for bad in ("claimer ", "claimer xyz", "claimer " + "g" * 32):
        b.connection.run("INSERT INTO meta(k, v) VALUES(?, ?)", (bad, bytes(16)))
    made, _ = filled(world, b)
    assert made.connection.rows(lambda key, value: (key, value), sql) == [tag]


@pytest.mark.parametrize(
    ("what", "data", "stays"),
    [
        pytest.param("reply", encode(frames.InviteReply(bytes(16), bytes(32), None, None)), True,
                     id="the answer to who asks to be let in"),
        pytest.param("reply", b"\0", False, id="no answer"),
        pytest.param("chunks", bytes(64), True, id="the chunks of an object"),
        pytest.param("chunks", bytes(63), False, id="half a chunk"),
        pytest.param("chunks", b"", False, id="no chunks"),
        pytest.param("create", b"\0", False, id="another space"),
    ],
)  # fmt: skip
def test_answers_and_chunks_that_were_to_be_sent_are_sent(
    world: World, scene: Scene, what: str, data: bytes, stays: bool
) -> None:
    with scene.b.events.transaction(durable=True):
        scene.b.store.send_later(1, what, bytes(32), data)
    made, _ = filled(world, scene.b)
    assert [one for kind, _, one in rows_of(made, "outbox") if kind == what] == [data] * stays
