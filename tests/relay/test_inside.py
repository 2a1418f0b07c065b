"""A relay inside the process of the test: what has to be seen, slowed or broken from within."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from envoy import jsontext, limits
from envoy.core.codec import encode
from envoy.errors import InternalError, UsageError
from envoy.relay import app, doors, guard, serve
from envoy.relay.bus import Bus, News
from envoy.relay.desk import Desk
from envoy.relay.group import Wake
from envoy.relay.peers import Peers
from envoy.sync import access as calls
from envoy.sync import frames, live
from envoy.sync.frames import HubRefusal
from envoy.system import certificate
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Here, code_of, head, raw, rest
from relay.test_face import ODD, ask_oddly, packed, push, status_of, stored
from relay.test_process import UnixConnection, get


def woken(here: Here, client: Client, at: int) -> None:
    """Listen, hear of a frame, and stay until the relay goes."""
    host, port = here.address
    place = f"ws://{host}:{port}/v1/ws"
    with pytest.raises(InvalidStatus) as caught, connect(place + "s"):
        pass
    assert caught.value.response.status_code == 404
    with connect(place, compression=None) as line:
        token = client.token("reader")
        line.send(encode(live.Sub("sub", 1, (live.Wanted(token, at),))))
        line.recv(5)
        client.ask(push(os.urandom(8).hex()), frames.Pushed, client.token("writer"))
        said = line.recv(5)
        assert isinstance(said, bytes) and isinstance(live.read(said, live.TOLD), live.Woken)
        line.send(b"what is no message")
        with pytest.raises(ConnectionClosed):
            line.recv(5)


def test_whatever_is_asked_is_answered(tmp_path: Path) -> None:
    def work(here: Here) -> None:
        client = Client(here)
        client.create()
        for case in ODD:
            lines, status, code = case.values
            assert isinstance(lines, list) and ask_oddly(here, lines) == (status, code), case.id
        token = client.token("writer")
        whole = packed(push("one"), token)
        with raw(here, head(here, "push", size=len(whole)) + whole[:9]) as line:
            line.shutdown(socket.SHUT_WR)
            assert rest(line) == b""
        with raw(here, head(here, "push", size=len(whole)) + whole + b"POST /v1") as line:
            answer = rest(line)
            assert answer.startswith(b"HTTP/1.1 200") and b" 408 " in answer
        with raw(here, b"GET") as line:
            assert status_of(rest(line)) == 408
        assert stored(client) == 1
        woken(here, client, 1)
        waits = frames.Pull((frames.Since(SPACE, None, 2),), 10, 300)
        assert not client.ask(waits, frames.Pulled, client.token("reader")).pages[0].frames
        assert client.post("/v1/pull", b"")[0] == 400
        line_ = http.client.HTTPConnection(*here.address, timeout=5)
        assert get(line_, "/v1/info")[0] == 200
        client.close()

    process.be(tmp_path / "relay", work, deadline_s=1)


def test_too_many_at_once_are_turned_away(tmp_path: Path) -> None:
    def work(here: Here) -> None:
        lines = [raw(here, b"") for _ in range(2)]
        with raw(here, b"") as line:
            assert status_of(rest(line)) == 429
        for line in lines:
            line.close()

    process.be(tmp_path / "relay", work, connections=2)


def test_a_proxys_connections_are_not_one_peers(tmp_path: Path) -> None:
    def work(here: Here) -> None:
        lines = [raw(here, b"") for _ in range(4)]
        client = Client(here)
        assert client.post("/v1/pull", b"")[0] == 400
        client.close()
        half = head(here, "push", "X-Forwarded-For: 198.51.100.1", size=9)
        lines += [raw(here, half) for _ in range(2)]
        time.sleep(0.2)
        client = Client(here)
        same = {"X-Forwarded-For": "198.51.100.1"}
        assert client.post("/v1/pull", b"", **same)[0] == 429
        assert client.post("/v1/pull", b"", **{"X-Forwarded-For": "198.51.100.2"})[0] == 400
        host, port = here.address
        with (
            pytest.raises(InvalidStatus) as caught,
            connect(f"ws://{host}:{port}/v1/ws", additional_headers=same),
        ):
            pass
        assert caught.value.response.status_code == 429
        client.close()
        for line in lines:
            line.close()

    process.be(tmp_path / "relay", work, connections=2, proxies=["127.0.0.1"], is_open=True)


def test_a_process_has_so_many_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Few(doors.Doors):
        """Doors for one."""

        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(Peers(), most=1)

    monkeypatch.setattr(serve, "Doors", Few)

    def work(here: Here) -> None:
        with raw(here, b"") as first, raw(here, b"") as line:
            assert status_of(rest(line)) == 429
            first.sendall(head(here, "pull", size=0))
            assert status_of(first.recv(1000)) == 400

    process.be(tmp_path / "relay", work)


def test_a_reply_that_nobody_takes_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_seconds", lambda _size: 0.5)

    def work(here: Here) -> None:
        client = Client(here)
        client.create()
        token = client.token("writer")
        for number in range(80):
            frame = envelope(f"big {number}", 60_000)
            client.ask(frames.Push(SPACE, (frame,)), frames.Pushed, token)
        call = frames.Pull((frames.Since(SPACE, None, 0),), 1000, 0)
        body = encode(calls.Request((token,), encode(call)))
        with raw(here, head(here, "pull", size=len(body)) + body) as line:
            time.sleep(1.5)
            got = rest(line)
        assert got.startswith(b"HTTP/1.1 200") and len(got) < 4 * limits.MIB
        client.close()

    process.be(tmp_path / "relay", work)


def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_seconds", lambda _size: 0.3)

    def work(here: Here) -> None:
        with raw(here, head(here, "push", size=100) + b"half") as line:
            answer = rest(line)
        assert status_of(answer) == 408 and b"timeout" in answer

    process.be(tmp_path / "relay", work)


def test_an_idle_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEEP_ALIVE_SECONDS", 0.2)

    def work(here: Here) -> None:
        with raw(here, head(here, "pull", size=0)) as line:
            assert status_of(rest(line)) == 400

    process.be(tmp_path / "relay", work)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        pytest.param("HELD_BYTES_MAX", 10, "relay_unavailable", id="memory is short"),
        pytest.param("REQUEST_SECONDS", 0.05, "relay_unavailable", id="the desk is slow"),
    ],
)
def test_what_cannot_be_done_now_is_to_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: float, code: str
) -> None:
    monkeypatch.setattr(limits, name, value)
    answer = Desk.answer

    def slow(desk: Desk, called: str, body: bytes) -> bytes:
        time.sleep(0.2)
        return answer(desk, called, body)

    monkeypatch.setattr(Desk, "answer", slow)

    def work(here: Here) -> None:
        client = Client(here)
        status, found = client.post("/v1/pull", bytes(50))
        assert (status, code_of(found)) == (503, code)
        said = jsontext.loads(found)
        assert isinstance(said, dict) and said["retry_after_ms"] == 1000
        client.close()

    process.be(tmp_path / "relay", work)


def test_a_disk_that_fails_is_no_fault_of_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_desk: Desk, _name: str, _body: bytes) -> bytes:
        raise InternalError("storage_failed")

    monkeypatch.setattr(Desk, "answer", broken)

    def work(here: Here) -> None:
        client = Client(here)
        status, found = client.post("/v1/pull", b"")
        assert (status, code_of(found)) == (507, "storage_failed")
        client.close()

    process.be(tmp_path / "relay", work)


def test_while_it_drains_it_refuses_and_answers_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain = app.Face.drain

    async def slowly(face: app.Face, seconds: float) -> None:
        await drain(face, seconds)
        await asyncio.sleep(1)

    monkeypatch.setattr(app.Face, "drain", slowly)
    kept = list[Client]()

    def work(here: Here) -> None:
        client = Client(here)
        client.create()
        client.token("reader")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        status, found = client.post("/v1/pull", b"")
        assert (status, code_of(found)) == (503, "relay_unavailable")
        host, port = here.address
        with pytest.raises(InvalidStatus) as caught, connect(f"ws://{host}:{port}/v1/ws"):
            pass
        assert caught.value.response.status_code == 503
        line = UnixConnection(tmp_path / "admin.sock")
        assert get(line, "/readyz") == (503, '{"status":"draining"}')
        kept.append(client)

    process.be(tmp_path / "relay", work, admin=f"unix:{tmp_path}/admin.sock")
    kept[0].close()


def test_the_operator_hears_when_the_store_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(here: Here) -> None:
        line = UnixConnection(tmp_path / "admin.sock")
        assert get(line, "/readyz")[0] == 200 and get(line, "/healthz")[0] == 200
        assert "envoy_relay_store_bytes" in get(line, "/metrics")[1]
        assert get(line, "/other")[0] == 404
        line.request("POST", "/readyz")
        assert line.getresponse().status == 405
        line.close()
        monkeypatch.setattr(guard, "disk", lambda _path: (0, 2**40))
        assert get(line, "/readyz") == (503, '{"status":"storage_failed"}')

        def broken(_desk: Desk) -> None:
            raise InternalError("storage_failed")

        monkeypatch.setattr(Desk, "probe", broken)
        assert get(line, "/readyz") == (503, '{"status":"storage_failed"}')
        with socket.socket(socket.AF_UNIX) as bare:
            bare.connect(f"{tmp_path}/admin.sock")
            bare.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert status_of(bare.recv(1000)) == 403

    process.be(tmp_path / "relay", work, admin=f"unix:{tmp_path}/admin.sock")


def test_what_has_ended_is_swept_and_a_sweep_that_fails_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "SWEEP_SECONDS", 0.1)
    found = iter([{"slots": limits.SWEEP_ROWS_MAX}, {"slots": 1}, {"slots": 0}])

    def sweep(_desk: Desk) -> dict[str, int]:
        try:
            return next(found)
        except StopIteration:
            raise HubRefusal("storage_failed") from None

    monkeypatch.setattr(Desk, "sweep", sweep)
    process.be(tmp_path / "relay", lambda _here: time.sleep(0.6))
    said = [jsontext.loads(line) for line in capsys.readouterr().err.splitlines()]
    events = [one["event"] for one in said if isinstance(one, dict)]
    assert events.count("swept") == 2 and "sweep_failed" in events
    assert (events[0], events[-1]) == ("ready", "ended")


def test_it_speaks_tls_by_its_own_certificate(tmp_path: Path) -> None:
    cert, key = certificate.make(["127.0.0.1"], now_s=int(time.time()))
    (tmp_path / "cert.pem").write_bytes(cert)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.create_default_context(cafile=os.fspath(tmp_path / "cert.pem"))

    def work(here: Here) -> None:
        assert here.origin.startswith("https://")
        line = http.client.HTTPSConnection(*here.address, timeout=5, context=context)
        assert get(line, "/v1/info")[0] == 200
        with raw(here, b"") as silent:  # a handshake that does not come
            silent.settimeout(4)
            assert rest(silent) == b""

    names = {"cert": f"{tmp_path}/cert.pem", "key": f"{tmp_path}/key.pem"}
    process.be(tmp_path / "relay", work, deadline_s=1, **names)
    (tmp_path / "key.pem").write_bytes(cert)
    with pytest.raises(UsageError) as caught:
        process.be(tmp_path / "relay", work, **names)
    assert caught.value.code == "invalid_argument"


def test_a_wake_before_there_is_a_loop_or_behind_it_wakes_nobody() -> None:
    bus = Bus()
    bus.spread([Wake(SPACE, 1, 0)])

    async def work() -> None:
        bus.attach(asyncio.get_running_loop())
        heard = list[Wake]()
        bus.watch(heard.append)
        with bus.listen([SPACE]) as news:
            bus.spread([Wake(SPACE, 1, 0), Wake(SPACE, 2, 0), Wake(bytes(32), 1, 0)])
            assert await news.wait(5) == [Wake(SPACE, 2, 0)]
            assert await news.wait(0.01) == []
            bus.end()
            assert await news.wait(5) == []
        assert len(heard) == 3 and isinstance(news, News)

    asyncio.run(work())
    bus.spread([Wake(SPACE, 1, 0)])
