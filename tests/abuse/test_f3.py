"""F3: an object that lacks a chunk, or has another in its place, is never served as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console import Console

DATA = os.urandom(3 * 1024 * 1024 - 500)
CHUNKS = 3


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    code = found.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")["invite_code"]
    found.ok("--profile", "a1", "join", code)
    (found.cwd / "file").write_bytes(DATA)
    found.ok("--profile", "lead", "object", "put", "file")
    return found


def chunks(console: Console) -> list[Path]:
    """Return the chunks at the hub."""
    return sorted((console.home / "hub" / "chunks").rglob("?" * 64))


def refused(console: Console) -> str:
    """Return why the object cannot be had by who has none of its chunks; no file is left."""
    (one,) = console.ok("--profile", "a1", "object", "list")["objects"]
    found = console.call(
        *("--profile", "a1", "--json", "object", "get", one["object_id"], "--output", "out")
    )
    assert found.status != 0
    assert os.listdir(console.cwd) == ["file"]
    code: str = found.data["error_code"]
    return code


@pytest.mark.parametrize("cut", range(CHUNKS))
def test_an_object_cut_at_a_chunk_is_partial(console: Console, cut: int) -> None:
    every = chunks(console)
    assert len(every) == CHUNKS
    every[cut].unlink()
    (one,) = console.ok("--profile", "a1", "object", "list")["objects"]
    assert one["state"] == "partial"
    assert refused(console) == "object_incomplete"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw, other: raw[: len(raw) // 2], id="truncated"),
        pytest.param(lambda raw, other: other, id="swapped with another of the object"),
        pytest.param(lambda raw, other: os.urandom(len(raw)), id="foreign"),
        pytest.param(lambda raw, other: bytes([raw[0] ^ 1]) + raw[1:], id="one bit of it"),
        pytest.param(lambda raw, other: b"", id="empty"),
    ],
)
def test_a_chunk_that_is_not_itself_is_not_served(console: Console, spoil: object) -> None:
    assert callable(spoil)
    first, second, _ = chunks(console)
    first.write_bytes(spoil(first.read_bytes(), second.read_bytes()))
    assert refused(console) == "object_incomplete"


def test_the_whole_object_is_served(console: Console) -> None:
    (one,) = console.ok("--profile", "a1", "object", "list")["objects"]
    console.ok("--profile", "a1", "object", "get", one["object_id"], "--output", "out")
    assert (console.cwd / "out").read_bytes() == DATA


def test_a_partial_object_becomes_whole_once_somebody_brings_the_rest(console: Console) -> None:
    chunks(console)[1].unlink()
    assert refused(console) == "object_incomplete"
    console.ok("--profile", "lead", "sync")
    (one,) = console.ok("--profile", "a1", "object", "list")["objects"]
    console.ok("--profile", "a1", "object", "get", one["object_id"], "--output", "out")
    assert (console.cwd / "out").read_bytes() == DATA
