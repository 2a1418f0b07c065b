"""Lies: what a relay can answer who connects, joins or comes back, and what is told then."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from console import Console
from envoy.core import invite
from envoy.core.access import Capability, issue
from envoy.core.codec import encode
from envoy.core.invite import InviteInfo
from envoy.core.structs import Body
from envoy.hub.client import MEDIA
from envoy.jsontext import dumps
from envoy.replica.roads import pack
from envoy.sync import access, frames
from hub.hostile import read_request, serving
from hub.scenes import SPACE, G
from oracle import events, scene

SECRET = invite.new_secret(bytes(range(15)))
KEYS = invite.invite_keys(SECRET)
HUB_KEY = events.public(scene.fixed("hub"))
HEAD = frames.Head(bytes(16), 1, bytes(32), bytes(32), 1, 1, 1)
LATER = int(time.time() * 1000) + 3_600_000
Answers = Mapping[str, Body | bytes]


def info(**other: object) -> bytes:
    """Return what a relay says of itself."""
    return dumps({"protocol": 1, "hub_key": HUB_KEY.hex(), **other}).encode()


def blob(space: bytes = SPACE, cap: bytes | None = None, mode: str = "open") -> frames.InviteBlob:
    """Return the record of an invite whose code whoever holds it trusts."""
    link = issue(
        scene.fixed("root"),
        Capability(space, 0, "w", events.public(KEYS.access), LATER, 1, 1),
    )
    chain = pack((link,)) if cap is None else cap
    told = InviteInfo(
        space=space,
        relays=("http://127.0.0.1:1",),
        pin=None,
        inviter=bytes(32),
        invite=bytes(32),
        mode=mode,
        role="write",
        na=LATER,
        enc=None,
        cap=chain,
    )
    return frames.InviteBlob(invite.seal_blob(KEYS, told, bytes(24)))


LET_IN = access.Entries(LATER, (access.Entry(None, b"token", "w", LATER, HEAD),))
HONEST: Answers = {
    "info": info(),
    "invite_fetch": blob(),
    "session": LET_IN,
    "genesis_get": access.GenesisFound(G),
    "create": HEAD,
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Console]:
    """Return a home with an identity and a space of its own."""
    found = Console(tmp_path / "a")
    found.ok("quickstart", "--name", "Ada", "--space-name", "s")
    yield found


def asked(home: Console, answers: Answers, *args: str) -> tuple[int, str]:
    """Return status and code of a command whose relay gives these answers."""

    def serve(taken: socket.socket) -> None:
        while raw := read_request(taken):
            name = raw.split(b" ", 2)[1].decode().removeprefix("/v1/")
            found = answers.get(name, dumps({"error_code": "not_found"}).encode())
            body, status = (encode(found), 200) if isinstance(found, Body) else (found, 200)
            if name not in answers or body.startswith(b'{"error_code"'):
                status = 400
            head = f"HTTP/1.1 {status} x\r\nContent-Type: {MEDIA}\r\nContent-Length: {len(body)}"
            taken.sendall(head.encode() + b"\r\n\r\n" + body)

    with serving(serve) as server:
        uri = invite.uri(SECRET, relay=server.origin)
        filled = [one.replace("URI", uri).replace("URL", server.origin) for one in args]
        done = home.call("--json", "--timeout", "3000", *filled)
    assert not done.err and done.status, done
    return done.status, done.data["error_code"]


@pytest.mark.parametrize(
    ("lies", "told"),
    [
        pytest.param({"info": b"[" * 10_000}, (7, "relay_unavailable"), id="no answer"),
        pytest.param({"info": b'{"hub_key":"00"}'}, (7, "relay_unavailable"), id="no key"),
        pytest.param({"invite_fetch": b"\xc1" * 99}, (7, "relay_unavailable"), id="garbage"),
        pytest.param({"invite_fetch": HEAD}, (7, "relay_unavailable"), id="another reply"),
        pytest.param(
            {"invite_fetch": frames.InviteBlob(bytes(4096))}, (5, "invalid_invite"), id="a record"
        ),
        pytest.param(
            {"invite_fetch": b'{"error_code":"drop all tables"}'},
            (7, "relay_unavailable"),
            id="an unknown code",
        ),
        pytest.param(
            {"invite_fetch": b'{"error_code":"rate_limited","retry_after_ms":"soon"}'},
            (7, "rate_limited"),
            id="no number",
        ),
        pytest.param({"invite_fetch": blob(cap=b"")}, (5, "invalid_invite"), id="no chain"),
        pytest.param({"invite_fetch": blob(cap=b"\x90")}, (5, "invalid_invite"), id="no links"),
        pytest.param({"session": access.Entries(1, ())}, (7, "relay_unavailable"), id="no token"),
        pytest.param(
            {"session": access.Entries(1, (access.Entry("slot_moved", None, None, 0, None),))},
            (7, "relay_unavailable"),
            id="a code that is none of a session",
        ),
        pytest.param(
            {"genesis_get": access.GenesisFound(b"junk")}, (7, "relay_unavailable"), id="no genesis"
        ),
        pytest.param(
            {"invite_fetch": blob(bytes(32))}, (7, "relay_unavailable"), id="of another space"
        ),
    ],
)
def test_who_joins_is_told_by_a_code_and_keeps_nothing(
    home: Console, lies: Answers, told: tuple[int, str]
) -> None:
    assert asked(home, {**HONEST, **lies}, "join", "URI") == told
    assert [one["space_name"] for one in home.ok("spaces")["spaces"]] == ["s"]
    assert home.ok("sync").get("relays", []) == []


@pytest.mark.parametrize(
    ("lies", "told"),
    [
        pytest.param({"info": info(hub_key="zz")}, (7, "relay_unavailable"), id="no key"),
        pytest.param({"create": b"\xc0"}, (7, "relay_unavailable"), id="no head"),
        pytest.param(
            {"create": b'{"error_code":"subscription_required"}'},
            (7, "subscription_required"),
            id="an account is asked for",
        ),
        pytest.param(
            {"session": access.Entries(1, (access.Entry("auth_failed", None, None, 0, None),))},
            (4, "auth_failed"),
            id="no session",
        ),
    ],
)
def test_who_connects_is_told_by_a_code_and_stays_local(
    home: Console, lies: Answers, told: tuple[int, str]
) -> None:
    assert asked(home, {**HONEST, **lies}, "space", "connect", "--relay", "URL") == told
    assert home.ok("spaces")["spaces"][0]["mode"] == "local_only"
    assert home.ok("send", "as ever")["relay_delivery"] == "not_attempted"


def test_who_comes_back_is_told_by_a_code(home: Console) -> None:
    space = "space_" + "a" * 51 + "a"
    attach = ("space", "attach", space, "--relay", "URL")
    assert asked(home, HONEST, *attach) == (7, "relay_unavailable")  # G of another space
    unknown = dumps({"error_code": "space_not_found"}).encode()
    assert asked(home, {**HONEST, "session": unknown}, *attach) == (3, "space_not_found")
