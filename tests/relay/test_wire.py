"""Frames that a relay packs itself, once for all who hear the same."""

from __future__ import annotations

import os

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from envoy.relay.wire import framed


def unframed(data: bytes) -> bytes:
    """Return the message in one frame of a server, as another library reads it."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as ended:
        next(parsing)
    frame = ended.value.value
    assert isinstance(frame, Frame) and frame.fin and frame.opcode is Opcode.BINARY
    reader.feed_eof()
    return bytes(frame.data)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_a_frame_that_is_written_at_once_is_one_that_others_read(size: int) -> None:
    message = os.urandom(size)
    assert unframed(framed(message)) == message
