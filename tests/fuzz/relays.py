"""Relays: requests from strangers and from members, by the relay's own table of calls.

``relay`` is the ASGI application in this process, over a real store: heads, paths and bodies of
requests, calls drawn from the schema with tokens that are good, old, another's or none, and calls
of the vectors with an odd place. ``sockets`` is bytes to a relay in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.core.structs import Body, replace
from envoy.errors import RemoteFault
from envoy.relay.app import STATUS, Face, Terms
from envoy.relay.billing import CALLS as ACCOUNTS
from envoy.relay.bus import Bus
from envoy.relay.metrics import Metrics
from envoy.relay.peers import Peers
from envoy.sync import access as calls
from envoy.sync import chunks, frames
from fuzz.kit import Target, hold
from fuzz.mutate import Tree, near, near_text
from fuzz.shape import Shaper
from hub.scenes import SPACE, G, envelope
from oracle import events, scene
from relay import process, scenes

HOST: Final = "relay.example"
STATUSES: Final = frozenset({200, 403, 404, 405, 431, *STATUS.values()})
CODES: Final = frames.REFUSALS - {"storage_failed"}
LOT: Final = 24
WAIT_MS_MAX: Final = 5
ANSWER_SECONDS: Final = 0.1  # of a sound request; its reply takes a hundredth
LAST_SECONDS: Final = 10
RENEW_MS: Final = 60_000
EPOCH: Final = events.epoch(SPACE, bytes(32), bytes(16), scene.fixed("secret"), [])
WHO: Final = ("founder", "admin", "writer", "reader")
ODD_HEADERS: Final = (
    ("Origin", "null"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "identity"),
    ("X", "y" * 20_000),
    ("Cookie", "a=b"),
)
METHODS: Final = ("POST", "POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "DELETE", "\x7f")


class Asked(NamedTuple):
    """One request: its head, and its body in parts."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]


class Maker:
    """Draws calls."""

    def __init__(self, tokens: list[bytes]) -> None:
        self.tokens = tokens
        self.names = sorted(calls.EVERY)
        known = [scene.fixed("epoch"), SPACE, SPACE, SPACE, *map(scenes.key_of, WHO)]
        self.pools = {
            32: known,
            16: [scene.fixed("tag", 16), scene.fixed("holder", 16)],
        }

    def call(self, dice: Random) -> tuple[str, bytes]:
        """Return the name of a call and its bytes, by its types."""
        name = dice.choice(self.names)
        kind = calls.EVERY[name][0]
        if name == "push" and dice.random() < 0.5:
            every = tuple(envelope(f"{dice.getrandbits(6)}") for _ in range(dice.randrange(1, 4)))
            return name, encode(frames.Push(SPACE, every))
        if name == "create" and dice.random() < 0.5:
            return name, encode(frames.Create(SPACE, G, scenes.FOUNDER))
        data = encode(self.likely(dice, Shaper(dice, self.pools).body(kind)))
        if dice.random() < 0.2:
            data = next(Tree(data).near(dice, 1))
        return name, data

    def likely(self, dice: Random, drawn: Body) -> Body:
        """Return a drawn call with most fields as a member fills them, so that more is done."""
        names = drawn.__struct_fields__
        told = {
            "space": SPACE,
            "op": dice.choice((frames.CLAIM, frames.RENEW, frames.RELEASE)),
            "seen": dice.randrange(4),
            "lease_s": dice.choice((0, 60, 900)),
            "no": dice.randrange(2),
            "frame": envelope(f"{dice.getrandbits(6)}"),
            "uses": dice.randrange(1, 3),
            "blob": bytes(limits.INVITE_BLOB_BYTES),
            "lookup": scene.fixed("lookup", 16),
            "request": bytes(limits.JOIN_REQUEST_BYTES),
            "limit": dice.choice((1, 2, 1000)),
            "wait_ms": dice.choice((0, 0, 1)),
            "epoch": EPOCH.id,
            "head": EPOCH.head,
            "boxes": (frames.Box(scene.fixed("tag", 16), bytes(frames.BOX_BYTES)),),
            "ids": tuple(
                frames.frame_id(envelope(f"{one}")) for one in range(dice.randrange(1, 5))
            ),
        }
        if isinstance(drawn, chunks.ChunkPut):
            chunk = bytes(dice.choice((1, 256, 4096)))
            told |= {"chunk": chunk, "id": sha256(chunk).digest()}
        kept = {name: one for name, one in told.items() if name in names and dice.random() < 0.9}
        return replace(drawn, **kept)

    def body(self, dice: Random) -> tuple[str, bytes]:
        """Return the name of a call and the body of its request."""
        name, data = self.call(dice)
        tokens = tuple(self.token(dice) for _ in range(dice.choice((0, *[1] * 9, 2, 65))))
        body = encode(calls.Request(tokens, data))
        pick = dice.random()
        if pick < 0.05:
            body = next(near(body, dice, 1))
        elif pick < 0.1:
            body = next(Tree(body).near(dice, 1))
        return name, body

    def token(self, dice: Random) -> bytes:
        """Return a token, good or nearly so."""
        token = dice.choice((*self.tokens, *self.tokens[:1] * 4))
        return token if dice.random() < 0.95 else next(near(token, dice, 1, self.tokens))


class Relays(Target[Asked]):
    """The face of a relay. Whatever is asked, the answer is a reply or flat JSON with a code."""

    name = "relay"
    milliseconds = 0  # threads of its own work for it: a lot says nothing of one request

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.relay = scenes.Relay(place / "relay")
        self.relay.create()
        self.maker = Maker([])
        self.metrics = Metrics()
        self.renew()
        terms = Terms(
            frozenset({HOST}), lambda: {"relay": HOST}, lambda: self.relay.now_ms,
            lambda: 0.0, Peers(), self.metrics,
        )  # fmt: skip
        self.loop = asyncio.new_event_loop()
        self.bus = Bus()
        self.bus.attach(self.loop)
        self.face = Face(self.relay.desk, self.bus, terms)

    def renew(self) -> None:
        """Enter anew, before the tokens end."""
        self.entered_ms = self.relay.now_ms
        self.maker.tokens = [self.relay.token(name) for name in WHO]

    def draw(self, dice: Random) -> Iterator[Asked]:
        """Yield requests."""
        if self.relay.now_ms > self.entered_ms + RENEW_MS:
            self.renew()
        for _ in range(LOT):
            self.relay.now_ms += dice.choice((0, 0, 1))
            name, body = self.maker.body(dice)
            if not waits_long(body):
                yield drawn(dice, name, body)

    def accepts(self, given: Asked) -> bool:
        """Ask, and look at the answer; what was refused has changed nothing."""
        before = self.head()
        status, body = self.loop.run_until_complete(self.ask(given))
        hold(status in STATUSES, f"status {status}")
        name = given.path.removeprefix("/v1/")
        if status == 200:
            if name in calls.EVERY:
                decode(body, calls.EVERY[name][1])
            self.codes["200 " + name] += 1
            return True
        found = json.loads(body)
        self.codes[f"{status} {found['error_code']}"] += 1
        hold(found["error_code"] in CODES, f"code {found['error_code']} with {status}")
        hold(all(type(one) in (str, int, type(None)) for one in found.values()), "not flat")
        hold(self.head() == before, "what was refused has changed the log")
        return False

    def head(self) -> tuple[int, bytes]:
        """Return where the log of the space stands."""
        found = self.relay.ask(frames.HeadGet(SPACE), frames.Head, self.maker.tokens[0])
        return found.head, found.h

    async def ask(self, asked: Asked) -> tuple[int, bytes]:
        """Return status and body of the answer to one request."""
        sent = list[dict[str, Any]]()
        parts = [
            {"type": "http.request", "body": part, "more_body": at + 1 < len(asked.parts)}
            for at, part in enumerate(asked.parts)
        ] or [{"type": "http.request", "body": b"", "more_body": False}]
        parts.reverse()

        async def receive() -> dict[str, Any]:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        state = {"peer": b"\x7f\0\0\1", "unsent": lambda: 0, "abort": lambda: None}
        scope: dict[str, Any] = {
            "type": "http", "method": asked.method, "path": asked.path, "state": state,
            "query_string": b"", "client": ("127.0.0.1", 1),
            "headers": [(a.lower().encode(), b.encode()) for a, b in asked.headers],
        }  # fmt: skip
        async with asyncio.timeout(20):
            await self.face(scope, receive, send)
        hold(sent and sent[0]["type"] == "http.response.start", "there is no answer")
        return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])

    def told(self, given: Asked) -> object:
        """Return a request as JSON."""
        return {**given._asdict(), "parts": [one.hex() for one in given.parts]}

    def read(self, kept: Any) -> Asked:
        """Return the request."""
        headers = tuple((a, b) for a, b in kept["headers"])
        parts = tuple(bytes.fromhex(one) for one in kept["parts"])
        return Asked(kept["method"], kept["path"], headers, parts)

    def close(self) -> None:
        """End face, store and loop."""
        self.face.close()
        self.relay.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def waits_long(body: bytes) -> bool:
    """Say whether a body is a pull that would wait for news."""
    try:
        pull = decode(decode(body, calls.Request).call, frames.Pull)
    except RemoteFault:
        return False
    return pull.wait_ms > WAIT_MS_MAX


def drawn(dice: Random, name: str, body: bytes) -> Asked:
    """Return a request for a call, in most cases with a sound head."""
    method, path = "POST", f"/v1/{name}"
    headers = [("Host", HOST), ("Content-Length", str(len(body)))]
    parts = [body] if body else []
    match dice.getrandbits(5):
        case 0:
            method = dice.choice(METHODS)
        case 1:
            odd = (
                "/",
                "",
                "/v1",
                "/v1/",
                "/v1/info",
                "/v1/ws",
                "/v2/push",
                "//v1/push",
                path + "/",
            )
            path = dice.choice(odd)
        case 2:
            path = near_text(path, dice.getrandbits(40))
        case 3:
            sizes = ("", "-1", "0x10", "1e3", "٣", "9" * 13, str(len(body) + 1), "0", "+5", " 5")
            headers[1] = ("Content-Length", dice.choice(sizes))
        case 4:
            headers[0] = ("Host", dice.choice(("", "other.example", HOST.upper(), HOST + ":443")))
        case 5:
            headers.append(dice.choice(ODD_HEADERS))
        case 6:
            cut = dice.randrange(len(body) + 1)
            parts = [body[:cut], body[cut:]]
        case 7:
            parts = parts[:-1]
        case 8:
            path = "/v1/" + dice.choice(sorted(ACCOUNTS))
            parts = [
                dice.choice((b"{}", b'{"token":"00"}', b"[" * 2000, b'{"token":null}', b"\xff"))
            ]
            headers[1] = ("Content-Length", str(len(parts[0])))
    return Asked(method, path, tuple(headers), tuple(parts))


class Sockets(Target[bytes]):
    """A relay in a process of its own: it answers whatever comes, and it lives."""

    name = "sockets"
    milliseconds = 0

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        directory = place / "relay"
        self.served = process.start(directory, deadline_s=1, no_pace=True)
        client = process.Client(self.served)
        client.create()
        self.maker = Maker([client.token(name) for name in WHO])
        client.close()
        self.count = 0

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield bytes of requests, sound ones among them."""
        host = "{}:{}".format(*self.served.address)
        for _ in range(LOT):
            name, body = self.maker.body(dice)
            if waits_long(body) or len(body) > limits.MIB:
                continue
            asked = drawn(dice, name, body)
            lines = [(a, b.replace(HOST, host)) for a, b in asked.headers]
            head = f"{asked.method} {asked.path} HTTP/1.1\r\n"
            lines += [("Connection", "close")]
            head += "".join(f"{a}: {b}\r\n" for a, b in lines)
            data = head.encode() + b"\r\n" + b"".join(asked.parts)
            yield next(near(data[:4096], dice, 1)) + data[4096:] if dice.random() < 0.5 else data

    def accepts(self, given: bytes) -> bool:
        """Send, end, and read what comes."""
        self.count += 1
        with process.raw(self.served, b"") as line:
            answer = self.answer(line, given)
        hold(self.served.process.poll() is None, "the relay has ended")
        if self.count % LOT == 0:
            self.alive()
        if not answer:
            self.codes["closed"] += 1
            return False
        hold(answer.startswith(b"HTTP/1.1 "), f"no answer of HTTP: {answer[:40]!r}")
        status = int(answer[9:12])
        hold(status in STATUSES | {100, 408}, f"status {status}")
        self.codes[str(status)] += 1
        return status == 200

    def answer(self, line: socket.socket, given: bytes) -> bytes:
        """Return what comes; where nothing does, the relay waits for more, and is told the end."""
        found = b""
        try:
            line.settimeout(ANSWER_SECONDS)
            line.sendall(given)
            found = line.recv(65536)
        except TimeoutError:
            found = b""
        except OSError:
            self.codes["cut off"] += 1
            return b""
        line.settimeout(LAST_SECONDS)
        with suppress(OSError):  # it may have closed already
            line.shutdown(socket.SHUT_WR)
        return found + process.rest(line)

    def alive(self) -> None:
        """Ask what a relay says of itself, and look into its journal."""
        host = "{}:{}".format(*self.served.address)
        head = f"GET /v1/info HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        with process.raw(self.served, head.encode()) as line:
            hold(process.rest(line).startswith(b"HTTP/1.1 200"), "it answers no more")
        hold(b"Traceback" not in self.served.log.read_bytes(), "a traceback in its journal")

    def told(self, given: bytes) -> object:
        """Return the bytes as hex."""
        return given.hex()

    def read(self, kept: Any) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(kept)

    def close(self) -> None:
        """End the relay."""
        self.served.kill()
