"""A hub that is not what it says is found out, row by row; one that is says nothing."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from envoy.hub import soundness, sqlite
from envoy.sync import frames
from hub import scenes
from hub.scenes import POSTER, SPACE, Hub, envelope, epoch_head, put_epoch, statement
from oracle import scene

NAME = f"space {SPACE.hex()[:8]}"
BOX = bytes(frames.BOX_BYTES)


def filled(path: Path) -> Hub:
    """Return a hub with two frames, a slot with its receipt, an epoch with a box, a statement."""
    hub = Hub(path)
    hub.push(envelope("a"), envelope("b"))
    holder = scene.fixed("holder", 16)
    slot = frames.Slot("claim", SPACE, 0, scene.fixed("slot"), 0, holder, 60, envelope("claim"))
    hub.ask(slot, frames.Slotted)
    epoch = put_epoch(hub)
    box = frames.Box(scene.fixed("tag", 16), BOX)
    hub.ask(frames.BoxPut(SPACE, epoch, (box,)), frames.Done, poster=POSTER)
    hub.ask(statement(1), frames.Done)
    return hub


def found(path: Path) -> list[str]:
    """Return what is found in a hub that is opened anew."""
    store = scenes.open_store(path)
    try:
        return list(soundness.findings(store))
    finally:
        store.close()


def damage(hub: Hub, sql: str, *values: bytes) -> None:
    """Change rows of a hub behind its back, and close it."""
    hub.store.connection.run(sql, values)
    hub.store.close()


def test_a_sound_hub_has_nothing_to_tell(tmp_path: Path) -> None:
    hub = filled(tmp_path)
    hub.store.close()
    assert found(tmp_path) == []


OTHER_HEAD, _ = epoch_head(SPACE, "another")


@pytest.mark.parametrize(
    ("sql", "values", "told"),
    [
        pytest.param(
            "UPDATE meta SET v = x'00' WHERE k = 'key'",
            (),
            "its instance or its key is damaged",
            id="a key that is too short",
        ),
        pytest.param(
            "UPDATE space SET g = x'00'",
            (),
            f"{NAME}: its id does not follow from what it was founded by",
            id="another founding",
        ),
        pytest.param(
            "DELETE FROM frame WHERE seq = 2", (), f"{NAME}: frame 2 is missing", id="a gap"
        ),
        pytest.param(
            "UPDATE frame SET body = ? WHERE seq = 2",
            (envelope("c"),),
            f"{NAME}: frame 2 was altered",
            id="another frame in the place of one",
        ),
        pytest.param(
            "UPDATE frame SET body = x'00' WHERE seq = 1",
            (),
            f"{NAME}: frame 1 was altered",
            id="bytes that are no frame",
        ),
        pytest.param(
            "UPDATE space SET count = 9",
            (),
            f"{NAME}: 4 frames, but it counts 9",
            id="a wrong count",
        ),
        pytest.param(
            "UPDATE space SET sum = zeroblob(32)",
            (),
            f"{NAME}: hub chain, sum or size do not follow from its frames",
            id="a wrong sum",
        ),
        pytest.param(
            "UPDATE space SET bytes = bytes + 1",
            (),
            f"{NAME}: hub chain, sum or size do not follow from its frames",
            id="a wrong size",
        ),
        pytest.param(
            "UPDATE slot SET receipt = 99",
            (),
            f"{NAME}: 1 slots without a receipt",
            id="a slot whose receipt is not there",
        ),
        pytest.param(
            "UPDATE slot SET fence = 0",
            (),
            f"{NAME}: 1 slots without a receipt",
            id="a fence that no receipt has",
        ),
        pytest.param(
            "DELETE FROM space WHERE space = ?",
            (SPACE,),
            "frames of a space that it does not have",
            id="frames without their space",
        ),
        pytest.param(
            "UPDATE epoch SET head = ?",
            (OTHER_HEAD,),
            "1 heads of epochs were altered",
            id="the head of another epoch",
        ),
        pytest.param(
            "UPDATE epoch SET head = x'00'",
            (),
            "1 heads of epochs were altered",
            id="bytes that are no head",
        ),
        pytest.param("DELETE FROM epoch", (), "1 boxes of no epoch", id="a box without its epoch"),
        pytest.param(
            "UPDATE box SET box = x'00'", (), "1 boxes of no epoch", id="a box that is too short"
        ),
        pytest.param(
            "UPDATE keys SET did = ?",
            (scene.OTHER,),
            "1 keys statements were altered",
            id="a statement under another's name",
        ),
        pytest.param(
            "UPDATE keys SET sig = zeroblob(64)",
            (),
            "1 keys statements were altered",
            id="a signature that does not hold",
        ),
        pytest.param(
            "UPDATE keys SET sig = x'00'",
            (),
            "1 keys statements were altered",
            id="a signature that is none",
        ),
        pytest.param(
            "UPDATE keys SET statement = x'00'",
            (),
            "1 keys statements were altered",
            id="bytes that are no statement",
        ),
    ],
)
def test_each_damage_is_told_by_what_it_broke(
    tmp_path: Path, sql: str, values: tuple[bytes, ...], told: str
) -> None:
    damage(filled(tmp_path), sql, *values)
    assert found(tmp_path) == [told]


def test_another_instance_breaks_the_chain_too(tmp_path: Path) -> None:
    damage(filled(tmp_path), "UPDATE meta SET v = x'00' WHERE k = 'instance'")
    assert found(tmp_path) == [
        "its instance or its key is damaged",
        f"{NAME}: hub chain, sum or size do not follow from its frames",
    ]


def test_a_copy_that_was_made_another_instance_is_sound(tmp_path: Path) -> None:
    hub = filled(tmp_path)
    with hub.store.transaction():
        sqlite.renew_instance(hub.store.connection)
    hub.store.close()
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("table", "column", "told"),
    [
        pytest.param("space", "sum", "a space whose row holds what is none", id="of a space"),
        pytest.param("space", "space", "a space whose row holds what is none", id="the space"),
        pytest.param("frame", "body", f"{NAME}: frame 1 was altered", id="of a frame"),
        pytest.param("frame", "id", f"{NAME}: frame 1 was altered", id="the id of a frame"),
    ],
)
def test_a_value_that_damage_made_null_is_a_finding(
    tmp_path: Path, table: str, column: str, told: str
) -> None:
    filled(tmp_path).store.close()
    with apsw.Connection(str(tmp_path / sqlite.FILE_NAME)) as raw:
        shape = (
            f"CREATE TABLE {table}("
            + ", ".join(name for _, name, *_ in raw.execute(f"PRAGMA table_info({table})"))
            + ")"
        )
        rows = list(raw.execute(f"SELECT * FROM {table}"))
        raw.execute(f"DROP TABLE {table}")
        raw.execute(shape)
        for row in rows:
            raw.execute(f"INSERT INTO {table} VALUES({', '.join('?' * len(row))})", row)
        raw.execute(f"UPDATE {table} SET {column} = NULL")
    raw.close()
    store = scenes.open_store(tmp_path)
    try:
        done, wrong = soundness.of_some(store, 10, go=lambda: True)
    finally:
        store.close()
    assert done == 1 and [one for one in wrong if one.startswith(told)], wrong
