"""Objects: ids and numbers of chunks, by the vectors and at their bounds."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core import chunks, objects
from envoy.core.crypto.sign import sha256
from vectorfile import load
from vectors import make_object


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("object") == make_object.vectors()


@pytest.mark.parametrize("size", make_object.SIZES)
def test_an_object_is_sealed_as_the_vectors_say(size: int) -> None:
    expect = make_object.seal(size)
    pieces = make_object.pieces(size)
    bound = objects.aad(make_object.SPACE)
    made = [
        sha256(chunks.seal(make_object.KEY, at, bound, piece, last=at == len(pieces) - 1))
        for at, piece in enumerate(pieces)
    ]
    assert [one.hex() for one in made] == expect["chunks"]
    assert objects.object_id(make_object.SPACE, made).hex() == expect["object"]
    assert objects.object_id(make_object.OTHER_SPACE, made).hex() != expect["object"]
    assert objects.object_id(make_object.SPACE, made[::-1] + made).hex() != expect["object"]


@pytest.mark.parametrize(
    ("size", "count"),
    [
        pytest.param(0, 1, id="an empty object has a chunk"),
        pytest.param(1, 1, id="a byte"),
        pytest.param(objects.PIECE_BYTES, 1, id="a full piece is the last one"),
        pytest.param(objects.PIECE_BYTES + 1, 2, id="a byte more"),
        pytest.param(objects.OBJECT_BYTES_MAX, limits.OBJECT_CHUNKS_MAX, id="the largest"),
    ],
)
def test_the_size_says_how_many_chunks_there_are(size: int, count: int) -> None:
    assert objects.chunk_count(size) == count
    assert objects.PIECE_BYTES == chunks.PLAIN_BYTES
