"""The store of the hub: one file, durable, mine alone, whole after any end."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envoy.errors import EnvoyError
from envoy.hub import sqlite
from envoy.hub.handler import Handler
from envoy.sync import frames
from envoy.system import db, tables
from hub.scenes import NOW_MS, POSTER, SPACE, Hub, envelope, open_store
from oracle import events, scene
from processes import python


def refusal(call: Callable[[], object]) -> tuple[str, object]:
    with pytest.raises(EnvoyError) as caught:
        call()
    return caught.value.code, caught.value.details.get("reason")


def check_log(hub: Hub) -> list[bytes]:
    """Recompute the log of the space from its frames; return them."""
    head = hub.head()
    h, total, found, cursor = events.h("hub-chain", head.instance, SPACE), 0, list[bytes](), 0
    while (page := hub.pull(cursor)).frames:
        found += page.frames
        cursor = page.last
    for frame in found:
        ident = frames.frame_id(frame)
        h = events.h("hub-chain", h, ident)
        total += int.from_bytes(ident, "little")
    assert (head.head, head.count, head.h) == (len(found), len(found), h)
    assert head.sum == (total % 2**256).to_bytes(32, "little")
    assert db.quick_check(hub.store.connection) == []
    return found


def test_a_hub_keeps_its_instance_and_key_and_a_new_one_has_others(tmp_path: Path) -> None:
    first = open_store(tmp_path / "a")
    again, other = open_store(tmp_path / "a"), open_store(tmp_path / "b")
    assert (first.instance, first.seed) == (again.instance, again.seed)
    assert first.instance != other.instance
    assert first.seed != other.seed
    assert (len(first.instance), len(first.seed)) == (16, 32)


def test_the_files_of_a_hub_are_mine_alone(tmp_path: Path) -> None:
    Hub(tmp_path / "hub").push(envelope("one"))
    assert stat.S_IMODE((tmp_path / "hub").stat().st_mode) == 0o700
    names = {path.name for path in (tmp_path / "hub").iterdir()}
    assert names == {"hub.db", "hub.db-shm", "hub.db-wal", "hub.lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "hub").iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["", "hub.db", "hub.lock"])
def test_a_hub_that_others_can_reach_is_refused(tmp_path: Path, name: str) -> None:
    hub = Hub(tmp_path / "hub")
    path = tmp_path / "hub" / name
    before = stat.S_IMODE(path.stat().st_mode)
    path.chmod(before | 0o044)

    def use() -> None:
        Handler(open_store(tmp_path / "hub")).handle(
            frames.Push(SPACE, (envelope("one"),)), poster=POSTER, now_ms=NOW_MS
        )

    assert refusal(use) == ("state_access_denied", "mode")
    path.chmod(before)
    use()
    assert hub.pull().frames == (envelope("one"),)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "hub")
    store.connection.run(f"PRAGMA user_version={sqlite.VERSION + 1}")
    noted = "UPDATE meta SET v = ? WHERE k = 'schema'"
    store.connection.run(noted, ((sqlite.VERSION + 1).to_bytes(4),))
    assert refusal(lambda: open_store(tmp_path / "hub"))[0] == "schema_too_new"
    store.connection.run(f"PRAGMA user_version={sqlite.VERSION}")
    store.connection.run(noted, (sqlite.VERSION.to_bytes(4),))
    open_store(tmp_path / "hub")


@pytest.mark.parametrize("found", [-1, 0, sqlite.VERSION - 1, sqlite.VERSION + 1, 1 << 24])
def test_a_version_that_the_notes_contradict_is_damage(tmp_path: Path, found: int) -> None:
    store = open_store(tmp_path / "hub")
    store.connection.run(f"PRAGMA user_version={found}")
    assert refusal(lambda: open_store(tmp_path / "hub"))[0] == "state_corrupt"
    store.connection.run(f"PRAGMA user_version={sqlite.VERSION}")
    open_store(tmp_path / "hub")


def test_an_older_hub_takes_requests_after_its_step(tmp_path: Path) -> None:
    store = open_store(tmp_path / "hub")
    instance = store.instance
    for column in ("request", "reply"):
        store.connection.run(f"ALTER TABLE invite_item DROP COLUMN {column}")
    store.connection.run("INSERT INTO invite_item VALUES(?, ?)", (bytes(16), bytes(16)))
    store.connection.run("PRAGMA user_version=1")
    store.connection.run("DELETE FROM meta WHERE k = 'schema'")
    store.close()
    again = open_store(tmp_path / "hub")
    assert again.instance == instance and again.has_fetched(bytes(16), bytes(16))
    again.keep_request(bytes(16), bytes(16), b"please")
    assert again.requests(bytes(16)) == [(bytes(16), b"please", None)]
    assert list(tables.findings(again.connection, sqlite.SCHEMA)) == []


def test_a_lost_log_file_leaves_a_hub_with_the_same_key_and_instance(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.push(envelope("one"))
    hub.store.close()
    os.unlink(tmp_path / "hub" / "hub.db-wal")
    again = Hub(tmp_path / "hub", space=False)
    assert (again.store.instance, again.store.seed) == (hub.store.instance, hub.store.seed)


def test_a_row_that_is_gone_is_corrupt_state(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    slot = frames.Slot("claim", SPACE, 0, SPACE, 0, bytes(16), 60, envelope("claim"))
    hub.ask(slot, frames.Slotted)
    hub.store.connection.run("DELETE FROM frame WHERE seq = 2")
    assert refusal(lambda: hub.ask(slot, frames.Slotted)) == ("state_corrupt", "frame_gap")
    hub.store.connection.run("DELETE FROM meta WHERE k = 'key'")
    assert refusal(lambda: open_store(tmp_path / "hub")) == ("state_corrupt", "key")


def test_every_writing_call_is_one_full_commit(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    commits = hub.store.connection.commits
    before = commits["full"]
    hub.push(envelope("one"))
    hub.push(*(envelope(f"{n}") for n in range(256)))
    hub.ask(frames.Slot("claim", SPACE, 0, SPACE, 0, bytes(16), 60, envelope("c")), frames.Slotted)
    hub.pull()
    hub.head()
    assert commits == {"full": before + 3, "normal": 0}


def test_a_full_database_refuses_and_takes_all_when_it_has_room(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.push(envelope("one"))
    connection = hub.store.connection
    pages = connection.find(int, "PRAGMA page_count")
    assert pages is not None
    connection.run("PRAGMA max_page_count=" + str(pages + 3))
    many = [envelope(f"{n}", 1000) for n in range(50)]
    assert refusal(lambda: hub.push(*many)) == ("storage_failed", "FullError")
    assert check_log(hub) == [envelope("one")]
    claim = frames.Slot("claim", SPACE, 0, SPACE, 0, bytes(16), 60, envelope("c", 30_000))
    assert refusal(lambda: hub.ask(claim, frames.Slotted))[0] == "storage_failed"
    connection.run("PRAGMA max_page_count=1000000")
    hub.push(*many)
    hub.ask(claim, frames.Slotted)
    assert check_log(hub)[:51] == [envelope("one"), *many]


def test_a_file_size_limit_refuses_and_takes_all_when_it_is_gone(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.push(envelope("one"))
    many = [envelope(f"{n}", 4000) for n in range(200)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        refused = refusal(lambda: hub.push(*many))
        still = hub.pull().frames
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (refused[0], still) == ("storage_failed", (envelope("one"),))
    hub.push(*many)
    assert check_log(hub) == [envelope("one"), *many]


PUSHER = """
import json, sys
from envoy.hub.handler import LocalHub
from envoy.hub.sqlite import open_store
from envoy.sync.frames import Push, Create
from envoy.system import host
from hub.scenes import G, POSTER, SPACE, envelope

directory, me, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
local = LocalHub(open_store(directory), poster=POSTER, now_ms=host.now_ms)
local.handle(Create(SPACE, G, None))
for n in range(count):
    names = [f"{me} {n} {i}" for i in range(size)]
    answer = local.handle(Push(SPACE, tuple(map(envelope, names))))
    print(json.dumps(list(zip(answer.seqs, names))), flush=True)
"""


def acknowledged(lines: list[str]) -> dict[int, bytes]:
    """Return the frames by number that a pusher was told are in the log."""
    return {seq: envelope(name) for line in lines for seq, name in json.loads(line)}


@pytest.mark.slow
def test_eight_processes_that_begin_at_once_push_into_one_dense_log(tmp_path: Path) -> None:
    directory = str(tmp_path / "hub")
    pushers = [python(PUSHER, directory, f"p{n}", "10", "3") for n in range(8)]
    told = [acknowledged(pusher.communicate(timeout=60)[0].splitlines()) for pusher in pushers]
    found = check_log(Hub(tmp_path / "hub", space=False))
    assert len(found) == 240
    for answers in told:
        assert len(answers) == 30
        assert all(found[seq - 1] == frame for seq, frame in answers.items())


def test_a_killed_pusher_loses_nothing_acknowledged_and_leaves_a_whole_log(tmp_path: Path) -> None:
    Hub(tmp_path / "hub").store.close()
    told: dict[int, bytes] = {}
    for round_number, delay_ms in enumerate((3, 11, 25, 47)):
        pusher = python(PUSHER, str(tmp_path / "hub"), f"p{round_number}", "1000000", "4")
        assert pusher.stdout is not None
        first = pusher.stdout.readline()
        time.sleep(delay_ms / 1000)
        pusher.send_signal(signal.SIGKILL)
        rest = pusher.communicate()[0].splitlines(keepends=True)
        told |= acknowledged([first, *(line for line in rest if line.endswith("\n"))])
    found = check_log(Hub(tmp_path / "hub", space=False))
    assert all(found[seq - 1] == frame for seq, frame in told.items())
    assert len(found) % 4 == 0  # a push is in the log whole or not at all


def test_spaces_share_a_hub_and_nothing_else(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.push(envelope("one"))
    other = scene.fixed("other")
    assert hub.store.find_seq(other, frames.frame_id(envelope("one"))) is None
    assert hub.store.frames_after(other, 0, limit=10, bytes_max=10_000) == []
