"""Bundles: what is whole is read as it was written, and everything else is told of."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy.core.codec import encode
from envoy.errors import RemoteFault
from envoy.sync import bundles
from envoy.sync.bundles import FrameRecord, Header, Reader
from hub.scenes import SPACE, G, envelope
from vectorfile import bad, good, load
from vectors import make_bundle


def read(raw: bytes) -> tuple[Header, list[bundles.Record]]:
    """Return what is in a bundle."""
    reader = Reader(BytesIO(raw).read)
    return reader.header, list(reader.records())


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("bundle") == make_bundle.vectors()


@pytest.mark.parametrize(("raw", "expect"), good("bundle"))
def test_a_bundle_is_read_and_written_again_as_it_was(raw: str, expect: list[str]) -> None:
    header, records = read(bytes.fromhex(raw))
    assert (header.space, header.g) == (make_bundle.SPACE, make_bundle.G)
    assert [encode(one).hex() for one in records] == expect
    assert b"".join(bundles.write(header, records)).hex() == raw


@pytest.mark.parametrize(("raw", "code"), bad("bundle"))
def test_what_is_no_bundle_is_refused(raw: str, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        read(bytes.fromhex(raw))
    assert caught.value.code == code


WHOLE = b"".join(
    bundles.write(Header(1, SPACE, G), [FrameRecord("frame", envelope(str(n))) for n in range(3)])
)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_noticed_wherever_it_is(place: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[place] ^= change
    with pytest.raises(RemoteFault):
        read(bytes(altered))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_ends_early_is_noticed_wherever_it_does(length: int) -> None:
    with pytest.raises(RemoteFault):
        read(WHOLE[:length])


def test_no_more_is_read_than_a_record_may_have() -> None:
    asked = list[int]()
    raw = BytesIO(b"ENVOYBDL" + (2**32 - 1).to_bytes(4))

    def reading(count: int) -> bytes:
        asked.append(count)
        return raw.read(count)

    with pytest.raises(RemoteFault) as caught:
        Reader(reading)
    assert caught.value.code == "too_large"
    assert max(asked) < 100
