"""WebSockets of a relay: who listens hears, who may not does not, who is slow harms nobody."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from envoy import limits
from envoy.core import access
from envoy.core.access import Statement
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.sync import access as calls
from envoy.sync import frames, live
from hub.scenes import SPACE, envelope
from oracle import events
from relay import process
from relay.process import Client, Served
from relay.scenes import ROOT, key_of


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with process.serving(tmp_path_factory.mktemp("fanout") / "relay") as found:
        client = Client(found)
        client.create()
        client.close()
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    found = Client(served)
    yield found
    found.close()


def listen(served: Served, sock: socket.socket | None = None) -> ClientConnection:
    host, port = served.address
    return connect(
        f"ws://{host}:{port}/v1/ws", compression=None, max_size=None, sock=sock, max_queue=1
    )


def hear(line: ClientConnection, timeout_s: float = 5.0) -> Body:
    data = line.recv(timeout=timeout_s)
    assert isinstance(data, bytes)
    return live.read(data, live.TOLD)


def sub(line: ClientConnection, *wanted: tuple[bytes, int], n: int = 1) -> live.Subbed:
    line.send(encode(live.Sub("sub", n, tuple(live.Wanted(*one) for one in wanted))))
    found = hear(line)
    assert isinstance(found, live.Subbed) and found.n == n
    return found


def closed(line: ClientConnection, timeout_s: float = 5.0) -> int:
    with pytest.raises(ConnectionClosed) as caught:
        for _ in range(100):
            line.recv(timeout=timeout_s)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code


def push(client: Client, *names: str) -> int:
    call = frames.Push(SPACE, tuple(envelope(name) for name in names))
    return client.ask(call, frames.Pushed, client.token("writer")).head


def stored(client: Client) -> int:
    return client.ask(frames.HeadGet(SPACE), frames.Head, client.token("reader")).head


def test_who_listens_hears_of_new_frames_with_the_frames(served: Served, client: Client) -> None:
    at = stored(client)
    with listen(served) as line:
        (head,) = sub(line, (client.token("reader"), at)).entries
        assert isinstance(head, frames.Head) and head.head == at
        names = [os.urandom(8).hex() for _ in range(3)]
        push(client, *names)
        woken = hear(line)
        assert isinstance(woken, live.Woken) and woken.page is not None
        assert (woken.space, woken.head) == (SPACE, at + 3)
        assert woken.page.frames == tuple(envelope(name) for name in names)
        assert woken.page.head is not None and woken.page.head.head == at + 3


def test_who_is_behind_hears_so_at_once(served: Served, client: Client) -> None:
    push(client, os.urandom(8).hex())
    at = stored(client)
    with listen(served) as line:
        sub(line, (client.token("reader"), at - 1))
        woken = hear(line)
        assert isinstance(woken, live.Woken) and woken.head == at
        assert woken.page is not None and len(woken.page.frames) == 1


def test_who_is_far_behind_is_told_to_pull(served: Served, client: Client) -> None:
    push(client, *[os.urandom(8).hex() for _ in range(limits.WAKE_FRAMES_MAX + 1)])
    with listen(served) as line:
        sub(line, (client.token("reader"), 0))
        woken = hear(line)
        assert isinstance(woken, live.Woken) and woken.page is None
        head = push(client, os.urandom(8).hex())
        woken = hear(line)  # and goes on from there
        assert isinstance(woken, live.Woken) and woken.head == head
        assert woken.page is not None and len(woken.page.frames) == 1


def test_who_listens_no_more_hears_no_more(served: Served, client: Client) -> None:
    at = stored(client)
    with listen(served) as line:
        sub(line, (client.token("reader"), at))
        line.send(encode(live.Unsub("unsub", SPACE)))
        sub(line, (b"x" * 80, 0), n=2)
        push(client, os.urandom(8).hex())
        with pytest.raises((TimeoutError, ConnectionClosed)):
            hear(line, 0.5)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(b"", 4400, id="nothing"),
        pytest.param(b"\x91\xa4what", 4400, id="an unknown word"),
        pytest.param("text", 4400, id="text"),
        pytest.param(encode(live.Ping("ping")), 4400, id="what only a relay says"),
        pytest.param(encode(("sub", 1, ())), 4400, id="for nothing"),
        pytest.param(encode(("sub", 1, ((b"x" * 600, 0),))), 4400, id="a token over its bound"),
        pytest.param(b"x" * (limits.SOCKET_MESSAGE_BYTES_MAX + 1), 4413, id="too large"),
        pytest.param(encode(live.Sub("sub", 1, (live.Wanted(b"x" * 80, 0),))), 4401,
                     id="H12 a token that is none"),
    ],
)  # fmt: skip
def test_what_no_listener_says_ends_the_line(
    served: Served, message: bytes | str, code: int
) -> None:
    with listen(served) as line:
        line.send(message)
        assert closed(line) == code


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/v1/ws", {"Origin": "http://evil.example"}, 401, id="H18 from a page"),
        pytest.param("/v1/other", {}, 404, id="H18 another path"),
    ],
)
def test_who_may_not_listen_gets_no_line(
    served: Served, path: str, headers: dict[str, str], status: int
) -> None:
    host, port = served.address
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(f"ws://{host}:{port}{path}", additional_headers=headers),
    ):
        pass
    assert caught.value.response.status_code == status
    assert process.code_of(bytes(caught.value.response.body or b""))


def test_h13_who_lost_access_hears_nothing_newer_and_is_closed_within_a_second(
    tmp_path: Path,
) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        client.create()
        with listen(served) as line, listen(served) as other:
            sub(line, (client.token("reader"), 0))
            sub(other, (client.token("writer"), 0))
            said = Statement(SPACE, 1, 0, 0, (sha256(key_of("reader")),))
            raw = access.state_access(ROOT, said, ())
            founder = client.token("founder")
            client.ask(calls.AccessPut(SPACE, (), raw), frames.Done, founder)
            begun = time.monotonic()
            push(client, "after the removal")
            found = hear(line)
            assert isinstance(found, live.End) and found.code == "epoch_revoked"
            assert closed(line) == 4403 and time.monotonic() - begun < 1
            woken = hear(other)  # whose access did not change reads on, by the same line
            assert isinstance(woken, live.Woken) and woken.head == 1
        client.close()


def test_a_space_that_is_deleted_ends_its_lines(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        instance = client.create().instance
        with listen(served) as line:
            sub(line, (client.token("reader"), 0))
            sig = events.sig(ROOT, "space-delete", SPACE, instance)
            client.ask(calls.SpaceDelete(SPACE, instance, sig), frames.Done)
            found = hear(line)
            assert isinstance(found, live.End) and found.code == "space_not_found"
            assert closed(line) == 4403
        client.close()


def test_a_holder_has_so_many_lines_and_another_its_own(served: Served, client: Client) -> None:
    token, other = client.token("reader"), client.token("writer")
    with ExitStack() as stack:
        count = limits.SOCKETS_HOLDER_MAX + 1
        lines = [stack.enter_context(listen(served)) for _ in range(count)]
        entries = [sub(line, (token, 0)).entries[0] for line in lines]
        assert [isinstance(one, frames.Head) for one in entries] == [True] * 8 + [False]
        assert entries[-1] == "rate_limited"
        assert isinstance(sub(lines[-1], (other, 0), n=2).entries[0], frames.Head)


def test_a_listener_that_says_the_same_space_twice_has_it_once(
    served: Served, client: Client
) -> None:
    at, token = stored(client), client.token("reader")
    with listen(served) as line:
        sub(line, (token, at), (token, at))
        push(client, os.urandom(8).hex())
        assert isinstance(hear(line), live.Woken)
        with pytest.raises(TimeoutError):
            hear(line, 0.3)


def test_h9_a_reader_that_stalls_is_told_that_it_lags_and_harms_nobody(
    tmp_path: Path,
) -> None:
    with process.serving(tmp_path / "relay", no_pace=True) as served:
        client = Client(served)
        client.create()
        narrow = socket.create_connection(served.address)
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader, writer = client.token("reader"), client.token("writer")
        with listen(served, sock=narrow) as slow, listen(served) as quick:
            sub(slow, (reader, 0))
            sub(quick, (writer, 0))
            for number in range(100):
                frame = envelope(f"big {number}", 60_000)
                client.ask(frames.Push(SPACE, (frame,)), frames.Pushed, writer)
                woken = hear(quick)
                assert isinstance(woken, live.Woken) and woken.head == number + 1
            got = hear(slow)
            while isinstance(got, live.Woken):
                assert got.head < 100
                got = hear(slow)
            assert isinstance(got, live.Lag) and got.places == (live.Place(SPACE, 100),)
            client.ask(frames.Push(SPACE, (envelope("last"),)), frames.Pushed, writer)
            woken = hear(slow)  # and goes on from there
            assert isinstance(woken, live.Woken) and woken.page is not None
            assert woken.page.frames == (envelope("last"),)
        client.close()
