"""The face of a relay in a process of its own: what it answers, to whom, and for how long."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envoy import jsontext, limits
from envoy.core.codec import encode
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Here, Served, code_of, head, raw, rest

ODD = [
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Content-Length: 0"], 400, "malformed",
        id="a call without a request (the control)",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: other.example", "Content-Length: 0"], 403,
        "auth_failed", id="H18 another host",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Origin: http://{host}",
         "Content-Length: 0"], 403, "auth_failed", id="H18 a page of a browser",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Content-Encoding: gzip",
         "Content-Length: 0"], 415, "unsupported_operation", id="H17 a packed body",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}"], 411, "length_required", id="H10 no length",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Transfer-Encoding: chunked"], 411,
        "length_required", id="H10 in chunks",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Content-Length: 5000000000"], 413,
        "message_too_large", id="H17 too large",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "Content-Length: 1", "Content-Length: 2"],
        400, "malformed", id="H10 two lengths",
    ),
    pytest.param(
        ["POST /v1/pull HTTP/1.1", "Host: {host}", "X: " + "a" * 17_000], 431, "malformed",
        id="H10 a head over its bound that does not end",
    ),
    pytest.param(["GET /v1/pull HTTP/1.1", "Host: {host}"], 405, "unsupported_operation",
                 id="H18 another method"),
    pytest.param(["DELETE /v1/info HTTP/1.1", "Host: {host}"], 405, "unsupported_operation",
                 id="H18 another method of what is read"),
    pytest.param(["POST /v1/nothing HTTP/1.1", "Host: {host}", "Content-Length: 0"], 404,
                 "unsupported_operation", id="H18 an unknown call"),
    pytest.param(["POST /v1/keys_get HTTP/1.1", "Host: {host}", "Content-Length: 0"], 404,
                 "unsupported_operation", id="H18 a call of one machine alone"),
    pytest.param(["GET /metrics HTTP/1.1", "Host: {host}"], 404, "unsupported_operation",
                 id="H18 what is the operator's"),
    pytest.param(["GET /v1/ws HTTP/1.1", "Host: {host}"], 404, "unsupported_operation",
                 id="a socket without an upgrade"),
    pytest.param(["\x16\x03\x01\x02garbage"], 400, "malformed", id="no HTTP at all"),
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("face") / "relay"
    with process.serving(directory, deadline_s=1) as found:
        client = Client(found)
        client.create()
        client.close()
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    found = Client(served)
    yield found
    found.close()


def push(*names: str) -> frames.Push:
    return frames.Push(SPACE, tuple(envelope(name) for name in names))


def packed(call: frames.Push, *tokens: bytes) -> bytes:
    return encode(calls.Request(tokens, encode(call)))


def stored(client: Client) -> int:
    return client.ask(frames.HeadGet(SPACE), frames.Head, client.token("reader")).head


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d+) ", answer)
    assert found, answer
    return int(found[1])


def test_calls_are_answered_and_the_log_names_nobody(served: Served, client: Client) -> None:
    token = client.token("writer")
    assert client.ask(push("one"), frames.Pushed, token).seqs
    text = served.log.read_text()
    assert "127.0.0.1" not in text and SPACE.hex() not in text and token.hex() not in text


def ask_oddly(served: Served | Here, lines: list[str]) -> tuple[int, str]:
    """Return status and code of the answer to a head of these lines."""
    host = "{}:{}".format(*served.address)
    ends = "" if "X: " in lines[-1] else "\r\n\r\n"
    text = "\r\n".join(lines).replace("{host}", host) + ends
    with raw(served, text.encode("latin-1")) as line:
        answer = line.recv(65536)
        if b"\r\n\r\n{" not in answer:
            answer += line.recv(65536)
    return status_of(answer), code_of(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(("lines", "status", "code"), ODD)
def test_whatever_is_asked_is_answered_by_a_code(
    served: Served, lines: list[str], status: int, code: str
) -> None:
    assert ask_oddly(served, lines) == (status, code)


def test_a_head_over_its_bound_is_refused_where_it_comes_whole(served: Served) -> None:
    with raw(served, head(served, "pull", "X: " + "a" * 17_000, size=0)) as line:
        assert status_of(rest(line)) in (400, 431)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(lambda whole: whole[:-1], id="the last byte is missing"),
        pytest.param(lambda whole: whole[:3], id="three bytes came"),
        pytest.param(lambda whole: b"", id="none came"),
    ],
)
def test_h10_a_body_that_is_cut_off_has_done_nothing(
    served: Served, client: Client, part: object
) -> None:
    before = stored(client)
    whole = packed(push("cut off"), client.token("writer"))
    assert callable(part)
    with raw(served, head(served, "push", size=len(whole)) + part(whole)) as line:
        line.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in rest(line)
    assert stored(client) == before


def test_h10_a_body_longer_than_it_said_is_not_taken_for_more(
    served: Served, client: Client
) -> None:
    whole = packed(push("longer"), client.token("writer"))
    with raw(served, head(served, "push", size=len(whole)) + whole + b"\x00" * 40) as line:
        answer = rest(line)
    assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"HTTP/1.1 200") == 1


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(
    served: Served, client: Client
) -> None:
    whole = packed(push("expected"), client.token("writer"))
    with raw(served, head(served, "push", "Expect: 100-continue", size=len(whole))) as line:
        assert line.recv(100).startswith(b"HTTP/1.1 100 ")
        line.sendall(whole)
        assert line.recv(65536).startswith(b"HTTP/1.1 200")


def test_h10_half_heads_are_closed_in_time_and_hold_nobody_up(
    served: Served, client: Client
) -> None:
    begun = time.monotonic()
    half = head(served, "push", size=10)[:-2]
    lines = [raw(served, half) for _ in range(30)]
    lines += [raw(served, b"") for _ in range(20)]
    assert stored(client) >= 0
    answers = [rest(line) for line in lines]
    assert time.monotonic() - begun < 4
    assert {status_of(answer) for answer in answers} == {408}
    for line in lines:
        line.close()


def test_h10_a_head_that_drips_has_no_more_time(served: Served) -> None:
    begun = time.monotonic()
    with raw(served, b"") as line:
        line.settimeout(0.1)
        answer = b""
        for byte in head(served, "push", size=10) * 10:
            try:
                line.sendall(bytes([byte]))
                answer += line.recv(1000)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if answer:
                break
    assert status_of(answer) == 408 and time.monotonic() - begun < 3


def test_a_second_head_behind_a_first_request_has_its_deadline_too(served: Served) -> None:
    first = head(served, "pull", size=0)
    with raw(served, first + b"POST /v1/pu") as line:
        answer = rest(line)
    assert answer.count(b"HTTP/1.1 ") == 2 and b" 408 " in answer


def test_more_connections_of_one_peer_than_it_may_have_are_turned_away(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay", connections=5) as served:
        lines = [raw(served, b"") for _ in range(5)]
        with raw(served, b"") as line:
            assert status_of(rest(line)) == 429
        for line in lines:
            line.close()
        client = Client(served)
        for _ in range(50):  # the places are given back
            try:
                assert client.create().head == 0
                break
            except (ConnectionError, HubRefusal):
                client.close()
                time.sleep(0.05)
        else:
            pytest.fail("no place came free")
        client.close()


def test_a_flood_of_sessions_is_slowed_down_and_told_for_how_long(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        found = [client.post("/v1/session", b"") for _ in range(80)]
        client.close()
    slowed = [answer for status, answer in found if status == 429]
    assert 20 <= len(slowed) <= 31
    said = jsontext.loads(slowed[-1])
    assert isinstance(said, dict) and said["error_code"] == "rate_limited"
    assert 0 < int(str(said["retry_after_ms"])) <= 100


def test_h16_guesses_at_invites_run_dry(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        codes = list[str]()
        for number in range(60):
            guess = frames.InviteFetch(number.to_bytes(16), bytes(32), bytes(16))
            body = encode(calls.Request((), encode(guess)))
            codes.append(code_of(client.post("/v1/invite_fetch", body)[1]))
        client.close()
    assert set(codes) == {"hosted_relay_invite_not_found", "rate_limited"}
    assert codes.count("hosted_relay_invite_not_found") <= 21


def test_behind_a_proxy_peers_are_told_apart_by_what_it_says(tmp_path: Path) -> None:
    settings = {"proxies": ["127.0.0.1"], "is_open": True}
    with process.serving(tmp_path / "relay", **settings) as served:
        client = Client(served)
        statuses = {
            peer: [
                client.post("/v1/session", b"", **{"X-Forwarded-For": f"10.9.9.9, {peer}"})[0]
                for _ in range(70)
            ]
            for peer in ("198.51.100.7", "2001:db8::1")
        }
        same = client.post("/v1/session", b"", **{"X-Forwarded-For": "2001:db8::2"})[0]
        client.close()
    for found in statuses.values():
        assert found[:50] == [400] * 50 and 429 in found
    assert same == 429  # one network of IPv6 is one peer


def test_h17_pushes_at_the_edge_of_a_quota_are_counted_exactly(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay", frames_day_max=20) as served:
        first = Client(served)
        first.create()
        token = first.token("writer")

        def work(number: int) -> str:
            client = Client(served)
            try:
                client.ask(push(f"a{number}"), frames.Pushed, token)
            except HubRefusal as refusal:
                return refusal.code
            finally:
                client.close()
            return "ok"

        with ThreadPoolExecutor(32) as pool:
            found = list(pool.map(work, range(32)))
        assert (found.count("ok"), found.count("quota_exceeded")) == (20, 12)
        assert stored(first) == 20
        first.close()


def test_a_pull_waits_until_there_is_something(served: Served, client: Client) -> None:
    at, writer, reader = stored(client), client.token("writer"), client.token("reader")
    asked = frames.Pull((frames.Since(SPACE, None, at),), 100, 10_000)
    with ThreadPoolExecutor(1) as pool:
        other = Client(served)
        waiting = pool.submit(other.ask, asked, frames.Pulled, reader)
        time.sleep(0.3)
        assert not waiting.done()
        client.ask(push("news"), frames.Pushed, writer)
        pages = waiting.result(5).pages
        other.close()
    assert pages[0].frames == (envelope("news"),)


def test_a_pull_of_another_log_does_not_wait(served: Served, client: Client) -> None:
    begun = time.monotonic()
    asked = frames.Pull((frames.Since(SPACE, bytes(16), 5),), 100, 10_000)
    page = client.ask(asked, frames.Pulled, client.token("reader")).pages[0]
    assert page.head is not None and not page.frames and time.monotonic() - begun < 5


@pytest.mark.slow
def test_h10_half_bodies_are_closed_in_time_and_store_nothing(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay", connections=400) as served:
        client = Client(served)
        client.create()
        whole = packed(push("half"), client.token("writer"))
        begun = time.monotonic()
        half = head(served, "push", size=len(whole)) + whole[:40]
        lines = [raw(served, half, timeout_s=40) for _ in range(300)]
        answers = [rest(line) for line in lines]
        assert time.monotonic() - begun < 2 * (limits.BODY_SECONDS + 1)
        assert {status_of(answer) for answer in answers} == {408}
        assert stored(client) == 0
        for line in lines:
            line.close()
        client.close()
