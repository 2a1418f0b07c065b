"""Spaces: keys, chains and tokens of spaces at a relay, without a replica behind them.

A relay sees frames that nobody but members can open, so here they are noise with the outside of a
sealed event. Their last sixteen bytes are a number and a time, for whoever hears of them.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from bench.rounds import Wrong
from envoy import limits
from envoy.core import access
from envoy.core.access import ADMIN, FOUNDER_DEPTH, WRITE, Capability, Proof
from envoy.core.codec import decode, encode
from envoy.core.crypto import sign
from envoy.core.envelope import Outer
from envoy.core.structs import Body
from envoy.hub.handler import Commitment
from envoy.sync import access as calls
from envoy.sync import frames

T = TypeVar("T", bound=Body)
SEED_BYTES = 32
FRAME_BYTES = 1024
NAMES = {kind: name for name, (kind, _) in calls.EVERY.items()}
MARK_BYTES = 16
_TOO_MANY = 429
_EPOCH, _SALT = bytes(32), bytes(24)
_OUTSIDE_BYTES = 65


class Space(NamedTuple):
    """A space that a relay keeps, and tokens of its members; each is of another one."""

    id: bytes
    tokens: tuple[bytes, ...]


class Line:
    """A connection over which a relay is asked."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.origin = f"http://{address[0]}:{address[1]}"
        self._line = http.client.HTTPConnection(*address, timeout=60)

    def ask(self, call: Body, reply: type[T], *tokens: bytes) -> T:
        """Return the reply to a call, behind the pace of the relay. Raises Wrong for a refusal."""
        body = encode(calls.Request(tokens, encode(call)))
        while True:
            self._line.request("POST", "/v1/" + NAMES[type(call)], body)
            answer = self._line.getresponse()
            raw = answer.read()
            if answer.status == 200:
                return decode(raw, reply)
            if answer.status != _TOO_MANY:
                raise Wrong(f"{NAMES[type(call)]}: {answer.status} {raw[:200]!r}")
            time.sleep(json.loads(raw)["retry_after_ms"] / 1000)

    def close(self) -> None:
        """Close it."""
        self._line.close()


def make(line: Line, members: int) -> Space:
    """Make the relay keep a new space with ``members`` who may write."""
    root, lead = os.urandom(SEED_BYTES), os.urandom(SEED_BYTES)
    g = encode(Commitment(sign.SUITE, sign.public_key(root), os.urandom(32)))
    space = sign.tagged("genesis", g)
    founder = _link(root, space, ADMIN, lead, FOUNDER_DEPTH)
    line.ask(frames.Create(space, g, (founder,)), frames.Head)
    tokens = list[bytes]()
    for start in range(0, members, limits.SESSION_PROOFS_MAX):
        proofs = list[calls.Proved]()
        for _ in range(start, min(members, start + limits.SESSION_PROOFS_MAX)):
            seed = os.urandom(SEED_BYTES)
            chain = (founder, _link(lead, space, WRITE, seed, FOUNDER_DEPTH - 1))
            proofs.append(_proof(line.origin, space, seed, chain))
        entries = line.ask(calls.Session(tuple(proofs)), calls.Entries).entries
        tokens += [one.token for one in entries if one.token is not None]
    if len(tokens) != members:
        raise Wrong(f"{len(tokens)} of {members} tokens")
    return Space(space, tuple(tokens))


def _link(seed: bytes, space: bytes, role: str, holder: bytes, depth: int) -> bytes:
    cap = Capability(space, 0, role, sign.public_key(holder), 0, depth, 0)
    return access.issue(seed, cap)


def _proof(origin: str, space: bytes, seed: bytes, chain: Sequence[bytes]) -> calls.Proved:
    ts, key = time.time_ns() // 1_000_000, sign.public_key(seed)
    proof = Proof(access.PROOF_VERSION, origin, ts, os.urandom(16), space, key, tuple(chain))
    return calls.Proved(*access.prove(seed, proof))


def frame(size: int = FRAME_BYTES) -> bytes:
    """Return a new frame of about ``size`` bytes."""
    return encode(Outer(sign.SUITE, _EPOCH, _SALT, os.urandom(size - _OUTSIDE_BYTES)))


def push(space: bytes, token: bytes, pushed: Sequence[bytes]) -> bytes:
    """Return the body of a request that pushes ``pushed``; it ends as the last of them ends."""
    return encode(calls.Request((token,), encode(frames.Push(space, tuple(pushed)))))


def frame_ids(line: Line, space: Space) -> list[bytes]:
    """Return the ids of all frames that the relay has of ``space``, in its order."""
    found, since = list[bytes](), 0
    while True:
        call = frames.Pull((frames.Since(space.id, None, since),), limits.PAGE_FRAMES_MAX, 0)
        (page,) = line.ask(call, frames.Pulled, space.tokens[0]).pages
        found += [frames.frame_id(one) for one in page.frames]
        since = page.last
        if page.head is None or since == page.head.head:
            return found


def head(line: Line, space: Space) -> int:
    """Return the newest number of ``space``."""
    return line.ask(frames.HeadGet(space.id), frames.Head, space.tokens[0]).head
