"""The client against servers that are no relay: bounded in time and memory, and a clean code."""

from __future__ import annotations

import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.errors import AuthorityError, EnvoyError, RelayError
from envoy.hub import client
from envoy.hub.client import Client, Reach, read_origin
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal
from hub.hostile import Serve, certificate, http, read_request, says, serving
from hub.scenes import SPACE

SECONDS = 0.5
CALL = frames.HeadGet(SPACE)
HEAD = frames.Head(bytes(16), 3, bytes(32), bytes(32), 3, 0, 7)
GOOD = http(encode(HEAD))


@contextmanager
def client_of(origin: str, *, pin: bytes | None = None, is_local: bool = True) -> Iterator[Client]:
    """Return a client of whoever is at ``origin``."""
    found = Client(Reach(read_origin(origin), pin, is_local))
    try:
        yield found
    finally:
        found.close()


def ask(origin: str, *, pin: bytes | None = None, seconds: float = SECONDS) -> object:
    """Return the reply of whoever is at ``origin``."""
    with client_of(origin, pin=pin) as found:
        return found.ask(CALL, (b"token",), timeout_s=seconds)


def refused(origin: str, *, pin: bytes | None = None) -> RelayError:
    """Return the error that a call ends with, within its time and a little memory."""
    begun = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(RelayError) as caught:
            ask(origin, pin=pin)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begun < SECONDS + 1
    assert peak < 3 * limits.REPLY_BYTES_MAX
    assert caught.value.code == "relay_unavailable"
    return caught.value


def drip(head: bytes, piece: bytes) -> Serve:
    """Return what sends a head and then a piece again and again, slower than anybody waits."""

    def serve(taken: socket.socket) -> None:
        read_request(taken)
        taken.sendall(head)
        for _ in range(1000):
            taken.sendall(piece)
            time.sleep(0.02)

    return serve


def flood(head: bytes) -> Serve:
    """Return what sends a head and then bytes as fast as they are taken, without end."""

    def serve(taken: socket.socket) -> None:
        read_request(taken)
        taken.sendall(head)
        while True:
            taken.sendall(bytes(65536))

    return serve


def silent(taken: socket.socket) -> None:
    """Read a request and say nothing."""
    read_request(taken)
    time.sleep(SECONDS + 1)


def half_closed(taken: socket.socket) -> None:
    """Say half of an answer and shut that half of the connection."""
    read_request(taken)
    taken.sendall(GOOD[:-5])
    taken.shutdown(socket.SHUT_WR)
    time.sleep(SECONDS + 1)


def hang_up(taken: socket.socket) -> None:
    """Close without a word."""
    read_request(taken)


REPLIES = [
    pytest.param(says(b"\x00\xff garbage\r\n\r\n"), "no_reply_of_a_relay", id="garbage"),
    pytest.param(says(b"SSH-2.0-OpenSSH\r\n"), "no_reply_of_a_relay", id="another protocol"),
    pytest.param(flood(b""), "no_reply_of_a_relay", id="bytes without end and without a line"),
    pytest.param(
        flood(b"HTTP/1.1 200 OK\r\nX: "), "no_reply_of_a_relay", id="a header without end"
    ),
    pytest.param(
        flood(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"),
        "no_reply_of_a_relay",
        id="a length over the bound",
    ),
    pytest.param(
        says(http(b"", length=10**30)), "no_reply_of_a_relay", id="a length of thirty digits"
    ),
    pytest.param(
        says(b"HTTP/1.1 200 OK\r\n\r\n" + encode(HEAD)), "no_reply_of_a_relay", id="no length"
    ),
    pytest.param(says(http(b"", length=-5)), "no_reply_of_a_relay", id="a length below nothing"),
    pytest.param(
        says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nabcde"
        ),
        "no_reply_of_a_relay",
        id="an answer in pieces",
    ),
    pytest.param(drip(b"", b"H"), "timeout", id="a status line that drips"),
    pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"), "timeout", id="headers that drip"),
    pytest.param(
        drip(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "no_reply_of_a_relay",
        id="another status in the place of a header",
    ),
    pytest.param(
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout", id="interim answers without end"
    ),
    pytest.param(
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"z"),
        "timeout",
        id="a body that drips",
    ),
    pytest.param(silent, "timeout", id="silence"),
    pytest.param(half_closed, "no_reply_of_a_relay", id="a connection that is half closed"),
    pytest.param(hang_up, "network", id="a connection that is closed at once"),
    pytest.param(
        says(http(b"", "Location: http://127.0.0.1:1/", status="302 Found")),
        "no_reply_of_a_relay",
        id="a redirect",
    ),
    pytest.param(
        says(http(b"\x1f\x8b" + bytes(40), "Content-Encoding: gzip")),
        "no_reply_of_a_relay",
        id="a packed body",
    ),
    pytest.param(says(http(b"\x93")), "no_reply_of_a_relay", id="a reply cut short"),
    pytest.param(
        says(http(encode(frames.Done()))), "no_reply_of_a_relay", id="the reply of another call"
    ),
    pytest.param(says(http(b"<html>")), "no_reply_of_a_relay", id="a page for people"),
    pytest.param(
        says(http(b"nonsense", status="500 Oops")), "no_reply_of_a_relay", id="an error in no JSON"
    ),
    pytest.param(
        says(http(b'{"error_code":"made_up"}', status="400 Bad")),
        "no_reply_of_a_relay",
        id="a code that nobody knows",
    ),
    pytest.param(
        says(http(b'{"error_code":7}', status="400 Bad")),
        "no_reply_of_a_relay",
        id="a code that is a number",
    ),
    pytest.param(
        says(http(b"[" * 100_000, status="400 Bad")),
        "no_reply_of_a_relay",
        id="JSON a hundred thousand deep",
    ),
    pytest.param(says(http(b"", status="204 No")), "no_reply_of_a_relay", id="no content"),
]


@pytest.mark.parametrize(("serve", "cause"), REPLIES)
def test_what_is_no_relay_ends_in_time_and_in_a_clean_code(serve: Serve, cause: str) -> None:
    with serving(serve) as server:
        assert refused(server.origin).details == {"cause": cause}


def test_a_relay_is_understood() -> None:
    with serving(says(GOOD)) as server:
        assert ask(server.origin) == HEAD


def test_a_request_is_one_call_with_its_tokens_and_names_nothing_in_its_head() -> None:
    heard = list[bytes]()

    def serve(taken: socket.socket) -> None:
        heard.append(read_request(taken))
        taken.sendall(GOOD)

    with serving(serve) as server:
        ask(server.origin)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/head HTTP/1.1\r\n")
    assert SPACE.hex().encode() not in head and b"token" not in head
    request = decode(body, access.Request)
    assert request.tokens == (b"token",)
    assert decode(request.call, frames.HeadGet) == CALL


@pytest.mark.parametrize(
    ("said", "details"),
    [
        pytest.param({"at": 7, "retry_after_ms": 5}, {"at": 7, "retry_after_ms": 5}, id="numbers"),
        pytest.param({"at": True, "fence": "3"}, {}, id="what is no number"),
        pytest.param({"at": -1, "fence": -(2**40)}, {}, id="numbers below nothing"),
        pytest.param({"error": "secret", "x": 5}, {}, id="words"),
    ],
)
def test_a_refusal_carries_known_numbers_and_nothing_else(
    said: dict[str, object], details: dict[str, int]
) -> None:
    body = json.dumps({"error_code": "stale", **said}).encode()
    with serving(says(http(body, status="409 Conflict"))) as server:
        with pytest.raises(HubRefusal) as caught:
            ask(server.origin)
        assert (caught.value.code, caught.value.details) == ("stale", details)


def test_a_connection_is_kept_and_made_anew_where_it_was_closed() -> None:
    def twice(taken: socket.socket) -> None:
        for _ in range(2):
            read_request(taken)
            taken.sendall(GOOD)

    with serving(twice) as server, client_of(server.origin) as found:
        for _ in range(4):
            assert found.ask(CALL, (), timeout_s=2) == HEAD
        assert server.count == 2


def test_a_connection_that_the_relay_ends_is_not_kept() -> None:
    answer = http(encode(HEAD), "Connection: close")
    with serving(says(answer, keep=True)) as server, client_of(server.origin) as found:
        for _ in range(2):
            assert found.ask(CALL, (), timeout_s=2) == HEAD
        assert server.count == 2


def test_a_long_answer_at_the_end_of_a_connection_is_read_to_its_end() -> None:
    head = frames.Pulled((frames.Page((b"\x94\x01" + bytes(300_000),) * 3, 3, HEAD),))
    answer = says(http(encode(head), "Connection: close"))
    with serving(answer) as server, client_of(server.origin) as found:
        since = frames.Since(SPACE, None, 0)
        assert found.ask(frames.Pull((since,), 9, 0), (), timeout_s=2) == head


def test_a_wait_can_be_ended_by_another_thread_and_is_not_begun_again() -> None:
    def once(taken: socket.socket) -> None:
        read_request(taken)
        taken.sendall(GOOD)
        silent(taken)

    with serving(once) as server, client_of(server.origin) as found:
        assert found.ask(CALL, (), timeout_s=2) == HEAD
        threading.Timer(0.1, found.end).start()
        begun = time.monotonic()
        with pytest.raises(RelayError):
            found.ask(CALL, (), timeout_s=5)
        assert time.monotonic() - begun < 1


def test_after_a_failure_the_next_call_has_a_connection_of_its_own() -> None:
    answers = iter([b"garbage\r\n\r\n", GOOD])

    def serve(taken: socket.socket) -> None:
        read_request(taken)
        taken.sendall(next(answers))

    with serving(serve) as server, client_of(server.origin) as found:
        with pytest.raises(RelayError):
            found.ask(CALL, (), timeout_s=2)
        assert found.ask(CALL, (), timeout_s=2) == HEAD


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}").details == {"cause": "refused"}


def test_no_time_is_no_call() -> None:
    with serving(says(GOOD)) as server:
        with pytest.raises(RelayError) as caught:
            ask(server.origin, seconds=0)
        assert caught.value.details == {"cause": "timeout"}
        assert server.count == 0


# -- info -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http(b"[]"), id="a list"),
        pytest.param(http(b"{"), id="half an object"),
        pytest.param(http(b"{}", status="404 Not Found"), id="nothing there"),
        pytest.param(http(b"\xff\xfe"), id="no text"),
    ],
)
def test_what_says_nothing_of_itself_is_no_relay(answer: bytes) -> None:
    with serving(says(answer)) as server, client_of(server.origin) as found:
        with pytest.raises(RelayError) as caught:
            found.info(timeout_s=SECONDS)
        assert caught.value.code == "relay_unavailable"


def test_a_relay_says_what_it_is() -> None:
    with serving(says(http(b'{"at":5}'))) as server, client_of(server.origin) as found:
        assert found.info(timeout_s=SECONDS) == {"at": 5}


# -- TLS --------------------------------------------------------------------------------------


def test_the_pinned_key_is_enough(tmp_path: Path) -> None:
    context, pin = certificate(tmp_path / "tls")
    with serving(says(GOOD), context) as server:
        assert ask(server.origin, pin=pin, seconds=5) == HEAD


@pytest.mark.parametrize(
    ("pin", "code", "cause"),
    [
        pytest.param(bytes(32), "relay_inconsistent", "pin", id="another key than the pinned one"),
        pytest.param(
            None, "relay_unavailable", "certificate", id="a certificate that nobody vouches for"
        ),
    ],
)
def test_a_key_that_nobody_vouches_for_gets_no_call(
    tmp_path: Path, pin: bytes | None, code: str, cause: str
) -> None:
    heard = list[bytes]()

    def serve(taken: socket.socket) -> None:
        heard.append(read_request(taken))

    context, _ = certificate(tmp_path / "tls")
    with serving(serve, context) as server:
        with pytest.raises(EnvoyError) as caught:
            ask(server.origin, pin=pin, seconds=5)
        assert (caught.value.code, caught.value.details) == (code, {"cause": cause})
    assert heard == []


def test_a_server_that_speaks_no_tls_is_told_apart() -> None:
    with serving(lambda taken: taken.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as server:
        with pytest.raises(RelayError) as caught:
            ask(server.origin.replace("http:", "https:"), pin=bytes(32))
        assert caught.value.details["cause"] in ("tls", "network")


def test_a_handshake_that_drips_ends_in_time() -> None:
    def serve(taken: socket.socket) -> None:
        taken.recv(4096)
        for _ in range(1000):
            taken.sendall(b"\x16")
            time.sleep(0.02)

    with serving(serve) as server:
        refused(server.origin.replace("http:", "https:"), pin=bytes(32))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x03\x30\x01", id="an element cut short"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff\x30", id="a length beyond the end"),
    ],
)
def test_what_is_no_certificate_has_no_key(raw: bytes) -> None:
    with pytest.raises(ValueError):
        client.spki(raw)


# -- where a relay may not be ------------------------------------------------------------------


def test_a_call_to_an_address_that_is_denied_is_told_as_that() -> None:
    with (
        client_of("https://169.254.169.254", is_local=False) as found,
        pytest.raises(AuthorityError) as caught,
    ):
        found.ask(CALL, (), timeout_s=1)
    assert caught.value.code == "egress_denied"


# -- names --------------------------------------------------------------------------------------


def resolve(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[object]]) -> None:
    """Let names lead where ``answer`` says; addresses are what they are."""
    real = socket.getaddrinfo

    def look(host: str, port: int, family: int = 0, type: int = 0) -> object:
        return answer() if host[-1].isalpha() else real(host, port, family, type)

    monkeypatch.setattr(socket, "getaddrinfo", look)


def test_a_name_that_leads_to_a_denied_address_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve(monkeypatch, lambda: [(0, 0, 0, "", ("169.254.169.254", 443))])
    with client_of("https://relay.example", is_local=False) as found, pytest.raises(AuthorityError):
        found.ask(CALL, (), timeout_s=1)


def test_a_resolver_that_takes_for_ever_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def slow() -> list[object]:
        ended.wait(10)
        return []

    resolve(monkeypatch, slow)
    refused("https://relay.example")
    ended.set()


def test_a_name_that_nobody_has_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    resolve(monkeypatch, unknown)
    assert refused("https://relay.example").details == {"cause": "name"}


def test_the_next_address_of_a_name_is_tried_where_one_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(says(GOOD)) as server:
        both = [(0, 0, 0, "", ("127.0.0.77", 1)), (0, 0, 0, "", ("127.0.0.1", 1))]
        resolve(monkeypatch, lambda: list(both))
        assert ask(f"http://localhost:{server.port}") == HEAD
