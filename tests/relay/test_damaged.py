"""A relay whose database was damaged: the operator is told which, whatever the bytes say now."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.relay import doctor
from envoy.relay.doctor import FAILED, OK, Finding, Place
from envoy.sync import frames
from envoy.system import db
from hub.scenes import SPACE, envelope
from relay.scenes import Relay

PAGE = 4096


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """Return the directory of a relay that has a hundred frames, all in its database file."""
    relay = Relay(tmp_path / "relay")
    relay.create()
    push = frames.Push(SPACE, tuple(envelope(f"{number}", 900) for number in range(100)))
    relay.ask(push, frames.Pushed, relay.token("writer"))
    relay.close()
    with db.connect(os.fspath(tmp_path / "relay" / "hub.db")) as connection:
        connection.fold()
    (tmp_path / "relay" / "hub.db-wal").unlink()
    yield tmp_path / "relay"


def found(directory: Path) -> dict[str, Finding]:
    """Return what the doctor finds, by name."""
    return {one.name: one for one in doctor.examine(Place(os.fspath(directory), None, None))}


def test_control_a_sound_one_is_sound(kept: Path) -> None:
    told = found(kept)
    assert (told["database"].state, told["spaces"].state) == (OK, OK)


@pytest.mark.parametrize("seed", range(6))
def test_pages_that_were_overwritten_are_told_and_no_traceback(kept: Path, seed: int) -> None:
    chance, path = random.Random(seed), kept / "hub.db"
    size = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in chance.sample(range(1, size), size // 2):
            file.seek(page * PAGE + chance.randrange(PAGE // 2))
            file.write(chance.randbytes(PAGE // 3))
    told = found(kept)
    assert told["database"].state == FAILED and told["spaces"].state == FAILED
    assert told["spaces"].command == "envoy relay restore"
    assert told["files"].state == OK
