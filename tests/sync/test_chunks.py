"""The calls about chunks have their bounds, and bits mean the ids they were asked for."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync import chunks, frames

ID, SPACE = b"i" * 32, b"s" * 32
MAX = limits.CHUNK_BYTES_MAX


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(chunks.ChunkPut(SPACE, ID, b"x"), None, id="a byte"),
        pytest.param(chunks.ChunkPut(SPACE, ID, bytes(MAX)), None, id="a full chunk"),
        pytest.param(chunks.ChunkPut(SPACE, ID, bytes(MAX + 1)), "too_large", id="a byte more"),
        pytest.param(chunks.ChunkPut(SPACE, ID, b""), "malformed", id="no byte"),
        pytest.param(chunks.ChunkHave(SPACE, (ID,) * 1000, True), None, id="1,000 ids"),
        pytest.param(chunks.ChunkHave(SPACE, (ID,) * 1001, True), "malformed", id="1,001 ids"),
        pytest.param(chunks.ChunkHave(SPACE, (), False), "malformed", id="no id"),
        pytest.param(chunks.ChunkGet(SPACE, ID), None, id="a question"),
        pytest.param(chunks.ChunkGet(SPACE, ID[1:]), "malformed", id="an id of 31 bytes"),
    ],
)
def test_a_call_is_within_its_bounds(call: Body, code: str | None) -> None:
    raw = encode(call)
    if code is None:
        assert decode(raw, type(call)) == call
        return
    with pytest.raises(RemoteFault) as caught:
        decode(raw, type(call))
    assert caught.value.code == code


def test_the_table_continues_that_of_frames() -> None:
    assert not chunks.CALLS.keys() & frames.CALLS.keys()
    assert list(chunks.CALLS) == ["chunk_put", "chunk_get", "chunk_have"]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_bits_come_back_as_the_ids_they_stand_for(count: int) -> None:
    ids = [number.to_bytes(32, "big") for number in range(count)]
    found = [number % 3 == 0 for number in range(count)]
    bits = chunks.bitmap(found)
    assert len(bits) == -(-count // 8)
    assert chunks.among(ids, bits) == {one for one, is_so in zip(ids, found, strict=True) if is_so}
    for wrong in (bits + b"\0", bits[1:]):
        with pytest.raises(RemoteFault):
            chunks.among(ids, wrong)
    assert chunks.bitmap([True]) == b"\x80"
