"""Objects go in and come out whole, whatever became of their chunks on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pytest

from envoy import limits
from envoy.core.objects import PIECE_BYTES, ObjectPut, object_id
from envoy.core.structs import Body
from envoy.errors import EnvoyError, InternalError
from envoy.replica import objects
from envoy.replica.actions import objects as actions
from envoy.replica.ports import Chunks
from envoy.sync import chunks as calls
from envoy.sync.frames import HubRefusal
from envoy.system.workers import Workers
from replica.world import Inline
from vectorfile import bad, good
from vectors import make_object
from vectors.make_object import KEY, SPACE

Case = dict[str, Any]


class Memory(Chunks):
    """Chunks in memory, with no hub beside them."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.room = 10**9

    def has(self, ident: bytes) -> bool:
        """Say whether there is that chunk."""
        return ident in self.held

    def read(self, ident: bytes) -> bytes | None:
        """Return a chunk."""
        return self.held.get(ident)

    def save(self, ident: bytes, chunk: bytes) -> None:
        """Keep a chunk, while there is room."""
        self.room -= len(chunk)
        if self.room < 0:
            raise InternalError("storage_failed", reason="enospc")
        self.held[ident] = chunk

    def drop(self, ident: bytes) -> None:
        """Forget a chunk."""
        self.held.pop(ident, None)

    def settle(self) -> None:
        """Do nothing: memory is as durable as it gets."""
        return

    def lend(self, ident: bytes) -> bool:
        """Say that no hub is beside this."""
        return False

    def borrow(self, ident: bytes) -> bool:
        """Say that no hub is beside this."""
        return False

    def sweep(self, is_named: Callable[[bytes], bool]) -> int:
        """Forget nothing: nothing here is old."""
        return 0

    def count(self, joined: bytes) -> int:
        """Return how many chunks are held."""
        return sum(one in self.held for one in objects.split(joined))


class Hub:
    """A hub that knows nothing but chunks, and counts the questions."""

    hub_key = bytes(32)

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.asked: list[Body] = []

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``."""
        self.asked.append(call)
        match call:
            case calls.ChunkGet(id=ident):
                return calls.ChunkGot(self.held.get(ident))
            case calls.ChunkHave(ids=ids):
                return calls.ChunkMap(calls.bitmap([one in self.held for one in ids]))
            case calls.ChunkPut(id=ident, chunk=chunk):
                self.held[ident] = chunk
                return calls.ChunkMap(b"")
        raise HubRefusal("unsupported_operation")


def depot(held: Memory) -> objects.Depot:
    """Return a depot without threads."""
    return objects.Depot(held, Inline(), lambda _: None)


def sealed(data: bytes, held: Memory) -> objects.Sealed:
    """Seal ``data``."""
    return objects.seal(BytesIO(data).read, SPACE, depot(held), key=KEY)


def reference(found: objects.Sealed) -> ObjectPut:
    """Return a true reference."""
    return ObjectPut(
        object=found.object,
        name="n",
        media="m",
        size=found.size,
        key=found.key,
        sha256=found.sha256,
        chunks=found.chunks,
        task=None,
        supersedes=None,
    )


def of_vector(given: Case) -> tuple[ObjectPut, Memory]:
    """Return the reference and the chunks of a vector."""
    held, size, said = Memory(), given["size"], given.get("said", "")
    for chunk in make_object.sealed(size, given.get("made", "")):
        held.held[make_object.ids([chunk])[0]] = chunk
    ids = tuple(held.held)
    told: Case = make_object.seal(size)
    named = ids if said != "a chunk that is nowhere" else (*ids[:-1], bytes(32))
    whole = object_id(SPACE, named)
    found = objects.Sealed(whole, size, KEY, bytes.fromhex(told["sha256"]), named)
    match said:
        case "a byte more":
            found = found._replace(size=size + 1)
        case "another sha256":
            found = found._replace(sha256=bytes(32))
        case "another object id":
            found = found._replace(object=bytes(32))
    return reference(found), held


@pytest.mark.parametrize(("given", "expect"), good("object"))
def test_an_object_is_what_the_vectors_say(given: Case, expect: Any) -> None:
    if given["op"] == "seal":
        found = sealed(make_object.plaintext(given["size"]), Memory())
        assert {
            "object": found.object.hex(),
            "sha256": found.sha256.hex(),
            "chunks": [one.hex() for one in found.chunks],
        } == expect
        return
    body, held = of_vector(given)
    out = BytesIO()
    assert objects.unseal(body, SPACE, depot(held), hub=Hub(), write=out.write) is expect
    assert out.getvalue() == make_object.plaintext(given["size"])


@pytest.mark.parametrize(("given", "code"), bad("object"))
def test_an_object_that_is_not_what_it_should_be_is_refused(given: Case, code: str) -> None:
    body, held = of_vector(given)
    if code == "object_incomplete":
        assert not objects.unseal(body, SPACE, depot(held), hub=Hub(), write=lambda _: None)
        return
    with pytest.raises(EnvoyError) as caught:
        objects.unseal(body, SPACE, depot(held), hub=Hub(), write=lambda _: None)
    assert (caught.value.code, caught.value.details["reason"]) == ("signature_invalid", code)


def test_threads_change_nothing() -> None:
    data, held = os.urandom(5 * PIECE_BYTES + 7), Memory()
    with Workers(3, share_min=1) as workers:
        tools = objects.Depot(held, workers, lambda _: None)
        found = objects.seal(BytesIO(data).read, SPACE, tools, key=KEY)
        assert found == sealed(data, Memory())
        out = BytesIO()
        assert objects.unseal(reference(found), SPACE, tools, hub=Hub(), write=out.write)
    assert out.getvalue() == data


@pytest.mark.parametrize("more", [0, 1])
def test_what_is_read_is_bounded_by_what_a_reference_can_name(
    more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OBJECT_CHUNKS_MAX", 4)
    data = bytes(4 * PIECE_BYTES + more)
    if not more:
        assert len(sealed(data, Memory()).chunks) == 4
        return
    with pytest.raises(EnvoyError) as caught:
        sealed(data, Memory())
    assert caught.value.code == "object_too_large"


def test_a_full_disk_ends_a_put() -> None:
    held = Memory()
    held.room = 2 * 2**20
    with pytest.raises(InternalError) as caught:
        sealed(bytes(5 * PIECE_BYTES), held)
    assert caught.value.code == "storage_failed"


def flipped(chunk: bytes) -> bytes:
    """Return a chunk with one bit changed."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_spoilt_chunk_is_fetched_again(at: int) -> None:
    data, held, hub = os.urandom(2 * PIECE_BYTES + 9), Memory(), Hub()
    found = sealed(data, held)
    hub.held = dict(held.held)
    spoilt = found.chunks[at]
    held.held[spoilt] = flipped(held.held[spoilt])
    out = BytesIO()
    assert objects.unseal(reference(found), SPACE, depot(held), hub=hub, write=out.write)
    assert out.getvalue() == data and held.held == hub.held
    assert hub.asked == [calls.ChunkGet(SPACE, spoilt)]


def test_a_hub_that_gives_another_chunk_gives_none() -> None:
    held, hub = Memory(), Hub()
    found = sealed(b"data", held)
    hub.held = {found.chunks[0]: flipped(held.held.pop(found.chunks[0]))}
    assert objects.gather(reference(found), SPACE, depot(held), hub) == 0
    assert held.held == {}


def test_a_transfer_goes_on_where_it_stopped() -> None:
    held, hub = Memory(), Hub()
    found = sealed(os.urandom(3 * PIECE_BYTES), held)
    hub.held = dict(held.held)
    held.drop(found.chunks[1])
    assert objects.gather(reference(found), SPACE, depot(held), hub) == 3
    assert hub.asked == [calls.ChunkGet(SPACE, found.chunks[1])]


def test_chunks_are_brought_once_and_only_sound_ones() -> None:
    held, hub = Memory(), Hub()
    found = sealed(os.urandom(3 * PIECE_BYTES), held)
    hub.held = {found.chunks[0]: held.held[found.chunks[0]]}
    held.held[found.chunks[1]] = flipped(held.held[found.chunks[1]])
    assert carried(hub, held, found.chunks)
    assert sorted(hub.held) == sorted((found.chunks[0], found.chunks[2]))
    assert not held.has(found.chunks[1])
    assert [type(one) for one in hub.asked] == [calls.ChunkHave, calls.ChunkPut]
    assert not objects.carry(hub, held, SPACE, bytes(32), go=lambda: False)


def carried(hub: Hub, held: Memory, chunks: Sequence[bytes]) -> bool:
    """Bring chunks to a hub."""
    return objects.carry(hub, held, SPACE, b"".join(chunks), go=lambda: True)


def test_a_label_has_bounds() -> None:
    for label in (actions.Label("", "m"), actions.Label("n" * 129, "m"), actions.Label("n", "")):
        with pytest.raises(EnvoyError) as caught:
            actions._check(label)
        assert caught.value.code == "invalid_argument"
