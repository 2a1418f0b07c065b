"""What the tests of the hub share: a store in a directory, a space, frames that look sealed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TypeVar

from envoy.core.structs import Body
from envoy.hub import sqlite
from envoy.hub.handler import Handler
from envoy.sync import frames
from oracle import events, messagepack, scene

T = TypeVar("T", bound=Body)

G = scene.commitment(scene.B0)
SPACE = scene.space_of(scene.B0)
POSTER = scene.fixed("poster")
NOW_MS = 1_700_000_000_000


def envelope(name: str, size: int = 256) -> bytes:
    """Return a frame with the outside of a sealed event; its id depends on ``name``."""
    ct = hashlib.shake_256(name.encode()).digest(size)
    return messagepack.write([1, scene.fixed("epoch"), scene.fixed("salt", 24), ct])


def open_store(path: Path) -> sqlite.LogStore:
    """Return the store in the directory ``path``."""
    return sqlite.open_store(os.fspath(path))


class Hub:
    """A handler with a clock of its own, whose replies have the type that the caller names."""

    def __init__(self, path: Path, *, space: bool = True) -> None:
        self.store = open_store(path)
        self.handler = Handler(self.store)
        self.now_ms = NOW_MS
        if space:
            self.ask(frames.Create(SPACE, G, None), frames.Head)

    def ask(self, call: Body, reply: type[T], *, poster: bytes = POSTER) -> T:
        """Return the reply to ``call``, which is a ``reply``."""
        found = self.handler.handle(call, poster=poster, now_ms=self.now_ms)
        assert type(found) is reply
        return found

    def push(self, *pushed: bytes) -> frames.Pushed:
        """Push frames into the space."""
        return self.ask(frames.Push(SPACE, pushed), frames.Pushed)

    def pull(self, since: int = 0, limit: int = 1000) -> frames.Page:
        """Return one page of the space."""
        call = frames.Pull((frames.Since(SPACE, self.store.instance, since),), limit, 0)
        (page,) = self.ask(call, frames.Pulled).pages
        return page

    def head(self) -> frames.Head:
        """Return where the space stands."""
        return self.ask(frames.HeadGet(SPACE), frames.Head)


def epoch_head(space: bytes, name: str, wrap: bytes | None = None) -> tuple[bytes, bytes]:
    """Return the head of an epoch and its id."""
    tag, commitment = scene.fixed(name), scene.fixed("commitment")
    w = bytes(32) if wrap is None else events.h("wrap", wrap)
    head = messagepack.write([1, tag, commitment, wrap])
    return head, events.h("epoch", space, tag, commitment, w)


def put_epoch(hub: Hub, poster: bytes = POSTER) -> bytes:
    """Put an epoch head; return the id of the epoch."""
    head, epoch = epoch_head(SPACE, "t")
    hub.ask(frames.EpochPut(SPACE, epoch, head), frames.Done, poster=poster)
    return epoch


FETCH, REVOKE = scene.fixed("fetch auth"), scene.fixed("revoke auth")
INVITE = frames.InvitePut(
    scene.fixed("lookup", 16),
    hashlib.sha256(FETCH).digest(),
    hashlib.sha256(REVOKE).digest(),
    bytes(4096),
    NOW_MS + 60_000,
    2,
)


def statement(no: int, *, space: bytes | None = None, v: int = 1, ts: int = 0) -> frames.KeysPut:
    """Return a signed statement of the writer about its card key."""
    raw = messagepack.write([v, scene.WRITER, space, no, bytes(1216), ts])
    return frames.KeysPut(raw, events.sig(scene.WRITER_SEED, "keys", raw))
