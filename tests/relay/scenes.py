"""What the tests of the relay share: a desk on a directory, and clients that have access keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from envoy import limits
from envoy.core import access
from envoy.core.access import Capability, Proof
from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.relay import tables
from envoy.relay.desk import Config, Desk
from envoy.relay.group import Wake
from envoy.relay.rules import Allowance
from envoy.sync import access as calls
from envoy.sync import frames
from hub.scenes import NOW_MS, SPACE, G
from oracle import events, scene

T = TypeVar("T", bound=Body)

ORIGIN = "https://relay.example"
ROOT = scene.fixed("space root seed")
ROOT_PUB = events.public(ROOT)
ALLOWED = Allowance(bytes_max=64 * limits.MIB, frames_day_max=10_000, chunk_days=30)
NAMES = {kind: name for name, (kind, _) in calls.EVERY.items()}


def seed_of(name: str) -> bytes:
    """Return the access seed of somebody."""
    return scene.fixed(f"access {name}")


def key_of(name: str) -> bytes:
    """Return the access key of somebody."""
    return events.public(seed_of(name))


def link(issuer: str, name: str, role: str, depth: int, **other: int) -> bytes:
    """Return the link by which ``issuer``, or "root", gives ``name`` a role."""
    seed = ROOT if issuer == "root" else seed_of(issuer)
    fields = {"gen": 0, "exp": 0, "uses": 0, **other}
    cap = Capability(SPACE, fields["gen"], role, key_of(name), fields["exp"], depth, fields["uses"])
    return access.issue(seed, cap)


FOUNDER = (link("root", "founder", "a", 3),)
ADMIN = (*FOUNDER, link("founder", "admin", "a", 2))
WRITER = (*FOUNDER, link("founder", "writer", "w", 1))
READER = (*FOUNDER, link("founder", "reader", "r", 0))
CHAINS = {"founder": FOUNDER, "admin": ADMIN, "writer": WRITER, "reader": READER}


class Relay:
    """A desk with a clock of its own; every call goes through bytes, as it does from a network."""

    def __init__(self, path: Path, allowed: Allowance = ALLOWED) -> None:
        self.now_ms = NOW_MS
        self.wakes = list[Wake]()
        self.directory = os.fspath(path)
        tables.make(self.directory)
        config = Config(frozenset([ORIGIN]), allowed, lambda *_: None)
        self.desk = Desk(
            self.directory, config, now_ms=lambda: self.now_ms, on_wake=self.wakes.extend
        )

    def close(self) -> None:
        """End the writer."""
        self.desk.close()

    def ask(self, call: Body, reply: type[T], *tokens: bytes) -> T:
        """Return the reply to ``call``, which is a ``reply``."""
        name = NAMES[type(call)]
        return decode(self.desk.answer(name, encode(calls.Request(tokens, encode(call)))), reply)

    def proof(self, name: str, chain: Sequence[bytes] | None, **other: object) -> calls.Proved:
        """Return a session proof of somebody."""
        fields: dict[str, object] = {
            "v": 1,
            "aud": ORIGIN,
            "ts": self.now_ms,
            "nonce": os.urandom(16),
            "space": SPACE,
            "holder": key_of(name),
            "chain": None if chain is None else tuple(chain),
            **other,
        }
        raw = encode(tuple(fields.values()))
        decode(raw, Proof)
        return calls.Proved(raw, events.sig(seed_of(name), "session", raw))

    def entry(self, name: str, chain: Sequence[bytes] | None = None) -> calls.Entry:
        """Return what a session of somebody comes to."""
        asked = calls.Session((self.proof(name, chain),))
        return self.ask(asked, calls.Entries).entries[0]

    def token(self, name: str, chain: Sequence[bytes] | None = None) -> bytes:
        """Return a token of somebody, whose chain is registered if none is given."""
        entry = self.entry(name, chain if chain is not None else CHAINS.get(name))
        assert entry.code is None and entry.token is not None, entry.code
        return entry.token

    def create(self) -> frames.Head:
        """Keep the space of the scenes."""
        return self.ask(frames.Create(SPACE, G, FOUNDER), frames.Head)
