"""W1: no page of a browser gets anything from a relay, by whatever name it came to the port.

The relay has the only HTTP face there is. It has no cookie and no page, so what is left of these
attacks is Host, Origin and the socket; a page that is shown brings the other rows with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from envoy.relay import app
from relay import process
from relay.process import Client, Served, raw

ANSWERED = 400  # a call without a request: it went past the door


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a relay."""
    with process.serving(tmp_path_factory.mktemp("w1") / "relay") as found:
        client = Client(found)
        client.create()
        client.close()
        yield found


def ask(served: Served, method: str, path: str, *lines: str, host: str | None = None) -> str:
    """Return the head of the answer to a request."""
    own = "{}:{}".format(*served.address)
    text = [f"{method} {path} HTTP/1.1", f"Host: {own if host is None else host}", *lines]
    size = ["Content-Length: 0"] if method == "POST" else []
    with raw(served, "\r\n".join([*text, *size, "", ""]).encode()) as line:
        return line.recv(65536).decode("latin-1").partition("\r\n\r\n")[0]


def status(answer: str) -> int:
    """Return the status of an answer."""
    found = re.match(r"HTTP/1\.1 (\d+) ", answer)
    assert found is not None, answer
    return int(found[1])


HOSTS = [
    pytest.param("evil.example", id="a foreign name that leads here"),
    pytest.param("evil.example:{port}", id="with the port"),
    pytest.param("localhost:{port}", id="another name of loopback"),
    pytest.param("127.0.0.1", id="without the port"),
    pytest.param("127.0.0.1:1", id="another port"),
    pytest.param("127.0.0.1.:{port}", id="with a dot"),
    pytest.param("[::1]:{port}", id="loopback of IPv6"),
    pytest.param("0.0.0.0:{port}", id="every address"),
    pytest.param("127.0.0.1:{port}@evil.example", id="as a user"),
    pytest.param("", id="none"),
]
ORIGINS = ["http://evil.example", "null", "http://127.0.0.1:{port}", "https://127.0.0.1:{port}",
           "file://", "chrome-extension://abc", ""]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/pull", "/v1/info"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_is_not_the_relays(served: Served, host: str, path: str) -> None:
    method = "GET" if path == "/v1/info" else "POST"
    name = host.format(port=served.address[1])
    assert status(ask(served, method, path, host=name)) in (400, 403)
    assert status(ask(served, method, path)) == (200 if method == "GET" else ANSWERED)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_request_that_says_where_it_comes_from(served: Served, origin: str) -> None:
    line = "Origin: " + origin.format(port=served.address[1])
    for method, path in (("POST", "/v1/pull"), ("GET", "/v1/info"), ("POST", "/v1/session")):
        assert status(ask(served, method, path, line)) == 403


def test_no_question_before_a_request_is_answered_with_a_yes(served: Served) -> None:
    lines = ("Origin: http://evil.example", "Access-Control-Request-Method: POST")
    for found in (ask(served, "OPTIONS", "/v1/pull", *lines), ask(served, "OPTIONS", "/v1/info")):
        assert status(found) in (403, 405) and "access-control" not in found.lower()


@pytest.mark.parametrize("lines", [(), ("Cookie: session=1",), ("Authorization: Bearer x",)])
def test_nothing_is_kept_in_a_browser_and_nothing_that_it_keeps_counts(
    served: Served, lines: tuple[str, ...]
) -> None:
    for method, path in (("GET", "/v1/info"), ("POST", "/v1/pull")):
        found = ask(served, method, path, *lines).lower()
        assert "set-cookie" not in found and "access-control" not in found
        assert "cache-control: no-store" in found
        kind = re.search(r"content-type: (\S+)", found)
        assert kind is not None and kind[1] in (app.JSON, app.MEDIA)  # nothing that is rendered
    assert status(ask(served, "POST", "/v1/pull", *lines)) == ANSWERED


@pytest.mark.parametrize("origin", ORIGINS[:4])
def test_a_socket_that_a_page_opens(served: Served, origin: str) -> None:
    host, port = served.address
    place = f"ws://{host}:{port}/v1/ws"
    header = {"Origin": origin.format(port=port)}
    with pytest.raises(InvalidStatus) as caught, connect(place, additional_headers=header):
        pass
    assert caught.value.response.status_code == 401
    with connect(place) as line:  # the control: what is no page says no origin
        line.ping()
