"""Chunk files are whole or not there, no link is followed, a full disk leaves nothing."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from envoy import limits
from envoy.errors import EnvoyError
from envoy.system.chunkfiles import ChunkFiles

IDENT, OTHER = b"\xab" * 32, b"\xcd" * 32


@pytest.fixture
def place(tmp_path: Path) -> ChunkFiles:
    return ChunkFiles(os.fspath(tmp_path / "objects"))


def everything(place: ChunkFiles) -> list[str]:
    """Return the names of all files."""
    return sorted(path.name for path in Path(place.root).rglob("*") if path.is_file())


def test_a_chunk_is_what_was_saved_last(place: ChunkFiles) -> None:
    assert not place.has(IDENT) and place.read(IDENT) is None
    for chunk in (b"one", b"two"):
        place.save(IDENT, chunk)
        assert place.has(IDENT) and place.read(IDENT) == chunk
    place.settle()
    assert place.path(IDENT).endswith(f"/ab/{IDENT.hex()}")
    assert everything(place) == [IDENT.hex()]
    assert os.stat(place.path(IDENT)).st_mode & 0o777 == 0o600
    assert os.stat(place.root).st_mode & 0o777 == 0o700
    place.drop(IDENT)
    place.drop(IDENT)
    assert not place.has(IDENT)


def test_a_link_in_the_place_of_a_chunk_is_not_followed(place: ChunkFiles, tmp_path: Path) -> None:
    place.save(IDENT, b"one")
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    path = Path(place.path(IDENT))
    path.unlink()
    path.symlink_to(outside)
    assert not place.has(IDENT)
    with pytest.raises(EnvoyError) as caught:
        place.read(IDENT)
    assert (caught.value.code, caught.value.details["reason"]) == ("state_access_denied", "symlink")
    place.save(IDENT, b"two")
    assert place.read(IDENT) == b"two" and outside.read_bytes() == b"mine"


def test_what_no_chunk_can_be_is_not_read(place: ChunkFiles) -> None:
    place.save(IDENT, bytes(limits.CHUNK_BYTES_MAX))
    assert place.read(IDENT) is not None
    place.save(IDENT, bytes(limits.CHUNK_BYTES_MAX + 1))
    assert place.read(IDENT) is None
    place.drop(IDENT)
    os.mkfifo(place.path(IDENT))
    assert place.read(IDENT) is None and not place.has(IDENT)


def test_two_places_share_a_file(place: ChunkFiles, tmp_path: Path) -> None:
    other = ChunkFiles(os.fspath(tmp_path / "hub"))
    assert not place.share(other, IDENT)
    other.save(IDENT, b"one")
    assert place.share(other, IDENT) and place.share(other, IDENT)
    other.drop(IDENT)
    assert place.read(IDENT) == b"one"


def test_a_full_disk_leaves_nothing_of_a_chunk(place: ChunkFiles) -> None:
    place.save(OTHER, b"other")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(EnvoyError) as caught:
            place.save(IDENT, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "storage_failed"
    assert everything(place) == [OTHER.hex()] and place.read(OTHER) == b"other"


@pytest.mark.parametrize(
    ("name", "age_s", "stays"),
    [
        pytest.param(IDENT.hex(), limits.ORPHAN_SECONDS_MAX + 60, True, id="a chunk that is named"),
        pytest.param(OTHER.hex(), limits.ORPHAN_SECONDS_MAX + 60, False, id="an old orphan"),
        pytest.param(OTHER.hex(), limits.ORPHAN_SECONDS_MAX - 60, True, id="a put that goes on"),
        pytest.param("a.tmp", limits.DRAFT_SECONDS_MAX + 60, False, id="an old draft"),
        pytest.param("a.tmp", limits.DRAFT_SECONDS_MAX - 60, True, id="a draft being written"),
    ],
)
def test_what_nothing_names_is_swept_when_it_is_old(
    place: ChunkFiles, name: str, age_s: int, *, stays: bool
) -> None:
    assert place.sweep(lambda _: False) == 0
    place.save(IDENT, b"one")
    path = Path(place.path(IDENT)).with_name(name)
    path.write_bytes(b"old")
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))
    assert place.sweep(lambda ident: ident == IDENT) == int(not stays)
    assert path.exists() is stays and place.has(IDENT)
