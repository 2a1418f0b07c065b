"""R10: an upload that was cut off, or is not what it says, has done nothing, whoever cut it."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.sync import access as calls
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Served, head, raw, rest
from relay.proxy import Fault, Proxy, proxied
from relay.test_face import stored

CHUNK = os.urandom(200_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Proxy]]:
    """Return a relay, and a proxy before it."""
    with proxied() as proxy:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        origins = [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{proxy.port}"]
        place = tmp_path_factory.mktemp("r10") / "relay"
        with process.serving(place, port=port, origins=origins, no_pace=True) as found:
            proxy.to = port
            client = Client(found)
            client.create()
            client.close()
            yield found, proxy


def uploads(token: bytes) -> dict[str, bytes]:
    """Return requests that bring something."""
    bodies: dict[str, Body] = {
        "push": frames.Push(SPACE, tuple(envelope(f"{n}", 4_000) for n in range(20))),
        "chunk_put": chunks.ChunkPut(SPACE, sha256(CHUNK), CHUNK),
    }
    return {name: encode(calls.Request((token,), encode(one))) for name, one in bodies.items()}


def clean(client: Client, served: Served) -> bool:
    """Say whether nothing at all was stored."""
    have = chunks.ChunkHave(SPACE, (sha256(CHUNK),), False)
    known = client.ask(have, chunks.ChunkMap, client.token("reader"))
    kept = [one for one in (served.directory / "chunks").rglob("*") if one.is_file()]
    return stored(client) == 0 and known.bits == b"\x00" and not kept


@pytest.mark.parametrize("name", ["push", "chunk_put"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.999])
def test_cut_off_by_who_sends(served: tuple[Served, Proxy], name: str, part: float) -> None:
    relay, _ = served
    client = Client(relay)
    whole = uploads(client.token("writer"))[name]
    for _ in range(3):
        sent = whole[: int(len(whole) * part)]
        with raw(relay, head(relay, name, size=len(whole)) + sent) as line:
            line.shutdown(socket.SHUT_WR)
            assert b" 200 " not in rest(line)
    assert clean(client, relay)
    client.close()


@pytest.mark.parametrize("name", ["push", "chunk_put"])
@pytest.mark.parametrize("part", [0.3, 0.999])
def test_cut_off_by_a_proxy(served: tuple[Served, Proxy], name: str, part: float) -> None:
    relay, proxy = served
    client = Client(relay)
    whole = uploads(client.token("writer"))[name]
    proxy.fault = Fault(cut_up=int(len(whole) * part))
    for _ in range(3):
        line = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        with pytest.raises((OSError, http.client.HTTPException)):
            line.request("POST", f"/v1/{name}", whole)
            line.getresponse()
        line.close()
    proxy.fault = Fault()
    assert clean(client, relay)
    client.close()


@pytest.mark.parametrize("wrong", [CHUNK[:-1], CHUNK[:-1] + b"\x00", b"\x00" + CHUNK[1:]])
def test_bytes_that_are_not_those_of_the_id(served: tuple[Served, Proxy], wrong: bytes) -> None:
    relay, _ = served
    client = Client(relay)
    with pytest.raises(HubRefusal, match="malformed"):
        put = chunks.ChunkPut(SPACE, sha256(CHUNK), wrong)
        client.ask(put, frames.Done, client.token("writer"))
    assert clean(client, relay)
    client.close()


def test_control_what_comes_whole_is_stored(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as relay:
        client = Client(relay)
        client.create()
        for name, whole in uploads(client.token("writer")).items():
            with raw(relay, head(relay, name, size=len(whole)) + whole) as line:
                assert b" 200 " in line.recv(1000)
        assert stored(client) == 20 and not clean(client, relay)
        client.close()
