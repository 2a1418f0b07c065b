"""A relay behind a real socket, with its own clock, and a machine that is linked to it.

The relay's desk is the real one; only HTTP is spoken by a few lines of the tests, so that an answer
can be held back, lost or changed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from envoy.core.structs import Body
from envoy.hub import links as linking
from envoy.hub.caller import Caller, Key, World
from envoy.hub.handler import LocalHub
from envoy.hub.linked import LinkedHub, Patience
from envoy.hub.links import Link
from envoy.hub.roads import Roads
from envoy.relay import tables
from envoy.relay.desk import Config, Desk
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.hostile import Server, http, read_request
from hub.scenes import NOW_MS, POSTER, SPACE, G, Hub
from relay.scenes import ALLOWED, CHAINS, seed_of

Change = Callable[[str, bytes], bytes | None]


class FarRelay:
    """A desk behind a socket. ``change`` gets each answer; None: hang up instead of answering."""

    def __init__(self, path: Path) -> None:
        self.now_ms = NOW_MS
        self.calls = list[str]()
        self.change: Change = lambda _, answer: answer
        self.server = Server(self._serve)
        tables.make(os.fspath(path))
        config = Config(frozenset([self.server.origin]), ALLOWED, lambda *_: None)
        self.desk = Desk(
            os.fspath(path), config, now_ms=lambda: self.now_ms, on_wake=lambda _: None
        )

    def close(self) -> None:
        """End."""
        self.server.close()
        self.desk.close()

    def _serve(self, taken: socket.socket) -> None:
        while True:
            head, _, body = read_request(taken).partition(b"\r\n\r\n")
            name = head.split(b" ")[1].decode().rpartition("/")[2]
            self.calls.append(name)
            answer = self.change(name, self._answer(name, body))
            if answer is None:
                return
            taken.sendall(answer)

    def _answer(self, name: str, body: bytes) -> bytes:
        if name == "info":
            told = {"hub_key": self.desk.hub_key.hex(), "at": self.now_ms}
            return http(json.dumps(told).encode())
        try:
            return http(self.desk.answer(name, body))
        except HubRefusal as refusal:
            told = {"error": "no", "error_code": refusal.code, **refusal.details}
            return http(json.dumps(told).encode(), status="409 Refused")


class Machine:
    """The hub of one machine, linked to a relay, as somebody of the scenes."""

    def __init__(self, path: Path, relay: FarRelay, name: str = "founder") -> None:
        self.now_ms = NOW_MS
        self.seconds = 5.0
        self.rested = list[int]()  # ms that relays were waited for, where ``rests``
        self.rests: bool | None = None
        self.relay = relay
        self.hub = Hub(path)
        self.links = linking.open_links(os.fspath(path))
        self.chain: tuple[bytes, ...] | None = CHAINS[name]
        self.pinned = b""
        self._made = list[Caller]()
        self._name = name
        self.near = LocalHub(self.hub.store, poster=POSTER, now_ms=lambda: self.now_ms)
        self.caller = self.a_caller()

    def close(self) -> None:
        """Close what is open."""
        for caller in self._made:
            caller.close()
        self.links.close()
        self.hub.store.close()

    def a_caller(self) -> Caller:
        """Return a caller as the next process has one: it knows what is kept, and no more."""
        world = World(
            lambda _: Key(seed_of(self._name), self.chain),
            lambda: self.now_ms,
            os.urandom,
            lambda: self.seconds,
            is_local=True,
            rest=None if self.rests is None else self._rest,
        )
        self._made.append(Caller(self.links, world))
        return self._made[-1]

    def _rest(self, pause_ms: int) -> bool:
        self.rested.append(pause_ms)
        return bool(self.rests)

    def link(self) -> Link:
        """Link the space to the relay, of which nothing was read yet; return the link."""
        key, local = self.relay.desk.hub_key, self.hub.store.instance
        origin = self.relay.server.origin
        made = Link(SPACE, origin, None, key, None, 0, None, local, 0, b"", b"", None, 0, "")
        self.links.save(made)
        return made

    def connect(self) -> None:
        """Link the space and make the relay keep it."""
        self.link()
        self.caller.create(SPACE, G)

    def patience(self, fresh_ms: int = 0) -> Patience:
        """Return all the patience there is."""
        return Patience(lambda: True, lambda: self.now_ms, fresh_ms)

    def linked(self, fresh_ms: int = 0) -> LinkedHub:
        """Return the hub port as the next process has it."""
        return LinkedHub(
            self.near,
            self.hub.store,
            self.links,
            self.a_caller(),
            pinned=lambda _: self.pinned,
            patience=self.patience(fresh_ms),
        )

    def roads(self) -> Roads:
        """Return the roads as the next process has them."""
        caller = self.a_caller()
        return Roads(self.near, self.hub.store, self.links, caller, self.patience())

    def far_ids(self) -> list[bytes]:
        """Return the ids of the frames that the relay has, in its order."""
        since = frames.Since(SPACE, None, 0)
        reply = self.ask(frames.Pull((since,), 1000, 0))
        assert isinstance(reply, frames.Pulled)
        return [frames.frame_id(one) for one in reply.pages[0].frames]

    def ask(self, call: Body) -> Body:
        """Return the reply of the relay."""
        return self.caller.call(SPACE, call)
