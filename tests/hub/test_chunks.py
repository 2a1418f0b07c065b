"""A hub keeps chunks under the hash of their bytes, and gives back nothing else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.hub.chunks import ChunkHandler
from envoy.hub.handler import Handler
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from envoy.system.chunkfiles import ChunkFiles
from hub import scenes
from hub.scenes import NOW_MS, POSTER, SPACE

CHUNK = b"ciphertext" * 30
IDENT = hashlib.sha256(CHUNK).digest()


class Hub:
    """A hub with a space and room for chunks."""

    def __init__(self, path: Path) -> None:
        store = scenes.open_store(path)
        self.files = ChunkFiles(os.fspath(path / "chunks"))
        more = ChunkHandler(store, self.files).handle
        self.handler = Handler(store, more=more)
        self.ask(frames.Create(SPACE, scenes.G, None))

    def ask(self, call: Body) -> Body:
        """Return the reply to ``call``."""
        return self.handler.handle(call, poster=POSTER, now_ms=NOW_MS)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def refusal(hub: Hub, call: Body) -> str:
    """Return the code of a refused call."""
    with pytest.raises(HubRefusal) as caught:
        hub.ask(call)
    return caught.value.code


def test_a_chunk_comes_back_and_is_put_twice_without_harm(hub: Hub) -> None:
    for _ in range(2):
        assert hub.ask(chunks.ChunkPut(SPACE, IDENT, CHUNK)) == frames.Done()
    assert hub.ask(chunks.ChunkGet(SPACE, IDENT)) == chunks.ChunkGot(CHUNK)
    assert hub.ask(chunks.ChunkGet(SPACE, bytes(32))) == chunks.ChunkGot(None)
    asked = chunks.ChunkHave(SPACE, (bytes(32), IDENT), True)
    assert hub.ask(asked) == chunks.ChunkMap(b"\x40")


def test_a_chunk_under_another_hash_is_refused(hub: Hub) -> None:
    assert refusal(hub, chunks.ChunkPut(SPACE, bytes(32), CHUNK)) == "malformed"
    assert refusal(hub, chunks.ChunkPut(SPACE, IDENT, CHUNK[1:])) == "malformed"
    assert not hub.files.has(IDENT)


def test_chunks_of_an_unknown_space_are_refused(hub: Hub) -> None:
    calls: list[Body] = [
        chunks.ChunkPut(bytes(32), IDENT, CHUNK),
        chunks.ChunkGet(bytes(32), IDENT),
        chunks.ChunkHave(bytes(32), (IDENT,), False),
    ]
    for call in calls:
        assert refusal(hub, call) == "space_not_found"


def test_what_is_out_of_bounds_is_refused(hub: Hub) -> None:
    large = bytes(limits.CHUNK_BYTES_MAX + 1)
    named = hashlib.sha256(large).digest()
    assert refusal(hub, chunks.ChunkPut(SPACE, named, large)) == "message_too_large"
    assert refusal(hub, chunks.ChunkHave(SPACE, (), True)) == "malformed"


def test_a_spoilt_chunk_is_forgotten_and_can_be_put_again(hub: Hub) -> None:
    hub.files.save(IDENT, CHUNK[1:])
    assert hub.ask(chunks.ChunkGet(SPACE, IDENT)) == chunks.ChunkGot(None)
    assert not hub.files.has(IDENT)
    hub.files.save(IDENT, CHUNK[1:])
    hub.ask(chunks.ChunkPut(SPACE, IDENT, CHUNK))
    assert hub.ask(chunks.ChunkGet(SPACE, IDENT)) == chunks.ChunkGot(CHUNK)


def test_a_hub_without_room_for_chunks_says_so(tmp_path: Path) -> None:
    bare = Handler(scenes.open_store(tmp_path))
    with pytest.raises(HubRefusal) as caught:
        bare.handle(chunks.ChunkGet(SPACE, IDENT), poster=POSTER, now_ms=NOW_MS)
    assert caught.value.code == "unsupported_operation"


def test_what_is_no_call_at_all_is_refused(hub: Hub) -> None:
    assert refusal(hub, frames.Done()) == "unsupported_operation"
