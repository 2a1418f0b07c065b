"""What a hub that is made anew keeps of a damaged one: all that proves itself, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envoy import limits
from envoy.hub import renewal, soundness, sqlite
from envoy.hub.renewal import Renewed
from envoy.sync import frames
from envoy.system import db
from hub import scenes
from hub.scenes import (
    FETCH,
    INVITE,
    NOW_MS,
    POSTER,
    REVOKE,
    SPACE,
    Hub,
    envelope,
    put_epoch,
    statement,
)
from oracle import scene

PAGE = 4096
TAG, LATE = scene.fixed("tag", 16), scene.fixed("another tag", 16)
BOX = bytes(frames.BOX_BYTES)
REQUEST, REPLY = (bytes((one,)) * limits.JOIN_REQUEST_BYTES for one in (1, 2))
TABLES = ("space", "frame", "epoch", "box", "invite", "invite_item", "keys", "slot")


def filled(path: Path, *, frame_count: int = 2) -> Hub:
    """Return a hub with something in every table: of two who fetched an invite one asked."""
    hub = Hub(path)
    every = [envelope(f"frame {number}", 1024) for number in range(frame_count)]
    for at in range(0, frame_count, 100):
        hub.push(*every[at : at + 100])
    epoch = put_epoch(hub)
    hub.ask(frames.BoxPut(SPACE, epoch, (frames.Box(TAG, BOX),)), frames.Done, poster=POSTER)
    hub.ask(INVITE, frames.Done)
    for tag in (TAG, LATE):
        hub.ask(frames.InviteFetch(INVITE.lookup, FETCH, tag), frames.InviteBlob)
    asked = frames.InviteRequest(INVITE.lookup, FETCH, TAG, REQUEST)
    hub.ask(asked, frames.InviteAnswer)
    hub.ask(frames.InviteReply(INVITE.lookup, REVOKE, TAG, REPLY), frames.InviteRequests)
    hub.ask(statement(1), frames.Done)
    return hub


def renew(path: Path, *pinned: bytes) -> Renewed:
    """Make the hub in a directory anew."""
    return renewal.renew(os.fspath(path), pinned=set(pinned))


def counts(path: Path) -> dict[str, int]:
    """Return how many rows the tables of a hub have, which has to be sound."""
    store = scenes.open_store(path)
    assert list(soundness.findings(store)) == []
    found = {one: store.connection.find(int, f"SELECT count(*) FROM {one}") or 0 for one in TABLES}
    store.close()
    return found


ALL = {
    "space": 1,
    "frame": 2,
    "epoch": 1,
    "box": 1,
    "invite": 1,
    "invite_item": 2,
    "keys": 1,
    "slot": 0,
}


def test_a_renewed_hub_keeps_all_that_proves_itself_and_is_another_instance(
    tmp_path: Path,
) -> None:
    hub = filled(tmp_path)
    bodies, instance = hub.pull().frames, hub.store.instance
    hub.store.close()
    assert renew(tmp_path) == Renewed(1, 2, is_same_key=False)
    assert counts(tmp_path) == ALL
    after = Hub(tmp_path, space=False)
    assert after.store.instance != instance and after.pull().frames == bodies
    assert after.store.request(INVITE.lookup, TAG) == (REQUEST, REPLY)
    assert after.store.request(INVITE.lookup, LATE) == (None, None)
    known = after.ask(frames.KeysGet((scene.WRITER,)), frames.KeysFound)
    assert known.found == (statement(1),)
    assert (tmp_path / (sqlite.FILE_NAME + sqlite.ASIDE)).exists()


def test_uses_that_were_burnt_stay_burnt(tmp_path: Path) -> None:
    filled(tmp_path).store.close()
    renew(tmp_path)
    hub = Hub(tmp_path, space=False)
    hub.ask(frames.InviteFetch(INVITE.lookup, FETCH, TAG), frames.InviteBlob)
    assert hub.store.find_invite(INVITE.lookup) == sqlite.InviteRow(*_invite_row(uses=0))


def _invite_row(*, uses: int) -> tuple[bytes, bytes, bytes, int, int]:
    """Return the row of the invite with so many uses left."""
    return INVITE.fetch_hash, INVITE.revoke_hash, INVITE.blob, INVITE.expires, uses


def test_the_key_stays_only_where_a_space_still_names_it(tmp_path: Path) -> None:
    hub = filled(tmp_path)
    key, seed = hub.handler.hub_key, hub.store.seed
    hub.store.close()
    assert renew(tmp_path, key).is_same_key
    again = Hub(tmp_path, space=False)
    assert again.store.seed == seed
    again.store.close()
    assert not renew(tmp_path, bytes(32)).is_same_key
    assert Hub(tmp_path, space=False).store.seed != seed


@pytest.mark.parametrize(
    ("sql", "values", "lost"),
    [
        pytest.param(
            "UPDATE space SET g = x'00'",
            (),
            {"space": 0, "frame": 0, "epoch": 0, "box": 0},
            id="a space whose founding gives another id, with all in it",
        ),
        pytest.param(
            "UPDATE frame SET body = x'00' WHERE seq = 1",
            (),
            {"frame": 1},
            id="bytes that are no frame",
        ),
        pytest.param(
            "UPDATE frame SET body = ? WHERE seq = 1",
            (bytes(limits.ENVELOPE_BYTES_MAX + 1),),
            {"frame": 1},
            id="more bytes than a frame has",
        ),
        pytest.param(
            "UPDATE frame SET space = x'00' WHERE seq = 1",
            (),
            {"frame": 1},
            id="a frame of a space that is not here",
        ),
        pytest.param(
            "UPDATE epoch SET head = x'00'", (), {"epoch": 0, "box": 0}, id="bytes that are no head"
        ),
        pytest.param(
            "UPDATE epoch SET epoch = ?",
            (bytes(32),),
            {"epoch": 0, "box": 0},
            id="a head of another epoch",
        ),
        pytest.param(
            "UPDATE epoch SET poster = x'00'",
            (),
            {"epoch": 0, "box": 0},
            id="a poster that is none",
        ),
        pytest.param("UPDATE box SET box = x'00'", (), {"box": 0}, id="a box that is too short"),
        pytest.param("UPDATE box SET n = -1", (), {"box": 0}, id="a box of no number"),
        pytest.param(
            "UPDATE invite SET blob = x'00'",
            (),
            {"invite": 0, "invite_item": 0},
            id="an invite that is too short, with who fetched it",
        ),
        pytest.param(
            "UPDATE invite SET expires = 9000000000000000",
            (),
            {"invite": 0, "invite_item": 0},
            id="an invite that would never end",
        ),
        pytest.param(
            "UPDATE invite SET uses_left = 1000000",
            (),
            {"invite": 0, "invite_item": 0},
            id="an invite for more than may come",
        ),
        pytest.param(
            "UPDATE keys SET sig = zeroblob(64)",
            (),
            {"keys": 0},
            id="a statement whose signature does not hold",
        ),
        pytest.param(
            "UPDATE keys SET sig = x'00'", (), {"keys": 0}, id="a statement without a signature"
        ),
        pytest.param(
            "UPDATE keys SET statement = x'00'", (), {"keys": 0}, id="bytes that are no statement"
        ),
    ],
)
def test_what_does_not_prove_itself_is_left_out_and_nothing_beside_it(
    tmp_path: Path, sql: str, values: tuple[bytes, ...], lost: dict[str, int]
) -> None:
    hub = filled(tmp_path)
    hub.store.connection.run(sql, values)
    hub.store.close()
    renew(tmp_path)
    assert counts(tmp_path) == {**ALL, **lost}


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        pytest.param("request", (None, None), id="a request, and then its answer"),
        pytest.param("reply", (REQUEST, None), id="an answer alone"),
    ],
)
def test_of_an_invite_only_requests_and_answers_of_their_size_are_kept(
    tmp_path: Path, column: str, kept: tuple[bytes | None, bytes | None]
) -> None:
    hub = filled(tmp_path)
    hub.store.connection.run(f"UPDATE invite_item SET {column} = x'00' WHERE tag = ?", (TAG,))
    hub.store.close()
    renew(tmp_path)
    assert Hub(tmp_path, space=False).store.request(INVITE.lookup, TAG) == kept


def test_a_time_that_was_damaged_does_not_make_the_hub_stand_still(tmp_path: Path) -> None:
    hub = filled(tmp_path)
    hub.store.connection.run("UPDATE space SET at = 9000000000000000")
    hub.store.close()
    renew(tmp_path)
    row = Hub(tmp_path, space=False).store.find_space(SPACE)
    assert row is not None and NOW_MS < row.at < 9_000_000_000_000_000


def test_more_frames_than_a_page_are_all_kept(tmp_path: Path) -> None:
    count = renewal.PAGE + 3
    filled(tmp_path, frame_count=count).store.close()
    assert renew(tmp_path).frames == count
    assert counts(tmp_path)["frame"] == count


def test_a_page_that_cannot_be_read_costs_only_the_frames_on_it(tmp_path: Path) -> None:
    count = 40
    hub = filled(tmp_path, frame_count=count)
    before = hub.pull().frames
    hub.store.close()
    path = tmp_path / sqlite.FILE_NAME
    db.seal_off(os.fspath(path))
    data = bytearray(path.read_bytes())
    # The page of the first frame, so that a whole page of rows cannot be read either.
    data[data.index(before[0]) // PAGE * PAGE] = 0xFF
    path.write_bytes(data)
    kept = renew(tmp_path).frames
    assert count - PAGE // 1024 <= kept < count
    after = Hub(tmp_path, space=False).pull().frames
    assert set(after) < set(before) and before[0] not in after and before[-1] in after


@pytest.mark.parametrize("left", [b"", b"no database" * 400], ids=["nothing", "no database"])
def test_a_file_of_which_nothing_is_left_becomes_an_empty_hub(tmp_path: Path, left: bytes) -> None:
    filled(tmp_path).store.close()
    for end in ("-wal", "-shm"):
        (tmp_path / (sqlite.FILE_NAME + end)).unlink(missing_ok=True)
    (tmp_path / sqlite.FILE_NAME).write_bytes(left)
    assert renew(tmp_path) == Renewed(0, 0, is_same_key=False)
    assert set(counts(tmp_path).values()) == {0}


def test_a_draft_of_a_renewal_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    filled(tmp_path).store.close()
    draft = Hub(tmp_path / renewal.DRAFT)
    draft.push(envelope("of a renewal before"))
    draft.store.close()
    assert renew(tmp_path).frames == 2
    assert counts(tmp_path) == ALL
