"""A relay as a process: how it starts, refuses to, ends, and what is left when it is killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from envoy import jsontext
from envoy.core import codec
from envoy.core.codec import encode
from envoy.errors import EnvoyError, IntegrityError
from envoy.hub import sqlite
from envoy.relay import ddl, guard, serve, tables
from envoy.sync import access as calls
from envoy.sync import frames, live
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Served, head, raw, rest


def push(*names: str) -> frames.Push:
    return frames.Push(SPACE, tuple(envelope(name) for name in names))


def pulled(client: Client, token: bytes) -> tuple[list[bytes], frames.Head]:
    """Return every frame of the space, page by page, and where it stands."""
    found = list[bytes]()
    while True:
        call = frames.Pull((frames.Since(SPACE, None, len(found)),), 1000, 0)
        (page,) = client.ask(call, frames.Pulled, token).pages
        assert page.head is not None and page.last == len(found) + len(page.frames)
        found += page.frames
        if page.last == page.head.head:
            return found, page.head


# -- how it ends ----------------------------------------------------------------------------


def test_a_relay_that_is_ended_finishes_what_runs_and_says_bye(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client, other = Client(served), Client(served)
        client.create()
        token, reader = client.token("writer"), client.token("reader")
        waits = frames.Pull((frames.Since(SPACE, None, 0),), 10, 30_000)
        answers = list[object]()
        poll = threading.Thread(
            target=lambda: answers.append(other.ask(waits, frames.Pulled, reader))
        )
        poll.start()
        host, port = served.address
        with connect(f"ws://{host}:{port}/v1/ws") as line:
            line.send(encode(live.Sub("sub", 1, (live.Wanted(reader, 0),))))
            assert isinstance(line.recv(5), bytes)
            time.sleep(0.2)
            begun = time.monotonic()
            served.process.send_signal(signal.SIGTERM)
            said = line.recv(5)
            assert isinstance(said, bytes)
            assert live.read(said, live.TOLD) == live.Bye("bye", "relay_unavailable")
            with pytest.raises(ConnectionClosed) as caught:
                line.recv(5)
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 4503
        assert served.stop() == 0 and time.monotonic() - begun < 5
        poll.join(5)
        assert isinstance(answers[0], frames.Pulled)
        assert [one["event"] for one in served.said()] == ["ready", "draining", "ended"]
        client.close()
        other.close()
        assert token


def test_what_was_acknowledged_before_the_end_is_there_after_it(tmp_path: Path) -> None:
    directory = tmp_path / "relay"
    done = list[str]()
    with process.serving(directory) as served:
        client = Client(served)
        client.create()
        token = client.token("writer")
        served_on = threading.Thread(target=served.stop)
        for number in range(200):
            if number == 50:
                served_on.start()
            try:
                client.ask(push(str(number)), frames.Pushed, token)
            except (HubRefusal, OSError, http.client.HTTPException):
                break
            done.append(str(number))
        served_on.join()
        client.close()
    assert len(done) >= 50
    with process.serving(directory) as served:
        client = Client(served)
        found, _ = pulled(client, client.token("reader"))
        client.close()
    assert {envelope(name) for name in done} <= set(found)


# -- how it does not start ------------------------------------------------------------------


def served_once(directory: Path, **settings: object) -> None:
    """Serve in this process until it is ready, which must not come."""

    def ready(_origin: str) -> None:
        raise AssertionError("it serves")

    serve.run(process.options(os.fspath(directory), dict(settings)), ready=ready)


def wide_key(directory: Path) -> None:
    os.chmod(directory / tables.KEY_FILE, 0o640)


def foreign_key(directory: Path) -> None:
    (directory / tables.KEY_FILE).write_bytes(b"\x93\x01\x02\x03")


def newer_tables(directory: Path) -> None:
    store = sqlite.open_store(os.fspath(directory))
    with store.transaction():
        note = (ddl.VERSION + 1).to_bytes(4)
        store.connection.run("UPDATE meta SET v = ? WHERE k = 'relay'", (note,))
    store.close()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(wide_key, "state_access_denied", id="a key that others can read"),
        pytest.param(foreign_key, "state_corrupt", id="a key that is none"),
        pytest.param(newer_tables, "schema_too_new", id="tables of a newer version"),
    ],
)
def test_it_does_not_start_on(tmp_path: Path, spoil: Callable[[Path], None], code: str) -> None:
    directory = tmp_path / "relay"
    with process.serving(directory) as served:  # the control
        assert served.stop() == 0
    spoil(directory)
    with pytest.raises(IntegrityError) as caught:
        served_once(directory)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("address", "given", "code"),
    [
        pytest.param("127.0.0.1", {}, None, id="on loopback"),
        pytest.param("::1", {}, None, id="on loopback of IPv6"),
        pytest.param("0.0.0.0", {"provider": "token"}, "unsupported_scheme", id="in clear"),
        pytest.param("0.0.0.0", {"has_tls": True}, "missing_required_flag", id="for nothing"),
        pytest.param("0.0.0.0", {"has_tls": True, "is_open": True}, None, id="open by its word"),
        pytest.param("10.0.0.1", {"provider": "token", "has_tls": True}, None, id="for a token"),
        pytest.param("10.0.0.1", {"provider": "token", "has_proxy": True}, None,
                     id="behind a proxy"),
        pytest.param("127.0.0.1", {"has_proxy": True}, "missing_required_flag",
                     id="behind a proxy for nothing"),
        pytest.param("relay.example", {"provider": "token"}, "unsupported_scheme", id="by name"),
    ],
)  # fmt: skip
def test_it_refuses_to_listen_where_that_is_unsafe(
    address: str, given: dict[str, object], code: str | None
) -> None:
    fields: dict[str, object] = {
        "provider": "none", "is_open": False, "has_tls": False, "has_proxy": False, **given,
    }  # fmt: skip

    def ask() -> None:
        guard.require_safe(
            address,
            provider=str(fields["provider"]),
            is_open=bool(fields["is_open"]),
            has_tls=bool(fields["has_tls"]),
            has_proxy=bool(fields["has_proxy"]),
        )

    if code is None:
        ask()
        return
    with pytest.raises(EnvoyError) as caught:
        ask()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        pytest.param({"listen": ["0.0.0.0", 0]}, "missing_required_flag", id="to the world"),
        pytest.param({"admin": "192.0.2.1:9000"}, "unsupported_destination",
                     id="the operator's paths to the world"),
        pytest.param({"listen": ["192.0.2.77", 1]}, "unsupported_destination",
                     id="an address that is not this machine's"),
    ],
)  # fmt: skip
def test_it_does_not_listen(tmp_path: Path, settings: dict[str, object], code: str) -> None:
    if "listen" in settings and code == "unsupported_destination":
        settings = {**settings, "is_unsafe": True}
    with pytest.raises(EnvoyError) as caught:
        served_once(tmp_path / "relay", **settings)
    assert caught.value.code == code


def test_a_second_process_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        with pytest.raises(EnvoyError) as caught:
            served_once(tmp_path / "relay")
        assert caught.value.code == "timeout"
        assert caught.value.details["reason"] == "served_already"
        client = Client(served)
        assert client.create().head == 0  # the first goes on
        client.close()


# -- the operator's paths -------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("relay")
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(os.fspath(self._path))


def get(line: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, str]:
    line.request("GET", path, headers=headers)
    reply = line.getresponse()
    found = reply.status, reply.read().decode()
    line.close()
    return found


def test_the_operator_asks_over_a_socket_that_is_the_operators_alone(tmp_path: Path) -> None:
    place = tmp_path / "admin.sock"
    with process.serving(tmp_path / "relay", admin=f"unix:{place}") as served:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        client = Client(served)
        client.create()
        client.ask(push("one"), frames.Pushed, client.token("writer"))
        client.close()
        line = UnixConnection(place)
        assert get(line, "/healthz") == (200, '{"status":"alive"}')
        assert get(line, "/readyz") == (200, '{"status":"ready"}')
        assert get(line, "/other")[0] == 404
        assert get(line, "/metrics", Origin="http://evil.example")[0] == 403
        status, text = get(line, "/metrics")
        assert status == 200 and 'envoy_relay_appends_total{result="ok"} 1' in text
        assert SPACE.hex() not in text and "127.0.0.1" not in text
        assert served.stop() == 0
    assert not place.exists()


def test_on_loopback_the_operator_shows_a_token_of_a_private_file(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with process.serving(tmp_path / "relay", admin=f"127.0.0.1:{port}") as served:
        path = served.directory / "admin.token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert get(line, "/healthz")[0] == 403
        assert get(line, "/healthz", Authorization="Bearer " + "0" * 64)[0] == 403
        shown = f"Bearer {path.read_text()}"
        assert get(line, "/healthz", Authorization=shown)[0] == 200
        line.request("POST", "/healthz", headers={"Authorization": shown})
        assert line.getresponse().status == 405
        line.close()
        assert served.stop() == 0
    assert not path.exists()


def test_it_says_of_itself_what_a_client_has_to_know(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        line = http.client.HTTPConnection(*served.address, timeout=10)
        status, text = get(line, "/v1/info")
        found = jsontext.loads(text)
        assert status == 200 and isinstance(found, dict)
        keys = codec.decode((served.directory / tables.KEY_FILE).read_bytes(), tables.Keys)
        assert found["origin"] == served.origin and found["provider"] == "none"
        assert len(str(found["hub_key"])) == 64 and str(found["hub_key"]) != keys.hub.hex()
        assert found["retention"] == {"chunk_days": 30, "space_days": None, "idle_days": 90}
        assert found["unsafe"] is False and found["protocol"] == 1


def test_a_full_disk_refuses_what_grows_and_lets_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guard.has_room(os.fspath(tmp_path))
    monkeypatch.setattr(guard, "disk", lambda _path: (2**30 - 1, 2**40))
    assert not guard.has_room(os.fspath(tmp_path))
    monkeypatch.setattr(guard, "disk", lambda _path: (2**28, 2**32))
    assert guard.has_room(os.fspath(tmp_path))  # a small disk keeps a share of it


@pytest.mark.slow
def test_h17_garbage_from_many_connections_makes_it_no_larger_and_no_slower(
    tmp_path: Path,
) -> None:
    with process.serving(tmp_path / "relay", connections=2_000) as served:
        client = Client(served)
        client.create()
        token = client.token("writer")
        for number in range(20):
            client.ask(push(f"warm {number}"), frames.Pushed, token)
        before = memory(served)
        lines = [raw(served, head(served, "push", size=10_000) + b"x") for _ in range(1_000)]
        for number in range(300):
            with raw(served, os.urandom(200) + b"\r\n\r\n") as line:
                assert b"malformed" in rest(line)
            if number % 10 == 0:
                client.ask(push(f"meanwhile {number}"), frames.Pushed, token)
        assert memory(served) - before < 60 * 1024
        for line in lines:
            line.close()
        client.close()
        assert [one["event"] for one in served.said()] == ["ready"]  # and its log no longer


def memory(served: Served) -> int:
    """Return the resident memory of a relay, KiB."""
    text = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])


def test_an_idle_relay_is_small(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        client.create()
        body = encode(calls.Request((), b""))
        assert client.post("/v1/pull", body)[0] == 400
        client.close()
        assert memory(served) < 60 * 1024
