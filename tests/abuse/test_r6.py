"""R6: whatever a relay answers is taken with a bound in bytes and in time, and judged like any."""

from __future__ import annotations

import gzip
import os

import pytest

from abuse.siege import turned_away
from envoy import limits
from envoy.core.codec import encode
from envoy.sync import frames
from hub.hostile import Serve, http, says, serving
from hub.test_client import GOOD, HEAD, ask, drip, flood, refused
from replica.forge import Forger
from replica.scenes import message
from replica.world import Actor

BOMB = gzip.compress(bytes(64 * limits.MIB))
TEN_GIGABYTES = 10 * limits.MIB * 1024


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(flood(b"HTTP/1.1 200 OK\r\n\r\n"), id="a stream without a length"),
        pytest.param(
            flood(f"HTTP/1.1 200 OK\r\nContent-Length: {TEN_GIGABYTES}\r\n\r\n".encode()),
            id="ten gigabytes, as announced",
        ),
        pytest.param(
            flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"),
            id="a chunk of four gigabytes",
        ),
        pytest.param(flood(b"HTTP/1.1 200 OK\r\nX: "), id="a header without an end"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), id="headers that drip"),
        pytest.param(drip(http(b"", length=1_000), b"\x00"), id="a body that drips"),
        pytest.param(says(http(BOMB, "Content-Encoding: gzip")), id="a packed bomb, announced"),
        pytest.param(says(http(BOMB)), id="a packed bomb"),
    ],
)
def test_an_answer_that_is_none_costs_little_and_ends(serve: Serve) -> None:
    with serving(serve) as server:
        refused(server.origin)


def test_events_that_are_none_change_nothing(pair: list[Actor]) -> None:
    lead, agent = pair
    good, _ = Forger(agent).say(message("good"))
    junk = [
        os.urandom(300),
        b"",
        b"\x94\x01" + bytes(limits.ENVELOPE_BYTES_MAX),
        good[:-1],
        good + b"\x00",
        bytes([good[0], 2]) + good[2:],
        encode((1, bytes(32), bytes(24), os.urandom(256))),
        encode(frames.HeadGet(bytes(32))),
    ]
    codes = turned_away(lead, *junk)
    assert set(codes) <= {"malformed", "too_large", "non_canonical", "unknown_suite"}


def test_control_an_honest_answer_is_taken() -> None:
    with serving(says(GOOD)) as server:
        assert ask(server.origin) == HEAD
