"""Exchange: one connection after the other, by an application that a test holds in its hands."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from envoy.relay.app import Gone, read_body
from envoy.relay.doors import Config, Doors
from envoy.relay.exchange import Http
from envoy.relay.peers import Peers
from envoy.relay.wire import Server, Socket
from relay import process
from relay.process import Client, Served, head, raw, rest
from relay.test_face import packed, push, status_of, stored

App = Callable[[Scope, Receive, Send], Awaitable[None]]
HEAD = "POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"


@contextmanager
def serving(app: App, *, header_s: float = 5.0, idle_s: int = 5) -> Iterator[tuple[str, int]]:
    """Serve ``app`` from a thread; yield where."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = Config(
        app, log_config=None, access_log=False, lifespan="off", http=Http, ws=Socket,
        interface="asgi3", timeout_keep_alive=idle_s, timeout_graceful_shutdown=1,
    )  # fmt: skip
    config.doors, config.sockets = Doors(Peers(), header_seconds=header_s), Socket
    server = Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])))
    thread.start()
    try:
        yield bound.getsockname()
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive() and not len(config.doors)


def ask(address: tuple[str, int], data: bytes, *, half: bool = False) -> socket.socket:
    """Return a socket over which ``data`` was sent, and nothing more will be where ``half``."""
    line = socket.create_connection(address, timeout=5)
    line.sendall(data)
    if half:
        line.shutdown(socket.SHUT_WR)
    return line


def post(path: str, body: bytes = b"", size: int | None = None) -> bytes:
    """Return a request."""
    return HEAD.format(path, len(body) if size is None else size).encode() + body


def statuses(answers: bytes) -> list[int]:
    """Return the status of each answer."""
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]


def wait_for(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until something holds, and require that it does."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    assert holds()


async def answer(send: Send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Answer with ``body``."""
    size = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [size, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer path and body; what is posted to /blind is not read, of /end one is the last."""
    size = int(dict(scope["headers"]).get(b"content-length", b"0"))
    whole = scope["whole"]
    try:
        body = b"" if scope["path"] == "/blind" else await read_body(receive, size, keep=True)
    except Gone:
        return
    assert whole is None or scope["path"] == "/blind" or whole == body
    last = [(b"connection", b"close")] if scope["path"] == "/end" else []
    await answer(send, scope["path"].encode() + b"=" + body + b";", *last)


def told(answers: bytes) -> bytes:
    """Return the bodies of the answers of ``echo``."""
    return b"".join(re.findall(rb"\r\n\r\n([^;]*;)", answers))


def test_requests_behind_each_other_are_answered_in_their_order() -> None:
    many = [post(f"{number}", b"x" * number) for number in range(50)]
    with serving(echo) as at, ask(at, b"".join(many) + post("end")) as line:
        found = rest(line)
    expected = b"".join(b"/%d=%s;" % (number, b"x" * number) for number in range(50))
    assert told(found) == expected + b"/end=;"


def test_a_request_that_comes_byte_by_byte_is_one() -> None:
    with serving(echo) as at, ask(at, b"") as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("slow", b"body") + post("end"):
            line.sendall(bytes([byte]))
        assert told(rest(line)) == b"/slow=body;/end=;"


def test_a_large_body_is_taken_as_it_comes() -> None:
    body = bytes(range(256)) * 8000
    with serving(echo) as at, ask(at, post("large", body) + post("end")) as line:
        found = rest(line)
    assert b"/large=" + body + b";" in found and statuses(found) == [200, 200]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(post("blind", b"whole") + post("end"), [200, 200], id="whole (the control)"),
        pytest.param(post("blind", b"half", 9) + post("end"), [200, 400], id="a part of the next"),
        pytest.param(post("blind", b"", 9), [200], id="nothing of it"),
    ],
)
def test_a_body_that_nobody_read_is_no_next_request(data: bytes, expected: list[int]) -> None:
    with serving(echo) as at, ask(at, data) as line:
        assert statuses(rest(line)) == expected


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("Transfer-Encoding: chunked", id="chunks"),
        pytest.param("Connection: close", id="the last by its own word"),
    ],
)
def test_behind_the_last_request_nothing_is_one(first: str) -> None:
    smuggled = f"POST /blind HTTP/1.1\r\nHost: x\r\n{first}\r\n\r\n0\r\n\r\n".encode()
    with serving(echo) as at, ask(at, smuggled + post("end")) as line:
        found = rest(line)
    assert statuses(found) == [200] and b"connection: close" in found


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", 400, id="line feeds alone"),
        pytest.param(post("a", b"", 0)[:-2] + b"Content-Length: 1\r\n\r\nx", 400, id="two lengths"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="another protocol"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 431, id="a head without an end"),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431, id="one that ends too late"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 70 + b"\r\n", 431, id="many headers"),
        pytest.param(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="a path"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", 408, id="a head that does not come"),
    ],
)
def test_what_is_no_request_is_answered_once_and_the_end(data: bytes, status: int) -> None:
    with serving(echo, header_s=0.5) as at, ask(at, data) as line:
        found = rest(line)
    assert statuses(found) == [status] and b'"error_code":' in found


UPGRADE = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(f"GET / HTTP/1.1\r\n{UPGRADE}\r\nmore", id="something behind it"),
        pytest.param(f"GET / HTTP/1.1\r\n{UPGRADE}Content-Length: 4\r\n\r\n", id="a body"),
        pytest.param(f"POST / HTTP/1.1\r\n{UPGRADE}\r\n", id="another method"),
        pytest.param(f"GET / HTTP/1.1\r\n{UPGRADE}Transfer-Encoding: chunked\r\n\r\n", id="chunks"),
    ],
)
def test_a_connection_becomes_a_websocket_by_a_plain_request_alone(data: str) -> None:
    with serving(echo) as at, ask(at, data.encode()) as line:
        assert statuses(rest(line)) == [400]


WHOLE = f"{UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("target", "more", "status"),
    [
        pytest.param("/", "", 101, id="plain (the control)"),
        pytest.param("/?" + "a" * 8185, "", 400, id="a long target"),
        pytest.param("/", "X: " + "a" * 9_000 + "\r\n", 400, id="a long header"),
        pytest.param("/", "Content-Length: 00\r\n", 400, id="a length that is nothing"),
        pytest.param("/", "Sec-WebSocket-Key: x\r\n", 400, id="two keys"),
    ],
)
def test_what_is_no_websocket_after_all_is_told_and_ended(
    target: str, more: str, status: int
) -> None:
    """A head that the library of sockets does not take left a connection without a deadline."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        await receive()

    data = f"GET {target} HTTP/1.1\r\n{WHOLE}{more}\r\n".encode()
    with serving(app) as at, ask(at, data) as line:
        begun = time.monotonic()
        found = line.recv(1000) if status == 101 else rest(line)
        assert statuses(found) == [status] and time.monotonic() - begun < 3


def test_a_websocket_that_gets_no_answer_ends_with_the_deadline_of_a_head() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    data = f"GET / HTTP/1.1\r\n{WHOLE}\r\n".encode()
    with serving(app, header_s=0.4) as at, ask(at, data) as line:
        begun = time.monotonic()
        assert rest(line) == b"" and 0.3 < time.monotonic() - begun < 3


def test_a_websocket_that_is_open_has_no_deadline_of_a_head() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0.8)
        await send({"type": "websocket.send", "bytes": b"late"})
        await send({"type": "websocket.close"})
        await receive()

    data = f"GET / HTTP/1.1\r\n{WHOLE}\r\n".encode()
    with serving(app, header_s=0.3) as at, ask(at, data) as line:
        found = line.recv(1000)
        while found and b"late" not in found:
            more = line.recv(1000)
            assert more, "it was cut off"
            found += more
        assert statuses(found) == [101]


async def until_it_waits(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with so much that a part of it waits for the peer, and no more."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while not scope["state"]["unsent"]():
        await send({"type": "http.response.body", "body": bytes(1 << 15), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_who_has_answers_to_take_becomes_no_websocket() -> None:
    """What waits to be sent would wait on, in a socket that does not know of it."""
    upgrade = f"GET / HTTP/1.1\r\n{WHOLE}\r\n".encode()
    with serving(until_it_waits) as at, ask(at, post("all") + upgrade) as line:
        assert statuses(rest(line)) == [200, 400]


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"", id="and nothing more"),
        pytest.param(post("all")[:-2], id="and nearly another request"),
    ],
)
def test_who_ends_and_does_not_take_what_it_asked_for_is_cut_off(
    behind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system keeps a closed connection as long as its peer takes nothing: for ever."""
    monkeypatch.setattr("envoy.relay.exchange.LINGER_SECONDS", 0.4)
    found = list[Callable[[], int]]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await until_it_waits(scope, receive, send)
        found.append(scope["state"]["unsent"])

    with serving(app, header_s=0.3) as at, ask(at, post("all") + behind) as line:
        wait_for(lambda: bool(found))
        line.shutdown(socket.SHUT_WR)
        wait_for(lambda: not found[0](), 3)


def test_another_upgrade_is_not_heard() -> None:
    data = post("end").replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    with serving(echo) as at, ask(at, data) as line:
        assert told(rest(line)) == b"/end=;"


def test_the_answer_to_a_head_has_no_body_and_an_old_client_has_one_answer() -> None:
    asked = post("end").replace(b"POST", b"HEAD")
    with serving(echo) as at:
        with ask(at, asked) as line:
            found = rest(line)
        assert b"content-length: 6" in found and found.endswith(b"\r\n\r\n")
        with ask(at, b"GET /old HTTP/1.0\r\n\r\n" + post("end")) as line:
            assert told(rest(line)) == b"/old=;"


def test_who_leaves_is_missed_by_who_reads_and_by_who_answers() -> None:
    ended = list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        messages = list[Message]()
        while not messages or messages[-1]["type"] != "http.disconnect":
            messages.append(await receive())
        await answer(send, b"nobody hears this")
        ended.append(scope["path"])

    with serving(app) as at:
        for data in (post("cut", b"half", 9), post("whole", b"whole")):
            ask(at, data, half=True).close()
        wait_for(lambda: len(ended) == 2)
    assert sorted(ended) == ["/cut", "/whole"]


def test_an_application_that_fails_ends_its_connection_and_no_other() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/late":
            size = [(b"content-length", b"9")]
            await send({"type": "http.response.start", "status": 200, "headers": size})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if scope["path"] != "/good":
            raise ZeroDivisionError
        await echo(scope, receive, send)

    with serving(app) as at:
        with ask(at, post("early")) as line:
            assert statuses(rest(line)) == [500]
        with ask(at, post("late")) as line:
            assert rest(line).endswith(b"half")
        with ask(at, post("good")) as line:
            assert line.recv(1000).endswith(b"/good=;")


def test_what_a_peer_does_not_take_waits_and_is_cut_off_when_it_goes() -> None:
    done = list[int]()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        part, count = bytes(1 << 16), 400
        size = [(b"content-length", str(count * len(part)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": size})
        for number in range(count):
            await send(
                {"type": "http.response.body", "body": part, "more_body": number + 1 < count}
            )
            done.append(number)

    with serving(app) as at:
        with ask(at, post("all")) as line:
            time.sleep(0.5)
            assert 0 < len(done) < 400  # it waits
            got = 0
            while got < 400 << 16:
                got += len(line.recv(1 << 20))
        wait_for(lambda: len(done) == 400)  # the last byte comes before its sender goes on
        done.clear()
        with ask(at, post("all")):
            time.sleep(0.5)
        wait_for(lambda: len(done) == 400)  # it went on, to nobody


def test_who_waits_to_be_told_to_send_its_body_is_told_once() -> None:
    asked = post("end", b"", 4).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with serving(echo) as at:
        with ask(at, asked) as line:
            assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            line.sendall(b"bo")
            time.sleep(0.05)
            line.sendall(b"dy")
            found = rest(line)
        assert statuses(found) == [200] and told(found) == b"/end=body;"
        with ask(at, asked + b"body") as line:  # who does not wait needs no word
            assert statuses(rest(line)) == [200]


def test_what_comes_behind_a_request_that_is_done_now_is_not_read_on() -> None:
    go = threading.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.to_thread(go.wait, 10)
        await answer(send, b"done")

    with serving(app) as at, ask(at, post("first")) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        line.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += line.send(b"x" * (1 << 16))
        go.set()
        assert sent < 16 << 20


def test_deadlines_of_one_connection_are_each_its_own() -> None:
    with serving(echo, header_s=0.4, idle_s=1) as at:
        with ask(at, post("first")) as line:
            assert line.recv(1000).endswith(b"/first=;")
            time.sleep(0.6)  # more than a head has, less than a pause may last
            line.sendall(post("second"))
            assert line.recv(1000).endswith(b"/second=;")
            line.sendall(b"POST")
            begun = time.monotonic()
            assert statuses(rest(line)) == [408] and time.monotonic() - begun < 0.9
        with ask(at, post("first")) as line:
            begun = time.monotonic()
            assert statuses(rest(line)) == [200] and 0.7 < time.monotonic() - begun < 3


def test_a_server_that_ends_finishes_what_runs_and_closes_what_is_idle() -> None:
    begun, go = threading.Event(), threading.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.to_thread(go.wait, 10)
        await answer(send, b"done")

    with serving(app) as at:
        idle, busy = ask(at, b""), ask(at, post("first"))
        assert begun.wait(5)
        threading.Timer(0.3, go.set).start()
    found = rest(busy)
    assert rest(idle) == b"" and found.endswith(b"done") and b"connection: close" in found
    idle.close()
    busy.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with process.serving(tmp_path_factory.mktemp("exchange") / "relay", deadline_s=1) as found:
        client = Client(found)
        client.create()
        client.close()
        yield found


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param("Content-Length: {}\r\nTransfer-Encoding: chunked", id="a length and chunks"),
        pytest.param("Transfer-Encoding: chunked\r\nContent-Length: {}", id="chunks and a length"),
        pytest.param("Content-Length: 0\r\nContent-Length: {}", id="two lengths"),
        pytest.param("Content-Length: {}\nX: y", id="a line that ends otherwise"),
        pytest.param("X: y\r\n Content-Length: {}", id="a folded line"),
        pytest.param("Transfer-Encoding: chunked", id="chunks, with a size beyond all numbers"),
    ],
)
def test_no_request_comes_into_a_relay_inside_another_one(served: Served, framing: str) -> None:
    client = Client(served)
    before = stored(client)
    whole = packed(push("smuggled"), client.token("writer"))
    inner = head(served, "push", size=len(whole)) + whole
    outer = head(served, "pull", framing.format(len(inner)))
    with raw(served, outer + b"ffffffffffffffffffff\r\n" + inner) as line:
        found = rest(line)
    assert statuses(found) in ([400], [411]) and stored(client) == before
    with raw(served, inner) as line:  # the control: alone it is a request
        assert status_of(line.recv(1000)) == 200
    client.close()
    assert Path(served.log).read_text().count("\n") == 1  # it says that it is ready, and no more
